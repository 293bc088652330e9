/** Randomness that is the same on every run: a failing case can be run again. */

/** A small generator (mulberry32). Not for keys. */
export class Seeded {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** An integer from 0 up to, not including, `below` (at most 2^32). */
  integer(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  bytes(length: number): Buffer {
    const result = Buffer.alloc(length)
    for (let at = 0; at < length; at++) result[at] = this.integer(256)
    return result
  }

  /** The same bytes in pieces of 0 to `most` bytes. */
  pieces(bytes: Buffer, most: number): Buffer[] {
    const result: Buffer[] = []
    for (let at = 0; at < bytes.length;) {
      const length = this.integer(most + 1)
      result.push(bytes.subarray(at, at + length))
      at += length
    }
    return result
  }
}

/** The same bytes in pieces of exactly `size`; only the last may be shorter. */
export function piecesOf(bytes: Buffer, size: number): Buffer[] {
  const result: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) result.push(bytes.subarray(at, at + size))
  return result
}
