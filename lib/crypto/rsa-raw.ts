/**
 * RSA without a padding scheme (RFC 8017, 5.1). Node's own OAEP takes one hash for label and MGF1, and it refuses PKCS#1
 * v1.5 decryption where OpenSSL has no implicit rejection; so the paddings are ours.
 */
import { constants, privateDecrypt, publicEncrypt, type KeyObject } from 'node:crypto'

/** Bytes of the modulus, and so of every ciphertext. */
export function modulusBytes(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails as { modulusLength: number }).modulusLength / 8)
}

/** @param message - As many bytes as the modulus, and a smaller number. */
export function rsaEncryptRaw(publicKey: KeyObject, message: Uint8Array): Buffer {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, message)
}

/** The padded message; undefined where `ciphertext` is no number below the modulus. */
export function rsaDecryptRaw(privateKey: KeyObject, ciphertext: Uint8Array): Buffer | undefined {
  if (ciphertext.length !== modulusBytes(privateKey)) return undefined
  try {
    return privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, ciphertext)
  } catch {
    return undefined
  }
}
