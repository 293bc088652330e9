/** Envelopes of format sealed with fixed keys: made here by node:crypto alone, opened by lib, and the other way round. */
import { constants, createDecipheriv, createHash, privateDecrypt } from 'node:crypto'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { runCipher } from '../support/run-cipher.js'
import {
  aesIdModel,
  aesRecipientModel,
  hkdfModel,
  rsaRecipientModel,
  sealedHeaders,
  sealedModel,
} from '../support/sealed-model.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const counting = (from: number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, at) => from + at))
const DATA_KEY = counting(0x40, 32)
const SALT = counting(0xa0, 24)
const RECIPIENT = 'x-cos-meta-sealstream-recipient-1'

const keyOf = async (headers: Record<string, string>, master: MasterKey): Promise<string> => {
  const { dataKey } = await openEnvelope(headers, master, { policy: 'authenticated' })
  return dataKey.withBytes((key) => key.toString('hex'))
}

describe('a sealed envelope with fixed keys', () => {
  it('is this text under the AES master key 00..1f, for the data key 40..5f', async () => {
    const master = AesMasterKey.from(counting(0, 32))
    const { keyId, key, iv } = await master.wrap(DataKey.from({ format: 'sealed', key: DATA_KEY, iv: SALT }))
    const text = `aes.${keyId ?? ''}.${Buffer.from(key).toString('base64url')}`
    // By Python's hmac and the package cryptography, from RULES 3.1 and 3.2.
    expect(text).to.equal('aes.3920c832ed9ee978.p2tYZbzl9TctXnPHH9uWaPtJ_ZBYED6nSLr5R_i9Adl2Oj0oG7rWPA')
    expect(text).to.equal(aesRecipientModel(counting(0, 32), DATA_KEY))
    expect(iv.length).to.equal(0)
  })

  for (const bits of [128, 192, 256]) {
    it(`made by node:crypto opens under AES-${bits}`, async () => {
      const bytes = counting(bits, bits / 8)
      const headers = sealedHeaders(aesRecipientModel(bytes, DATA_KEY))
      expect(await keyOf(headers, AesMasterKey.from(bytes))).to.equal(DATA_KEY.toString('hex'))
    })

    it(`made by lib under AES-${bits} opens by node:crypto`, async () => {
      const bytes = counting(bits, bits / 8)
      const { dataKey, metadata } = await createEnvelope(AesMasterKey.from(bytes), { format: 'sealed' })
      const [kind, id, wrapped = ''] = metadata[RECIPIENT]!.split('.')
      expect([kind, id]).to.deep.equal(['aes', aesIdModel(bytes)])
      const under = hkdfModel(bytes, 'sealstream/1 AES-KW', 32)
      const decipher = createDecipheriv('id-aes256-wrap', under, Buffer.alloc(8, 0xa6))
      const found = Buffer.concat([decipher.update(Buffer.from(wrapped, 'base64url')), decipher.final()])
      await dataKey.withBytes((key) => expect(found.equals(key)).to.equal(true))
    })
  }

  for (const name of ['2048', '2049', '3072', '3073', '4096'] as const) {
    const { publicKey, privateKey } = testPair(name)
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    const id = createHash('sha256').update(spki).digest('hex').slice(0, 32)

    it(`made by node:crypto opens under RSA-${name}`, async () => {
      const headers = sealedHeaders(rsaRecipientModel(id, publicKey, DATA_KEY))
      expect(await keyOf(headers, RsaMasterKey.from({ privateKey }))).to.equal(DATA_KEY.toString('hex'))
    })

    it(`made by lib under RSA-${name} opens by node:crypto, OAEP with SHA-256 for both hashes`, async () => {
      const master = RsaMasterKey.from({ publicKey })
      const { dataKey, metadata } = await createEnvelope(master, { format: 'sealed' })
      const [kind, keyId, wrapped = ''] = metadata[RECIPIENT]!.split('.')
      expect([kind, keyId]).to.deep.equal(['rsa', id])
      const options = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
      const found = privateDecrypt(options, Buffer.from(wrapped, 'base64url'))
      await dataKey.withBytes((key) => expect(found.equals(key)).to.equal(true))
    })
  }

  it('has three headers: version 1, content cobblestone-256 and the recipient', async () => {
    const { metadata } = await createEnvelope(AesMasterKey.generate(), { format: 'sealed' })
    expect(metadata).to.deep.equal(sealedHeaders(metadata[RECIPIENT]!))
  })

  it('has nothing of the context in it', async () => {
    const context = { tenant: 'secret-tenant' }
    const { metadata } = await createEnvelope(AesMasterKey.generate(), { format: 'sealed', context })
    expect(JSON.stringify(metadata)).to.not.include('tenant')
  })
})

describe('a sealed object made by node:crypto alone', () => {
  const master = AesMasterKey.from(counting(0, 32))
  const headers = sealedHeaders(aesRecipientModel(counting(0, 32), DATA_KEY))
  const contexts: Readonly<Record<string, Record<string, string> | undefined>> = {
    'no context': undefined,
    'an empty context': {},
    'a context of one pair': { tenant: 'a' },
    // In JSON order and in the order of UTF-16 units these are others.
    'a context sorted by bytes': { '\u{1F600}': '1', '\uFF5E': '2', z: '3', Z: '4', '10': '5', '9': '6' },
    'a context with empty and long texts': { '': '', long: 'é'.repeat(30_000) },
  }
  for (const [title, context] of Object.entries(contexts)) {
    for (const size of [0, 1, 16_384, 40_000]) {
      it(`opens with ${title}, ${size} bytes long`, async () => {
        const plain = new Seeded(size).bytes(size)
        const stored = sealedModel(DATA_KEY, SALT, context ?? {}, plain)
        const options = context === undefined ? {} : { context }
        const opened = await openEnvelope(headers, master, { policy: ['sealed'], ...options })
        expect(runCipher(opened.dataKey.decryptor(), [stored]).equals(plain)).to.equal(true)
      })
    }
  }

  it('is, byte for byte, what lib makes with the same keys and context', () => {
    const context = { tenant: 'a', document: '7' }
    const plain = new Seeded(1).bytes(40_000)
    const dataKey = DataKey.from({ format: 'sealed', key: DATA_KEY, iv: SALT, context })
    const stored = runCipher(dataKey.encryptor(), [plain])
    expect(stored.equals(sealedModel(DATA_KEY, SALT, context, plain))).to.equal(true)
  })
})
