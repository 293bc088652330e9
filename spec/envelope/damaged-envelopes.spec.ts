/** Envelopes that were cut, altered or mixed: a typed error every time, never success. */
import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { createEnvelope, openEnvelope, type Metadata } from '../../lib/envelope/envelope.js'
import { EnvelopeError, KeyError, type ErrorCode } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { failureOf, refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'

const PREFIX = 'x-cos-meta-client-side-encryption-'
const KEY = `${PREFIX}key`
const IV = `${PREFIX}iv`
const START = `${PREFIX}start`
const CEK_ALG = `${PREFIX}cek-alg`
const WRAP_ALG = `${PREFIX}wrap-alg`

const MALFORMED = 'SEALSTREAM_ENVELOPE_MALFORMED'
const AMBIGUOUS = 'SEALSTREAM_AMBIGUOUS_ENVELOPE'
const UNKNOWN = 'SEALSTREAM_UNKNOWN_ALGORITHM'

const AES = AesMasterKey.generate()
const RSA = RsaMasterKey.from(generateKeyPairSync('rsa', { modulusLength: 2048 }))
const PLAIN = new Seeded(100).bytes(100)

/** Envelopes by title, made before the first test. */
const ENVELOPES = [
  { title: 'cos under AES', format: 'cos', master: AES },
  { title: 'cos under RSA', format: 'cos', master: RSA },
  { title: 'cos-python under AES', format: 'cos-python', master: AES },
  { title: 'cos-python under RSA', format: 'cos-python', master: RSA },
] as const

const open = (metadata: Readonly<Record<string, string | string[] | undefined>>, master: MasterKey) =>
  openEnvelope(metadata, master, { policy: 'any' })

/** Opening fails with one of the two kinds of error that envelopes give. */
async function expectRefusal(metadata: Metadata, master: MasterKey, what: string): Promise<void> {
  const error = await failureOf(() => open(metadata, master)).catch((failure: unknown) => {
    throw new Error(what, { cause: failure })
  })
  expect(error instanceof EnvelopeError || error instanceof KeyError, `${what}: ${error.name}`).to.equal(true)
}

const without = (metadata: Metadata, ...headers: string[]): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => !headers.includes(name)))

const flipped = (text: string, bit: number): string => {
  const bytes = Buffer.from(text, 'base64')
  bytes[bit >> 3]! ^= 1 << (bit & 7)
  return bytes.toString('base64')
}

/** All numbers below `count` if they are few, else the first and last 20 and about 60 between them. */
function sample(count: number, few = 400): number[] {
  const all = Array.from({ length: count }, (_, n) => n)
  const step = Math.ceil(count / 60)
  return count <= few ? all : all.filter((n) => n < 20 || n >= count - 20 || n % step === 0)
}

describe('no envelope', () => {
  for (const [title, metadata] of [
    ['no headers', {}],
    ['headers of other kinds', { 'content-type': 'text/plain', 'x-cos-meta-author': 'me', etag: '"x"' }],
    ['the names without their prefix', { 'client-side-encryption-key': 'AAAA' }],
  ] as const) {
    it(`is what an object with ${title} has`, async () => {
      const error = await refused('SEALSTREAM_ENVELOPE_MISSING', () => open(metadata, AES))
      expect(error).to.be.instanceOf(EnvelopeError)
      expect(error.hint).to.be.a('string')
    })
  }
})

