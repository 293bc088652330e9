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

/** What a data key has encrypted: stretches that must not overlap, and stretches that somebody vouched for. */
export class UsedRanges {
  /** Disjoint, sorted by start. */
  readonly #ranges: Range[] = []
  /** Retries: they may overlap anything, but nothing else may overlap them. */
  readonly #vouched: Range[] = []

  /**
   * Starts a claim at `start`.
   *
   * @throws KeyError `SEALSTREAM_DATA_KEY_REUSED` when that position is used or is the start of another claim.
   */
  claim(start: number): Claim {
    const at = this.#after(start)
    const before = this.#ranges[at - 1]
    if (before !== undefined && (before.start === start || before.end > start)) throw reused(start)
    this.#refuseVouched(start, start + 1)
    const range: Range = { start, end: start }
    this.#ranges.splice(at, 0, range)
    return {
      extend: (bytes) => {
        const end = range.end + bytes
        const next = this.#ranges[this.#after(range.start)]
        if (next !== undefined && end > next.start) throw reused(next.start)
        this.#refuseVouched(range.end, end)
        range.end = end
      },
    }
  }

  /** Starts a claim whose bytes the caller vouches for: never refused, but remembered. */
  vouch(start: number): Claim {
    const range: Range = { start, end: start }
    this.#vouched.push(range)
    return { extend: (bytes) => void (range.end += bytes) }
  }

  /** Marks every position as used. */
  useAll(): void {
    this.#vouched.push({ start: 0, end: Number.POSITIVE_INFINITY })
  }

  #refuseVouched(start: number, end: number): void {
    const met = this.#vouched.find((range) => range.start < end && range.end > start)
    if (met !== undefined) throw reused(Math.max(met.start, start))
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
