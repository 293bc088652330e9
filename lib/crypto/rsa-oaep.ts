/** RSAES-OAEP with SHA-1 for the hash and for MGF1 and an empty label: COS Python's keys by path, and the bridge. */
import { constants, privateDecrypt, publicEncrypt, type KeyObject } from 'node:crypto'

const OAEP_SHA1 = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }

/** Encrypts a few bytes (modulus length minus 42 at most) for the holder of the private key. */
export function rsaOaepEncrypt(publicKey: KeyObject, bytes: Uint8Array): Buffer {
  return publicEncrypt({ key: publicKey, ...OAEP_SHA1 }, bytes)
}

/**
 * Decrypts what {@link rsaOaepEncrypt} made of `length` bytes.
 *
 * @returns The bytes, or undefined for every kind of failure alike: telling them apart would be an oracle.
 */
export function rsaOaepDecrypt(privateKey: KeyObject, bytes: Uint8Array, length: number): Buffer | undefined {
  try {
    const result = privateDecrypt({ key: privateKey, ...OAEP_SHA1 }, bytes)
    return result.length === length ? result : undefined
  } catch {
    return undefined
  }
}
