/**
 * CRC-64/XZ straight from its definition, in the unreflected form that lib does not use: bits enter lowest first, the
 * register shifts left, and the result is reversed at the end. BigInt, one bit at a time.
 */

const MASK = (1n << 64n) - 1n
const POLYNOMIAL = 0x42f0e1eba9ea3693n

export function slowCrc64(bytes: Uint8Array): bigint {
  let register = MASK
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const out = (register >> 63n) ^ BigInt((byte >> bit) & 1)
      register = (register << 1n) & MASK
      if (out === 1n) register ^= POLYNOMIAL
    }
  }
  return reverse(register) ^ MASK
}

/** The CRC of `a` and `b` joined, by polynomial arithmetic: crc(a) * x^(8 * length of b) + crc(b). */
export function slowCombine(a: bigint, b: bigint, lengthOfB: bigint): bigint {
  return reverse(multiply(reverse(a), power(8n * lengthOfB))) ^ b
}

/** x^exponent modulo the polynomial, from the highest bit of the exponent down. */
function power(exponent: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = multiply(result, result)
    if (bit === '1') result = multiply(result, 2n)
  }
  return result
}

function multiply(a: bigint, b: bigint): bigint {
  let product = 0n
  for (let bit = 63n; bit >= 0n; bit--) {
    const out = product >> 63n
    product = (product << 1n) & MASK
    if (out === 1n) product ^= POLYNOMIAL
    if (((b >> bit) & 1n) === 1n) product ^= a
  }
  return product
}

function reverse(value: bigint): bigint {
  let result = 0n
  for (let bit = 0n; bit < 64n; bit++) result = (result << 1n) | ((value >> bit) & 1n)
  return result
}