for (const { title, format, master } of ENVELOPES) {
  const isWeak = format === 'cos-python' && master === AES

  describe(`a damaged envelope of ${title}`, () => {
    let metadata: Metadata = {}
    before(async () => {
      ;({ metadata } = await createEnvelope(master, { format }))
    })

    it('is refused with each header cut at every length (the long ones at a sample of lengths)', async () => {
      for (const [name, text] of Object.entries(metadata)) {
        for (const length of sample(text.length)) {
          await expectRefusal(
            { ...metadata, [name]: text.slice(0, length) },
            master,
            `${name} cut to ${length}`,
          )
        }
      }
    })

    it('is refused with key and IV cut to the same length, at a sample of lengths', async () => {
      const ivs = [IV, START].filter((name) => name in metadata)
      for (const length of sample(metadata[KEY]!.length)) {
        const cut = Object.fromEntries([KEY, ...ivs].map((name) => [name, metadata[name]!.slice(0, length)]))
        if (length === 0) expect(Object.values(cut).join('')).to.equal('')
        const unchanged = Object.entries(cut).every(([name, text]) => text === metadata[name])
        if (!unchanged) await expectRefusal({ ...metadata, ...cut }, master, `all cut to ${length}`)
      }
    })

    it('is refused with each header empty', async () => {
      for (const name of Object.keys(metadata)) {
        await expectRefusal({ ...metadata, [name]: '' }, master, `${name} empty`)
      }
    })

    it('is refused with something added to each header', async () => {
      for (const [name, text] of Object.entries(metadata)) {
        for (const more of [
          `${text}A`,
          `${text}=`,
          `${text} `,
          ` ${text}`,
          `${text}\n`,
          `${text}, ${text}`,
        ]) {
          await expectRefusal({ ...metadata, [name]: more }, master, `${name} as ${JSON.stringify(more)}`)
        }
      }
    })

    it('is refused with each header given as a list of two', async () => {
      for (const [name, text] of Object.entries(metadata)) {
        await refused(AMBIGUOUS, () => open({ ...metadata, [name]: [text, text] }, master))
      }
    })

    it('is refused with each header in two cases and with two values', async () => {
      for (const [name, text] of Object.entries(metadata)) {
        const twice = { ...metadata, [name.toUpperCase()]: `${text}x` }
        const error = await refused(AMBIGUOUS, () => open(twice, master))
        expect(error).to.include({ header: name })
      }
    })

    it('is read with a header in two cases and with one value', async () => {
      await open({ ...metadata, [KEY.toUpperCase()]: metadata[KEY] }, master)
    })

    if (!isWeak) {
      const bits = (name: string): number[] => sample(Buffer.from(metadata[name]!, 'base64').length * 8)

      it('is refused with a flipped bit in the wrapped key', async () => {
        for (const bit of bits(KEY)) {
          const altered = { ...metadata, [KEY]: flipped(metadata[KEY]!, bit) }
          await refused('SEALSTREAM_UNWRAP', () => open(altered, master))
        }
      })

      it('is refused with a flipped bit in the wrapped IV', async () => {
        const ivs = [IV, START].filter((name) => name in metadata)
        for (const bit of bits(ivs[0]!)) {
          const altered = Object.fromEntries(ivs.map((name) => [name, flipped(metadata[name]!, bit)]))
          await refused('SEALSTREAM_UNWRAP', () => open({ ...metadata, ...altered }, master))
        }
      })

      it('is refused with the IV of another envelope', async () => {
        const { metadata: other } = await createEnvelope(AesMasterKey.generate(), { format: 'cos' })
        const ivs = [IV, START].filter((name) => name in metadata)
        const altered = Object.fromEntries(ivs.map((name) => [name, other[START]!]))
        await expectRefusal({ ...metadata, ...altered }, master, 'the IV of another envelope')
      })
    }

    it('shows no header value in the error for a damaged key or IV', async () => {
      for (const name of [KEY, IV, START].filter((header) => header in metadata)) {
        const error = await failureOf(() => open({ ...metadata, [name]: `${metadata[name]!}!` }, master))
        expect(error.message).to.not.include(metadata[name]!.slice(0, 12))
      }
    })
  })
}

describe('an altered envelope of cos-python under AES (RULES 4.3)', () => {
  for (const [name, bits] of [
    [KEY, 256],
    [IV, 128],
  ] as const) {
    it(`opens with keyVerified false, to wrong bytes, for each of the ${bits} flipped bits of ${name}`, async () => {
      const { dataKey, metadata } = await createEnvelope(AES, { format: 'cos-python' })
      const stored = runCipher(dataKey.encryptor(), [PLAIN])
      for (let bit = 0; bit < bits; bit++) {
        const opened = await open({ ...metadata, [name]: flipped(metadata[name]!, bit) }, AES)
        expect(opened.keyVerified).to.equal(false)
        const output = runCipher(opened.dataKey.decryptor(), [stored])
        expect(output.length).to.equal(PLAIN.length)
        expect(output.equals(PLAIN), `bit ${bit}`).to.equal(false)
      }
    })
  }
})

