import { expect } from 'chai'
import { aes256Gcm } from '../../lib/crypto/aes-gcm.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import { SealstreamError } from '../../lib/errors.js'
import { decryption, secretOf } from '../support/content-secret.js'
import { feed, type Feeding } from '../support/feeding.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf } from '../support/seeded.js'
import { fromHex, nameOf, wycheproof, type GcmVector } from '../support/wycheproof.js'

const all = wycheproof.gcm()

/** What COS Java writes: AES-256, an IV of 96 bits, a tag of 128 bits. */
const fits = ({ keySize, ivSize, tagSize }: GcmVector): boolean =>
  keySize === 256 && ivSize === 96 && tagSize === 128

const ours = all.filter((vector) => fits(vector) && vector.aad === '')
const valid = ours.filter(({ result }) => result === 'valid')
const invalid = ours.filter(({ result }) => result === 'invalid')
/** Nobody's objects have additional data: without it, what was sealed with it is altered. */
const withData = all.filter((vector) => fits(vector) && vector.aad !== '')
const otherKeys = all.filter(({ keySize }) => keySize !== 256)
const otherIvs = all.filter(({ keySize, ivSize }) => keySize === 256 && ivSize !== 96)

/** Every byte alone, and at once. */
function decrypt({ key, iv, ct, tag }: GcmVector): Feeding[] {
  const secret = secretOf(fromHex(key), fromHex(iv))
  const stored = fromHex(ct + tag)
  return [piecesOf(stored, 1), [stored]].map((pieces) =>
    feed(aes256Gcm.decryptor(secret, decryption()), pieces),
  )
}

describe(`AES-256-GCM against the ${all.length} vectors of aes_gcm`, () => {
  it(`decrypts ${valid.length} of ${valid.length} valid ones without additional data`, () => {
    for (const vector of valid) {
      for (const { released, error } of decrypt(vector)) {
        expect([error?.code, released.toString('hex')], nameOf(vector)).to.deep.equal([undefined, vector.msg])
      }
    }
  })

  it(`encrypts the plaintext of the same ${valid.length} to their bytes`, () => {
    for (const vector of valid) {
      const secret = secretOf(fromHex(vector.key), fromHex(vector.iv))
      for (const size of [1, 1000]) {
        const pieces = piecesOf(fromHex(vector.msg), size)
        const output = runCipher(aes256Gcm.encryptor(secret, 0, true), pieces)
        expect(output.toString('hex'), nameOf(vector)).to.equal(vector.ct + vector.tag)
      }
    }
  })

  it(`refuses ${invalid.length} of ${invalid.length} invalid ones without additional data, and releases nothing`, () => {
    for (const vector of invalid) {
      for (const { released, error } of decrypt(vector)) {
        expect([error?.code, released.length], nameOf(vector)).to.deep.equal(['SEALSTREAM_AUTHENTICATION', 0])
      }
    }
  })

  it(`refuses ${withData.length} of ${withData.length} with additional data, which no object has`, () => {
    for (const vector of withData) {
      expect(vector.result).to.equal('valid')
      for (const { released, error } of decrypt(vector)) {
        expect([error?.code, released.length], nameOf(vector)).to.deep.equal(['SEALSTREAM_AUTHENTICATION', 0])
      }
    }
  })

  it(`makes no data key of the ${otherKeys.length} with keys of 128 and 192 bits`, () => {
    for (const { key } of otherKeys) {
      const make = (): DataKey =>
        DataKey.from({ format: 'cos-java-gcm', key: fromHex(key), iv: Buffer.alloc(12) })
      expect(make).to.throw(SealstreamError).with.property('option', 'key')
    }
  })

  it(`makes no data key of the ${otherIvs.length} with 256-bit keys and IVs of 0 to 2,056 bits other than 96`, () => {
    for (const { key, iv } of otherIvs) {
      const make = (): DataKey => DataKey.from({ format: 'cos-java-gcm', key: fromHex(key), iv: fromHex(iv) })
      expect(make).to.throw(SealstreamError).with.property('option', 'iv')
    }
  })

  it(`accounts for all ${all.length}`, () => {
    const counted = valid.length + invalid.length + withData.length + otherKeys.length + otherIvs.length
    expect(counted).to.equal(all.length)
    expect([valid.length, invalid.length, withData.length]).to.deep.equal([21, 27, 18])
  })
})
