import { createPrivateKey, type KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { unpadOaep, type OaepHashes } from '../../lib/crypto/rsa-oaep.js'
import { rsaDecryptRaw } from '../../lib/crypto/rsa-raw.js'
import { rsaUnwrapper, type RsaPaddingName } from '../../lib/crypto/rsa-wrap.js'
import { fromHex, nameOf, wycheproof, type RsaVector } from '../support/wycheproof.js'

const FILES = [
  'rsa_oaep_2048_sha1_mgf1sha1',
  'rsa_oaep_2048_sha256_mgf1sha1',
  'rsa_oaep_2048_sha256_mgf1sha256',
  'rsa_oaep_3072_sha256_mgf1sha1',
  'rsa_oaep_3072_sha256_mgf1sha256',
  'rsa_oaep_4096_sha256_mgf1sha1',
  'rsa_oaep_4096_sha256_mgf1sha256',
  'rsa_oaep_misc',
]

/** The hash and MGF1 hash of each padding that an envelope can name (wire-formats A5). */
const OURS: Readonly<Record<string, { padding: RsaPaddingName; hashes: OaepHashes }>> = {
  'SHA-1/SHA-1': { padding: 'rsa-oaep-sha1', hashes: { hash: 'sha1', mgf1Hash: 'sha1' } },
  'SHA-256/SHA-1': { padding: 'rsa-oaep-sha256-mgf1-sha1', hashes: { hash: 'sha256', mgf1Hash: 'sha1' } },
  'SHA-256/SHA-256': { padding: 'rsa-oaep-sha256', hashes: { hash: 'sha256', mgf1Hash: 'sha256' } },
}

const keys = new Map<string, KeyObject>()

/** Parsing a key costs more than decrypting with it; vectors share them. */
function keyOf({ privateKeyPem }: RsaVector): KeyObject {
  const key = keys.get(privateKeyPem) ?? createPrivateKey(privateKeyPem)
  keys.set(privateKeyPem, key)
  return key
}

const pairOf = ({ sha, mgfSha }: RsaVector): string => `${sha}/${mgfSha}`
const lengthOf = ({ msg }: RsaVector): number => msg.length / 2
const decrypted = (vector: RsaVector): string | undefined => {
  const unwrap = rsaUnwrapper(keyOf(vector), fromHex(vector.ct), lengthOf(vector))
  return unwrap(OURS[pairOf(vector)]!.padding)?.toString('hex')
}

/** The lengths that give something, of those that somebody could ask for: of keys, IVs and the message, and those beside them. */
function lengthsGiven(vector: RsaVector): number[] {
  const length = lengthOf(vector)
  const asked = new Set([0, 1, 12, 15, 16, 17, 31, 32, 33, 64, Math.max(0, length - 1), length, length + 1])
  // One decryption for all of them.
  const block = rsaDecryptRaw(keyOf(vector), fromHex(vector.ct))
  if (block === undefined) return []
  const { hashes } = OURS[pairOf(vector)]!
  return [...asked].filter((bytes) => unpadOaep(Buffer.from(block), bytes, hashes) !== undefined)
}

/** Those for which `holds` does not, by name: a failure says which. */
const against = (vectors: RsaVector[], holds: (vector: RsaVector) => boolean): string[] =>
  vectors.filter((vector) => !holds(vector)).map(nameOf)

for (const file of FILES) {
  const all = wycheproof.rsa(file)
  const ours = all.filter((vector) => pairOf(vector) in OURS)
  const plain = ours.filter(({ result, label }) => result === 'valid' && label === '')
  // Valid under their label, and no envelope has one: for us they are somebody else's. "Acceptable" are those of them whose
  // ciphertext is a number that SP 800-56B leaves out.
  const labelled = ours.filter(({ result, label }) => result !== 'invalid' && label !== '')
  const invalid = ours.filter(({ result }) => result === 'invalid')
  const others = all.filter((vector) => !(pairOf(vector) in OURS))
  const sizes = [...new Set(plain.map(({ keySize }) => keySize))].join(', ')

  describe(`RSA-OAEP against the ${all.length} vectors of ${file}`, () => {
    it(`decrypts ${plain.length} of ${plain.length} valid ones without a label (modulus ${sizes} bits)`, () => {
      expect(plain.length).to.be.greaterThan(0)
      expect(against(plain, (vector) => decrypted(vector) === vector.msg)).to.deep.equal([])
    })

    it(`gives nothing for the same ${plain.length} at other lengths than the message's`, () => {
      const holds = (vector: RsaVector): boolean => lengthsGiven(vector).join() === String(lengthOf(vector))
      expect(against(plain, holds)).to.deep.equal([])
    })

    if (labelled.length > 0) {
      it(`gives nothing for ${labelled.length} of ${labelled.length} that are good under a label`, () => {
        expect(against(labelled, (vector) => decrypted(vector) === undefined)).to.deep.equal([])
      })
    }

    if (invalid.length > 0) {
      it(`gives nothing for ${invalid.length} of ${invalid.length} invalid ones at any length`, () => {
        const holds = (vector: RsaVector): boolean =>
          decrypted(vector) === undefined && lengthsGiven(vector).length === 0
        expect(against(invalid, holds)).to.deep.equal([])
      })
    }

    if (others.length > 0) {
      const pairs = [...new Set(others.map(pairOf))]
      it(`leaves out ${others.length} with ${pairs.length} hash pairs that no envelope has: ${pairs.join(', ')}`, () => {
        expect(pairs).to.have.length(22)
        // Nor does one of them pass for a padding of ours.
        const holds = (vector: RsaVector): boolean => {
          const unwrap = rsaUnwrapper(keyOf(vector), fromHex(vector.ct), lengthOf(vector))
          return Object.values(OURS).every(({ padding }) => unwrap(padding) === undefined)
        }
        const small = others.filter(({ keySize }) => keySize === 2048)
        expect(against(small, holds)).to.deep.equal([])
      })
    }

    it(`accounts for all ${all.length}`, () => {
      const counted = plain.length + labelled.length + invalid.length + others.length
      expect(counted).to.equal(all.length)
    })
  })
}
