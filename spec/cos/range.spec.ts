/** What a Range header means for an object of a known size. */
import { expect } from 'chai'
import { resolveRange } from '../../lib/cos/range.js'
import { refused } from '../support/refused.js'

describe('resolveRange', () => {
  for (let size = 0; size <= 5; size++) {
    it(`agrees with slices for every range of an object of ${size} bytes`, async () => {
      const all = Array.from({ length: size }, (_, position) => position)
      const check = async (range: string, expected: number[]): Promise<void> => {
        if (expected.length === 0) {
          await refused('SEALSTREAM_RANGE', () => resolveRange(range, size))
          return
        }
        expect(resolveRange(range, size), range).to.deep.equal({ start: expected[0], end: expected.at(-1) })
      }
      for (let first = 0; first <= 7; first++) {
        await check(`bytes=${first}-`, all.slice(first))
        await check(`bytes=-${first}`, first === 0 ? [] : all.slice(-first))
        for (let last = first; last <= 7; last++)
          await check(`bytes=${first}-${last}`, all.slice(first, last + 1))
      }
    })
  }
})
