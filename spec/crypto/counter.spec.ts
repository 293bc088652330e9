import { expect } from 'chai'
import { advanceCounter, BLOCK_BYTES } from '../../lib/crypto/counter.js'
import { counterModel } from '../support/ctr-model.js'
import { Seeded } from '../support/seeded.js'

describe('advanceCounter', () => {
  it('has blocks of 16 bytes', () => {
    expect(BLOCK_BYTES).to.equal(16)
  })

  for (const [title, from, blocks, to] of [
    [
      'stays where it is for 0 blocks',
      'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
      0,
      'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
    ],
    [
      'steps from ...feff to ...ff00',
      'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
      1,
      'f0f1f2f3f4f5f6f7f8f9fafbfcfdff00',
    ],
    ['carries across 2^32', '000000000000000000000000ffffffff', 1, '00000000000000000000000100000000'],
    ['carries across 2^64', '0000000000000000ffffffffffffffff', 1, '00000000000000010000000000000000'],
    ['carries across 2^96', '00000000ffffffffffffffffffffffff', 1, '00000001000000000000000000000000'],
    ['wraps at 2^128 to 0', 'ffffffffffffffffffffffffffffffff', 1, '00000000000000000000000000000000'],
    ['wraps at 2^128 to 4', 'fffffffffffffffffffffffffffffffe', 6, '00000000000000000000000000000004'],
    ['advances 2^32 blocks', '00000000000000000000000000000000', 2 ** 32, '00000000000000000000000100000000'],
    [
      'advances 2^32 blocks with a carry',
      '00000000fffffffffffffffffffffff0',
      2 ** 32,
      '000000010000000000000000fffffff0',
    ],
    [
      'advances 2^53 - 1 blocks',
      '00000000000000000000000000000000',
      2 ** 53 - 1,
      '0000000000000000001fffffffffffff',
    ],
    [
      'advances 2^53 - 1 blocks past 2^64',
      '0000000000000000ffffffffffffffff',
      2 ** 53 - 1,
      '0000000000000001001ffffffffffffe',
    ],
  ] as const) {
    it(`${title}: ${from} becomes ${to}`, () => {
      expect(advanceCounter(Buffer.from(from, 'hex'), blocks).toString('hex')).to.equal(to)
    })
  }

  it('agrees with BigInt arithmetic on 5000 random counters and distances', () => {
    const random = new Seeded(10)
    for (let round = 0; round < 5000; round++) {
      const counter = random.bytes(16)
      // Long runs of ones make carries likely.
      for (let at = 15; at > 0 && random.integer(4) > 0; at--) counter[at] = 0xff
      const blocks = Math.floor((random.integer(2 ** 32) * 2 ** 21) / 2 ** random.integer(54))
      const found = advanceCounter(counter, blocks).toString('hex')
      expect(found, `${counter.toString('hex')} + ${blocks}`).to.equal(
        counterModel(counter, blocks).toString('hex'),
      )
    }
  })

  it('leaves the counter it was given unchanged', () => {
    const counter = Buffer.alloc(16, 0xff)
    advanceCounter(counter, 1)
    expect(counter.equals(Buffer.alloc(16, 0xff))).to.equal(true)
  })

  it('gives memory of its own also for 0 blocks', () => {
    const counter = Buffer.alloc(16, 1)
    advanceCounter(counter, 0).fill(0)
    expect(counter.equals(Buffer.alloc(16, 1))).to.equal(true)
  })
})
