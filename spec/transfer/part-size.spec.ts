import { expect } from 'chai'
import { assertPartSize, growingPartSize } from '../../lib/transfer/part-size.js'
import { refused } from '../support/refused.js'

const MIB = 1024 * 1024

describe('part sizes', () => {
  for (const size of [MIB, MIB + 16, 8 * MIB, 4 * 1024 * MIB]) {
    it(`take ${size}`, () => {
      assertPartSize(size)
    })
  }

  for (const size of [
    0,
    1,
    8,
    16,
    5,
    MIB - 16,
    MIB - 1,
    -MIB,
    MIB + 1,
    MIB + 8,
    5 * 1024 * MIB + 16,
    MIB + 0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '8388608',
    null,
    undefined,
  ]) {
    it(`refuse ${String(size)}, naming it`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => assertPartSize(size))
      expect(error).to.have.property('option', 'PartSize')
      expect(error).to.have.deep.property('value', size)
    })
  }

  it('under 1 MiB come with the hint that they are bytes', async () => {
    for (const size of [8, MIB - 16]) {
      expect((await refused('SEALSTREAM_OPTION', () => assertPartSize(size))).hint).to.include('bytes')
    }
  })

  const from8: [number: number, size: number][] = [
    [1, 8 * MIB],
    [2, 8 * MIB],
    [999, 8 * MIB],
    [1000, 8 * MIB],
    [1001, 16 * MIB],
    [2000, 16 * MIB],
    [2001, 32 * MIB],
    [3001, 64 * MIB],
    [4001, 128 * MIB],
    [5001, 256 * MIB],
    [6000, 256 * MIB],
    [6001, 512 * MIB],
    [7001, 512 * MIB],
    [10_000, 512 * MIB],
  ]
  for (const [number, size] of from8) {
    it(`grow from 8 MiB to ${size / MIB} MiB for part ${number}`, () => {
      expect(growingPartSize(8 * MIB, number)).to.equal(size)
    })
  }

  it('never shrink, stay multiples of 16 and stop at 512 MiB', () => {
    for (const first of [MIB, MIB + 16, 3 * MIB, 300 * MIB]) {
      let before = 0
      for (let number = 1; number <= 10_000; number++) {
        const size = growingPartSize(first, number)
        expect(size % 16).to.equal(0)
        expect(size)
          .to.be.at.least(before)
          .and.at.most(512 * MIB)
        before = size
      }
    }
  })

  it('stay what they are when they are over 512 MiB themselves', () => {
    for (const number of [1, 1001, 10_000]) expect(growingPartSize(1024 * MIB, number)).to.equal(1024 * MIB)
  })

  it('hold about 2.4 TiB from 8 MiB', () => {
    let total = 0
    for (let number = 1; number <= 10_000; number++) total += growingPartSize(8 * MIB, number)
    expect(total / 1024 ** 4).to.be.within(2.3, 2.5)
  })

  it('refuse part 10001 and ask for a larger PartSize', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => growingPartSize(8 * MIB, 10_001))
    expect(error).to.include({ option: 'PartSize' })
    expect(error.hint).to.include('PartSize')
  })
})
