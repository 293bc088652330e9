/** What a checkpoint keeps of a data key of `sealed` and `cos-java-gcm`, and what it gets again from it. */
import { expect } from 'chai'
import type { DataKey } from '../../lib/crypto/data-key.js'
import { sealerOf } from '../../lib/encrypted/sealer.js'
import type { Encryption } from '../../lib/encrypted/encryption.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import type { SavedKey, Sealer } from '../../lib/transfer/seal.js'
import { AES_256, RSA_2048, rsaPublicOnly } from '../support/encrypting-masters.js'
import { storedSizeOf } from '../support/format-writers.js'
import { failureOf, refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'

type Format = Encryption['format']
type Context = Encryption['context']

const checkpointKey = AesMasterKey.from(new Seeded(61).bytes(32))

function sealer(format: Format, masterKey: MasterKey, context?: Context, key?: AesMasterKey): Sealer {
  // Sealing makes no request.
  const service = undefined as never
  return sealerOf({ masterKey, format, policy: 'any', context, service }, key)
}

const bytesOf = (dataKey: DataKey): Promise<string> =>
  dataKey.withBytes((key, iv) => `${key.toString('hex')} ${iv.toString('hex')}`)
/** As it comes out of a checkpoint. */
const revived = (saved: SavedKey): SavedKey => JSON.parse(JSON.stringify(saved)) as SavedKey

const KEYS: Readonly<Record<string, [format: Format, masterKey: () => MasterKey, key?: AesMasterKey]>> = {
  'sealed under AES': ['sealed', AES_256.masterKey],
  'sealed under RSA': ['sealed', RSA_2048.masterKey],
  'sealed under a Keyring': ['sealed', () => new Keyring({ write: [rsaPublicOnly(), AES_256.masterKey()] })],
  'sealed under a public key, with a checkpointKey': ['sealed', rsaPublicOnly, checkpointKey],
  'cos-java-gcm under RSA': ['cos-java-gcm', RSA_2048.masterKey],
  'cos-java-gcm under a public key, with a checkpointKey': ['cos-java-gcm', rsaPublicOnly, checkpointKey],
}

describe('sealerOf, sealed and cos-java-gcm', () => {
  for (const [title, [format, masterKey, key]] of Object.entries(KEYS)) {
    for (const context of [undefined, { tenant: 'north' }]) {
      const told = context === undefined ? 'without a context' : 'with a context'

      it(`${title}, ${told}: gets the same key again, for the same bytes alone`, async () => {
        const first = sealer(format, masterKey(), context, key)
        expect(first.canReopen).to.equal(true)
        const { dataKey, saved, envelope } = await first.seal()
        const again = await sealer(format, masterKey(), context, key).reopen(revived(saved))
        expect(await bytesOf(again)).to.equal(await bytesOf(dataKey))
        expect([again.format, again.context, saved.Envelope]).to.deep.equal([
          format,
          format === 'sealed' || key !== undefined ? (context ?? {}) : again.context,
          envelope,
        ])
        const plain = Buffer.alloc(100, 7)
        const encrypt = (by: DataKey): Buffer => {
          const running = by.encryptor({ sameBytes: true })
          return Buffer.concat([running.update(plain), running.final()])
        }
        expect(encrypt(again).equals(encrypt(dataKey))).to.equal(true)
        await refused('SEALSTREAM_DATA_KEY_REUSED', () => again.encryptor().update(plain))
        await dataKey.withBytes((bytes) => expectNoTrace(JSON.stringify(saved), bytes, 'what is saved'))
      })
    }

    it(`${title}: is another sealer under another context, key or format`, async () => {
      const others = [
        sealer(format, masterKey(), undefined, key),
        sealer(format, masterKey(), { tenant: 'north' }, key),
        sealer(format, masterKey(), { tenant: 'south' }, key),
        sealer(format, AES_256.otherKey(), undefined, key),
        sealer(format === 'sealed' ? 'cos' : 'sealed', masterKey(), undefined, key),
      ]
      expect(new Set(others.map(({ identity }) => identity)).size).to.equal(others.length)
      const order = sealer(format, masterKey(), { b: '2', a: '1' }, key)
      expect(order.identity).to.equal(sealer(format, masterKey(), { a: '1', b: '2' }, key).identity)
      // None and an empty one are the same bytes.
      expect(sealer(format, masterKey(), {}, key).identity).to.equal(others[0]!.identity)
    })
  }

  it('keep the salt of sealed, which is in no header, and no IV of others without a checkpointKey', async () => {
    const { saved, dataKey } = await sealer('sealed', AES_256.masterKey()).seal()
    await dataKey.withBytes((_, salt) => expect(saved.Iv).to.equal(salt.toString('base64')))
    for (const format of ['cos', 'cos-java-gcm'] as const)
      expect((await sealer(format, RSA_2048.masterKey()).seal()).saved).to.have.all.keys('Envelope')
  })

  it('refuse a salt that is not one, and what is of another format', async () => {
    const own = sealer('sealed', AES_256.masterKey())
    const { saved } = await own.seal()
    for (const Iv of [
      '',
      'AAAA',
      '*',
      Buffer.alloc(25).toString('base64'),
      Buffer.alloc(12).toString('base64'),
    ])
      await refused('SEALSTREAM_UNWRAP', () => own.reopen({ ...saved, Iv }))
    await refused('SEALSTREAM_UNWRAP', () => own.reopen({ Envelope: saved.Envelope }))
    await refused('SEALSTREAM_POLICY', () => sealer('cos', AES_256.masterKey()).reopen(saved))
    await failureOf(() => sealer('sealed', RSA_2048.masterKey()).reopen(saved))
  })

  it('store 56 bytes and 16 for each chunk, or 16 for all', () => {
    for (const format of ['sealed', 'cos-java-gcm', 'cos', 'cos-python'] as const) {
      const own = sealer(format, AES_256.masterKey())
      for (const size of [0, 1, 16_383, 16_384, 16_385, 2 ** 30, 2 ** 36 - 32])
        expect(own.storedSize(size), `${format} ${size}`).to.equal(storedSizeOf(format, size))
    }
  })

  it('refuse what the format cannot hold, as an option', async () => {
    const gcm = sealer('cos-java-gcm', RSA_2048.masterKey())
    const error = await refused('SEALSTREAM_OPTION', () => gcm.storedSize(2 ** 36 - 31))
    expect(error.message).to.contain('cos-java-gcm')
  })
})
