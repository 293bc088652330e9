import { constants, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt } from 'node:crypto'
import { expect } from 'chai'
import { rsaOaepDecrypt, rsaOaepEncrypt } from '../../lib/crypto/rsa-oaep.js'
import { wycheproofOaepSha1, type OaepTest } from '../support/vectors.js'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const tests = wycheproofOaepSha1()
const PEM = tests[0]!.privateKeyPem
const PRIVATE = createPrivateKey(PEM)
const PUBLIC = createPublicKey(PEM)

const plain = tests.filter((test) => test.result === 'valid' && test.label === '')
const labelled = tests.filter((test) => test.result === 'valid' && test.label !== '')
const invalid = tests.filter((test) => test.result === 'invalid')
const name = ({ tcId, comment, flags }: OaepTest): string =>
  `tcId ${tcId} (${[...flags, comment].filter((text) => text !== '').join(', ')})`

describe(`RSA-OAEP with SHA-1 against Wycheproof's ${plain.length} valid vectors without a label`, () => {
  for (const test of plain) {
    it(`decrypts ${name(test)} to ${test.msg.length / 2} bytes`, () => {
      const bytes = rsaOaepDecrypt(createPrivateKey(test.privateKeyPem), hex(test.ct), test.msg.length / 2)
      expect(bytes?.toString('hex')).to.equal(test.msg)
    })

    it(`gives nothing for ${name(test)} when ${test.msg.length / 2 + 1} bytes are asked for`, () => {
      const key = createPrivateKey(test.privateKeyPem)
      expect(rsaOaepDecrypt(key, hex(test.ct), test.msg.length / 2 + 1)).to.equal(undefined)
    })
  }
})

// These are valid under their label; our envelopes have none, so for us they are someone else's ciphertext.
describe(`RSA-OAEP with SHA-1 against Wycheproof's ${labelled.length} valid vectors with a label`, () => {
  for (const test of labelled) {
    it(`gives nothing for ${name(test)}: the label is not empty`, () => {
      const key = createPrivateKey(test.privateKeyPem)
      expect(rsaOaepDecrypt(key, hex(test.ct), test.msg.length / 2)).to.equal(undefined)
    })
  }
})

describe(`RSA-OAEP with SHA-1 against Wycheproof's ${invalid.length} invalid vectors`, () => {
  for (const test of invalid) {
    it(`gives nothing for ${name(test)}`, () => {
      const key = createPrivateKey(test.privateKeyPem)
      for (const length of [0, 16, 32, test.msg.length / 2]) {
        expect(rsaOaepDecrypt(key, hex(test.ct), length), `${length} bytes`).to.equal(undefined)
      }
    })
  }
})

describe('RSA-OAEP with SHA-1', () => {
  for (const length of [16, 32]) {
    it(`restores ${length} bytes that it encrypted`, () => {
      const bytes = Buffer.alloc(length, 7)
      expect(rsaOaepDecrypt(PRIVATE, rsaOaepEncrypt(PUBLIC, bytes), length)?.equals(bytes)).to.equal(true)
    })
  }

  it("encrypts to what Node's OAEP with SHA-1 opens", () => {
    const wrapped = rsaOaepEncrypt(PUBLIC, Buffer.from('data key'))
    const options = { key: PRIVATE, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }
    expect(privateDecrypt(options, wrapped).toString()).to.equal('data key')
  })

  it('encrypts the same bytes to other ciphertext every time', () => {
    const [a, b] = [rsaOaepEncrypt(PUBLIC, Buffer.alloc(32)), rsaOaepEncrypt(PUBLIC, Buffer.alloc(32))]
    expect(a.equals(b)).to.equal(false)
  })

  it('gives nothing for PKCS#1 v1.5 padding', () => {
    const wrapped = publicEncrypt({ key: PUBLIC, padding: constants.RSA_PKCS1_PADDING }, Buffer.alloc(32))
    expect(rsaOaepDecrypt(PRIVATE, wrapped, 32)).to.equal(undefined)
  })

  it('gives nothing for OAEP with SHA-256', () => {
    const options = { key: PUBLIC, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    expect(rsaOaepDecrypt(PRIVATE, publicEncrypt(options, Buffer.alloc(32)), 32)).to.equal(undefined)
  })

  for (const length of [0, 1, 255, 257]) {
    it(`gives nothing for ${length} bytes under a modulus of 256`, () => {
      expect(rsaOaepDecrypt(PRIVATE, Buffer.alloc(length, 1), 32)).to.equal(undefined)
    })
  }
})