describe('an envelope that lacks one header', () => {
  const lacking: [(typeof ENVELOPES)[number], string, ErrorCode][] = [
    [ENVELOPES[0], KEY, MALFORMED],
    [ENVELOPES[0], START, MALFORMED],
    [ENVELOPES[0], CEK_ALG, MALFORMED],
    [ENVELOPES[0], WRAP_ALG, MALFORMED],
    [ENVELOPES[1], KEY, MALFORMED],
    [ENVELOPES[1], START, AMBIGUOUS],
    [ENVELOPES[1], CEK_ALG, MALFORMED],
    [ENVELOPES[1], WRAP_ALG, MALFORMED],
    [ENVELOPES[2], KEY, MALFORMED],
    [ENVELOPES[2], IV, MALFORMED],
    [ENVELOPES[3], KEY, MALFORMED],
    [ENVELOPES[3], IV, MALFORMED],
  ]
  for (const [{ title, format, master }, header, code] of lacking) {
    it(`is refused with ${code}: ${title} without ${header}`, async () => {
      const { metadata } = await createEnvelope(master, { format })
      const error = await refused(code, () => open(without(metadata, header), master))
      expect(error).to.have.property('header').that.is.a('string')
    })
  }

  it('is refused with an undefined value as if it lacked the header', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    await refused(MALFORMED, () => open({ ...metadata, [START]: undefined }, AES))
  })

  // Without -iv the bridge is what COS Java would write with this padding: one complete envelope, and the same key.
  it('is read when it is the bridge without iv, to the same bytes', async () => {
    const { dataKey, metadata } = await createEnvelope(RSA, { format: 'cos' })
    const stored = runCipher(dataKey.encryptor(), [PLAIN])
    const opened = await open(without(metadata, IV), RSA)
    expect(opened.format).to.equal('cos')
    expect(runCipher(opened.dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
  })
})

describe('an envelope that names an algorithm this version does not read', () => {
  for (const [{ title, format, master }] of [[ENVELOPES[0]], [ENVELOPES[1]]] as const) {
    for (const algorithm of [
      'AES/GCM/NoPadding',
      'AES/CBC/PKCS5Padding',
      'aes/ctr/nopadding',
      'AES/CTR',
      'AES/CTR/NoPadding ',
      '__proto__',
      'toString',
    ]) {
      it(`is refused: ${title} with cek-alg ${algorithm}`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        const error = await refused(UNKNOWN, () => open({ ...metadata, [CEK_ALG]: algorithm }, master))
        expect(error).to.include({ header: CEK_ALG })
      })
    }

    for (const algorithm of [
      'KMS/TencentCloud',
      'kms',
      'RSA/ECB/OAEPWithSHA-256AndMGF1Padding',
      'RSA/ECB/PKCS1Padding',
      'aeswrap',
      'AESWrap2',
      'AES',
      'aes-kw',
      'rsa-oaep-sha1',
      '__proto__',
      'toString',
    ]) {
      it(`is refused: ${title} with wrap-alg ${algorithm}`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        const error = await refused(UNKNOWN, () => open({ ...metadata, [WRAP_ALG]: algorithm }, master))
        expect(error).to.include({ header: WRAP_ALG })
      })
    }
  }

  it('is quoted at most 80 characters long in the message', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    const error = await refused(UNKNOWN, () => open({ ...metadata, [WRAP_ALG]: 'x'.repeat(5000) }, AES))
    expect(error.message.length).to.be.below(300)
  })

  it('is quoted without line breaks in the message', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    const error = await refused(UNKNOWN, () => open({ ...metadata, [WRAP_ALG]: 'a\r\nb' }, AES))
    expect(error.message).to.not.match(/[\r\n]/)
  })

  it('is refused when RSA bytes stand under AESWrap', async () => {
    const { metadata } = await createEnvelope(RSA, { format: 'cos' })
    const posing = without({ ...metadata, [WRAP_ALG]: 'AESWrap' }, IV)
    await refused(MALFORMED, () => open(posing, AES))
  })

  it('is refused when AES bytes stand under the RSA string', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    const posing = { ...metadata, [WRAP_ALG]: 'RSA/ECB/OAEPWithSHA-1AndMGF1Padding' }
    await refused(MALFORMED, () => open(posing, RSA))
  })

  for (const { title, format, master } of [ENVELOPES[0], ENVELOPES[1]]) {
    it(`is refused when start holds 16 plain bytes, as Android writes: ${title}`, async () => {
      const { metadata } = await createEnvelope(master, { format })
      const plain = { ...without(metadata, IV), [START]: Buffer.alloc(16, 3).toString('base64') }
      const error = await refused(UNKNOWN, () => open(plain, master))
      expect(error.message).to.include('Android')
    })
  }
})

