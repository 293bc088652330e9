/** Two envelopes on one object: refused for every pair of dialects (RULES 4.6). */
import { expect } from 'chai'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { readEnvelope } from '../../lib/envelope/read-envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { failureOf, refused } from '../support/refused.js'
import {
  aesWrapping,
  androidHeaders,
  ecbWrapping,
  legacyHeaders,
  newContent,
  oaepWrapping,
  PREFIX,
} from '../support/sdk-headers.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const AMBIGUOUS = 'SEALSTREAM_AMBIGUOUS_ENVELOPE'
const KEK = new Seeded(460).bytes(32)
const AES = AesMasterKey.from(KEK)
const RSA = RsaMasterKey.from(testPair('2048'))
/** Opens every one of them: what is refused is refused for what stands in the headers. */
const RING = new Keyring({ write: AES, read: [RSA, new FakeKmsMasterKey()] })

type Headers = Record<string, string>
const CTR = 'AES/CTR/NoPadding'

const MAKERS: Readonly<Record<string, () => Promise<Headers>>> = {
  sealed: async () => (await createEnvelope(RING, { format: 'sealed' })).metadata,
  'python AES': async () => (await createEnvelope(AES, { format: 'cos-python' })).metadata,
  'python RSA': async () => (await createEnvelope(RSA, { format: 'cos-python' })).metadata,
  'java AES': async () => (await createEnvelope(AES, { format: 'cos' })).metadata,
  'java GCM RSA': async () => (await createEnvelope(RSA, { format: 'cos-java-gcm' })).metadata,
  'java KMS': async () => (await createEnvelope(new FakeKmsMasterKey(), { format: 'cos' })).metadata,
  bridge: async () => (await createEnvelope(RSA, { format: 'cos' })).metadata,
  'android AES': async () => androidHeaders(newContent(CTR), aesWrapping(KEK)),
  'android RSA': async () =>
    androidHeaders(newContent(CTR), oaepWrapping(testPair('2048').publicKey, 'rsa-oaep-sha1')),
  'java legacy': async () => legacyHeaders(newContent(CTR), aesWrapping(KEK)),
  'java oldest': async () => legacyHeaders(newContent(CTR), ecbWrapping(KEK), 'x-cos-key'),
}
const NAMES = Object.keys(MAKERS)
const PAIRS = NAMES.flatMap((one, at) => NAMES.slice(at + 1).map((other) => [one, other] as const))

/** All headers of both; where both have one, that of the first stays, or both do in other cases. */
const merged = (one: Headers, other: Headers): Headers => ({ ...other, ...one })
const withBoth = (one: Headers, other: Headers): Headers => ({
  ...one,
  ...Object.fromEntries(Object.entries(other).map(([name, value]) => [name.toUpperCase(), value])),
})

/** Some dialects have the same names, so that the headers of one hide those of the other altogether. */
const isOneEnvelope = (one: Headers, other: Headers): boolean =>
  Object.keys(other).every((name) => name in one || !/-(key|iv|start|key-v2|recipient-1)$/.test(name))

describe(`the envelopes of ${NAMES.length} dialects and kinds of keys`, () => {
  for (const [name, make] of Object.entries(MAKERS)) {
    it(`open alone: ${name}`, async () => {
      await openEnvelope(await make(), RING, { policy: 'any' })
    })
  }
})

describe(`two envelopes on one object, ${PAIRS.length} pairs`, () => {
  for (const [one, other] of PAIRS) {
    it(`are refused: ${one} and ${other}, with the headers of both`, async () => {
      const [a, b] = [await MAKERS[one]!(), await MAKERS[other]!()]
      const both = withBoth(a, b)
      const error = await refused(AMBIGUOUS, () => openEnvelope(both, RING, { policy: 'any' }))
      expect(error.message).to.match(/two|more than once|different/)
    })

    it(`are refused: ${one} and ${other}, where a store kept one value of each name`, async () => {
      const [a, b] = [await MAKERS[one]!(), await MAKERS[other]!()]
      for (const [first, second] of [
        [a, b],
        [b, a],
      ] as const) {
        const both = merged(first, second)
        if (!isOneEnvelope(first, second)) {
          await failureOf(() => openEnvelope(both, RING, { policy: 'any' }))
          continue
        }
        // Nothing of the second is left that could be an envelope: the first is read as it was, or refused.
        const found = await Promise.resolve()
          .then(() => readEnvelope(both))
          .catch(() => undefined)
        expect(found?.recipients[0]?.key).to.deep.equal(readEnvelope(first).recipients[0]?.key)
      }
    })
  }
})

describe('the bridge', () => {
  it('is one envelope: -iv and -start are the same text', async () => {
    const headers = await MAKERS.bridge!()
    expect(readEnvelope(headers).dialect).to.equal('bridge')
    expect(headers[`${PREFIX}iv`]).to.equal(headers[`${PREFIX}start`])
  })

  it('is refused with another -iv, -start or spelling of either', async () => {
    const [headers, other] = [await MAKERS.bridge!(), await MAKERS.bridge!()]
    for (const name of ['iv', 'start']) {
      for (const value of [other[PREFIX + name]!, `${headers[PREFIX + name]!} `, '', 'AAAA']) {
        await refused(AMBIGUOUS, () =>
          openEnvelope({ ...headers, [PREFIX + name]: value }, RING, { policy: 'any' }),
        )
      }
    }
  })

  for (const model of ['rsa-oaep-sha256', 'rsa-oaep-sha256-mgf1-sha1'] as const) {
    it(`is refused with ${model}, which COS Python cannot read`, async () => {
      const content = newContent(CTR)
      const { name, wrap } = oaepWrapping(testPair('2048').publicKey, model)
      const iv = wrap(content.iv).toString('base64')
      const headers = {
        ...(await MAKERS.bridge!()),
        [`${PREFIX}key`]: wrap(content.key).toString('base64'),
        [`${PREFIX}wrap-alg`]: name!,
        [`${PREFIX}iv`]: iv,
        [`${PREFIX}start`]: iv,
      }
      await refused(AMBIGUOUS, () => openEnvelope(headers, RING, { policy: 'any' }))
    })
  }

  it('is refused in GCM', async () => {
    const gcm = await MAKERS['java GCM RSA']!()
    const both = { ...gcm, [`${PREFIX}iv`]: gcm[`${PREFIX}start`]! }
    await refused(AMBIGUOUS, () => openEnvelope(both, RING, { policy: 'any' }))
  })

  it('is refused with a plain IV in both', async () => {
    const android = await MAKERS['android RSA']!()
    const both = { ...android, [`${PREFIX}iv`]: android[`${PREFIX}start`]! }
    await refused(AMBIGUOUS, () => openEnvelope(both, RING, { policy: 'any' }))
  })
})
