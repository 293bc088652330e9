/** Envelopes that were replaced, mixed or thinned out: a reader who wants authenticated content gets that or an error. */
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import type { Metadata } from '../../lib/envelope/write-envelope.js'
import type { ErrorCode } from '../../lib/errors.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { decryptStream } from '../../lib/stream/cipher-stream.js'
import { refused } from '../support/refused.js'
import { released } from '../support/released.js'
import {
  CHUNK_BYTES,
  chunksOf,
  makeKeys,
  mastersOf,
  openSealed,
  READERS,
  recipientHeader,
  SEALED_PREFIX,
  sealObject,
  type SealedObject,
} from '../support/sealed-object.js'
import { Seeded } from '../support/seeded.js'

const PLAIN = new Seeded(640).bytes(CHUNK_BYTES + 100)
const KEYS = makeKeys(641)
const MASTERS = mastersOf(KEYS)
/** All that an attacker needs to make an envelope of another format for the RSA recipient. */
const RSA_PUBLIC = RsaMasterKey.from({ publicKey: createPublicKey(KEYS.rsa) })

const COS = 'x-cos-meta-client-side-encryption-'
const random = (bytes: number): string => randomBytes(bytes).toString('base64')

/** Headers that anybody can write. */
const FORGED: Readonly<Record<string, Metadata>> = {
  'cos under AES, of random bytes': {
    [`${COS}key`]: random(40),
    [`${COS}start`]: random(24),
    [`${COS}cek-alg`]: 'AES/CTR/NoPadding',
    [`${COS}wrap-alg`]: 'AESWrap',
  },
  'cos of the Android SDK, with a plain IV': {
    [`${COS}key`]: random(40),
    [`${COS}start`]: random(16),
    [`${COS}cek-alg`]: 'AES/CTR/NoPadding',
    [`${COS}wrap-alg`]: 'AESWrap',
  },
  'cos under KMS': {
    [`${COS}key`]: Buffer.from('blob').toString('base64'),
    [`${COS}start`]: Buffer.from('blob').toString('base64'),
    [`${COS}cek-alg`]: 'AES/CTR/NoPadding',
    [`${COS}wrap-alg`]: 'KMS/TencentCloud',
  },
  'cos-java-gcm under AES': {
    [`${COS}key`]: random(40),
    [`${COS}start`]: random(20),
    [`${COS}cek-alg`]: 'AES/GCM/NoPadding',
    [`${COS}wrap-alg`]: 'AESWrap',
    'x-cos-meta-x-cos-tag-len': '128',
  },
  'cos-python under AES': { [`${COS}key`]: random(32), [`${COS}iv`]: random(16) },
  'cos-python under RSA': { [`${COS}key`]: random(256), [`${COS}iv`]: random(256) },
  'the oldest COS Java SDKs': {
    'x-cos-meta-x-cos-key': random(48),
    'x-cos-meta-x-cos-iv': random(16),
    'x-cos-meta-x-cos-cek-alg': 'AES/CBC/PKCS5Padding',
  },
}

/** Fails with the code, whoever reads. */
async function expectRefused(code: ErrorCode, metadata: Metadata): Promise<void> {
  for (const reader of READERS) await refused(code, () => openSealed(metadata, MASTERS[reader]))
}

const without = (metadata: Metadata, ...names: string[]): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => !names.includes(name)))

