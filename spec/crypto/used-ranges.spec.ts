import { expect } from 'chai'
import { UsedRanges } from '../../lib/crypto/used-ranges.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const REUSED = 'SEALSTREAM_DATA_KEY_REUSED'

describe('UsedRanges', () => {
  it('refuses a claim at the start of another that has not moved', async () => {
    const used = new UsedRanges()
    used.claim(0)
    await refused(REUSED, () => used.claim(0))
  })

  it('refuses a claim at the last used position and takes one right after it', async () => {
    const used = new UsedRanges()
    used.claim(100).extend(50)
    await refused(REUSED, () => used.claim(149))
    used.claim(150).extend(1)
  })

  it('refuses a claim inside a used range that is not the one with the nearest start', async () => {
    const used = new UsedRanges()
    used.claim(0).extend(10)
    used.claim(20).extend(10)
    used.claim(40).extend(10)
    for (const position of [0, 5, 9, 20, 29, 40, 49]) await refused(REUSED, () => used.claim(position))
    for (const position of [10, 30, 50]) used.claim(position)
  })

  it('extends up to the next claim exactly, and not by one more byte', async () => {
    const used = new UsedRanges()
    const first = used.claim(0)
    used.claim(16)
    first.extend(16)
    await refused(REUSED, () => first.extend(1))
  })

  it('keeps what was claimed when an extension is refused', async () => {
    const used = new UsedRanges()
    const first = used.claim(0)
    used.claim(16)
    first.extend(10)
    await refused(REUSED, () => first.extend(7))
    first.extend(6)
    await refused(REUSED, () => used.claim(15))
  })

  it('names the position and the way out in the error', async () => {
    const used = new UsedRanges()
    used.claim(4096).extend(1)
    const error = await refused(REUSED, () => used.claim(4096))
    expect(error.message).to.include('4096')
    expect(error.hint).to.include('sameBytes')
  })

  it('agrees with a set of positions over 300 random histories', async () => {
    const random = new Seeded(40)
    for (let history = 0; history < 300; history++) {
      const used = new UsedRanges()
      const positions = new Set<number>()
      for (let round = 0; round < 12; round++) {
        const [start, length] = [random.integer(60), 1 + random.integer(12)]
        const wanted = Array.from({ length }, (_, n) => start + n)
        const run = (): void => used.claim(start).extend(length)
        if (positions.has(start)) {
          await refused(REUSED, run)
        } else if (wanted.some((position) => positions.has(position))) {
          await refused(REUSED, run)
          // The claim itself stands, with nothing in it: no other may start there.
          break
        } else {
          run()
          wanted.forEach((position) => positions.add(position))
        }
      }
    }
  })
})
