/** KmsMasterKey against the embedded server: what it writes and reads, by which calls, in which context. */
import { createDecipheriv } from 'node:crypto'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { call, refusal } from '../server/kms-request.js'
import { kmsOfSpec } from '../support/kms-keys.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { androidHeaders, legacyHeaders, newContent, PREFIX, storedAs } from '../support/sdk-headers.js'
import { Seeded } from '../support/seeded.js'

const PLAIN = new Seeded(540).bytes(20_000)
const FORMATS = ['cos', 'cos-java-gcm', 'sealed'] as const
const CONTEXT = { tenant: 'a', document: '7' }
const MATDESC = `${PREFIX}matdesc`

const blobOf = (headers: Record<string, string>, name: string): string =>
  Buffer.from(headers[PREFIX + name]!, 'base64').toString()
const open = (headers: Record<string, string>, master: MasterKey): ReturnType<typeof openEnvelope> =>
  openEnvelope(headers, master, { policy: 'any' })

describe('KmsMasterKey', () => {
  const kms = kmsOfSpec()

  for (const format of FORMATS) {
    for (const context of [undefined, {}, CONTEXT]) {
      const title = context === undefined ? 'no context' : JSON.stringify(context)
      const options = context === undefined ? {} : { context }

      it(`writes ${format} with ${title} that it reads, keyVerified true`, async () => {
        const { dataKey, metadata } = await createEnvelope(kms.key(), { format, ...options })
        const stored = runCipher(dataKey.encryptor(), [PLAIN])
        const opened = await openEnvelope(metadata, kms.key(), { policy: 'any', ...options })
        expect(opened).to.include({ format, keyVerified: true, authenticated: format === 'sealed' })
        expect(runCipher(opened.dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
      })
    }

    it(`calls GenerateDataKey for every object of ${format}, and Encrypt for the IV alone`, async () => {
      const master = kms.key({ cache: true })
      for (let object = 0; object < 3; object++) await createEnvelope(master, { format })
      await kms.expectCalls({ GenerateDataKey: 3, Encrypt: format === 'sealed' ? 0 : 3 })
    })

    it(`wraps a data key of ${format} that exists by Encrypt`, async () => {
      const master = kms.key()
      const dataKey = DataKey.generate(format, {})
      const wrapped = await master.wrap(dataKey)
      await kms.expectCalls({ Encrypt: format === 'sealed' ? 1 : 2 })
      expect(wrapped).to.include({ format, scheme: 'kms', keyId: 'key-1' })
      const unwrapped = await master.unwrap(wrapped)
      const keyOf = (key: DataKey): Promise<string> => key.withBytes((bytes) => bytes.toString('hex'))
      expect(await keyOf(unwrapped)).to.equal(await keyOf(dataKey))
    })

    it(`opens ${format} by one Decrypt for each blob`, async () => {
      const { metadata } = await createEnvelope(kms.key(), { format })
      kms.reset()
      await open(metadata, kms.key())
      await kms.expectCalls({ Decrypt: format === 'sealed' ? 1 : 2 })
    })

    it(`does not open ${format} of another KMS, nor with an altered blob`, async () => {
      const { metadata } = await createEnvelope(kms.key(), { format })
      await refused('SEALSTREAM_UNWRAP', () => open(metadata, other.key()))
    })
  }

  const other = kmsOfSpec()

  for (const name of ['key', 'start']) {
    it(`does not open cos with another blob in ${name}`, async () => {
      const { metadata } = await createEnvelope(kms.key(), { format: 'cos' })
      const blob = blobOf(metadata, name)
      for (const altered of [
        `${blob}A`,
        blob.slice(1),
        'blob',
        `${blob[0] === 'A' ? 'B' : 'A'}${blob.slice(1)}`,
      ]) {
        const headers = { ...metadata, [PREFIX + name]: Buffer.from(altered).toString('base64') }
        await refused('SEALSTREAM_UNWRAP', () => open(headers, kms.key()))
      }
    })

    it(`does not open cos with the blob of other bytes in ${name}, whatever their number`, async () => {
      const { metadata } = await createEnvelope(kms.key(), { format: 'cos' })
      for (const length of [1, 12, 31, 33, 64]) {
        const Plaintext = Buffer.alloc(length, 1).toString('base64')
        const parameters = { KeyId: 'key-1', Plaintext, EncryptionContext: '{}' }
        const { CiphertextBlob } = await call(kms.server(), 'Encrypt', parameters)
        const headers = { ...metadata, [PREFIX + name]: Buffer.from(CiphertextBlob).toString('base64') }
        await refused('SEALSTREAM_UNWRAP', () => open(headers, kms.key()))
      }
    })
  }

  it('has no form for cos-python, and calls nothing', async () => {
    const error = await refused('SEALSTREAM_OPTION', () =>
      createEnvelope(kms.key(), { format: 'cos-python' }),
    )
    expect(error).to.include({ option: 'format' })
    await kms.expectCalls({})
  })

  it('has the id of its key, and passes on what KMS says of a key that it does not have', async () => {
    expect(kms.key({ keyId: 'My_Key-1' }).id).to.equal('My_Key-1')
    const error = await refused('SEALSTREAM_SERVICE', () =>
      createEnvelope(kms.key({ keyId: 'under_score' }), { format: 'sealed' }),
    )
    expect(error).to.include({ serviceCode: 'InvalidParameterValue.InvalidKeyId' })
  })

  for (const scheme of ['aes-kw', 'rsa-oaep-sha256', 'custom'] as const) {
    it(`refuses ${scheme} as of another kind, and calls nothing`, async () => {
      const wrapped = { format: 'sealed', scheme, key: Buffer.alloc(40), iv: Buffer.alloc(0) } as const
      await refused('SEALSTREAM_KEY_KIND', () => kms.key().unwrap(wrapped))
      await kms.expectCalls({})
    })
  }
})

describe('the encryption context that KMS is given', () => {
  const kms = kmsOfSpec()
  const decrypt = (blob: string, EncryptionContext: string): ReturnType<typeof call> =>
    call(kms.server(), 'Decrypt', { CiphertextBlob: blob, EncryptionContext })

  for (const format of ['cos', 'cos-java-gcm'] as const) {
    it(`is the description of ${format}, as it stands in the header`, async () => {
      const { metadata } = await createEnvelope(kms.key(), { format, context: CONTEXT })
      expect(metadata[MATDESC]).to.equal('{"document":"7","tenant":"a"}')
      for (const name of ['key', 'start']) {
        await decrypt(blobOf(metadata, name), metadata[MATDESC]!)
        const parameters = { CiphertextBlob: blobOf(metadata, name), EncryptionContext: '{}' }
        const code = await refusal(kms.server(), 'Decrypt', parameters)
        expect(code).to.equal('InvalidParameterValue.InvalidCiphertext')
      }
    })

    it(`is {} for ${format} without a description, as the Java SDK sends it`, async () => {
      const { dataKey, metadata } = await createEnvelope(kms.key(), { format })
      expect(metadata).to.not.have.property(MATDESC)
      const { Plaintext } = await decrypt(blobOf(metadata, 'key'), '{}')
      const iv = await decrypt(blobOf(metadata, 'start'), '{}')
      await dataKey.withBytes((rawKey, rawIv) => {
        expect([Plaintext, iv.Plaintext]).to.deep.equal([rawKey.toString('base64'), rawIv.toString('base64')])
      })
    })

    it(`refuses ${format} whose description was altered, in order or spacing not`, async () => {
      const { metadata } = await createEnvelope(kms.key(), { format, context: CONTEXT })
      const reading = (text: string): Promise<unknown> => open({ ...metadata, [MATDESC]: text }, kms.key())
      await reading('{ "tenant": "a", "document": "7" }')
      for (const text of ['{}', '{"tenant":"a"}', '{"tenant":"b","document":"7"}']) {
        await refused('SEALSTREAM_UNWRAP', () => reading(text))
      }
      const { [MATDESC]: _, ...without } = metadata
      await refused('SEALSTREAM_UNWRAP', () => open(without, kms.key()))
    })
  }

  it('is one of its own for sealed, whatever context the object has', async () => {
    for (const context of [{}, CONTEXT]) {
      const { metadata } = await createEnvelope(kms.key(), { format: 'sealed', context })
      const [kind, id, key = ''] = metadata['x-cos-meta-sealstream-recipient-1']!.split('.')
      expect([kind, id]).to.deep.equal(['kms', 'key-1'])
      await decrypt(Buffer.from(key, 'base64url').toString(), '{"sealstream":"1"}')
    }
  })

  it('is escaped where the text is not ASCII, and opens again', async () => {
    const context = { name: '中 é \u{1F600} <&> \u007f' }
    const { metadata } = await createEnvelope(kms.key(), { format: 'cos', context })
    await openEnvelope(metadata, kms.key(), { policy: 'any', context })
  })
})

describe('objects of other SDKs under KMS', () => {
  const kms = kmsOfSpec()
  const content = newContent('AES/CTR/NoPadding')
  const stored = storedAs(content, PLAIN)
  const encrypt = async (bytes: Buffer, EncryptionContext?: string): Promise<string> => {
    const parameters = { KeyId: 'key-9', Plaintext: bytes.toString('base64') }
    const context = EncryptionContext === undefined ? {} : { EncryptionContext }
    const { CiphertextBlob } = await call(kms.server(), 'Encrypt', { ...parameters, ...context })
    return Buffer.from(CiphertextBlob).toString('base64')
  }
  const headers = async (
    kmsContext: string | undefined,
    description?: string,
  ): Promise<Record<string, string>> => ({
    [`${PREFIX}key`]: await encrypt(content.key, kmsContext),
    [`${PREFIX}start`]: await encrypt(content.iv, kmsContext),
    [`${PREFIX}cek-alg`]: content.cipher,
    [`${PREFIX}wrap-alg`]: 'KMS/TencentCloud',
    ...(description === undefined ? {} : { [MATDESC]: description }),
  })
  const decrypts = async (metadata: Record<string, string>): Promise<void> => {
    const { dataKey } = await open(metadata, kms.key())
    expect(runCipher(dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
  }

  for (const [title, kmsContext] of [
    ["'{}', as the Java SDK sends", '{}'],
    ["'', as the Go SDK sends", ''],
    ['none at all', undefined],
  ] as const) {
    it(`open without a description, made with the context ${title}`, async () => {
      await decrypts(await headers(kmsContext))
    })
  }

  it('open with a description in any order, also with kms_cmk_id', async () => {
    for (const text of ['{"a":"1","b":"2"}', '{"b": "2", "a": "1"}', '{"kms_cmk_id":"key-9","a":"1"}']) {
      await decrypts(await headers(text, text))
    }
  })

  it('open where the description is UTF-8 in the header, as Go writes it', async () => {
    const text = '{"name":"中"}'
    await decrypts(await headers(text, Buffer.from(text).toString('latin1')))
  })

  it("open under another key's id: KMS finds the key in the blob", async () => {
    await open(await headers('{}'), kms.key({ keyId: 'key-2' }))
  })

  it('open as the Android and the oldest Java SDKs write them, with plain IVs, by one Decrypt', async () => {
    const blob = Buffer.from(await encrypt(content.key, '{}'), 'base64')
    const described = Buffer.from(await encrypt(content.key, '{"kms_cmk_id":"key-9"}'), 'base64')
    const wrapping = (bytes: Buffer): { name: string; wrap: () => Buffer } => ({
      name: 'kms',
      wrap: () => bytes,
    })
    kms.reset()
    await decrypts(androidHeaders(content, wrapping(described), '{"kms_cmk_id":"key-9"}'))
    await decrypts(legacyHeaders(content, wrapping(blob)))
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('do not open under an AES key', async () => {
    const metadata = await headers('{}')
    await refused('SEALSTREAM_KEY_KIND', () => open(metadata, AesMasterKey.generate()))
  })

  it('are, the other way round, plain AES-256-CTR under what KMS gives', async () => {
    const { dataKey, metadata } = await createEnvelope(kms.key(), { format: 'cos' })
    const ours = runCipher(dataKey.encryptor(), [PLAIN])
    const plain = async (name: string): Promise<Buffer> => {
      const parameters = { CiphertextBlob: blobOf(metadata, name), EncryptionContext: '{}' }
      return Buffer.from((await call(kms.server(), 'Decrypt', parameters)).Plaintext, 'base64')
    }
    const decipher = createDecipheriv('aes-256-ctr', await plain('key'), await plain('start'))
    expect(decipher.update(ours).equals(PLAIN)).to.equal(true)
  })
})
