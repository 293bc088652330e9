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

/** What was wrapped apart, with the length it must have. */
export interface AesWrapped {
  readonly wrapped: Uint8Array
  readonly length: number
}

/**
 * Unwraps what {@link aesKeyWrap} made, all of it or none.
 *
 * Each is unwrapped whatever became of the others, and what follows a failure is the same for each: how long it takes tells neither which
 * failed nor how many. OpenSSL's own unwrapping would tell: it raises an error, which takes microseconds.
 *
 * @returns The bytes, or undefined when anything has the wrong length or fails the integrity check.
 */
export function aesKeyUnwrap(masterKey: KeyObject, parts: readonly AesWrapped[]): Buffer[] | undefined {
  // Lengths are public: they show in what is stored.
  const isWhole = parts.every(
    ({ wrapped, length }) =>
      length >= SHORTEST && length % 8 === 0 && wrapped.length === length + AES_WRAP_OVERHEAD,
  )
  if (!isWhole) return undefined
  const initialValues = Buffer.alloc(8 * parts.length)
  const unwrapped = parts.map(({ wrapped }, index) => {
    const blocks = unwrapBlocks(masterKey, wrapped)
    blocks.copy(initialValues, 8 * index, 0, 8)
    return blocks.subarray(8)
  })
  if (equalBytes(initialValues, Buffer.alloc(initialValues.length, INITIAL_VALUE))) return unwrapped
  wipe(...unwrapped)
  return undefined
}

/** RFC 3394, section 2.2.2 over its index form: the initial value that comes out, then the bytes. */
function unwrapBlocks(masterKey: KeyObject, wrapped: Uint8Array): Buffer {
  const cipher = `aes-${(masterKey.symmetricKeySize as number) * 8}-ecb`
  const decipher = createDecipheriv(cipher, masterKey, null).setAutoPadding(false)
  const blocks = Buffer.from(wrapped)
  const count = blocks.length / 8 - 1
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
  pair.copy(blocks, 0, 0, 8)
  wipe(pair)
  return blocks
}

function cipherName(key: KeyObject): string {
  return `id-aes${(key.symmetricKeySize as number) * 8}-wrap`
}
