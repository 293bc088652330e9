import { createDecipheriv } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { FORMAT_NAMES, FORMATS } from '../../lib/crypto/format.js'
import { ctrModel } from '../support/ctr-model.js'
import { failureOf, refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { expectNoTrace, PRINTERS } from '../support/secrecy.js'
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

describe('DataKey', () => {
  for (const format of FORMAT_NAMES) {
    it(`generates 32 key bytes and 16 IV bytes for ${format}`, async () => {
      await DataKey.generate(format).withBytes((key, iv) => {
        expect([key.length, iv.length]).to.deep.equal([32, 16])
      })
    })

    it(`carries the format ${format} and that it is not authenticated`, () => {
      expect(DataKey.generate(format)).to.include({ format, authenticated: false })
    })
  }

  it('generates other bytes every time', async () => {
    const seen = new Set<string>()
    for (let round = 0; round < 100; round++) {
      await DataKey.generate('cos').withBytes((key, iv) =>
        seen.add(key.toString('hex')).add(iv.toString('hex')),
      )
    }
    expect(seen.size).to.equal(200)
  })

  it('refuses to generate for an unknown format and lists the known ones', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => DataKey.generate(wrong('aes')))
    for (const format of FORMAT_NAMES) expect(error.message).to.include(format)
  })

  for (const format of ['', 'constructor', '__proto__', undefined]) {
    it(`refuses format ${inspect(format)}`, async () => {
      await refused('SEALSTREAM_OPTION', () => DataKey.from({ format: wrong(format), key: KEY, iv: IV }))
    })
  }

  for (const length of [0, 16, 24, 31, 33, 64]) {
    it(`refuses a key of ${length} bytes`, async () => {
      const parts = { format: 'cos', key: Buffer.alloc(length), iv: IV } as const
      const error = await refused('SEALSTREAM_OPTION', () => DataKey.from(parts))
      expect(error).to.include({ option: 'key' })
    })
  }

  for (const length of [0, 12, 15, 17, 32]) {
    it(`refuses an IV of ${length} bytes`, async () => {
      const parts = { format: 'cos', key: KEY, iv: Buffer.alloc(length) } as const
      const error = await refused('SEALSTREAM_OPTION', () => DataKey.from(parts))
      expect(error).to.include({ option: 'iv' })
    })
  }

  for (const [title, key] of [
    ['a string of 32 characters', 'k'.repeat(32)],
    ['an array of 32 numbers', [...KEY]],
    ['a Uint16Array of 32 elements', new Uint16Array(32)],
  ] as const) {
    it(`refuses ${title} as key: keys are bytes`, async () => {
      await refused('SEALSTREAM_OPTION', () => DataKey.from({ format: 'cos', key: wrong(key), iv: IV }))
    })
  }

  for (const [title, iv] of [
    ['a string of 16 characters', 'i'.repeat(16)],
    ['an array of 16 numbers', [...IV]],
    ['a Uint16Array of 16 elements', new Uint16Array(16)],
  ] as const) {
    it(`refuses ${title} as IV: IVs are bytes`, async () => {
      await refused('SEALSTREAM_OPTION', () => DataKey.from({ format: 'cos', key: KEY, iv: wrong(iv) }))
    })
  }

  it('copies what it is made from: the caller may wipe it', () => {
    const [key, iv] = [Buffer.from(KEY), Buffer.from(IV)]
    const made = DataKey.from({ format: 'cos', key, iv })
    key.fill(0)
    iv.fill(0)
    expect(runCipher(made.encryptor(), [PLAIN]).equals(CIPHER)).to.equal(true)
  })

  it('leaves the bytes it is made from as they were', () => {
    const [key, iv] = [Buffer.from(KEY), Buffer.from(IV)]
    DataKey.from({ format: 'cos', key, iv })
    expect([key.equals(KEY), iv.equals(IV)]).to.deep.equal([true, true])
  })

  it('takes views into a larger memory', () => {
    const memory = Buffer.concat([Buffer.alloc(3), KEY, IV, Buffer.alloc(5)])
    const made = DataKey.from({ format: 'cos', key: memory.subarray(3, 35), iv: memory.subarray(35, 51) })
    expect(runCipher(made.encryptor(), [PLAIN]).equals(CIPHER)).to.equal(true)
  })

  it("encrypts to what Node's aes-256-ctr decrypts", async () => {
    const made = DataKey.generate('cos')
    const stored = runCipher(made.encryptor(), [PLAIN])
    await made.withBytes((key, iv) => {
      expect(createDecipheriv('aes-256-ctr', key, iv).update(stored).equals(PLAIN)).to.equal(true)
    })
  })
})

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

