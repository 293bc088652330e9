import { expect } from 'chai'
import { ciphertextSizeOf, FORMAT_NAMES, FORMATS, WRITABLE_FORMATS } from '../../lib/crypto/format.js'
import { refused } from '../support/refused.js'

describe('FORMATS', () => {
  it('are sealed, and those of the COS SDKs', () => {
    expect(FORMAT_NAMES).to.deep.equal(['sealed', 'cos', 'cos-python', 'cos-java-gcm', 'cos-java-cbc'])
  })

  it('are all written but cos-java-cbc', () => {
    expect(WRITABLE_FORMATS).to.deep.equal(['sealed', 'cos', 'cos-python', 'cos-java-gcm'])
  })

  it('are authenticated only in sealed: of GCM ranges prove nothing, nor does its envelope', () => {
    const authenticated = FORMAT_NAMES.filter((format) => FORMATS[format].authenticated)
    expect(authenticated).to.deep.equal(['sealed'])
    expect(FORMATS.sealed.cipher.provesPieces).to.equal(true)
  })

  it('have keys of 32 bytes, and IVs or salts of their own sizes', () => {
    const sizes = FORMAT_NAMES.map((format) => FORMATS[format].cipher.ivBytes)
    expect(sizes).to.deep.equal([24, 16, 16, 12, 16])
    expect(FORMAT_NAMES.every((format) => FORMATS[format].cipher.keyBytes === 32)).to.equal(true)
  })
})

describe('ciphertextSizeOf', () => {
  /** What the plaintext sizes 0, 1, 16, 16,384 and 100,000 come to. */
  const sizes = {
    sealed: [72, 73, 88, 16_472, 100_168],
    cos: [0, 1, 16, 16_384, 100_000],
    'cos-python': [0, 1, 16, 16_384, 100_000],
    'cos-java-gcm': [16, 17, 32, 16_400, 100_016],
    'cos-java-cbc': [16, 16, 32, 16_400, 100_016],
  }
  for (const format of FORMAT_NAMES) {
    it(`gives ${sizes[format].join(', ')} for 0, 1, 16, 16,384 and 100,000 bytes of ${format}`, () => {
      const given = [0, 1, 16, 16_384, 100_000].map((size) => ciphertextSizeOf(format, size))
      expect(given).to.deep.equal(sizes[format])
    })

    for (const size of [-1, 0.5, NaN, 2 ** 53]) {
      it(`refuses ${size} bytes of ${format}`, async () => {
        const error = await refused('SEALSTREAM_OPTION', () => ciphertextSizeOf(format, size))
        expect(error).to.include({ option: 'plaintextSize' })
      })
    }
  }

  for (const [format, most] of [
    ['sealed', 2 ** 52 - 1],
    ['cos-java-gcm', 2 ** 36 - 32],
  ] as const) {
    it(`gives a size for ${most} bytes of ${format}, and names the format at one more`, async () => {
      expect(ciphertextSizeOf(format, most)).to.be.greaterThan(most)
      const error = await refused('SEALSTREAM_OPTION', () => ciphertextSizeOf(format, most + 1))
      expect(error).to.include({ option: 'format', value: most + 1 })
      expect(error.message).to.include(format)
    })
  }
})
