/** The 128-bit counter block of AES-CTR: one big-endian number over all 16 bytes (NIST SP 800-38A, B.1, m = 128). */

/** Bytes of an AES block, and so of a counter block. */
export const BLOCK_BYTES = 16

const WORD = 2 ** 32

/**
 * The counter block `blocks` after `counter`, modulo 2^128.
 *
 * Carries through all 16 bytes: tencentyun/cos-go-sdk-v5 crypto/crypto_type.go (SeekIV) adds to the low 64 bits only
 * and so misreads objects whose random IV lies close to 2^64.
 *
 * @param counter - 16 bytes; not changed.
 * @param blocks - Blocks to advance, a safe integer from 0.
 */
export function advanceCounter(counter: Buffer, blocks: number): Buffer {
  const result = Buffer.allocUnsafe(BLOCK_BYTES)
  let carry = blocks
  for (let at = BLOCK_BYTES - 4; at >= 0; at -= 4) {
    const sum = counter.readUInt32BE(at) + (carry % WORD)
    result.writeUInt32BE(sum % WORD, at)
    carry = Math.floor(carry / WORD) + (sum >= WORD ? 1 : 0)
  }
  return result
}
