/** The headers that are written for the COS SDKs, and what plain node:crypto makes of them. */
import { constants, createCipheriv, createDecipheriv, privateDecrypt, type RsaPrivateKey } from 'node:crypto'
import { expect } from 'chai'
import type { Format } from '../../lib/crypto/format.js'
import { createEnvelope } from '../../lib/envelope/envelope.js'
import type { Metadata } from '../../lib/envelope/write-envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { oaepModelDecrypt, pkcs1ModelDecrypt } from '../support/rsa-model.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const PREFIX = 'x-cos-meta-client-side-encryption-'
const random = new Seeded(95)
const PLAIN = random.bytes(1000)
const RAW_AES = { 128: random.bytes(16), 192: random.bytes(24), 256: random.bytes(32) }
const MODULI = ['2048', '3072', '3073'] as const
const BYTES = { '2048': 256, '3072': 384, '3073': 385 }
const OAEP_SHA1 = 'RSA/ECB/OAEPWithSHA-1AndMGF1Padding'

const value = (metadata: Metadata, suffix: string): string => metadata[`${PREFIX}${suffix}`]!
const decoded = (metadata: Metadata, suffix: string): Buffer => Buffer.from(value(metadata, suffix), 'base64')
const names = (...suffixes: string[]): string[] => suffixes.map((suffix) => `${PREFIX}${suffix}`).sort()
const lengths = (metadata: Metadata, ...suffixes: string[]): number[] =>
  suffixes.map((suffix) => decoded(metadata, suffix).length)

describe('the headers that are written', () => {
  for (const bits of [128, 192, 256] as const) {
    const master = AesMasterKey.from(RAW_AES[bits])

    it(`are key, start, cek-alg and wrap-alg for cos under AES-${bits}`, async () => {
      const { metadata } = await createEnvelope(master, { format: 'cos' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'start', 'cek-alg', 'wrap-alg'))
      expect(value(metadata, 'cek-alg')).to.equal('AES/CTR/NoPadding')
      expect(value(metadata, 'wrap-alg')).to.equal('AESWrap')
      expect(lengths(metadata, 'key', 'start')).to.deep.equal([40, 24])
    })

    it(`are key and iv for cos-python under AES-${bits}`, async () => {
      const { metadata } = await createEnvelope(master, { format: 'cos-python' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'iv'))
      expect(lengths(metadata, 'key', 'iv')).to.deep.equal([32, 16])
    })
  }

  for (const modulus of MODULI) {
    const master = RsaMasterKey.from({ publicKey: testPair(modulus).publicKey })
    const length = BYTES[modulus]

    it(`are key, iv, start, cek-alg and wrap-alg for cos under RSA-${modulus}: the bridge`, async () => {
      const { metadata } = await createEnvelope(master, { format: 'cos' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'iv', 'start', 'cek-alg', 'wrap-alg'))
      expect(value(metadata, 'cek-alg')).to.equal('AES/CTR/NoPadding')
      expect(value(metadata, 'wrap-alg')).to.equal(OAEP_SHA1)
      expect(value(metadata, 'iv')).to.equal(value(metadata, 'start'))
      expect(lengths(metadata, 'key', 'iv')).to.deep.equal([length, length])
    })

    it(`are key and iv for cos-python under RSA-${modulus}`, async () => {
      const { metadata } = await createEnvelope(master, { format: 'cos-python' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'iv'))
      expect(lengths(metadata, 'key', 'iv')).to.deep.equal([length, length])
    })

    it(`are those of the Java SDK for cos-java-gcm under RSA-${modulus}`, async () => {
      const { metadata } = await createEnvelope(master, { format: 'cos-java-gcm' })
      const own = names('key', 'start', 'cek-alg', 'wrap-alg')
      expect(Object.keys(metadata).sort()).to.deep.equal([...own, 'x-cos-meta-x-cos-tag-len'])
      expect(value(metadata, 'cek-alg')).to.equal('AES/GCM/NoPadding')
      expect(value(metadata, 'wrap-alg')).to.equal('RSA/ECB/OAEPWithSHA-256AndMGF1Padding')
      expect(metadata['x-cos-meta-x-cos-tag-len']).to.equal('128')
      expect(lengths(metadata, 'key', 'start')).to.deep.equal([length, length])
    })
  }

  for (const [format, cekAlg] of [
    ['cos', 'AES/CTR/NoPadding'],
    ['cos-java-gcm', 'AES/GCM/NoPadding'],
  ] as const) {
    it(`are the Base64 of what KMS calls a blob, for ${format} under KMS`, async () => {
      const { dataKey, metadata } = await createEnvelope(new FakeKmsMasterKey(), { format })
      expect(value(metadata, 'cek-alg')).to.equal(cekAlg)
      expect(value(metadata, 'wrap-alg')).to.equal('KMS/TencentCloud')
      await dataKey.withBytes((key, iv) => {
        expect(decoded(metadata, 'key').toString()).to.equal(`BLOB:${key.toString('base64')}`)
        expect(decoded(metadata, 'start').toString()).to.equal(`BLOB:${iv.toString('base64')}`)
      })
      expect(metadata).to.not.have.property(`${PREFIX}iv`)
    })
  }
})

