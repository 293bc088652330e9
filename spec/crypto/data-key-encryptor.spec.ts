import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { ctrModel } from '../support/ctr-model.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'

const random = new Seeded(50)
const KEY = random.bytes(32)
const IV = random.bytes(16)
const PLAIN = random.bytes(1000)
const CIPHER = ctrModel(KEY, IV, PLAIN)
const REUSED = 'SEALSTREAM_DATA_KEY_REUSED'
const DISPOSED = 'SEALSTREAM_DATA_KEY_DISPOSED'

const dataKey = (): DataKey => DataKey.from({ format: 'cos', key: KEY, iv: IV })

/** A value that the types forbid, as a JavaScript caller can pass it. */
const wrong = (value: unknown): never => value as never

describe('DataKey encryptor', () => {
  const at = (made: DataKey, start: number, end: number, sameBytes = false): Buffer =>
    runCipher(made.encryptor({ start, sameBytes }), [PLAIN.subarray(start, end)])

  it('starts at 0 without options', () => {
    expect(runCipher(dataKey().encryptor(), [PLAIN]).equals(CIPHER)).to.equal(true)
  })

  it('refuses to start at 0 twice', async () => {
    const made = dataKey()
    at(made, 0, 10)
    await refused(REUSED, () => made.encryptor())
  })

  it('refuses to start twice at 0 even before a byte has come', async () => {
    const made = dataKey()
    made.encryptor()
    await refused(REUSED, () => made.encryptor())
  })

  it('refuses to start in the middle of what was encrypted', async () => {
    const made = dataKey()
    at(made, 0, 100)
    await refused(REUSED, () => made.encryptor({ start: 50 }))
  })

  it('refuses to start at the last position that was encrypted', async () => {
    const made = dataKey()
    at(made, 0, 100)
    await refused(REUSED, () => made.encryptor({ start: 99 }))
  })

  it('refuses to run into a range that was encrypted before', async () => {
    const made = dataKey()
    at(made, 50, 60)
    const running = made.encryptor()
    running.update(PLAIN.subarray(0, 50))
    await refused(REUSED, () => running.update(PLAIN.subarray(50, 51)))
  })

  it('refuses an update that would cover a later range whole', async () => {
    const made = dataKey()
    at(made, 50, 60)
    await refused(REUSED, () => at(made, 0, 100))
  })

  it('refuses to run into a range that another encryptor has only claimed', async () => {
    const made = dataKey()
    const running = made.encryptor()
    made.encryptor({ start: 32 })
    await refused(REUSED, () => running.update(PLAIN.subarray(0, 33)))
  })

  it('encrypts positions 0 to 4 and 5 to 9 of one counter block separately', () => {
    const made = dataKey()
    // They share a counter block but no position: the keystream bytes are disjoint.
    expect(at(made, 0, 5).equals(CIPHER.subarray(0, 5))).to.equal(true)
    expect(at(made, 5, 10).equals(CIPHER.subarray(5, 10))).to.equal(true)
  })

  it('stays at its position when an update was refused', async () => {
    const made = dataKey()
    made.encryptor({ start: 32 })
    const running = made.encryptor()
    const first = running.update(PLAIN.subarray(0, 20))
    await refused(REUSED, () => running.update(PLAIN.subarray(20, 33)))
    const second = running.update(PLAIN.subarray(20, 32))
    expect(Buffer.concat([first, second]).equals(CIPHER.subarray(0, 32))).to.equal(true)
  })

  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]) {
    it(`encrypts three parts in the order ${order.join(', ')} to the bytes of one run`, () => {
      const made = dataKey()
      const parts: Buffer[] = []
      for (const part of order) parts[part] = at(made, part * 320, Math.min((part + 1) * 320, 1000))
      expect(Buffer.concat(parts).equals(CIPHER.subarray(0, 960))).to.equal(true)
    })
  }

  it('encrypts two parts at the same time, byte by byte in turn', () => {
    const made = dataKey()
    const [low, high] = [made.encryptor(), made.encryptor({ start: 100 })]
    const output = Buffer.alloc(200)
    for (let n = 0; n < 100; n++) {
      low.update(PLAIN.subarray(n, n + 1)).copy(output, n)
      high.update(PLAIN.subarray(100 + n, 101 + n)).copy(output, 100 + n)
    }
    expect(output.equals(CIPHER.subarray(0, 200))).to.equal(true)
  })

  it('encrypts the same range again with sameBytes: true, to the same bytes', () => {
    const made = dataKey()
    const first = at(made, 64, 200)
    expect(at(made, 64, 200, true).equals(first)).to.equal(true)
  })

  it('refuses the same range without sameBytes after a retry with it', async () => {
    const made = dataKey()
    at(made, 0, 100)
    at(made, 0, 100, true)
    await refused(REUSED, () => at(made, 0, 100))
  })

  it('refuses a range without sameBytes that was first encrypted with it', async () => {
    const made = dataKey()
    at(made, 0, 100, true)
    await refused(REUSED, () => at(made, 0, 100))
  })

  it('refuses a range without sameBytes that a retry with it reached beyond the first run', async () => {
    const made = dataKey()
    at(made, 0, 100)
    at(made, 0, 200, true)
    await refused(REUSED, () => at(made, 150, 200))
  })

  for (const start of [-1, 1.5, NaN, Infinity, 2 ** 53, '0', null]) {
    it(`refuses start ${inspect(start)}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => dataKey().encryptor({ start: wrong(start) }))
      expect(error).to.include({ option: 'start' })
    })
  }

  it('closes: later updates are refused', async () => {
    const running = dataKey().encryptor()
    running.update(PLAIN.subarray(0, 10))
    running.close()
    await refused(DISPOSED, () => running.update(PLAIN.subarray(10, 20)))
  })

  it('closes only itself: another encryptor of the key runs on', () => {
    const made = dataKey()
    const [first, second] = [made.encryptor(), made.encryptor({ start: 500 })]
    first.close()
    expect(second.update(PLAIN.subarray(500)).equals(CIPHER.subarray(500))).to.equal(true)
  })
})
