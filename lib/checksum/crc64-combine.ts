/** The CRC-64 of a whole from the CRCs of its parts, without touching a byte (the method of zlib's crc32_combine). */
import { assertInteger } from '../internal/assert.js'
import { POLYNOMIAL_HIGH, POLYNOMIAL_LOW } from './crc64.js'

/** A polynomial over GF(2) of degree under 64, reflected: the highest bit of `high` is the coefficient of x^0. */
interface Polynomial {
  readonly high: number
  readonly low: number
}

const ONE: Polynomial = { high: 0x80000000 | 0, low: 0 }
const X_TO_THE_8: Polynomial = { high: 0x00800000, low: 0 }

// POWERS[k] = x^(8 * 2^k) modulo the CRC's polynomial; grown on demand, 53 entries at most.
const POWERS: Polynomial[] = [X_TO_THE_8]

/** a * b modulo the CRC's polynomial. */
function multiply(a: Polynomial, b: Polynomial): Polynomial {
  let { high: bHigh, low: bLow } = b
  let high = 0
  let low = 0
  for (let bit = 0; bit < 64; bit++) {
    const word = bit < 32 ? a.high : a.low
    if (((word >>> (31 - (bit & 31))) & 1) === 1) {
      high ^= bHigh
      low ^= bLow
    }
    const carry = bLow & 1
    bLow = (bLow >>> 1) | (bHigh << 31)
    bHigh >>>= 1
    if (carry === 1) {
      bHigh ^= POLYNOMIAL_HIGH
      bLow ^= POLYNOMIAL_LOW
    }
  }
  return { high, low }
}

/** x^(8 * bytes) modulo the CRC's polynomial: what appending that many bytes multiplies a CRC by. */
function shiftBy(bytes: number): Polynomial {
  let result = ONE
  for (let k = 0, rest = bytes; rest > 0; k++, rest = Math.floor(rest / 2)) {
    const previous = POWERS[k - 1]
    const power = (POWERS[k] ??= multiply(previous as Polynomial, previous as Polynomial))
    if (rest % 2 === 1) result = multiply(power, result)
  }
  return result
}

/**
 * CRC-64/XZ of two byte strings joined, from their CRCs.
 *
 * @param a - CRC of the first.
 * @param b - CRC of the second.
 * @param lengthOfB - Length of the second in bytes, a safe integer from 0.
 * @returns The same number that {@link crc64} gives for the joined bytes.
 * @throws {@link OptionError} when `lengthOfB` is not such an integer.
 */
export function crc64Combine(a: bigint, b: bigint, lengthOfB: number): bigint {
  assertInteger(lengthOfB, 'lengthOfB', 0)
  const first = { high: Number(BigInt.asUintN(32, a >> 32n)), low: Number(BigInt.asUintN(32, a)) }
  const { high, low } = multiply(first, shiftBy(lengthOfB))
  return ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)) ^ BigInt.asUintN(64, b)
}