describe('what is written, read by plain node:crypto', () => {
  const check = async (
    master: MasterKey,
    format: Format,
    unwrap: (metadata: Metadata) => [key: Buffer, iv: Buffer],
  ): Promise<void> => {
    const { dataKey, metadata } = await createEnvelope(master, { format })
    const stored = runCipher(dataKey.encryptor(), [PLAIN])
    const [key, iv] = unwrap(metadata)
    if (format !== 'cos-java-gcm') {
      expect(createDecipheriv('aes-256-ctr', key, iv).update(stored).equals(PLAIN)).to.equal(true)
      return
    }
    const gcm = createDecipheriv('aes-256-gcm', key, iv).setAuthTag(stored.subarray(-16))
    const plain = Buffer.concat([gcm.update(stored.subarray(0, -16)), gcm.final()])
    expect(plain.equals(PLAIN)).to.equal(true)
  }

  for (const bits of [128, 192, 256] as const) {
    const master = AesMasterKey.from(RAW_AES[bits])

    it(`opens by RFC 3394 for cos under AES-${bits}`, async () => {
      const unwrap = (bytes: Buffer): Buffer => {
        const decipher = createDecipheriv(`id-aes${bits}-wrap`, RAW_AES[bits], Buffer.alloc(8, 0xa6))
        return Buffer.concat([decipher.update(bytes), decipher.final()])
      }
      await check(master, 'cos', (metadata) => [
        unwrap(decoded(metadata, 'key')),
        unwrap(decoded(metadata, 'start')),
      ])
    })

    it(`opens by the keystream of counters 0, 1 and 2 for cos-python under AES-${bits}`, async () => {
      const counters = Buffer.alloc(48)
      counters[31] = 1
      counters[47] = 2
      const ecb = createCipheriv(`aes-${bits}-ecb`, RAW_AES[bits], null).setAutoPadding(false)
      const keystream = ecb.update(counters)
      const unwrap = (bytes: Buffer, from: number): Buffer =>
        Buffer.from(bytes.map((byte, n) => byte ^ keystream[from + n]!))
      await check(master, 'cos-python', (metadata) => [
        unwrap(decoded(metadata, 'key'), 0),
        unwrap(decoded(metadata, 'iv'), 32),
      ])
    })
  }

  for (const modulus of MODULI) {
    const { publicKey, privateKey } = testPair(modulus)

    for (const format of ['cos', 'cos-python'] as const) {
      it(`opens by OAEP with SHA-1 for ${format} under RSA-${modulus}`, async () => {
        const options: RsaPrivateKey = {
          key: privateKey,
          padding: constants.RSA_PKCS1_OAEP_PADDING,
          oaepHash: 'sha1',
        }
        await check(RsaMasterKey.from({ publicKey }), format, (metadata) => [
          privateDecrypt(options, decoded(metadata, 'key')),
          privateDecrypt(options, decoded(metadata, 'iv')),
        ])
      })
    }

    it(`opens by OAEP with SHA-256 and MGF1-SHA-1 for cos-java-gcm under RSA-${modulus}`, async () => {
      const hashes = { hash: 'sha256', mgf1Hash: 'sha1' }
      await check(RsaMasterKey.from({ publicKey }), 'cos-java-gcm', (metadata) => [
        oaepModelDecrypt(privateKey, decoded(metadata, 'key'), hashes),
        oaepModelDecrypt(privateKey, decoded(metadata, 'start'), hashes),
      ])
    })

    it(`opens by PKCS#1 v1.5 for cos-python under RSA-${modulus} with padding 'pkcs1'`, async () => {
      const master = RsaMasterKey.from({ publicKey, padding: 'pkcs1' })
      await check(master, 'cos-python', (metadata) => [
        pkcs1ModelDecrypt(privateKey, decoded(metadata, 'key')),
        pkcs1ModelDecrypt(privateKey, decoded(metadata, 'iv')),
      ])
    })

    it(`opens by OAEP with SHA-1 for cos and, with padding 'any', for cos-python under RSA-${modulus}`, async () => {
      const hashes = { hash: 'sha1', mgf1Hash: 'sha1' }
      for (const [padding, format] of [
        ['pkcs1', 'cos'],
        ['any', 'cos'],
        ['any', 'cos-python'],
      ] as const) {
        await check(RsaMasterKey.from({ publicKey, padding }), format, (metadata) => [
          oaepModelDecrypt(privateKey, decoded(metadata, 'key'), hashes),
          oaepModelDecrypt(privateKey, decoded(metadata, 'iv'), hashes),
        ])
      }
    })
  }
})
