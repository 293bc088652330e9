import { expect } from 'chai'
import type { DataKey } from '../../lib/crypto/data-key.js'
import { checkCheckpointKey, sealerOf } from '../../lib/encrypted/sealer.js'
import type { Encryption } from '../../lib/encrypted/encryption.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import type { SavedKey } from '../../lib/transfer/seal.js'
import { AES_256, FORMATS, MASTERS, rsaPublicOnly } from '../support/encrypting-masters.js'
import { failureOf, refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'

type Format = Encryption['format']

const encryption = (masterKey: MasterKey, format: Format, context?: Encryption['context']): Encryption => ({
  masterKey,
  format,
  policy: 'any',
  context,
  // Sealing makes no request.
  service: undefined as never,
})

const bytesOf = (dataKey: DataKey): Promise<string> =>
  dataKey.withBytes((key, iv) => `${key.toString('hex')} ${iv.toString('hex')}`)

/** As it comes out of a checkpoint. */
const revived = (saved: SavedKey): SavedKey => JSON.parse(JSON.stringify(saved)) as SavedKey

const checkpointKey = AesMasterKey.from(new Seeded(61).bytes(32))

describe('sealerOf', () => {
  for (const format of FORMATS) {
    for (const { name, masterKey, otherKey, secrets } of MASTERS) {
      it(`seals with a fresh data key, and gets it again from what is saved, ${name}, ${format}`, async () => {
        const sealer = sealerOf(encryption(masterKey(), format))
        const [first, second] = [await sealer.seal(), await sealer.seal()]
        expect(await bytesOf(first.dataKey)).not.to.equal(await bytesOf(second.dataKey))
        expect(first.saved).to.deep.equal({ Envelope: first.envelope })
        const { key, iv } = secrets(first.envelope)
        expect(await bytesOf(first.dataKey)).to.equal(`${key.toString('hex')} ${iv.toString('hex')}`)
        const again = await sealerOf(encryption(masterKey(), format)).reopen(revived(first.saved))
        expect(await bytesOf(again)).to.equal(await bytesOf(first.dataKey))
        expect(again.format).to.equal(format)
      })

      it(`names format and master key in its identity, ${name}, ${format}`, () => {
        const identities = [
          ...FORMATS.map((other) => sealerOf(encryption(masterKey(), other)).identity),
          sealerOf(encryption(otherKey(), format)).identity,
        ]
        expect(new Set(identities).size).to.equal(3)
        expect(sealerOf(encryption(masterKey(), format)).identity).to.be.oneOf(identities)
      })
    }

    it(`gets a data key again that only encrypts the same bytes, by either way, ${format}`, async () => {
      for (const key of [undefined, checkpointKey]) {
        const sealer = sealerOf(encryption(AES_256.masterKey(), format), key)
        const { dataKey, saved } = await sealer.seal()
        const first = dataKey.encryptor().update(Buffer.alloc(40))
        const again = await sealer.reopen(revived(saved))
        await refused('SEALSTREAM_DATA_KEY_REUSED', () => again.encryptor().update(Buffer.alloc(1)))
        await refused('SEALSTREAM_DATA_KEY_REUSED', () =>
          again.encryptor({ start: 1024 }).update(Buffer.alloc(1)),
        )
        expect(again.encryptor({ sameBytes: true }).update(Buffer.alloc(40))).to.deep.equal(first)
      }
    })

    it(`goes through the checkpointKey where the master key can only wrap, and shows no key, ${format}`, async () => {
      const sealer = sealerOf(encryption(rsaPublicOnly(), format), checkpointKey)
      const { dataKey, saved } = await sealer.seal()
      expect(sealer.canReopen).to.equal(true)
      expect(saved.Wrapped).to.include({ KeyId: checkpointKey.id })
      const again = await sealer.reopen(revived(saved))
      expect([await bytesOf(again), again.format]).to.deep.equal([await bytesOf(dataKey), format])
      await dataKey.withBytes((key, iv) => {
        expectNoTrace(JSON.stringify(saved), key, 'what is saved')
        // An IV is no secret.
        expect(saved.Iv).to.equal(iv.toString('base64'))
      })
    })

    it(`refuses what was saved under another checkpointKey, altered, or under none, ${format}`, async () => {
      const sealer = sealerOf(encryption(rsaPublicOnly(), format), checkpointKey)
      const { saved } = await sealer.seal()
      const wrapped = saved.Wrapped!
      const flip = (text: string): string => (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
      const damaged = [
        { ...saved, Wrapped: { ...wrapped, Key: flip(wrapped.Key) } },
        { ...saved, Wrapped: { ...wrapped, Key: 'not Base64!' } },
        { ...saved, Iv: '' },
        { ...saved, Iv: 'AAAA' },
        { Envelope: saved.Envelope, Wrapped: wrapped },
        { Envelope: saved.Envelope },
      ]
      for (const other of damaged) await failureOf(() => sealer.reopen(other))
      const another = AesMasterKey.from(new Seeded(62).bytes(32))
      await refused('SEALSTREAM_UNWRAP', () =>
        sealerOf(encryption(rsaPublicOnly(), format), another).reopen(saved),
      )
      await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', () =>
        sealerOf(encryption(rsaPublicOnly(), format)).reopen(saved),
      )
    })

    it(`refuses an envelope of the other format, ${format}`, async () => {
      const { saved } = await sealerOf(encryption(AES_256.masterKey(), format)).seal()
      const other = FORMATS.find((one) => one !== format)!
      await refused('SEALSTREAM_POLICY', () => sealerOf(encryption(AES_256.masterKey(), other)).reopen(saved))
    })

    it(`stores as many bytes as there are, from 0 to 2^40, ${format}`, () => {
      const sealer = sealerOf(encryption(AES_256.masterKey(), format))
      for (const size of [0, 1, 15, 16, 17, 2 ** 32 + 1, 2 ** 40]) {
        expect(sealer.storedSize(size)).to.equal(size)
      }
    })
  }

  it('can reopen unless its master key only wraps and there is no checkpointKey', () => {
    const can = (masterKey: MasterKey, key?: AesMasterKey): boolean =>
      sealerOf(encryption(masterKey, 'cos'), key).canReopen
    expect(MASTERS.map(({ masterKey }) => can(masterKey()))).to.deep.equal(MASTERS.map(() => true))
    expect([can(rsaPublicOnly()), can(rsaPublicOnly(), checkpointKey)]).to.deep.equal([false, true])
  })

  it('takes an AesMasterKey or none as checkpointKey', async () => {
    expect(checkCheckpointKey(undefined)).to.equal(undefined)
    expect(checkCheckpointKey(checkpointKey)).to.equal(checkpointKey)
    for (const wrong of [null, 'text', Buffer.alloc(32), rsaPublicOnly(), { wrap: 1 }]) {
      const error = await refused('SEALSTREAM_OPTION', () => checkCheckpointKey(wrong))
      expect(error).to.have.property('option', 'checkpointKey')
    }
  })
})
