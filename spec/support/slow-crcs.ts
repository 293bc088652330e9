/** The CRC-64s of many prefixes of the same bytes, in one pass, by the definition and the arithmetic of slow-crc64.ts alone. */
import { slowCombine, slowCrc64 } from './slow-crc64.js'

/** @returns The CRC of the first `length` bytes, for each of `lengths`. */
export function slowCrcs(bytes: Uint8Array, lengths: Iterable<number>): ReadonlyMap<number, bigint> {
  const result = new Map<number, bigint>()
  let [at, crc] = [0, 0n]
  for (const length of [...lengths].sort((a, b) => a - b)) {
    crc = slowCombine(crc, slowCrc64(bytes.subarray(at, length)), BigInt(length - at))
    at = length
    result.set(length, crc)
  }
  return result
}

/** Whole numbers from `first` to `last`, both included. */
export function through(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