describe('two envelopes on one object', () => {
  it('are refused: the bridge with different iv and start', async () => {
    const [one, other] = [
      await createEnvelope(RSA, { format: 'cos' }),
      await createEnvelope(RSA, { format: 'cos' }),
    ]
    const mixed = { ...one.metadata, [IV]: other.metadata[IV]! }
    await refused(AMBIGUOUS, () => open(mixed, RSA))
  })

  it('are refused: cos under AES with an added iv', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    await refused(AMBIGUOUS, () => open({ ...metadata, [IV]: Buffer.alloc(16).toString('base64') }, AES))
  })

  it('are refused: cos under AES with its own start as iv', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    await refused(AMBIGUOUS, () => open({ ...metadata, [IV]: metadata[START]! }, AES))
  })

  it('are refused: cos-python under AES with an added start', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos-python' })
    await expectRefusal({ ...metadata, [START]: metadata[IV]! }, AES, 'cos-python with a start')
  })

  it('are refused: cos-python under AES with an added wrap-alg', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos-python' })
    await expectRefusal({ ...metadata, [WRAP_ALG]: 'AESWrap' }, AES, 'cos-python with a wrap-alg')
  })

  for (const { title, format, master } of [ENVELOPES[2], ENVELOPES[3]]) {
    // An object that says it is GCM must not be decrypted as CTR: that would hand out wrong bytes without an error.
    it(`are refused: ${title} with an added cek-alg of AES/GCM/NoPadding`, async () => {
      const { metadata } = await createEnvelope(master, { format })
      await expectRefusal({ ...metadata, [CEK_ALG]: 'AES/GCM/NoPadding' }, master, 'a GCM object read as CTR')
    })
  }

  for (const { title, format, master } of ENVELOPES) {
    for (const header of [
      'x-cos-meta-sealstream-version',
      'x-cos-meta-x-cos-key',
      'x-cos-meta-x-cos-key-v2',
    ]) {
      it(`are refused: ${title} with an added ${header}`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        await refused(AMBIGUOUS, () => open({ ...metadata, [header]: '1' }, master))
      })
    }
  }

  it('are refused: sealed and legacy headers together', async () => {
    const headers = { 'x-cos-meta-sealstream-version': '1', 'x-cos-meta-x-cos-key': 'AAAA' }
    await refused(AMBIGUOUS, () => open(headers, AES))
  })
})

describe('an envelope of another generation', () => {
  it('is refused as unknown: a sealed object of a newer version', async () => {
    const error = await refused(UNKNOWN, () => open({ 'X-Cos-Meta-Sealstream-Version': '1' }, AES))
    expect(error.message).to.include('newer')
  })

  for (const name of ['x-cos-key', 'x-cos-key-v2']) {
    it(`is refused as unknown: legacy header ${name} with x-cos-iv`, async () => {
      const headers = { [`x-cos-meta-${name}`]: 'AAAA', 'x-cos-meta-x-cos-iv': 'AAAA' }
      await refused(UNKNOWN, () => open(headers, AES))
    })
  }

  it('is refused as malformed: a legacy IV alone', async () => {
    await refused(MALFORMED, () => open({ 'x-cos-meta-x-cos-iv': 'AAAA' }, AES))
  })
})

describe('an envelope whose lengths no master key gives', () => {
  const base64 = (length: number): string => Buffer.alloc(length, 9).toString('base64')
  for (const [keyLength, ivLength] of [
    [31, 16],
    [33, 16],
    [16, 16],
    [24, 16],
    [32, 15],
    [32, 17],
    [32, 32],
    [32, 256],
    [127, 127],
    [256, 16],
    [256, 255],
    [256, 384],
    [1025, 1025],
    [2048, 2048],
  ] as const) {
    it(`is refused as malformed: cos-python with a key of ${keyLength} and an IV of ${ivLength} bytes`, async () => {
      const headers = { [KEY]: base64(keyLength), [IV]: base64(ivLength) }
      await refused(MALFORMED, () => open(headers, AES))
      await refused(MALFORMED, () => open(headers, RSA))
    })
  }

  for (const [keyLength, startLength] of [
    [32, 24],
    [48, 24],
    [40, 32],
    [40, 23],
    [24, 40],
  ] as const) {
    it(`is refused as malformed: cos under AESWrap with ${keyLength} and ${startLength} bytes`, async () => {
      const headers = {
        [KEY]: base64(keyLength),
        [START]: base64(startLength),
        [CEK_ALG]: 'AES/CTR/NoPadding',
        [WRAP_ALG]: 'AESWrap',
      }
      await refused(MALFORMED, () => open(headers, AES))
    })
  }
})
