/** No nonce of sealed or cos-java-gcm may ever meet two plaintexts: GCM then gives its authentication key away. */
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { EncryptorOptions } from '../../lib/crypto/data-key-options.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'

const CHUNK = 16384
const REUSED = 'SEALSTREAM_DATA_KEY_REUSED'

const random = new Seeded(98)
const KEY = random.bytes(32)
const SALT = random.bytes(24)
const PLAIN = random.bytes(4 * CHUNK + 100)

const sealedKey = (): DataKey => DataKey.from({ format: 'sealed', key: KEY, iv: SALT })
const encrypt = (made: DataKey, start: number, end: number, options: EncryptorOptions = {}): Buffer =>
  runCipher(made.encryptor({ start, ...options }), [PLAIN.subarray(start, end)])

describe('DataKey of sealed and chunks already encrypted', () => {
  it('encrypts parts that are not the end side by side, in any order', () => {
    const whole = encrypt(sealedKey(), 0, PLAIN.length)
    const made = sealedKey()
    const last = encrypt(made, 3 * CHUNK, PLAIN.length)
    const first = encrypt(made, 0, CHUNK, { final: false })
    const middle = encrypt(made, CHUNK, 3 * CHUNK, { final: false })
    expect(Buffer.concat([first, middle, last]).equals(whole)).to.equal(true)
  })

  for (const [start, end] of [
    [0, 1],
    [0, CHUNK],
    [CHUNK, 2 * CHUNK],
    [2 * CHUNK, 3 * CHUNK],
    [3 * CHUNK, PLAIN.length],
  ] as const) {
    it(`refuses ${start} to ${end} after the whole, and takes it with sameBytes`, async () => {
      const made = sealedKey()
      const whole = encrypt(made, 0, PLAIN.length)
      await refused(REUSED, () => encrypt(made, start, end))
      const again = encrypt(made, start, PLAIN.length, { sameBytes: true })
      expect(whole.subarray(whole.length - again.length).equals(again)).to.equal(true)
      await refused(REUSED, () => encrypt(made, start, end))
    })
  }

  for (const size of [0, 1, 100, CHUNK - 1]) {
    it(`refuses to start again after an object of ${size} bytes has ended`, async () => {
      const made = sealedKey()
      encrypt(made, 0, size)
      await refused(REUSED, () => made.encryptor())
    })
  }

  for (const chunks of [1, 2, 3]) {
    it(`refuses to start where the empty last chunk of ${chunks} chunks was encrypted: its nonce is used`, async () => {
      const made = sealedKey()
      encrypt(made, 0, chunks * CHUNK)
      await refused(REUSED, () => encrypt(made, chunks * CHUNK, (chunks + 1) * CHUNK))
    })

    it(`refuses to end ${chunks} chunks with an empty one where another encryption has begun`, async () => {
      const made = sealedKey()
      encrypt(made, chunks * CHUNK, (chunks + 1) * CHUNK, { final: false })
      await refused(REUSED, () => encrypt(made, 0, chunks * CHUNK))
    })
  }

  it('refuses to start where a stretch has encrypted the empty last chunk', async () => {
    const made = sealedKey()
    const stretch = made.stretchEncryptor({ offset: 0, length: made.ciphertextSize(CHUNK), size: CHUNK })
    runCipher(stretch.running, [PLAIN.subarray(0, CHUNK)])
    await refused(REUSED, () => encrypt(made, CHUNK, 2 * CHUNK))
  })

  it('refuses a stretch of a longer object where a shorter one has ended within the chunk', async () => {
    const made = sealedKey()
    encrypt(made, 0, 100)
    // Position 100 is free, but its chunk was sealed with 100 bytes.
    const longer = { offset: 56 + 100, length: 900, size: 1000 }
    await refused(REUSED, () => runCipher(made.stretchEncryptor(longer).running, [PLAIN.subarray(0, 1000)]))
  })

  it('never seals a chunk that is refused: what a caller sees of it is nothing', async () => {
    const made = sealedKey()
    encrypt(made, CHUNK, 2 * CHUNK, { final: false })
    const running = made.encryptor()
    await refused(REUSED, () => running.update(PLAIN.subarray(0, CHUNK + 1)))
    await refused('SEALSTREAM_DATA_KEY_REUSED', () => made.encryptor({ start: CHUNK }))
  })

  it('refuses everything after markUsed, and takes it with sameBytes', async () => {
    const made = sealedKey()
    made.markUsed()
    for (const start of [0, CHUNK, 100 * CHUNK]) await refused(REUSED, () => made.encryptor({ start }))
    const again = encrypt(made, 0, PLAIN.length, { sameBytes: true })
    expect(again.equals(encrypt(sealedKey(), 0, PLAIN.length))).to.equal(true)
  })

  it('remembers them when it is relabelled: the nonces are the same', async () => {
    for (const format of ['sealed', 'cos', 'cos-java-gcm'] as const) {
      const made = DataKey.generate(format)
      runCipher(made.encryptor(), [PLAIN])
      const other = await made.relabelled(format)
      await refused(REUSED, () => runCipher(other.encryptor(), [PLAIN]))
    }
  })

  it('gives head and chunks of a part that is not the end, and no empty last chunk', () => {
    const given = encrypt(sealedKey(), 0, CHUNK, { final: false })
    expect(given.length).to.equal(56 + CHUNK + 16)
    expect(encrypt(sealedKey(), CHUNK, 2 * CHUNK, { final: false }).length).to.equal(CHUNK + 16)
    expect(encrypt(sealedKey(), CHUNK, CHUNK, { final: false }).length).to.equal(0)
  })
})

describe('DataKey of cos-java-gcm and bytes already encrypted', () => {
  const made = (): DataKey => DataKey.generate('cos-java-gcm')

  it('encrypts once, from its first byte', async () => {
    const key = made()
    encrypt(key, 0, 100)
    await refused(REUSED, () => encrypt(key, 0, 100))
    for (const start of [1, 16, 100, CHUNK]) {
      const error = await refused('SEALSTREAM_OPTION', () => key.encryptor({ start }))
      expect(error).to.include({ option: 'start', value: start })
    }
  })

  it('encrypts not twice even where the first gave nothing', async () => {
    const key = made()
    key.encryptor().close()
    await refused(REUSED, () => key.encryptor())
  })

  it('encrypts the same again with sameBytes', () => {
    const key = made()
    const whole = encrypt(key, 0, 1000)
    expect(encrypt(key, 0, 1000, { sameBytes: true }).equals(whole)).to.equal(true)
  })

  it('gives no tag at the end of what is not the end', () => {
    const key = made()
    const whole = encrypt(key, 0, 1000)
    const part = encrypt(key, 0, 600, { sameBytes: true, final: false })
    expect(part.equals(whole.subarray(0, 600))).to.equal(true)
  })
})
