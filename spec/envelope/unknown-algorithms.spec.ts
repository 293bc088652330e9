/** Envelopes that name an algorithm nobody asked for, or whose bytes have lengths that no algorithm gives. */
import { expect } from 'chai'
import { createEnvelope, openEnvelope, type OpenedEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { failureOf, refused } from '../support/refused.js'
import { testPair } from '../support/test-keys.js'

const PREFIX = 'x-cos-meta-client-side-encryption-'
const KEY = `${PREFIX}key`
const IV = `${PREFIX}iv`
const START = `${PREFIX}start`
const CEK_ALG = `${PREFIX}cek-alg`
const WRAP_ALG = `${PREFIX}wrap-alg`
const TAG_LEN = 'x-cos-meta-x-cos-tag-len'
const OAEP_SHA1 = 'RSA/ECB/OAEPWithSHA-1AndMGF1Padding'
const OAEP_SHA256 = 'RSA/ECB/OAEPWithSHA-256AndMGF1Padding'

const MALFORMED = 'SEALSTREAM_ENVELOPE_MALFORMED'
const UNKNOWN = 'SEALSTREAM_UNKNOWN_ALGORITHM'
const AMBIGUOUS = 'SEALSTREAM_AMBIGUOUS_ENVELOPE'

const AES = AesMasterKey.generate()
const RSA = RsaMasterKey.from({ ...testPair('2048'), padding: 'any' })

type Headers = Readonly<Record<string, string | undefined>>
const open = (metadata: Headers, master: MasterKey): Promise<OpenedEnvelope> =>
  openEnvelope(metadata, master, { policy: 'any' })
const base64 = (length: number): string => Buffer.alloc(length, 9).toString('base64')

const WAYS = [
  { title: 'cos under AES', format: 'cos', master: AES, wrapAlg: 'AESWrap' },
  { title: 'cos under RSA', format: 'cos', master: RSA, wrapAlg: OAEP_SHA1 },
  { title: 'cos-java-gcm under RSA', format: 'cos-java-gcm', master: RSA, wrapAlg: OAEP_SHA256 },
] as const

for (const { title, format, master, wrapAlg } of WAYS) {
  describe(`an algorithm that is unknown in an envelope of ${title}`, () => {
    for (const algorithm of [
      '',
      'aes/ctr/nopadding',
      'AES/CTR',
      'AES/CTR/NoPadding ',
      'AES/CBC/NoPadding',
      'AES/ECB/PKCS5Padding',
      'AES/GCM',
      'AES_GCM_256',
      '__proto__',
      'toString',
    ]) {
      it(`is refused: cek-alg "${algorithm}"`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        const error = await refused(UNKNOWN, () => open({ ...metadata, [CEK_ALG]: algorithm }, master))
        expect(error).to.include({ header: CEK_ALG })
      })
    }

    for (const algorithm of [
      '',
      'KMS',
      'KMS/tencentcloud',
      'kms+context',
      'RSA/ECB/PKCS1Padding',
      'RSA/ECB/OAEPWithSHA-512AndMGF1Padding',
      'RSA/NONE/OAEPWithSHA-1AndMGF1Padding',
      'RSA',
      'aeswrap',
      'AESWrap2',
      'AES',
      'AES/GCM',
      'aes-kw',
      'aes-ecb',
      'rsa-oaep-sha1',
      'rsa-pkcs1',
      '__proto__',
      'toString',
    ]) {
      it(`is refused: wrap-alg "${algorithm}"`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        const error = await refused(UNKNOWN, () => open({ ...metadata, [WRAP_ALG]: algorithm }, master))
        expect(error).to.include({ header: WRAP_ALG })
      })
    }
  })

  describe(`another known algorithm in an envelope of ${title}`, () => {
    const others = ['AESWrap', OAEP_SHA1, OAEP_SHA256, 'KMS/TencentCloud', 'kms']
    for (const name of others.filter((each) => each !== wrapAlg)) {
      it(`is refused: wrap-alg ${name}`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        await failureOf(() => open({ ...metadata, [WRAP_ALG]: name }, master))
      })
    }

    // Under AES, CBC has the same lengths as CTR, and nothing in the dialect binds the name.
    const misnamed = {
      'cos under AES': ['AES/GCM/NoPadding'],
      'cos under RSA': ['AES/GCM/NoPadding', 'AES/CBC/PKCS5Padding'],
      'cos-java-gcm under RSA': ['AES/CTR/NoPadding', 'AES/CBC/PKCS5Padding'],
    }
    for (const name of misnamed[title]) {
      it(`is refused: cek-alg ${name}`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        await failureOf(() => open({ ...metadata, [CEK_ALG]: name, [TAG_LEN]: '128' }, master))
      })
    }
  })
}

