/** Master keys that users write: honest ones of every kind, and such as answer with something else. */
import { createCipheriv, createDecipheriv, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import { unwrapFailed, wrongKind, type MasterKey, type Wrapped } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { masterKeyContract } from '../support/master-key-contract.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const PAIR = testPair('2048')
const PLAIN = new Seeded(98).bytes(1000)
const wrong = (value: unknown): never => value as never
const untouched = (): never => expect.fail('must not be called')

/** As a user would write it over a device that only lets RSA operations out. */
class DeviceMasterKey implements MasterKey {
  readonly id = 'device-slot-7'

  async wrap(dataKey: DataKey): Promise<Wrapped> {
    const encrypt = (bytes: Buffer): Buffer => publicEncrypt({ key: PAIR.publicKey, oaepHash: 'sha1' }, bytes)
    return dataKey.withBytes(async (key, iv) => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      return { format: dataKey.format, scheme: 'rsa-oaep-sha1', key: encrypt(key), iv: encrypt(iv) }
    })
  }

  async unwrap(wrapped: Wrapped): Promise<DataKey> {
    const decrypt = (bytes: Uint8Array): Buffer =>
      privateDecrypt({ key: PAIR.privateKey, oaepHash: 'sha1' }, bytes)
    try {
      return DataKey.from({ format: wrapped.format, key: decrypt(wrapped.key), iv: decrypt(wrapped.iv) })
    } catch {
      throw unwrapFailed()
    }
  }
}

/** A key of kind custom, for format sealed: AES-GCM under a key of its own. */
class VaultMasterKey implements MasterKey {
  readonly kind = 'custom'
  readonly #key = randomBytes(32)
  readonly id: string

  constructor(id = 'vault_key-1') {
    this.id = id
  }

  async wrap(dataKey: DataKey): Promise<Wrapped> {
    return dataKey.withBytes((key) => {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
      const wrapped = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
      return { format: dataKey.format, scheme: 'custom', key: wrapped, iv: Buffer.alloc(0) }
    })
  }

  async unwrap({ format, scheme, key }: Wrapped): Promise<DataKey> {
    if (scheme !== 'custom') throw wrongKind('custom', scheme)
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, key.subarray(0, 12), { authTagLength: 16 })
      decipher.setAuthTag(key.subarray(-16))
      const plain = Buffer.concat([decipher.update(key.subarray(12, -16)), decipher.final()])
      return DataKey.from({ format, key: plain })
    } catch {
      throw unwrapFailed()
    }
  }
}

describe("a user's own master key over RSA", () => {
  const device = new DeviceMasterKey()
  masterKeyContract('a device', () => device, ['cos', 'cos-python'])

  for (const format of ['cos', 'cos-python'] as const) {
    it(`writes ${format} that RsaMasterKey opens, and opens what RsaMasterKey wrote`, async () => {
      const rsa = RsaMasterKey.from(PAIR)
      await openEnvelope((await createEnvelope(device, { format })).metadata, rsa, { policy: 'any' })
      await openEnvelope((await createEnvelope(rsa, { format })).metadata, device, { policy: 'any' })
    })
  }

  it('is refused for sealed, whose RSA recipients are wrapped otherwise', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(device, { format: 'sealed' }))
    expect(error).to.include({ option: 'masterKey' })
  })
})

