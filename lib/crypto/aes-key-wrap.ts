/** AES key wrap, RFC 3394 with the default initial value: the dialects call it `AESWrap` (wire-formats A4). */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'

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
 * @returns The bytes, or undefined when the input has the wrong length or fails the integrity check.
 */
export function aesKeyUnwrap(masterKey: KeyObject, wrapped: Uint8Array, length: number): Buffer | undefined {
  if (length < SHORTEST || wrapped.length !== length + AES_WRAP_OVERHEAD) return undefined
  try {
    const decipher = createDecipheriv(cipherName(masterKey), masterKey, INITIAL_VALUE)
    return Buffer.concat([decipher.update(wrapped), decipher.final()])
  } catch {
    // OpenSSL's text is "Trying to add data in unsupported state"; it says nothing a caller could use.
    return undefined
  }
}

function cipherName(key: KeyObject): string {
  return `id-aes${(key.symmetricKeySize as number) * 8}-wrap`
}
