import { createDecipheriv } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { WRITABLE_FORMATS } from '../../lib/crypto/format.js'
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

describe('DataKey', () => {
  it('generates other bytes every time', async () => {
    const seen = new Set<string>()
    for (let round = 0; round < 100; round++) {
      await DataKey.generate('cos').withBytes((key, iv) =>
        seen.add(key.toString('hex')).add(iv.toString('hex')),
      )
    }
    expect(seen.size).to.equal(200)
  })

  it('refuses to generate for an unknown format and lists those that can be written', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => DataKey.generate(wrong('aes')))
    for (const format of WRITABLE_FORMATS) expect(error.message).to.include(format)
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