describe("a user's own master key of kind custom", () => {
  const vault = new VaultMasterKey()
  const context = { tenant: 'a' }

  it('writes and reads sealed, with a context that it knows nothing of', async () => {
    const { dataKey, metadata } = await createEnvelope(vault, { format: 'sealed', context })
    expect(metadata['x-cos-meta-sealstream-recipient-1']).to.match(/^custom\.vault_key-1\.[\w-]{80}$/)
    const stored = runCipher(dataKey.encryptor(), [PLAIN])
    const opened = await openEnvelope(metadata, vault, { policy: 'authenticated', context })
    expect(opened).to.include({ format: 'sealed', authenticated: true, keyVerified: true })
    expect(runCipher(opened.dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
    const other = await openEnvelope(metadata, vault, { policy: 'authenticated', context: { tenant: 'b' } })
    await refused('SEALSTREAM_COMMITMENT', () => runCipher(other.dataKey.decryptor(), [stored]))
  })

  it('is a recipient beside others, each of whom opens alone', async () => {
    const aes = AesMasterKey.generate()
    const { metadata } = await createEnvelope(new Keyring({ write: [aes, vault] }), { format: 'sealed' })
    for (const reader of [aes, vault]) await openEnvelope(metadata, reader, { policy: 'authenticated' })
  })

  it('does not open what another of its kind wrote, nor do other kinds', async () => {
    const { metadata } = await createEnvelope(vault, { format: 'sealed' })
    const open = (reader: MasterKey) => (): unknown => openEnvelope(metadata, reader, { policy: 'any' })
    await refused('SEALSTREAM_UNWRAP', open(new VaultMasterKey()))
    for (const reader of [AesMasterKey.generate(), RsaMasterKey.from(PAIR)]) {
      const error = await refused('SEALSTREAM_KEY_KIND', open(reader))
      expect(error.message).to.include('user-written')
    }
  })

  for (const format of ['cos', 'cos-python', 'cos-java-gcm'] as const) {
    it(`is refused for ${format}, which has no form for it`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(vault, { format }))
      expect(error.message).to.include('custom').and.to.include(format)
    })
  }

  for (const id of ['', 'a.b', 'a b', 'é', 'x'.repeat(65)]) {
    it(`is refused for sealed with the id ${inspect(id.slice(0, 5))} of ${id.length} letters`, async () => {
      await refused('SEALSTREAM_OPTION', () => createEnvelope(new VaultMasterKey(id), { format: 'sealed' }))
    })
  }

  it('passes its own error through when it refuses, at once or later, and disposes the data key', async () => {
    for (const isSync of [true, false]) {
      const seen: DataKey[] = []
      const broken: MasterKey = {
        id: 'broken',
        wrap(dataKey) {
          seen.push(dataKey)
          if (isSync) throw new Error('device unplugged')
          return Promise.reject(new Error('device unplugged'))
        },
        unwrap: () => Promise.reject(new Error('device unplugged')),
      }
      for (const format of ['sealed', 'cos'] as const) {
        const error: unknown = await createEnvelope(broken, { format }).catch((thrown: unknown) => thrown)
        expect(error).to.include({ message: 'device unplugged' })
      }
      for (const dataKey of seen) await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => dataKey.encryptor())
      const { metadata } = await createEnvelope(vault, { format: 'sealed' })
      const opening = openEnvelope(metadata, broken, { policy: 'any' })
      expect(await opening.catch((thrown: unknown) => thrown)).to.include({ message: 'device unplugged' })
    }
  })
})

describe("a user's own master key that unwraps to something else", () => {
  const vault = new VaultMasterKey()
  const found: Readonly<Record<string, () => unknown>> = {
    undefined: () => undefined,
    'a text': () => 'key',
    'raw bytes': () => randomBytes(32),
    'what looks like a data key': () => ({ format: 'sealed', dispose: () => undefined }),
    'a data key of cos': () => DataKey.from({ format: 'cos', key: randomBytes(32), iv: randomBytes(16) }),
  }
  for (const [title, give] of Object.entries(found)) {
    it(`is refused: ${title}`, async () => {
      const { metadata } = await createEnvelope(vault, { format: 'sealed' })
      const liar: MasterKey = { id: 'liar', wrap: untouched, unwrap: async () => wrong(give()) }
      for (const context of [undefined, { a: '1' }]) {
        const options = { policy: 'any' as const, ...(context === undefined ? {} : { context }) }
        const error = await refused('SEALSTREAM_OPTION', () => openEnvelope(metadata, liar, options))
        expect(error).to.include({ option: 'masterKey' })
      }
    })
  }

  it('gives no wrong byte with another data key of the right format', async () => {
    const { dataKey, metadata } = await createEnvelope(vault, { format: 'sealed' })
    const stored = runCipher(dataKey.encryptor(), [PLAIN])
    const liar: MasterKey = {
      id: 'liar',
      wrap: untouched,
      unwrap: async ({ format }) => DataKey.from({ format, key: randomBytes(32) }),
    }
    const opened = await openEnvelope(metadata, liar, { policy: 'any' })
    await refused('SEALSTREAM_COMMITMENT', () => runCipher(opened.dataKey.decryptor(), [stored]))
  })
})