describe('DataKey decryptor', () => {
  it('decrypts the same range any number of times', () => {
    const made = dataKey()
    for (let round = 0; round < 3; round++) {
      expect(runCipher(made.decryptor(), [CIPHER]).equals(PLAIN)).to.equal(true)
    }
  })

  it('leaves positions free to encrypt', () => {
    const made = dataKey()
    runCipher(made.decryptor(), [CIPHER])
    expect(runCipher(made.encryptor(), [PLAIN]).equals(CIPHER)).to.equal(true)
  })

  it('gives what ciphertextRange names for 200 random ranges', () => {
    const made = dataKey()
    const seeded = new Seeded(51)
    for (let round = 0; round < 200; round++) {
      const start = seeded.integer(1000)
      const end = start + seeded.integer(1000 - start)
      const range = made.ciphertextRange(start, end)
      const output = runCipher(made.decryptor({ start, end }), [CIPHER.subarray(range.start, range.end + 1)])
      expect(output.equals(PLAIN.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
    }
  })

  for (const options of [
    { start: -1 },
    { start: 1.5 },
    { end: -1 },
    { end: 0.5 },
    { start: 5, end: 4 },
    { start: 5, end: NaN },
  ]) {
    it(`refuses ${inspect(options)}`, async () => {
      await refused('SEALSTREAM_OPTION', () => dataKey().decryptor(options))
    })
  }
})

describe('DataKey sizes', () => {
  for (const size of [0, 1, 15, 16, 17, 2 ** 40]) {
    it(`stores ${size} bytes in ${size} bytes`, () => {
      expect(dataKey().ciphertextSize(size)).to.equal(size)
      expect(dataKey().plaintextSize(size)).to.equal(size)
    })
  }

  for (const size of [-1, 0.5, NaN, 2 ** 53]) {
    it(`refuses a size of ${size} in both directions`, async () => {
      await refused('SEALSTREAM_OPTION', () => dataKey().ciphertextSize(size))
      await refused('SEALSTREAM_OPTION', () => dataKey().plaintextSize(size))
    })
  }

  it('refuses a range that ends before it starts', async () => {
    await refused('SEALSTREAM_OPTION', () => dataKey().ciphertextRange(10, 9))
  })

  it('gives its sizes after dispose too: they hold no secret', () => {
    const made = dataKey()
    made.dispose()
    expect(made.ciphertextSize(5)).to.equal(5)
    expect(made.ciphertextRange(1, 2)).to.deep.equal({ start: 1, end: 2 })
  })
})

describe('DataKey dispose', () => {
  it('refuses a new encryptor', async () => {
    const made = dataKey()
    made.dispose()
    await refused(DISPOSED, () => made.encryptor())
  })

  it('refuses a new decryptor', async () => {
    const made = dataKey()
    made.dispose()
    await refused(DISPOSED, () => made.decryptor())
  })

  it('refuses to show its bytes', async () => {
    const made = dataKey()
    made.dispose()
    await refused(DISPOSED, () => made.withBytes(() => expect.fail('bytes were shown')))
  })

  it('lets a running encryptor go on', () => {
    const made = dataKey()
    const running = made.encryptor()
    const first = running.update(PLAIN.subarray(0, 300))
    made.dispose()
    const second = running.update(PLAIN.subarray(300))
    expect(Buffer.concat([first, second, running.final()]).equals(CIPHER)).to.equal(true)
  })

  it('lets a running decryptor go on', () => {
    const made = dataKey()
    const running = made.decryptor({ start: 5, end: 600 })
    const first = running.update(CIPHER.subarray(5, 300))
    made.dispose()
    const second = running.update(CIPHER.subarray(300))
    expect(Buffer.concat([first, second, running.final()]).equals(PLAIN.subarray(5, 601))).to.equal(true)
  })

  it('still refuses overlaps of running encryptors', async () => {
    const made = dataKey()
    const running = made.encryptor()
    made.encryptor({ start: 10 })
    made.dispose()
    await refused(REUSED, () => running.update(PLAIN.subarray(0, 11)))
  })

  it('disposes twice without complaint', () => {
    const made = dataKey()
    made.dispose()
    made.dispose()
  })

  it('is what Symbol.dispose does', async () => {
    const made = dataKey()
    made[Symbol.dispose]()
    await refused(DISPOSED, () => made.decryptor())
  })

  it('leaves another data key of the same bytes alone', () => {
    const [one, other] = [dataKey(), dataKey()]
    one.dispose()
    expect(runCipher(other.decryptor(), [CIPHER]).equals(PLAIN)).to.equal(true)
  })
})

describe('DataKey withBytes', () => {
  it('shows the key and the IV', async () => {
    await dataKey().withBytes((key, iv) => {
      expect([key.equals(KEY), iv.equals(IV)]).to.deep.equal([true, true])
    })
  })

  it('returns what the function returned', async () => {
    expect(await dataKey().withBytes(() => 42)).to.equal(42)
  })

  it('wipes the copy of the key afterwards', async () => {
    let shown: Buffer = Buffer.alloc(0)
    await dataKey().withBytes((key) => void (shown = key))
    expect(shown.equals(Buffer.alloc(32))).to.equal(true)
  })

  it('wipes the copy of the IV afterwards', async () => {
    let shown: Buffer = Buffer.alloc(0)
    await dataKey().withBytes((_, iv) => void (shown = iv))
    expect(shown.equals(Buffer.alloc(16))).to.equal(true)
  })

  it('wipes the copy of the key when the function throws', async () => {
    let shown: Buffer = Buffer.alloc(0)
    const failed = await dataKey()
      .withBytes((key) => {
        shown = key
        throw new Error('no')
      })
      .catch((error: unknown) => error)
    expect(failed).to.include({ message: 'no' })
    expect(shown.equals(Buffer.alloc(32))).to.equal(true)
  })

  it('wipes the copy of the key only after a promise of the function has settled', async () => {
    await dataKey().withBytes(async (key) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(key.equals(KEY)).to.equal(true)
    })
  })

  it('stays usable when its copies are overwritten', async () => {
    const made = dataKey()
    await made.withBytes((key, iv) => {
      key.fill(1)
      iv.fill(1)
    })
    expect(runCipher(made.encryptor(), [PLAIN]).equals(CIPHER)).to.equal(true)
  })
})

describe('DataKey secrecy', () => {
  const used = dataKey()
  const subjects = {
    'a data key': used,
    'an encryptor': used.encryptor(),
    'a decryptor': used.decryptor(),
    'a bounded decryptor': used.decryptor({ start: 3, end: 5 }),
  }
  for (const [subject, object] of Object.entries(subjects)) {
    for (const [printer, print] of Object.entries(PRINTERS)) {
      it(`hides key and IV of ${subject} from ${printer}`, () => {
        const text = print(object)
        expectNoTrace(text, KEY, printer)
        expectNoTrace(text, IV, printer)
      })
    }
  }

  for (const printer of ['util.inspect', 'JSON.stringify', 'structuredClone', 'v8.serialize', 'spread']) {
    it(`would be seen to fail: ${printer} of an object that does not hide its key shows it`, () => {
      const text = PRINTERS[printer]!({ key: KEY })
      expect(() => expectNoTrace(text, KEY, printer)).to.throw('shows the secret')
    })
  }

  it('says in util.inspect that the key is hidden', () => {
    expect(inspect(dataKey())).to.equal("DataKey { format: 'cos', key: <hidden> }")
  })

  it('says in JSON that the key is hidden', () => {
    expect(JSON.parse(JSON.stringify(dataKey()))).to.deep.equal({ format: 'cos', key: '<hidden>' })
  })

  it('has format as its only key', () => {
    expect(Reflect.ownKeys(dataKey())).to.deep.equal(['format'])
  })

  it('shows no bytes in the error for a key of 31 bytes', async () => {
    const error = await failureOf(() => DataKey.from({ format: 'cos', key: KEY.subarray(0, 31), iv: IV }))
    expectNoTrace(inspect(error, { depth: 10 }), KEY, 'the error')
  })
})

describe('FORMATS', () => {
  it('are cos and cos-python', () => {
    expect(FORMAT_NAMES).to.deep.equal(['cos', 'cos-python'])
  })

  it('are all unauthenticated', () => {
    expect(Object.values(FORMATS).some(({ authenticated }) => authenticated)).to.equal(false)
  })
})
