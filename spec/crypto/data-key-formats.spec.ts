import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { FORMAT_NAMES, FORMATS, WRITABLE_FORMATS } from '../../lib/crypto/format.js'
import { failureOf, refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'

const random = new Seeded(97)
const KEY = random.bytes(32)
const PLAIN = random.bytes(20_000)
const IV_BYTES = { sealed: 24, cos: 16, 'cos-python': 16, 'cos-java-gcm': 12, 'cos-java-cbc': 16 }

/** A value that the types forbid, as a JavaScript caller can pass it. */
const wrong = (value: unknown): never => value as never

describe('DataKey of each format', () => {
  for (const format of WRITABLE_FORMATS) {
    it(`is generated with 32 key bytes and ${IV_BYTES[format]} of IV or salt for ${format}`, async () => {
      await DataKey.generate(format).withBytes((key, iv) => {
        expect([key.length, iv.length]).to.deep.equal([32, IV_BYTES[format]])
      })
    })

    it(`is generated for ${format} to encrypt what it decrypts`, () => {
      const made = DataKey.generate(format, { tenant: 'a' })
      const stored = runCipher(made.encryptor(), [PLAIN])
      expect(stored.length).to.equal(made.ciphertextSize(PLAIN.length))
      expect(made.plaintextSize(stored.length)).to.equal(PLAIN.length)
      expect(runCipher(made.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
    })
  }

  it('is not generated for cos-java-cbc, which is only read', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => DataKey.generate('cos-java-cbc'))
    expect(error).to.include({ option: 'format', value: 'cos-java-cbc' })
  })

  it('does not encrypt cos-java-cbc, and an error of this package says so', async () => {
    const made = DataKey.from({ format: 'cos-java-cbc', key: KEY, iv: Buffer.alloc(16) })
    await failureOf(() => made.encryptor())
    await failureOf(() => made.stretchEncryptor({ offset: 0, length: 16, size: 5 }))
  })

  for (const format of FORMAT_NAMES) {
    const ivBytes = IV_BYTES[format]
    const iv = Buffer.alloc(ivBytes, 7)

    it(`carries ${format}, and whether that is authenticated`, () => {
      const made = DataKey.from({ format, key: KEY, iv })
      expect(made).to.include({ format, authenticated: format === 'sealed' })
      expect(made.context).to.deep.equal({})
    })

    it(`refuses an IV that has not ${ivBytes} bytes for ${format}, and names it`, async () => {
      for (const length of [0, 8, 12, 16, 23, 24, 25, 32].filter((other) => other !== ivBytes)) {
        const parts = { format, key: KEY, iv: Buffer.alloc(length) }
        const error = await refused('SEALSTREAM_OPTION', () => DataKey.from(parts))
        expect(error, `${length} bytes`).to.include({ option: 'iv' })
      }
    })

    it(`refuses for ${format} a key that has not 32 bytes, and names it without showing it`, async () => {
      for (const length of [0, 16, 24, 31, 33]) {
        const error = await refused('SEALSTREAM_OPTION', () =>
          DataKey.from({ format, key: Buffer.alloc(length, 0xab), iv }),
        )
        expect(error, `${length} bytes`).to.include({ option: 'key' })
        expect(error).to.not.have.property('value')
      }
    })

    for (const bytes of ['x'.repeat(32), null, {}]) {
      it(`refuses ${inspect(bytes)} as key or IV of ${format}`, async () => {
        const key = await refused('SEALSTREAM_OPTION', () => DataKey.from({ format, key: wrong(bytes), iv }))
        expect(key).to.include({ option: 'key' })
        const parts = { format, key: KEY, iv: wrong(bytes) }
        const error = await refused('SEALSTREAM_OPTION', () => DataKey.from(parts))
        expect(error).to.include({ option: 'iv' })
      })
    }

    if (format === 'sealed') continue
    it(`must have an IV for ${format}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => DataKey.from({ format, key: KEY }))
      expect(error).to.include({ option: 'iv' })
    })

    it(`ignores the context when it encrypts ${format}: only sealed binds it to the bytes`, () => {
      if (!FORMATS[format].isWritable) return
      const [one, other] = [{}, { tenant: 'a' }].map((context) =>
        runCipher(DataKey.from({ format, key: KEY, iv, context }).encryptor(), [PLAIN]),
      )
      expect(one!.equals(other!)).to.equal(true)
    })
  }

  it('need not have the salt of sealed, and then shows none', async () => {
    const made = DataKey.from({ format: 'sealed', key: KEY })
    await made.withBytes((key, iv) => {
      expect([key.equals(KEY), iv.length]).to.deep.equal([true, 0])
    })
    await refused('SEALSTREAM_OPTION', () => made.encryptor())
  })
})

describe('DataKey context', () => {
  it('is copied: what the caller changes later changes neither the property nor the bytes', () => {
    const context: Record<string, string> = { tenant: 'a' }
    const made = DataKey.generate('sealed', context)
    context.tenant = 'b'
    context.more = 'c'
    expect(made.context).to.deep.equal({ tenant: 'a' })
    const stored = runCipher(made.encryptor(), [PLAIN])
    expect(runCipher(made.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
  })

  it('keeps a name __proto__ as any other', async () => {
    const context = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>
    const made = DataKey.generate('sealed', context)
    expect(Object.entries(made.context)).to.deep.equal([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
    const head = runCipher(made.encryptor(), []).subarray(0, 56)
    await made.withBytes(async (key) => {
      await refused('SEALSTREAM_COMMITMENT', () => DataKey.from({ format: 'sealed', key }).readHead(head))
      DataKey.from({ format: 'sealed', key, context }).readHead(head)
    })
  })

  for (const [context, option] of [
    [null, 'context'],
    ['tenant', 'context'],
    [5, 'context'],
    [[], 'context'],
    [['a'], 'context'],
    [{ tenant: 5 }, 'context["tenant"]'],
    [{ tenant: null }, 'context["tenant"]'],
    [{ tenant: undefined }, 'context["tenant"]'],
    [{ a: 'fine', b: {} }, 'context["b"]'],
    [{ a: '\ud800' }, 'context["a"]'],
  ] as const) {
    it(`is refused as ${inspect(context)}, and the error names ${option}`, async () => {
      for (const format of WRITABLE_FORMATS) {
        const made = await refused('SEALSTREAM_OPTION', () => DataKey.generate(format, wrong(context)))
        expect(made).to.include({ option })
        const parts = { format, key: KEY, iv: Buffer.alloc(IV_BYTES[format]), context: wrong(context) }
        expect(await refused('SEALSTREAM_OPTION', () => DataKey.from(parts))).to.include({ option })
      }
    })
  }

  it('is refused as a Map: its pairs would be lost in silence', async () => {
    await refused('SEALSTREAM_OPTION', () => DataKey.generate('sealed', wrong(new Map([['tenant', 'a']]))))
  })
})

describe('DataKey options', () => {
  const made = (): DataKey => DataKey.generate('sealed')

  for (const [name, value] of [
    ['start', -16_384],
    ['start', 1.5],
    ['start', '0'],
    ['start', 16],
    ['final', 'yes'],
    ['final', 1],
    ['final', null],
    ['sameBytes', 'no'],
    ['sameBytes', 1],
  ] as const) {
    it(`of an encryptor: ${name} ${inspect(value)} is refused by its name`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => made().encryptor({ [name]: value }))
      expect(error).to.include({ option: name, value })
    })
  }

  for (const [name, value] of [
    ['start', -1],
    ['start', NaN],
    ['end', -1],
    ['end', null],
    ['end', '5'],
    ['releaseUnverified', 'yes'],
    ['releaseUnverified', 1],
    ['mostHeld', -1],
    ['mostHeld', 0.5],
    ['mostHeld', Infinity],
    ['mostHeld', '1'],
  ] as const) {
    it(`of a decryptor: ${name} ${inspect(value)} is refused by its name`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => made().decryptor({ [name]: value }))
      expect(error).to.include({ option: name })
    })
  }

  it('of a refused encryptor claim nothing: the next may start there', async () => {
    const key = made()
    await refused('SEALSTREAM_OPTION', () => key.encryptor({ start: 5 }))
    await refused('SEALSTREAM_OPTION', () => key.encryptor({ final: wrong('no') }))
    runCipher(key.encryptor(), [PLAIN])
  })
})

describe('DataKey relabelled', () => {
  it('has the same key and IV in another format of the same cipher', async () => {
    const made = DataKey.generate('cos-python', { tenant: 'a' })
    const stored = runCipher(made.encryptor(), [PLAIN])
    const other = await made.relabelled('cos')
    expect(other).to.deep.include({ format: 'cos', context: { tenant: 'a' } })
    expect(runCipher(other.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
  })

  it('has another context where one is given, which sealed notices', async () => {
    const made = DataKey.generate('sealed', { tenant: 'a' })
    const stored = runCipher(made.encryptor(), [PLAIN])
    const other = await made.relabelled('sealed', { tenant: 'b' })
    await refused('SEALSTREAM_COMMITMENT', () => runCipher(other.decryptor(), [stored]))
    const back = await other.relabelled('sealed', { tenant: 'a' })
    expect(runCipher(back.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
  })

  it('is refused for a format of another cipher: the IV does not fit', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => DataKey.generate('cos').relabelled('cos-java-gcm'))
    expect(error).to.include({ option: 'iv' })
  })
})
