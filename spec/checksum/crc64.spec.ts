import { expect } from 'chai'
import { Crc64, crc64 } from '../../lib/checksum/crc64.js'
import { slowCrc64 } from '../support/slow-crc64.js'
import { piecesOf, Seeded } from '../support/seeded.js'

describe('crc64', () => {
  it('gives the check value 0x995DC9BBDF1939FA for 123456789', () => {
    expect(crc64(Buffer.from('123456789'))).to.equal(0x995dc9bbdf1939fan)
  })

  it('gives 11051210869376104954 in decimal for 123456789, as COS reports it', () => {
    expect(crc64(Buffer.from('123456789')).toString()).to.equal('11051210869376104954')
  })

  it('gives 6748440630437108969 for 12345', () => {
    expect(crc64(Buffer.from('12345'))).to.equal(6748440630437108969n)
  })

  it('gives 10278880121275185425 for 6789', () => {
    expect(crc64(Buffer.from('6789'))).to.equal(10278880121275185425n)
  })

  it('gives 0 for no bytes', () => {
    expect(crc64(Buffer.alloc(0))).to.equal(0n)
  })

  it('continues 12345 with 6789 to the value of 123456789', () => {
    expect(crc64(Buffer.from('6789'), crc64(Buffer.from('12345')))).to.equal(11051210869376104954n)
  })

  for (let alignment = 0; alignment < 8; alignment++) {
    it(`agrees with the bit by bit definition for 0 to 300 bytes at alignment ${alignment}`, () => {
      const content = new Seeded(64).bytes(300)
      const memory = new ArrayBuffer(512)
      const bytes = new Uint8Array(memory, alignment, 300)
      bytes.set(content)
      for (let length = 0; length <= 300; length++) {
        const expected = slowCrc64(content.subarray(0, length))
        expect(crc64(bytes.subarray(0, length)), `${length} bytes`).to.equal(expected)
      }
    })
  }

  for (const [title, fill] of [
    ['zeros', 0x00],
    ['ones', 0xff],
    ['0x80 bytes', 0x80],
  ] as const) {
    it(`agrees with the bit by bit definition for 0 to 64 ${title}`, () => {
      for (let length = 0; length <= 64; length++) {
        const bytes = Buffer.alloc(length, fill)
        expect(crc64(bytes), `${length} bytes`).to.equal(slowCrc64(bytes))
      }
    })
  }

  it('continues at each of the 301 splits of 300 bytes to the same value', () => {
    const bytes = new Seeded(1).bytes(300)
    const whole = slowCrc64(bytes)
    for (let split = 0; split <= 300; split++) {
      expect(crc64(bytes.subarray(split), crc64(bytes.subarray(0, split))), `at ${split}`).to.equal(whole)
    }
  })

  it('continues from a value with the top bit set', () => {
    const [a, b] = [Buffer.from('123456789'), Buffer.from('123456789')]
    expect(crc64(a) >> 63n).to.equal(1n)
    expect(crc64(b, crc64(a))).to.equal(slowCrc64(Buffer.concat([a, b])))
  })

  it('stays unsigned over 1000 random inputs', () => {
    const random = new Seeded(2)
    for (let round = 0; round < 1000; round++) {
      const value = crc64(random.bytes(1 + random.integer(40)))
      expect(value >= 0n && value < 1n << 64n, value.toString()).to.equal(true)
    }
  })

  it('leaves its input as it was', () => {
    const bytes = new Seeded(3).bytes(100)
    const copy = Buffer.from(bytes)
    crc64(bytes)
    expect(bytes.equals(copy)).to.equal(true)
  })
})

describe('Crc64', () => {
  for (const size of [1, 7, 8, 9, 16, 4096]) {
    it(`gives the value of the whole for 5000 bytes that come ${size} at a time`, () => {
      const bytes = new Seeded(4).bytes(5000)
      const running = new Crc64()
      for (const piece of piecesOf(bytes, size)) running.update(piece)
      expect(running.value).to.equal(slowCrc64(bytes))
    })
  }

  it('gives the value of what it has seen without ending', () => {
    const running = new Crc64()
    running.update(Buffer.from('12345'))
    expect(running.value).to.equal(6748440630437108969n)
    expect(running.value).to.equal(6748440630437108969n)
    running.update(Buffer.from('6789'))
    expect(running.value).to.equal(11051210869376104954n)
  })

  it('does not change on an empty update', () => {
    const running = new Crc64(6748440630437108969n)
    running.update(Buffer.alloc(0))
    expect(running.value).to.equal(6748440630437108969n)
  })
})