describe("a user's own master key that wraps to something else", () => {
  const answers: Readonly<Record<string, unknown>> = {
    undefined: undefined,
    null: null,
    'a text': 'wrapped',
    'an empty object': {},
    'an unknown scheme': { format: 'sealed', scheme: 'nonsense', key: Buffer.alloc(9) },
    'a scheme that is no text': { format: 'sealed', scheme: 5, key: Buffer.alloc(9) },
    'no key': { format: 'sealed', scheme: 'custom' },
    'an empty key': { format: 'sealed', scheme: 'custom', key: Buffer.alloc(0) },
    'a number as key': { format: 'sealed', scheme: 'custom', key: 40 },
    'an AES key that is too short': { format: 'sealed', scheme: 'aes-kw', key: Buffer.alloc(39) },
    'another format': { format: 'cos', scheme: 'custom', key: Buffer.alloc(9) },
    'an id with a dot': { format: 'sealed', scheme: 'custom', key: Buffer.alloc(9), keyId: 'a.b' },
  }
  for (const [title, answer] of Object.entries(answers)) {
    it(`is refused with an OptionError that names masterKey: ${title}`, async () => {
      const liar: MasterKey = { id: 'liar', wrap: async () => wrong(answer), unwrap: untouched }
      for (const master of [liar, new Keyring({ write: [AesMasterKey.generate(), liar] })]) {
        const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(master, { format: 'sealed' }))
        expect(error).to.include({ option: 'masterKey' })
      }
    })
  }

  for (const [format, scheme] of [
    ['cos', 'aes-ctr'],
    ['cos', 'aes-ecb'],
    ['cos', 'rsa-pkcs1'],
    ['cos', 'rsa-oaep-sha256'],
    ['cos-python', 'aes-kw'],
    ['cos-python', 'kms'],
    ['cos-python', 'rsa-oaep-sha256-mgf1-sha1'],
    ['cos-java-gcm', 'custom'],
    ['cos-java-gcm', 'rsa-pkcs1'],
  ] as const) {
    it(`is refused: by ${scheme} for ${format}, which has no form for it`, async () => {
      const liar: MasterKey = {
        id: 'liar',
        wrap: async () => ({ format, scheme, key: Buffer.alloc(40), iv: Buffer.alloc(24) }),
        unwrap: untouched,
      }
      const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(liar, { format }))
      expect(error.message).to.include(scheme).and.to.include(format)
    })
  }

  for (const [scheme, keyLength, ivLength] of [
    ['aes-kw', 39, 24],
    ['aes-kw', 40, 16],
    ['rsa-oaep-sha1', 256, 128],
    ['rsa-oaep-sha1', 0, 0],
    ['rsa-oaep-sha1', 1032, 1032],
    ['kms', 0, 10],
    ['kms', 10, 0],
    ['kms', 10, 16],
  ] as const) {
    it(`is refused: by ${scheme} for cos, to ${keyLength} and ${ivLength} bytes, which no reader takes`, async () => {
      const [key, iv] = [Buffer.alloc(keyLength, 'k'), Buffer.alloc(ivLength, 'i')]
      const wrapped = { format: 'cos', scheme, key, iv } as const
      const liar: MasterKey = { id: 'liar', wrap: async () => wrapped, unwrap: untouched }
      await refused('SEALSTREAM_OPTION', () => createEnvelope(liar, { format: 'cos' }))
    })
  }
})
