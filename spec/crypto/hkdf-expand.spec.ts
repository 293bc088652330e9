import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'
import { expect } from 'chai'
import { hkdfExpandSha512 } from '../../lib/crypto/hkdf-expand.js'
import { expandModel } from '../support/cobblestone-model.js'
import { Seeded } from '../support/seeded.js'

const random = new Seeded(99)
const KEY = random.bytes(32)
const INFO = random.bytes(90)

describe('hkdfExpandSha512', () => {
  for (const length of [0, 1, 32, 63, 64, 65, 76, 127, 128, 129, 255 * 64]) {
    it(`gives the first ${length} bytes of RFC 5869's T(1) | T(2) | ...`, () => {
      const output = hkdfExpandSha512(createSecretKey(KEY), INFO, length)
      expect(output.equals(expandModel(KEY, INFO, length))).to.equal(true)
      expect(output.length).to.equal(length)
    })
  }

  it('takes an empty info', () => {
    const output = hkdfExpandSha512(createSecretKey(KEY), Buffer.alloc(0), 76)
    expect(output.equals(expandModel(KEY, Buffer.alloc(0), 76))).to.equal(true)
  })

  it("is what Node's hkdf does after its extraction, and not the whole of it", () => {
    const salt = random.bytes(16)
    const extracted = createHmac('sha512', salt).update(KEY).digest()
    const whole = Buffer.from(hkdfSync('sha512', KEY, salt, INFO, 100))
    expect(hkdfExpandSha512(createSecretKey(extracted), INFO, 100).equals(whole)).to.equal(true)
    expect(hkdfExpandSha512(createSecretKey(KEY), INFO, 100).equals(whole)).to.equal(false)
  })

  it('leaves the info as it was', () => {
    const info = Buffer.from(INFO)
    hkdfExpandSha512(createSecretKey(KEY), info, 76)
    expect(info.equals(INFO)).to.equal(true)
  })
})
