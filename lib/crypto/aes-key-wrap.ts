/** AES key wrap, RFC 3394 with the default initial value: the dialects call it `AESWrap` (wire-formats A4). */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { equalBytes, wipe } from '../internal/bytes.js'

const INITIAL_VALUE = Buffer.alloc(8, 0xa6)

/** Bytes that wrapping adds. */
export const AES_WRAP_OVERHEAD = 8

/** Shortest input of RFC 3394: two 64-bit blocks. OpenSSL also takes one block, whose output no standard defines. */
const SHORTEST = 16

/**
 * Wraps `bytes` under a 128, 192 or 256-bit key.
 *
 * @param bytes - At least 16 bytes and a multiple of 8: a 12-byte GCM IV cannot be wrapped.
 * @throws RangeError on another length; that is a bug of the caller, never input.
 */
export function aesKeyWrap(masterKey: KeyObject, bytes: Uint8Array): Buffer {
  if (bytes.length < SHORTEST || bytes.length % 8 !== 0) {
    throw new RangeError(`AES key wrap takes 16, 24, 32 ... bytes, not ${bytes.length}`)
  }
  const cipher = createCipheriv(cipherName(masterKey), masterKey, INITIAL_VALUE)
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

/**
 * Unwraps what {@link aesKeyWrap} made of `length` bytes.
 *
 * Not by OpenSSL's own unwrapping: that raises an error where the check fails, which takes longer than not to, and would tell whether one
 * half of an envelope failed or both.
 *
 * @returns The bytes, or undefined when the input has the wrong length or fails the integrity check.
 */
export function aesKeyUnwrap(masterKey: KeyObject, wrapped: Uint8Array, length: number): Buffer | undefined {
  if (length < SHORTEST || length % 8 !== 0 || wrapped.length !== length + AES_WRAP_OVERHEAD) return undefined
  const cipher = `aes-${(masterKey.symmetricKeySize as number) * 8}-ecb`
  const decipher = createDecipheriv(cipher, masterKey, null).setAutoPadding(false)
  const blocks = Buffer.from(wrapped)
  const count = length / 8
  const pair = Buffer.alloc(16)
  blocks.copy(pair, 0, 0, 8)
  for (let step = 6 * count; step > 0; step--) {
    const at = 8 * (((step - 1) % count) + 1)
    blocks.copy(pair, 8, at, at + 8)
    // Keys are short: a step counter fits 32 of its 64 bits.
    pair.writeUInt32BE((pair.readUInt32BE(4) ^ step) >>> 0, 4)
    decipher.update(pair).copy(pair)
    pair.copy(blocks, at, 8)
  }
  const isRight = equalBytes(pair.subarray(0, 8), INITIAL_VALUE)
  const bytes = Buffer.from(blocks.subarray(8))
  wipe(blocks, pair)
  if (isRight) return bytes
  wipe(bytes)
  return undefined
}

function cipherName(key: KeyObject): string {
  return `id-aes${(key.symmetricKeySize as number) * 8}-wrap`
}
