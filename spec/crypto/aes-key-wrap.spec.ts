import { createSecretKey, type KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { AES_WRAP_OVERHEAD, aesKeyUnwrap, aesKeyWrap } from '../../lib/crypto/aes-key-wrap.js'
import { Seeded } from '../support/seeded.js'
import { wycheproofKeyWrap, type KeyWrapTest } from '../support/vectors.js'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const KEK = createSecretKey(hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'))
const unwrap = (key: KeyObject, wrapped: Buffer, length: number): Buffer | undefined =>
  aesKeyUnwrap(key, [{ wrapped, length }])?.[0]

/** The lengths this package ever asks for, and those of RFC 3394 around them. */
const ASKED = [16, 24, 32, 40, 384]

const tests = wycheproofKeyWrap()
const by = (result: KeyWrapTest['result']): KeyWrapTest[] => tests.filter((test) => test.result === result)
const name = ({ tcId, key, flags, comment }: KeyWrapTest): string =>
  `tcId ${tcId} (AES-${key.length * 4}, ${[...flags, comment].filter((text) => text !== '').join(', ')})`

describe('AES key wrap', () => {
  it('wraps the 16 bytes a0..af under 00..1f to the 24 bytes of wire-formats G', () => {
    const bytes = hex('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf')
    expect(aesKeyWrap(KEK, bytes).toString('hex')).to.equal(
      'dca059d4ac7cacfeb9cfe2aa0f38634f803d71d09c761de0',
    )
  })

  it('wraps the 32 bytes 40..5f under 00..1f to the 40 bytes of wire-formats G', () => {
    const bytes = Buffer.from(Array.from({ length: 32 }, (_, n) => 0x40 + n))
    expect(aesKeyWrap(KEK, bytes).toString('hex')).to.equal(
      'bd2a276ae8c7464c7e8b396674ac6e0e9558c84c6009b3fa413cf06a67a200823e4d720df2419fa9',
    )
  })

  it('unwraps the 24 bytes of wire-formats G to a0..af', () => {
    const wrapped = hex('dca059d4ac7cacfeb9cfe2aa0f38634f803d71d09c761de0')
    expect(unwrap(KEK, wrapped, 16)?.toString('hex')).to.equal('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf')
  })

  it('adds 8 bytes', () => {
    expect(AES_WRAP_OVERHEAD).to.equal(8)
    expect(aesKeyWrap(KEK, Buffer.alloc(32)).length).to.equal(40)
  })

  for (const length of [0, 1, 7, 8, 12, 15, 17, 20, 31, 33]) {
    it(`refuses to wrap ${length} bytes`, () => {
      expect(() => aesKeyWrap(KEK, Buffer.alloc(length))).to.throw(RangeError)
    })
  }

  it('gives nothing when the wrapped key is longer or shorter than was asked for', () => {
    const wrapped = aesKeyWrap(KEK, Buffer.alloc(32, 5))
    for (const length of [0, 8, 16, 24, 31, 33, 40]) {
      expect(unwrap(KEK, wrapped, length), `${length} bytes`).to.equal(undefined)
    }
  })

  it('gives nothing under another key', () => {
    const wrapped = aesKeyWrap(KEK, Buffer.alloc(32, 5))
    expect(unwrap(createSecretKey(Buffer.alloc(32, 9)), wrapped, 32)).to.equal(undefined)
  })

  it('gives nothing for each of the 320 single flipped bits of a wrapped key', () => {
    const wrapped = aesKeyWrap(KEK, new Seeded(30).bytes(32))
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const altered = Buffer.from(wrapped)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(unwrap(KEK, altered, 32), `bit ${bit}`).to.equal(undefined)
    }
  })

  it('unwraps several things, and gives none when one of them fails, whichever it is', () => {
    const bytes = [32, 16, 24].map((length, n) => new Seeded(31 + n).bytes(length))
    const parts = bytes.map((each) => ({ wrapped: aesKeyWrap(KEK, each), length: each.length }))
    expect(aesKeyUnwrap(KEK, parts)).to.deep.equal(bytes)
    for (const { wrapped } of parts) {
      wrapped[9]! ^= 1
      expect(aesKeyUnwrap(KEK, parts)).to.equal(undefined)
      wrapped[9]! ^= 1
    }
  })
})

describe(`AES key wrap against Wycheproof's ${by('valid').length} valid vectors`, () => {
  for (const test of by('valid')) {
    it(`wraps ${name(test)} to the vector's bytes`, () => {
      expect(aesKeyWrap(createSecretKey(hex(test.key)), hex(test.msg)).toString('hex')).to.equal(test.ct)
    })

    it(`unwraps ${name(test)}`, () => {
      const key = unwrap(createSecretKey(hex(test.key)), hex(test.ct), test.msg.length / 2)
      expect(key?.toString('hex')).to.equal(test.msg)
    })
  }
})

describe(`AES key wrap against Wycheproof's ${by('invalid').length} invalid vectors`, () => {
  for (const test of by('invalid')) {
    it(`refuses ${name(test)} at every length that could be asked for`, () => {
      const [key, wrapped] = [createSecretKey(hex(test.key)), hex(test.ct)]
      for (const length of [...ASKED, test.msg.length / 2, wrapped.length - 8]) {
        expect(unwrap(key, wrapped, length), `${length} bytes`).to.equal(undefined)
      }
    })
  }
})

// "Acceptable" are keys of 8 bytes: RFC 3394 defines no output for one block, so this package takes part in neither
// direction. It never has such a key.
describe(`AES key wrap against Wycheproof's ${by('acceptable').length} acceptable vectors`, () => {
  for (const test of by('acceptable')) {
    it(`refuses to unwrap ${name(test)}: one block is below RFC 3394's shortest input`, () => {
      const key = createSecretKey(hex(test.key))
      expect(unwrap(key, hex(test.ct), test.msg.length / 2)).to.equal(undefined)
    })

    it(`refuses to wrap ${name(test)}: one block is below RFC 3394's shortest input`, () => {
      expect(() => aesKeyWrap(createSecretKey(hex(test.key)), hex(test.msg))).to.throw(RangeError)
    })
  }
})
