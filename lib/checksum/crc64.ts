/**
 * CRC-64/XZ, as COS reports it in `x-cos-hash-crc64ecma`: polynomial 0x42F0E1EBA9EA3693 reflected, initial value and
 * final xor all ones, check value 0x995DC9BBDF1939FA for "123456789". Despite the header's name it is not the
 * unreflected CRC-64/ECMA-182.
 */

import { crc64Folder, FOLDED_UNIT, LEAST_FOLDED, type Crc64Folder, type FoldState } from './crc64-fold.js'

// The reflected polynomial, as two 32-bit halves: JavaScript's bitwise operators work on 32 bits, and BigInt is 100
// times slower (10 MB/s against 1.2 GB/s).
export const POLYNOMIAL_HIGH = 0xc96c5795
export const POLYNOMIAL_LOW = 0xd7870f42

const SLICES = 8

// 1, or 0 on the few machines whose words have their high byte first: there everything goes byte by byte.
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] as number

// Slicing-by-8: TABLE[256 * n + b] is what byte b contributes n bytes later. Made on first use, never on import.
let tables: { low: Int32Array; high: Int32Array } | undefined

function makeTables(): { low: Int32Array; high: Int32Array } {
  const low = new Int32Array(256 * SLICES)
  const high = new Int32Array(256 * SLICES)
  for (let byte = 0; byte < 256; byte++) {
    let l = byte
    let h = 0
    for (let bit = 0; bit < 8; bit++) {
      const carry = l & 1
      l = (l >>> 1) | (h << 31)
      h >>>= 1
      if (carry === 1) {
        l ^= POLYNOMIAL_LOW
        h ^= POLYNOMIAL_HIGH
      }
    }
    low[byte] = l
    high[byte] = h
  }
  for (let i = 256; i < 256 * SLICES; i++) {
    const l = low[i - 256] as number
    const h = high[i - 256] as number
    low[i] = ((l >>> 8) | (h << 24)) ^ (low[l & 0xff] as number)
    high[i] = (h >>> 8) ^ (high[l & 0xff] as number)
  }
  return { low, high }
}

/** A running CRC-64. Feed it bytes in order; read the value at any time. */
export class Crc64 {
  #low: number
  #high: number
  /** Bytes that were folded, and are not yet in the register. */
  #folding: { readonly folder: Crc64Folder; readonly state: FoldState } | undefined

  /** @param previous - Value to continue from, as {@link Crc64.value} gave it; 0n starts afresh. */
  constructor(previous = 0n) {
    this.#low = ~Number(BigInt.asUintN(32, previous))
    this.#high = ~Number(BigInt.asUintN(32, previous >> 32n))
  }

  /** Takes in more bytes. */
  update(bytes: Uint8Array): void {
    const folder = bytes.length < LEAST_FOLDED ? undefined : crc64Folder()
    if (folder === undefined) {
      this.#unfold()
      this.#byTable(bytes)
      return
    }
    const rest = bytes.length % FOLDED_UNIT
    this.#folding ??= { folder, state: folder.begin() }
    folder.fold(this.#folding.state, bytes.subarray(0, bytes.length - rest), this.#low, this.#high)
    // From here on the register is in what is folded.
    this.#low = 0
    this.#high = 0
    if (rest === 0) return
    this.#unfold()
    this.#byTable(bytes.subarray(bytes.length - rest))
  }

  /** Ends folding: all is in the register again. */
  #unfold(): void {
    if (this.#folding === undefined) return
    const { folder, state } = this.#folding
    this.#folding = undefined
    this.#byTable(folder.tail(state))
  }

  #byTable(bytes: Uint8Array): void {
    // Words must be aligned in memory; what stands before and after them goes byte by byte.
    const head = Math.min(-bytes.byteOffset & 3, bytes.length)
    const wordBytes = Math.floor((bytes.length - head) / SLICES) * SLICES * IS_LITTLE_ENDIAN
    this.#byByte(bytes.subarray(0, head))
    if (wordBytes > 0) this.#byWord(new Int32Array(bytes.buffer, bytes.byteOffset + head, wordBytes / 4))
    this.#byByte(bytes.subarray(head + wordBytes))
  }

  #byByte(bytes: Uint8Array): void {
    const { low: lows, high: highs } = (tables ??= makeTables())
    let low = this.#low
    let high = this.#high
    for (let i = 0; i < bytes.length; i++) {
      const index = (low ^ (bytes[i] as number)) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ (lows[index] as number)
      high = (high >>> 8) ^ (highs[index] as number)
    }
    this.#low = low
    this.#high = high
  }

  /** Eight bytes at a time, read as two words: 1.7 times the speed of reading them one by one (1.3 against 0.8 GB/s). */
  #byWord(words: Int32Array): void {
    const { low: lows, high: highs } = (tables ??= makeTables())
    let low = this.#low
    let high = this.#high
    for (let i = 0; i < words.length; i += 2) {
      low ^= words[i] as number
      high ^= words[i + 1] as number
      const a = 1792 + (low & 0xff)
      const b = 1536 + ((low >>> 8) & 0xff)
      const c = 1280 + ((low >>> 16) & 0xff)
      const d = 1024 + (low >>> 24)
      const e = 768 + (high & 0xff)
      const f = 512 + ((high >>> 8) & 0xff)
      const g = 256 + ((high >>> 16) & 0xff)
      const h = high >>> 24
      low =
        (lows[a] as number) ^
        (lows[b] as number) ^
        (lows[c] as number) ^
        (lows[d] as number) ^
        (lows[e] as number) ^
        (lows[f] as number) ^
        (lows[g] as number) ^
        (lows[h] as number)
      high =
        (highs[a] as number) ^
        (highs[b] as number) ^
        (highs[c] as number) ^
        (highs[d] as number) ^
        (highs[e] as number) ^
        (highs[f] as number) ^
        (highs[g] as number) ^
        (highs[h] as number)
    }
    this.#low = low
    this.#high = high
  }

  /** The CRC of everything taken in so far, an unsigned 64-bit number. */
  get value(): bigint {
    this.#unfold()
    return (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0)
  }
}

/**
 * CRC-64/XZ of `bytes`.
 *
 * @param previous - CRC of the bytes that came before, to continue from it. Defaults to 0n, the CRC of nothing.
 * @returns An unsigned 64-bit number; its decimal text is what COS sends in `x-cos-hash-crc64ecma`.
 */
export function crc64(bytes: Uint8Array, previous = 0n): bigint {
  const crc = new Crc64(previous)
  crc.update(bytes)
  return crc.value
}
