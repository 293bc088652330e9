/** HKDF-Expand alone (RFC 5869, 2.3). Node's `hkdf` always extracts first, which is another function. */
import { createHmac, type KeyObject } from 'node:crypto'

const HASH_BYTES = 64

/**
 * @param key - The pseudorandom key.
 * @param length - Bytes wanted, at most 255 times 64.
 * @returns Secret bytes; the caller wipes them.
 */
export function hkdfExpandSha512(key: KeyObject, info: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let number = 1, previous = Buffer.alloc(0); blocks.length * HASH_BYTES < length; number++) {
    const hmac = createHmac('sha512', key).update(previous).update(info)
    previous = hmac.update(Uint8Array.of(number)).digest()
    blocks.push(previous)
  }
  const output = Buffer.concat(blocks)
  for (const block of blocks) block.fill(0)
  return output.subarray(0, length)
}