describe('census: the envelope of a sealed object', () => {
  let object: SealedObject
  before(async () => {
    object = await sealObject(MASTERS, PLAIN)
  })

  async function expectRight(metadata: Metadata, reader: (typeof READERS)[number]): Promise<void> {
    const { dataKey } = await openSealed(metadata, MASTERS[reader])
    const { bytes, error } = await released(decryptStream(dataKey), chunksOf(object.stored))
    expect([error, bytes.equals(PLAIN)], reader).to.deep.equal([undefined, true])
  }

  describe('replaced', () => {
    it('by nothing is SEALSTREAM_ENVELOPE_MISSING', async () => {
      await expectRefused('SEALSTREAM_ENVELOPE_MISSING', {})
      await expectRefused('SEALSTREAM_ENVELOPE_MISSING', { 'x-cos-meta-author': 'me', etag: '"x"' })
    })

    for (const [title, forged] of Object.entries(FORGED)) {
      it(`by one of ${title} is SEALSTREAM_POLICY, and so it is for a list of sealed alone`, async () => {
        await expectRefused('SEALSTREAM_POLICY', forged)
        for (const reader of READERS) {
          await refused('SEALSTREAM_POLICY', () =>
            openEnvelope(forged, MASTERS[reader], { policy: ['sealed'] }),
          )
        }
      })
    }

    for (const format of ['cos', 'cos-python', 'cos-java-gcm'] as const) {
      it(`by one of ${format} that the RSA recipient could open is SEALSTREAM_POLICY`, async () => {
        const { metadata } = await createEnvelope(RSA_PUBLIC, { format })
        expect((await openEnvelope(metadata, MASTERS.rsa, { policy: 'any' })).authenticated).to.equal(false)
        await expectRefused('SEALSTREAM_POLICY', metadata)
      })
    }

    it('by the RSA recipient as the wrapped key of cos-java-gcm, whose padding is the same, is SEALSTREAM_POLICY', async () => {
      const [, , wrapped = ''] = object.metadata[recipientHeader('rsa')]!.split('.')
      const { metadata } = await createEnvelope(RSA_PUBLIC, { format: 'cos-java-gcm' })
      const key = Buffer.from(wrapped, 'base64url').toString('base64')
      await expectRefused('SEALSTREAM_POLICY', { ...metadata, [`${COS}key`]: key })
    })
  })

  describe('beside', () => {
    for (const [title, forged] of Object.entries(FORGED)) {
      it(`one of ${title} is SEALSTREAM_AMBIGUOUS_ENVELOPE`, async () => {
        await expectRefused('SEALSTREAM_AMBIGUOUS_ENVELOPE', { ...object.metadata, ...forged })
      })
    }

    it('a header of its own with another value, in upper case, is SEALSTREAM_AMBIGUOUS_ENVELOPE', async () => {
      for (const [name, value] of Object.entries(object.metadata)) {
        const twice = { ...object.metadata, [name.toUpperCase()]: `${value}x` }
        await expectRefused('SEALSTREAM_AMBIGUOUS_ENVELOPE', twice)
      }
    })

    it('a header of the format that this version does not know is SEALSTREAM_ENVELOPE_MALFORMED', async () => {
      const changed = { ...object.metadata, [`${SEALED_PREFIX}compression`]: 'gzip' }
      await expectRefused('SEALSTREAM_ENVELOPE_MALFORMED', changed)
    })
  })

  describe('of another', () => {
    for (const version of ['0', '2', '10', '01', ' 1', '1 ', '']) {
      it(`version, ${JSON.stringify(version)}, is SEALSTREAM_UNKNOWN_ALGORITHM`, async () => {
        const changed = { ...object.metadata, [`${SEALED_PREFIX}version`]: version }
        await expectRefused('SEALSTREAM_UNKNOWN_ALGORITHM', changed)
      })
    }

    for (const content of ['cobblestone-128', 'Cobblestone-256', 'AES/CTR/NoPadding', 'none', '']) {
      it(`content algorithm, ${JSON.stringify(content)}, is SEALSTREAM_UNKNOWN_ALGORITHM`, async () => {
        const changed = { ...object.metadata, [`${SEALED_PREFIX}content`]: content }
        await expectRefused('SEALSTREAM_UNKNOWN_ALGORITHM', changed)
      })
    }

    it('object of the same recipients is SEALSTREAM_COMMITMENT, before any byte', async () => {
      const { metadata } = await sealObject(MASTERS, PLAIN)
      for (const reader of READERS) {
        const { dataKey } = await openSealed(metadata, MASTERS[reader])
        const { bytes, error } = await released(decryptStream(dataKey), chunksOf(object.stored))
        expect([error?.code, bytes.length]).to.deep.equal(['SEALSTREAM_COMMITMENT', 0])
      }
    })
  })

  describe('without', () => {
    for (const name of ['version', 'content', 'recipient-1', 'recipient-2']) {
      it(`header ${name} is SEALSTREAM_ENVELOPE_MALFORMED`, async () => {
        await expectRefused('SEALSTREAM_ENVELOPE_MALFORMED', without(object.metadata, SEALED_PREFIX + name))
      })
    }

    it('any recipient is SEALSTREAM_ENVELOPE_MALFORMED', async () => {
      await expectRefused(
        'SEALSTREAM_ENVELOPE_MALFORMED',
        without(object.metadata, ...READERS.map(recipientHeader)),
      )
    })

    it('its last recipient is read by the others, and SEALSTREAM_KEY_KIND for that one', async () => {
      const thinned = without(object.metadata, recipientHeader('kms'))
      await expectRight(thinned, 'aes')
      await expectRight(thinned, 'rsa')
      await refused('SEALSTREAM_KEY_KIND', () => openSealed(thinned, MASTERS.kms))
    })
  })

  describe('with its recipients', () => {
    it('in another order is read by each of them', async () => {
      const values = READERS.map((reader) => object.metadata[recipientHeader(reader)]!)
      const turned = READERS.map((reader, index) => [recipientHeader(reader), values[(index + 1) % 3]!])
      for (const reader of READERS) {
        await expectRight({ ...object.metadata, ...(Object.fromEntries(turned) as Metadata) }, reader)
      }
    })

    it("under each other's key ids is read by each of them", async () => {
      const changed = Object.entries(object.metadata).map(([name, value]) => {
        const [kind = '', , wrapped = ''] = value.split('.')
        return [name, wrapped === '' ? value : `${kind}.${MASTERS.rsa.id}.${wrapped}`]
      })
      for (const reader of READERS) await expectRight(Object.fromEntries(changed) as Metadata, reader)
    })

    it('of another object is SEALSTREAM_UNWRAP or SEALSTREAM_KEY_KIND for other keys, by kind', async () => {
      const strangers = mastersOf(makeKeys(642))
      for (const reader of READERS)
        await refused('SEALSTREAM_UNWRAP', () => openSealed(object.metadata, strangers[reader]))
      const onlyAes = without(object.metadata, recipientHeader('rsa'), recipientHeader('kms'))
      await refused('SEALSTREAM_KEY_KIND', () => openSealed(onlyAes, MASTERS.rsa))
    })

    it('replaced by what format cos wrapped under the same AES key is SEALSTREAM_UNWRAP (RULES 3.2)', async () => {
      const { metadata } = await createEnvelope(MASTERS.aes, { format: 'cos' })
      const wrapped = Buffer.from(metadata[`${COS}key`]!, 'base64').toString('base64url')
      const changed = { ...object.metadata, [recipientHeader('aes')]: `aes.${MASTERS.aes.id}.${wrapped}` }
      await refused('SEALSTREAM_UNWRAP', () => openSealed(changed, MASTERS.aes))
    })

    it('replaced by a key that the attacker chose for the RSA recipient is SEALSTREAM_COMMITMENT', async () => {
      const { metadata } = await createEnvelope(RSA_PUBLIC, { format: 'sealed' })
      const changed = { ...object.metadata, [recipientHeader('rsa')]: metadata[recipientHeader('aes')]! }
      const { dataKey } = await openSealed(changed, MASTERS.rsa)
      const { bytes, error } = await released(decryptStream(dataKey), chunksOf(object.stored))
      expect([error?.code, bytes.length]).to.deep.equal(['SEALSTREAM_COMMITMENT', 0])
    })
  })
})

describe('census: an envelope of format cos for an RSA key of the attacker', () => {
  it('is SEALSTREAM_UNWRAP for a reader who takes any format, SEALSTREAM_POLICY for one who does not', async () => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { metadata } = await createEnvelope(RsaMasterKey.from(stranger), { format: 'cos' })
    await refused('SEALSTREAM_UNWRAP', () => openEnvelope(metadata, MASTERS.rsa, { policy: 'any' }))
    await expectRefused('SEALSTREAM_POLICY', metadata)
  })
})
