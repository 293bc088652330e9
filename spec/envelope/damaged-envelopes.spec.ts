/** Envelopes that were cut or altered: a typed error every time, never success. */
import { expect } from 'chai'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import type { Metadata } from '../../lib/envelope/write-envelope.js'
import { EnvelopeError, KeyError, type ErrorCode } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { failureOf, refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const PREFIX = 'x-cos-meta-client-side-encryption-'
const KEY = `${PREFIX}key`
const IV = `${PREFIX}iv`
const START = `${PREFIX}start`
const CEK_ALG = `${PREFIX}cek-alg`
const WRAP_ALG = `${PREFIX}wrap-alg`
const RECIPIENT = 'x-cos-meta-sealstream-recipient-1'

const MALFORMED = 'SEALSTREAM_ENVELOPE_MALFORMED'
const AMBIGUOUS = 'SEALSTREAM_AMBIGUOUS_ENVELOPE'

const AES = AesMasterKey.generate()
const RSA = RsaMasterKey.from(testPair('2048'))
const PLAIN = new Seeded(100).bytes(100)

/** Envelopes by title, made before the first test. */
const ENVELOPES = [
  { title: 'cos under AES', format: 'cos', master: AES },
  { title: 'cos under RSA', format: 'cos', master: RSA },
  { title: 'cos-python under AES', format: 'cos-python', master: AES },
  { title: 'cos-python under RSA', format: 'cos-python', master: RSA },
  { title: 'cos-java-gcm under RSA', format: 'cos-java-gcm', master: RSA },
  { title: 'sealed under AES', format: 'sealed', master: AES },
  { title: 'sealed under RSA', format: 'sealed', master: RSA },
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
    ['envelope headers without a value', { [KEY]: undefined, [RECIPIENT]: undefined }],
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

    it('is read with each header in two cases and with one value', async () => {
      for (const [name, text] of Object.entries(metadata)) {
        await open({ ...metadata, [name.toUpperCase()]: text }, master)
      }
    })

    it('is refused, in an error that quotes no header, with a damaged key or IV', async () => {
      for (const name of [KEY, IV, START, RECIPIENT].filter((header) => header in metadata)) {
        const error = await failureOf(() => open({ ...metadata, [name]: `${metadata[name]!}!` }, master))
        expect(error.message).to.not.include(metadata[name]!.slice(-12))
      }
    })

    if (format === 'sealed') return
    it('is refused with key and IV cut to the same length, at a sample of lengths', async () => {
      const ivs = [IV, START].filter((name) => name in metadata)
      for (const length of sample(metadata[KEY]!.length)) {
        const cut = Object.fromEntries([KEY, ...ivs].map((name) => [name, metadata[name]!.slice(0, length)]))
        const unchanged = Object.entries(cut).every(([name, text]) => text === metadata[name])
        if (!unchanged) await expectRefusal({ ...metadata, ...cut }, master, `all cut to ${length}`)
      }
    })

    if (isWeak) return
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

describe('a damaged envelope under KMS', () => {
  const kms = new FakeKmsMasterKey()
  for (const format of ['cos', 'cos-java-gcm'] as const) {
    for (const name of [KEY, START]) {
      for (const [title, bytes] of [
        ['a line feed', Buffer.from('BLOB:\n')],
        ['a blank', Buffer.from('BLOB: ')],
        ['bytes above ASCII', Buffer.from([0x42, 0xe9, 0x80])],
        ['a zero byte', Buffer.from('BLOB\0')],
      ] as const) {
        it(`is refused as malformed: ${format} with ${title} in the blob of ${name}`, async () => {
          const { metadata } = await createEnvelope(kms, { format })
          const error = await refused(MALFORMED, () =>
            open({ ...metadata, [name]: bytes.toString('base64') }, kms),
          )
          expect(error).to.include({ header: name })
        })
      }
    }
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
    [ENVELOPES[4], KEY, MALFORMED],
    [ENVELOPES[4], START, MALFORMED],
    [ENVELOPES[4], CEK_ALG, MALFORMED],
    [ENVELOPES[4], WRAP_ALG, MALFORMED],
    [ENVELOPES[4], 'x-cos-meta-x-cos-tag-len', MALFORMED],
  ]
  for (const [{ title, format, master }, header, code] of lacking) {
    it(`is refused with ${code}: ${title} without ${header}`, async () => {
      const { metadata } = await createEnvelope(master, { format })
      const error = await refused(code, () => open(without(metadata, header), master))
      expect(error).to.have.property('header').that.is.a('string')
      await refused(code, () => open({ ...metadata, [header]: undefined }, master))
    })
  }

  // Without -iv the bridge is what COS Java would write with this padding: one complete envelope, and the same key.
  it('is read when it is the bridge without iv, to the same bytes', async () => {
    const { dataKey, metadata } = await createEnvelope(RSA, { format: 'cos' })
    const stored = runCipher(dataKey.encryptor(), [PLAIN])
    const opened = await open(without(metadata, IV), RSA)
    expect(opened.format).to.equal('cos')
    expect(runCipher(opened.dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
  })
})