describe('the error for an unknown algorithm', () => {
  it('quotes at most 80 characters of it', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    const error = await refused(UNKNOWN, () => open({ ...metadata, [WRAP_ALG]: 'x'.repeat(5000) }, AES))
    expect(error.message.length).to.be.below(300)
  })

  it('quotes no line breaks', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    const error = await refused(UNKNOWN, () => open({ ...metadata, [WRAP_ALG]: 'a\r\nb' }, AES))
    expect(error.message).to.not.match(/[\r\n]/)
  })
})

describe('headers of COS Python with a header of another dialect', () => {
  for (const master of [AES, RSA]) {
    const kind = master === AES ? 'AES' : 'RSA'
    // An object that says it is GCM must not be decrypted as CTR: that would hand out wrong bytes without an error.
    for (const [header, value] of [
      [CEK_ALG, 'AES/GCM/NoPadding'],
      [CEK_ALG, 'AES/CTR/NoPadding'],
      [WRAP_ALG, 'AESWrap'],
      [WRAP_ALG, OAEP_SHA1],
      [START, base64(16)],
    ] as const) {
      it(`are refused under ${kind}: ${header} ${value}`, async () => {
        const { metadata } = await createEnvelope(master, { format: 'cos-python' })
        await failureOf(() => open({ ...metadata, [header]: value }, master))
      })
    }
  }
})

describe('an envelope whose lengths no master key gives', () => {
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

  for (const [wrapAlg, cekAlg, keyLength, startLength] of [
    ['AESWrap', 'AES/CTR/NoPadding', 32, 24],
    ['AESWrap', 'AES/CTR/NoPadding', 48, 24],
    ['AESWrap', 'AES/CTR/NoPadding', 40, 32],
    ['AESWrap', 'AES/CTR/NoPadding', 40, 23],
    ['AESWrap', 'AES/CTR/NoPadding', 24, 40],
    ['AESWrap', 'AES/CTR/NoPadding', 256, 16],
    ['AESWrap', 'AES/CBC/PKCS5Padding', 40, 16],
    ['AESWrap', 'AES/GCM/NoPadding', 40, 24],
    ['AESWrap', 'AES/GCM/NoPadding', 40, 12],
    [OAEP_SHA1, 'AES/CTR/NoPadding', 256, 255],
    [OAEP_SHA1, 'AES/CTR/NoPadding', 127, 127],
    [OAEP_SHA1, 'AES/CTR/NoPadding', 40, 24],
    [OAEP_SHA1, 'AES/CTR/NoPadding', 40, 16],
    [OAEP_SHA256, 'AES/CTR/NoPadding', 1025, 1025],
    [OAEP_SHA256, 'AES/GCM/NoPadding', 256, 12],
    [OAEP_SHA256, 'AES/CBC/PKCS5Padding', 256, 16],
  ] as const) {
    it(`is refused as malformed: ${cekAlg} by ${wrapAlg} with ${keyLength} and ${startLength} bytes`, async () => {
      const headers = {
        [KEY]: base64(keyLength),
        [START]: base64(startLength),
        [CEK_ALG]: cekAlg,
        [WRAP_ALG]: wrapAlg,
        [TAG_LEN]: '128',
      }
      await refused(MALFORMED, () => open(headers, wrapAlg === 'AESWrap' ? AES : RSA))
    })
  }

  it('is refused when RSA bytes stand under AESWrap', async () => {
    const { metadata } = await createEnvelope(RSA, { format: 'cos' })
    const posing = { ...metadata, [WRAP_ALG]: 'AESWrap', [IV]: undefined }
    await refused(MALFORMED, () => open(posing, AES))
  })

  it('is refused when AES bytes stand under the RSA string', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    await refused(MALFORMED, () => open({ ...metadata, [WRAP_ALG]: OAEP_SHA1 }, RSA))
  })

  it('is refused when a plain IV stands beside the same -iv', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos' })
    await refused(AMBIGUOUS, () => open({ ...metadata, [START]: base64(16), [IV]: base64(16) }, AES))
  })
})
