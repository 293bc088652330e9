/** Which plaintext positions a data key has already encrypted, so that no counter block meets two plaintexts. */
import { KeyError } from '../errors.js'

interface Range {
  readonly start: number
  /** First position after the range. */
  end: number
}

/** A stretch that one encryption is working through. */
export interface Claim {
  /** Claims the next `bytes` positions before they are encrypted. Throws `SEALSTREAM_DATA_KEY_REUSED` on overlap. */
  extend(bytes: number): void
}

/** Disjoint ranges, sorted by start. */
export class UsedRanges {
  readonly #ranges: Range[] = []

  /**
   * Starts a claim at `start`.
   *
   * @throws KeyError `SEALSTREAM_DATA_KEY_REUSED` when that position is used or is the start of another claim.
   */
  claim(start: number): Claim {
    const at = this.#after(start)
    const before = this.#ranges[at - 1]
    if (before !== undefined && (before.start === start || before.end > start)) throw reused(start)
    const range: Range = { start, end: start }
    this.#ranges.splice(at, 0, range)
    return {
      extend: (bytes) => {
        const next = this.#ranges[this.#after(range.start)]
        if (next !== undefined && range.end + bytes > next.start) throw reused(next.start)
        range.end += bytes
      },
    }
  }

  /** Index of the first range that starts after `position`. */
  #after(position: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ranges[middle] as Range).start <= position) low = middle + 1
      else high = middle
    }
    return low
  }
}

function reused(position: number): KeyError {
  return new KeyError(
    'SEALSTREAM_DATA_KEY_REUSED',
    `this data key has already been used to encrypt position ${position}`,
    {
      hint: 'make a new envelope for every object; for a retry of the very same bytes pass { sameBytes: true }',
    },
  )
}
