import { expect } from 'chai'
import { crc64Combine } from '../../lib/checksum/crc64-combine.js'
import { crc64 } from '../../lib/checksum/crc64.js'
import { refused } from '../support/refused.js'
import { slowCombine, slowCrc64 } from '../support/slow-crc64.js'
import { Seeded } from '../support/seeded.js'

const A = 6748440630437108969n
const B = 10278880121275185425n
const BOTH = 11051210869376104954n

describe('crc64Combine', () => {
  it('joins the CRCs of 12345 and 6789 to 11051210869376104954', () => {
    expect(crc64Combine(A, B, 4)).to.equal(BOTH)
  })

  it('gives the first CRC when the second string is empty', () => {
    expect(crc64Combine(A, 0n, 0)).to.equal(A)
  })

  it('gives the second CRC when the first string is empty', () => {
    expect(crc64Combine(0n, B, 4)).to.equal(B)
  })

  it('gives 0 for two empty strings', () => {
    expect(crc64Combine(0n, 0n, 0)).to.equal(0n)
  })

  it('agrees with the CRC of the joined bytes at 300 random splits', () => {
    const random = new Seeded(5)
    for (let round = 0; round < 300; round++) {
      const bytes = random.bytes(random.integer(600))
      const split = random.integer(bytes.length + 1)
      const [a, b] = [bytes.subarray(0, split), bytes.subarray(split)]
      expect(crc64Combine(slowCrc64(a), slowCrc64(b), b.length), `${a.length} + ${b.length}`).to.equal(
        slowCrc64(bytes),
      )
    }
  })

  it('agrees with the CRC of the joined bytes for a second string of 3 MiB', () => {
    const [a, b] = [Buffer.from('head'), Buffer.alloc(3 * 1024 * 1024, 'sealstream')]
    expect(crc64Combine(crc64(a), crc64(b), b.length)).to.equal(crc64(b, crc64(a)))
  })

  it('joins 1000 random parts one after another to the CRC of the whole', () => {
    const random = new Seeded(6)
    const parts = Array.from({ length: 1000 }, () => random.bytes(random.integer(20)))
    const combined = parts.reduce((crc, part) => crc64Combine(crc, crc64(part), part.length), 0n)
    expect(combined).to.equal(slowCrc64(Buffer.concat(parts)))
  })

  for (const [title, length] of [
    ['2^31', 2 ** 31],
    ['2^32', 2 ** 32],
    ['2^32 + 5', 2 ** 32 + 5],
    ['2^40', 2 ** 40],
    ['2^40 - 1', 2 ** 40 - 1],
    ['48.82 TB', 48_820_000_000_000],
    ['2^53 - 1', 2 ** 53 - 1],
  ] as const) {
    it(`agrees with polynomial arithmetic in BigInt for a second string of ${title} bytes`, () => {
      expect(crc64Combine(A, B, length)).to.equal(slowCombine(A, B, BigInt(length)))
    })
  }

  it('is associative for a middle of 2^40 and an end of 2^41 + 3 bytes', () => {
    const [x, y, z] = [crc64(Buffer.from('x')), crc64(Buffer.from('y')), crc64(Buffer.from('z'))]
    const [yLength, zLength] = [2 ** 40, 2 ** 41 + 3]
    const leftFirst = crc64Combine(crc64Combine(x, y, yLength), z, zLength)
    const rightFirst = crc64Combine(x, crc64Combine(y, z, zLength), yLength + zLength)
    expect(leftFirst).to.equal(rightFirst)
  })

  it('gives the CRC of 2^40 zeros the same by 40 doublings and by 1024 steps of 2^30', () => {
    let doubled = crc64(Buffer.alloc(1))
    for (let k = 0; k < 40; k++) doubled = crc64Combine(doubled, doubled, 2 ** k)
    let gibibyte = crc64(Buffer.alloc(1))
    for (let k = 0; k < 30; k++) gibibyte = crc64Combine(gibibyte, gibibyte, 2 ** k)
    let stepped = 0n
    for (let step = 0; step < 1024; step++) stepped = crc64Combine(stepped, gibibyte, 2 ** 30)
    expect(doubled).to.equal(stepped)
  })

  for (const length of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    it(`refuses a length of ${length}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => crc64Combine(A, B, length))
      expect(error.message).to.include('lengthOfB')
    })
  }
})
