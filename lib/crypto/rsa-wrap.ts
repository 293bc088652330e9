/** The RSA paddings that envelopes know, by name. */
import type { KeyObject } from 'node:crypto'
import { rsaOaepEncrypt, unpadOaep, type OaepHashes } from './rsa-oaep.js'
import { rsaPkcs1Encrypt, unpadPkcs1 } from './rsa-pkcs1.js'
import { rsaDecryptRaw } from './rsa-raw.js'

const OAEP = {
  'rsa-oaep-sha1': { hash: 'sha1', mgf1Hash: 'sha1' },
  'rsa-oaep-sha256-mgf1-sha1': { hash: 'sha256', mgf1Hash: 'sha1' },
  'rsa-oaep-sha256': { hash: 'sha256', mgf1Hash: 'sha256' },
} as const satisfies Record<string, OaepHashes>

/** Name of a padding. */
export type RsaPaddingName = keyof typeof OAEP | 'rsa-pkcs1'

export function rsaWrap(publicKey: KeyObject, bytes: Uint8Array, padding: RsaPaddingName): Buffer {
  if (padding === 'rsa-pkcs1') return rsaPkcs1Encrypt(publicKey, bytes)
  return rsaOaepEncrypt(publicKey, bytes, OAEP[padding])
}

/**
 * Decrypts once; what it gives looks at the result as one padding or another.
 *
 * @returns A function that gives the `length` bytes, or undefined for every kind of failure alike. That RSA itself refuses a number
 *   which is not below the modulus is quicker, and no secret: anyone can compare the two.
 */
export function rsaUnwrapper(
  privateKey: KeyObject,
  ciphertext: Uint8Array,
  length: number,
): (padding: RsaPaddingName) => Buffer | undefined {
  const block = rsaDecryptRaw(privateKey, ciphertext)
  return (padding) => {
    const padded = Buffer.from(block ?? ciphertext)
    const message =
      padding === 'rsa-pkcs1' ? unpadPkcs1(padded, length) : unpadOaep(padded, length, OAEP[padding])
    padded.fill(0)
    return block === undefined ? undefined : message
  }
}
