import { expect } from 'chai'
import { aes256Cbc } from '../../lib/crypto/aes-cbc.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import { SealstreamError } from '../../lib/errors.js'
import { decryption, secretOf } from '../support/content-secret.js'
import { feed, type Feeding } from '../support/feeding.js'
import { piecesOf } from '../support/seeded.js'
import { fromHex, nameOf, wycheproof, type CipherVector } from '../support/wycheproof.js'

const all = wycheproof.cbc()
const ours = all.filter(({ keySize }) => keySize === 256)
const others = all.filter(({ keySize }) => keySize !== 256)
const valid = ours.filter(({ result }) => result === 'valid')
const invalid = ours.filter(({ result }) => result === 'invalid')

/** Every byte alone, and at once. */
function decrypt({ key, iv, ct }: CipherVector): Feeding[] {
  const secret = secretOf(fromHex(key), fromHex(iv))
  return [piecesOf(fromHex(ct), 1), [fromHex(ct)]].map((pieces) =>
    feed(aes256Cbc.decryptor(secret, decryption()), pieces),
  )
}

describe(`AES-256-CBC against the ${all.length} vectors of aes_cbc_pkcs5`, () => {
  it(`decrypts ${valid.length} of ${valid.length} valid ones`, () => {
    for (const vector of valid) {
      for (const { released, error } of decrypt(vector)) {
        expect([error?.code, released.toString('hex')], nameOf(vector)).to.deep.equal([undefined, vector.msg])
      }
    }
  })

  it(`refuses ${invalid.length} of ${invalid.length} invalid ones: bad padding with one error, and nothing at all`, () => {
    const messages = new Set<string>()
    for (const vector of invalid) {
      for (const { error } of decrypt(vector)) {
        const code = vector.ct === '' ? 'SEALSTREAM_TRUNCATED' : 'SEALSTREAM_INTEGRITY'
        expect(error?.code, nameOf(vector)).to.equal(code)
        if (vector.ct !== '') messages.add(error!.message)
      }
    }
    expect(messages.size).to.equal(1)
  })

  it(`makes no data key of the ${others.length} with keys of 128 and 192 bits`, () => {
    for (const { key, iv } of others) {
      const make = (): DataKey => DataKey.from({ format: 'cos-java-cbc', key: fromHex(key), iv: fromHex(iv) })
      expect(make).to.throw(SealstreamError).with.property('option', 'key')
    }
  })

  it(`accounts for all ${all.length}`, () => {
    expect(valid.length + invalid.length + others.length).to.equal(all.length)
    expect([valid.length, invalid.length]).to.deep.equal([24, 48])
  })
})
