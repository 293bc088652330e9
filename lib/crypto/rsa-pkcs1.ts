/** RSAES-PKCS1-v1_5 (RFC 8017, 7.2) over raw RSA: what COS Python uses for RSA keys given by value. */
import { randomInt, type KeyObject } from 'node:crypto'
import { wipe } from '../internal/bytes.js'
import { modulusBytes, rsaEncryptRaw } from './rsa-raw.js'

/** Two bytes that say what it is, at least eight random ones, and a zero. */
const LEAST_OVERHEAD = 11

/** Encrypts a few bytes for the holder of the private key. @throws RangeError where the modulus is too short for them. */
export function rsaPkcs1Encrypt(publicKey: KeyObject, bytes: Uint8Array): Buffer {
  const size = modulusBytes(publicKey)
  if (bytes.length > size - LEAST_OVERHEAD) throw new RangeError('too many bytes for this RSA key')
  const block = Buffer.alloc(size)
  try {
    block.writeUInt8(2, 1)
    const end = size - bytes.length - 1
    for (let at = 2; at < end; at++) block.writeUInt8(randomInt(1, 256), at)
    block.set(bytes, end + 1)
    return rsaEncryptRaw(publicKey, block)
  } finally {
    wipe(block)
  }
}

/**
 * The message of `length` bytes in a padded block. The length is known, so there is no search for the zero, and no branch.
 *
 * @returns Undefined for every kind of failure alike: telling them apart is Bleichenbacher's oracle.
 */
export function unpadPkcs1(block: Buffer, length: number): Buffer | undefined {
  if (block.length < length + LEAST_OVERHEAD) return undefined
  const end = block.length - length - 1
  let wrong = (block[0] as number) | ((block[1] as number) ^ 2) | (block[end] as number)
  for (let at = 2; at < end; at++) {
    // All ones where the byte is zero, which random padding never is.
    wrong |= ((block[at] as number) - 1) >> 8
  }
  const message = Buffer.from(block.subarray(end + 1))
  if (wrong === 0) return message
  wipe(message)
  return undefined
}
