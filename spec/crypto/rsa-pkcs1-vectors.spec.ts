import { createPrivateKey } from 'node:crypto'
import { expect } from 'chai'
import { unpadPkcs1 } from '../../lib/crypto/rsa-pkcs1.js'
import { rsaDecryptRaw } from '../../lib/crypto/rsa-raw.js'
import { rsaUnwrapper } from '../../lib/crypto/rsa-wrap.js'
import { fromHex, nameOf, wycheproof, type RsaVector } from '../support/wycheproof.js'

/** Every length, up to more than a modulus of 4,096 bits holds, that gives something; and what the message's own gives. */
function decrypt({ privateKeyPem, ct, msg }: RsaVector): { lengths: number[]; message: string | undefined } {
  const [key, ciphertext] = [createPrivateKey(privateKeyPem), fromHex(ct)]
  const message = rsaUnwrapper(key, ciphertext, msg.length / 2)('rsa-pkcs1')?.toString('hex')
  const block = rsaDecryptRaw(key, ciphertext)
  if (block === undefined) return { lengths: [], message }
  const asked = Array.from({ length: 520 }, (_, length) => length)
  return { lengths: asked.filter((length) => unpadPkcs1(Buffer.from(block), length) !== undefined), message }
}

for (const file of ['rsa_pkcs1_2048', 'rsa_pkcs1_3072', 'rsa_pkcs1_4096']) {
  const all = wycheproof.rsa(file)
  const valid = all.filter(({ result }) => result === 'valid')
  const invalid = all.filter(({ result }) => result === 'invalid')

  describe(`RSA PKCS#1 v1.5 against the ${all.length} vectors of ${file}`, () => {
    it(`decrypts ${valid.length} of ${valid.length} valid ones, each at its own length only`, () => {
      const wrong = valid.filter((vector) => {
        const { lengths, message } = decrypt(vector)
        return message !== vector.msg || lengths.join() !== String(vector.msg.length / 2)
      })
      expect(wrong.map(nameOf)).to.deep.equal([])
    })

    it(`gives nothing for ${invalid.length} of ${invalid.length} invalid ones at any length`, () => {
      const wrong = invalid.filter((vector) => {
        const { lengths, message } = decrypt(vector)
        return message !== undefined || lengths.length > 0
      })
      expect(wrong.map(nameOf)).to.deep.equal([])
    })

    it(`accounts for all ${all.length}`, () => {
      expect(valid.length + invalid.length).to.equal(all.length)
    })
  })
}
