import { expect } from 'chai'
import { asBuffer, decodeBase64, equalBytes, wipe } from '../../lib/internal/bytes.js'
import { Seeded } from '../support/seeded.js'

describe('decodeBase64', () => {
  it('gives back 0 to 100 random bytes', () => {
    const random = new Seeded(110)
    for (let length = 0; length <= 100; length++) {
      const bytes = random.bytes(length)
      expect(decodeBase64(bytes.toString('base64'))?.equals(bytes), `${length} bytes`).to.equal(true)
    }
  })

  for (const text of [
    'A',
    'AA',
    'AAA',
    'AA=',
    'A===',
    'AAA==',
    'AAAA=',
    '=',
    '====',
    'AB==',
    'AAB=',
    ' AAAA',
    'AAAA ',
    'AAAA\n',
    'AA AA',
    'AA==AA==',
    '-_-_',
    'AA*A',
    'AAAÄ',
    'AAAA\0',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(decodeBase64(text)).to.equal(undefined)
    })
  }
})

describe('equalBytes', () => {
  for (const [a, b, equal] of [
    ['', '', true],
    ['00', '00', true],
    ['00', '01', false],
    ['00', '0000', false],
    ['', '00', false],
    ['ff00ff', 'ff00ff', true],
  ] as const) {
    it(`says ${equal} for "${a}" and "${b}"`, () => {
      expect(equalBytes(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'))).to.equal(equal)
    })
  }
})

describe('asBuffer', () => {
  it('gives the very Buffer it was given', () => {
    const bytes = Buffer.from('text')
    expect(asBuffer(bytes)).to.equal(bytes)
  })

  it('gives a Buffer over the same memory, within the view', () => {
    const memory = new Uint8Array([1, 2, 3, 4, 5])
    const buffer = asBuffer(memory.subarray(1, 4))
    expect([...buffer]).to.deep.equal([2, 3, 4])
    buffer[0] = 9
    expect(memory[1]).to.equal(9)
  })
})

describe('wipe', () => {
  it('overwrites all it is given with zeros and passes over undefined', () => {
    const [a, b] = [Buffer.from('secret'), new Uint8Array([1, 2])]
    wipe(a, undefined, b)
    expect([...a, ...b].every((byte) => byte === 0)).to.equal(true)
  })
})
