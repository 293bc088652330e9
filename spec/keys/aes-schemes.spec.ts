/** AesMasterKey in the newer formats and the older ones: sealed, ECB, plain IVs, and what it has no form for. */
import { createCipheriv } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { SealstreamError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { Wrapped } from '../../lib/keys/master-key.js'
import { refused } from '../support/refused.js'
import { aesIdModel, aesRecipientModel } from '../support/sealed-model.js'
import { Seeded } from '../support/seeded.js'

const random = new Seeded(510)
const DATA_KEY = random.bytes(32)
const IV = random.bytes(16)
const SALT = random.bytes(24)
const none = Buffer.alloc(0)

async function expectKey(dataKey: DataKey, expectedIv?: Buffer): Promise<void> {
  await dataKey.withBytes((key, iv) => {
    expect(key.equals(DATA_KEY)).to.equal(true)
    if (expectedIv !== undefined) expect(iv.equals(expectedIv)).to.equal(true)
  })
}

for (const bytes of [16, 24, 32]) {
  const raw = random.bytes(bytes)
  const master = AesMasterKey.from(raw)

  describe(`AesMasterKey of ${bytes * 8} bits and format sealed`, () => {
    const sealed = (): DataKey => DataKey.from({ format: 'sealed', key: DATA_KEY, iv: SALT })

    it('wraps to 40 bytes under a key that is derived, with its id and without an IV', async () => {
      const wrapped = await master.wrap(sealed())
      expect(wrapped).to.include({ format: 'sealed', scheme: 'aes-kw', keyId: aesIdModel(raw) })
      expect(wrapped.iv.length).to.equal(0)
      const text = `aes.${master.id}.${Buffer.from(wrapped.key).toString('base64url')}`
      expect(text).to.equal(aesRecipientModel(raw, DATA_KEY))
    })

    it('unwraps it, whatever id stands beside it', async () => {
      const wrapped = await master.wrap(sealed())
      for (const keyId of [master.id, 'other', ''])
        await expectKey(await master.unwrap({ ...wrapped, keyId }))
      const { keyId: _, ...nameless } = wrapped
      await expectKey(await master.unwrap(nameless))
    })

    it('gives a data key without a salt: that stands in the object', async () => {
      expect((await master.unwrap(await master.wrap(sealed()))).hasHead).to.equal(false)
    })

    it('does not unwrap the blob of cos as sealed, nor that of sealed as cos (RULES 3.2)', async () => {
      const cos = await master.wrap(DataKey.from({ format: 'cos', key: DATA_KEY, iv: IV }))
      await refused('SEALSTREAM_UNWRAP', () => master.unwrap({ ...cos, format: 'sealed', iv: none }))
      const { key } = await master.wrap(sealed())
      await refused('SEALSTREAM_UNWRAP', () => master.unwrap({ ...cos, key }))
    })
  })

  describe(`AesMasterKey of ${bytes * 8} bits and the bare cipher of old Java SDKs`, () => {
    const ecb = (content: Buffer, isPadded = true): Buffer => {
      const cipher = createCipheriv(`aes-${bytes * 8}-ecb`, raw, null).setAutoPadding(isPadded)
      return Buffer.concat([cipher.update(content), cipher.final()])
    }
    const wrapped: Wrapped = { format: 'cos', scheme: 'aes-ecb', key: ecb(DATA_KEY), iv: IV, isIvPlain: true }

    it('unwraps ECB with PKCS#7 padding and the plain IV beside it', async () => {
      await expectKey(await master.unwrap(wrapped), IV)
    })

    it('gives one and the same error for all that is wrong', async () => {
      const errors: SealstreamError[] = []
      for (const key of [
        ecb(DATA_KEY, false),
        ecb(random.bytes(16)),
        ecb(random.bytes(33)),
        ecb(Buffer.concat([DATA_KEY, Buffer.alloc(16, 1)]), false),
        Buffer.alloc(48),
        Buffer.alloc(47),
        none,
      ]) {
        errors.push(await refused('SEALSTREAM_UNWRAP', () => master.unwrap({ ...wrapped, key })))
      }
      errors.push(await refused('SEALSTREAM_UNWRAP', () => AesMasterKey.generate().unwrap(wrapped)))
      const shown = errors.map(({ message, hint, cause }) => inspect([message, hint, cause]))
      expect(new Set(shown).size).to.equal(1)
    })

    for (const [format, length] of [
      ['cos', 12],
      ['cos-java-cbc', 12],
      ['cos-java-gcm', 16],
      ['cos', 0],
    ] as const) {
      it(`refuses a plain IV of ${length} bytes for ${format}`, async () => {
        const misfit = { ...wrapped, format, iv: Buffer.alloc(length) }
        await refused('SEALSTREAM_UNWRAP', () => master.unwrap(misfit))
      })
    }
  })

  describe(`AesMasterKey of ${bytes * 8} bits and what it reads only`, () => {
    it('unwraps a plain IV beside AES key wrap, and leaves it as it was', async () => {
      const { key } = await master.wrap(DataKey.from({ format: 'cos', key: DATA_KEY, iv: random.bytes(16) }))
      for (const [format, iv] of [
        ['cos', IV],
        ['cos-java-cbc', IV],
        ['cos-java-gcm', IV.subarray(0, 12)],
      ] as const) {
        const before = iv.toString('hex')
        const dataKey = await master.unwrap({ format, scheme: 'aes-kw', key, iv, isIvPlain: true })
        await expectKey(dataKey, iv)
        expect(iv.toString('hex')).to.equal(before)
      }
    })

    it('unwraps cos-java-cbc by AES key wrap', async () => {
      const cos = await master.wrap(DataKey.from({ format: 'cos', key: DATA_KEY, iv: IV }))
      const dataKey = await master.unwrap({ ...cos, format: 'cos-java-cbc' })
      expect(dataKey.format).to.equal('cos-java-cbc')
      await expectKey(dataKey, IV)
    })

    it('has no form for cos-java-gcm, and says which keys have', async () => {
      const error = await refused('SEALSTREAM_OPTION', () => master.wrap(DataKey.generate('cos-java-gcm')))
      expect(error).to.include({ option: 'format' })
      expect(error.hint).to.include('RSA').and.to.include('KMS')
    })

    for (const scheme of ['rsa-pkcs1', 'rsa-oaep-sha256', 'kms', 'custom'] as const) {
      it(`refuses ${scheme} as of another kind`, async () => {
        const wrapped: Wrapped = { format: 'sealed', scheme, key: Buffer.alloc(256), iv: none }
        await refused('SEALSTREAM_KEY_KIND', () => master.unwrap(wrapped))
      })
    }
  })
}
