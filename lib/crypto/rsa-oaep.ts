/**
 * RSAES-OAEP (RFC 8017, 7.1) with an empty label, over raw RSA: the hash and the hash of MGF1 may differ, as in Java
 * (wire-formats A5).
 */
import { createHash, randomBytes, type KeyObject } from 'node:crypto'
import { wipe } from '../internal/bytes.js'
import { modulusBytes, rsaEncryptRaw } from './rsa-raw.js'

/** Names as in `createHash`. */
export interface OaepHashes {
  readonly hash: 'sha1' | 'sha256'
  readonly mgf1Hash: 'sha1' | 'sha256'
}

/** What padding takes of the modulus: twice the hash, and two bytes. */
export function oaepOverhead({ hash }: OaepHashes): number {
  return 2 * digestOf(hash).length + 2
}

/**
 * Encrypts a few bytes for the holder of the private key.
 *
 * @throws RangeError where the modulus is too short for them; that is a bug of the caller, never input.
 */
export function rsaOaepEncrypt(publicKey: KeyObject, bytes: Uint8Array, hashes: OaepHashes): Buffer {
  const size = modulusBytes(publicKey)
  if (bytes.length > size - oaepOverhead(hashes)) throw new RangeError('too many bytes for this RSA key')
  const labelHash = digestOf(hashes.hash)
  const block = Buffer.alloc(size)
  const seed = block.subarray(1, 1 + labelHash.length)
  const data = block.subarray(1 + labelHash.length)
  try {
    seed.set(randomBytes(seed.length))
    data.set(labelHash)
    data.writeUInt8(1, data.length - bytes.length - 1)
    data.set(bytes, data.length - bytes.length)
    xorMask(data, seed, hashes.mgf1Hash)
    xorMask(seed, data, hashes.mgf1Hash)
    return rsaEncryptRaw(publicKey, block)
  } finally {
    wipe(block)
  }
}

/**
 * The message of `length` bytes in a padded block, which is changed.
 *
 * @returns Undefined for every kind of failure alike: telling them apart would be an oracle (Manger, CRYPTO 2001). All checks
 *   are made, whichever fails.
 */
export function unpadOaep(block: Buffer, length: number, hashes: OaepHashes): Buffer | undefined {
  const labelHash = digestOf(hashes.hash)
  const overhead = 2 * labelHash.length + 2
  // Known to everyone: the sizes of the key and of what was wrapped.
  if (block.length < overhead + length) return undefined
  const seed = block.subarray(1, 1 + labelHash.length)
  const data = block.subarray(1 + labelHash.length)
  xorMask(seed, data, hashes.mgf1Hash)
  xorMask(data, seed, hashes.mgf1Hash)
  // One expected block, one comparison without branches: the length is known, so is where the message begins.
  const at = data.length - length
  let wrong = block[0] as number
  for (const [index, byte] of labelHash.entries()) wrong |= byte ^ (data[index] as number)
  for (let index = labelHash.length; index < at - 1; index++) wrong |= data[index] as number
  wrong |= (data[at - 1] as number) ^ 1
  const message = Buffer.from(data.subarray(at))
  if (wrong === 0) return message
  wipe(message)
  return undefined
}

function digestOf(hash: string, ...parts: Uint8Array[]): Buffer {
  const digest = createHash(hash)
  for (const part of parts) digest.update(part)
  return digest.digest()
}

/** MGF1 (RFC 8017, B.2.1). */
function xorMask(target: Buffer, seed: Uint8Array, hash: string): void {
  const counter = Buffer.alloc(4)
  for (let at = 0, block = 0; at < target.length; block++) {
    counter.writeUInt32BE(block)
    for (const byte of digestOf(hash, seed, counter)) {
      if (at >= target.length) return
      target[at] = (target[at] as number) ^ byte
      at += 1
    }
  }
}
