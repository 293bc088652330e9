/** RSA paddings from RFC 8017, over raw RSA. Shares nothing with lib; slow and plain. */
import { constants, createHash, privateDecrypt, publicEncrypt, type KeyObject } from 'node:crypto'
import { Seeded } from './seeded.js'

/** Hash names as in `createHash`. */
export interface OaepModelHashes {
  readonly hash: string
  readonly mgf1Hash: string
}

/** The paddings met in the wild, by the name that lib has for them (wire-formats A5). */
export const OAEP_MODELS: Readonly<Record<string, OaepModelHashes>> = {
  'rsa-oaep-sha1': { hash: 'sha1', mgf1Hash: 'sha1' },
  'rsa-oaep-sha256-mgf1-sha1': { hash: 'sha256', mgf1Hash: 'sha1' },
  'rsa-oaep-sha256': { hash: 'sha256', mgf1Hash: 'sha256' },
}

const sizeOf = (key: KeyObject): number => Math.ceil(key.asymmetricKeyDetails!.modulusLength! / 8)
const hashOf = (name: string, bytes: Uint8Array): Buffer => createHash(name).update(bytes).digest()

/** MGF1 (B.2.1), as one long string of hashes. */
function mask(seed: Buffer, length: number, hash: string): Buffer {
  const blocks: Buffer[] = []
  for (let block = 0; blocks.length * hashOf(hash, seed).length < length; block++) {
    blocks.push(hashOf(hash, Buffer.concat([seed, Buffer.from([0, 0, block >> 8, block & 255])])))
  }
  return Buffer.concat(blocks).subarray(0, length)
}

const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, at) => byte ^ b[at]!))

/** RSAES-OAEP (7.1.1) with an empty label; the seed is the same for the same message, which is no secret here. */
export function oaepModelEncrypt(key: KeyObject, message: Uint8Array, hashes: OaepModelHashes): Buffer {
  const labelHash = hashOf(hashes.hash, Buffer.alloc(0))
  const seed = new Seeded(message[0] ?? 0).bytes(labelHash.length)
  const zeros = Buffer.alloc(sizeOf(key) - message.length - 2 * labelHash.length - 2)
  const data = Buffer.concat([labelHash, zeros, Buffer.from([1]), message])
  const maskedData = xor(data, mask(seed, data.length, hashes.mgf1Hash))
  const maskedSeed = xor(seed, mask(maskedData, seed.length, hashes.mgf1Hash))
  return rawEncrypt(key, Buffer.concat([Buffer.from([0]), maskedSeed, maskedData]))
}

/** RSAES-OAEP (7.1.2): the message, or an error. */
export function oaepModelDecrypt(key: KeyObject, bytes: Uint8Array, hashes: OaepModelHashes): Buffer {
  const labelHash = hashOf(hashes.hash, Buffer.alloc(0))
  const block = rawDecrypt(key, bytes)
  const maskedData = block.subarray(1 + labelHash.length)
  const seed = xor(
    block.subarray(1, 1 + labelHash.length),
    mask(maskedData, labelHash.length, hashes.mgf1Hash),
  )
  const data = xor(maskedData, mask(seed, maskedData.length, hashes.mgf1Hash))
  const at = data.indexOf(1, labelHash.length)
  const isZero = data.subarray(labelHash.length, at).every((byte) => byte === 0)
  if (block[0] !== 0 || !data.subarray(0, labelHash.length).equals(labelHash) || !isZero) {
    throw new Error('no OAEP')
  }
  return data.subarray(at + 1)
}

/** RSAES-PKCS1-v1_5 (7.2.1); the padding bytes may be given. */
export function pkcs1ModelEncrypt(key: KeyObject, message: Uint8Array, padding?: Buffer): Buffer {
  const length = sizeOf(key) - message.length - 3
  const bytes = padding ?? Buffer.from(new Seeded(length).bytes(length).map((byte) => byte | 1))
  return rawEncrypt(key, Buffer.concat([Buffer.from([0, 2]), bytes, Buffer.from([0]), message]))
}

/** RSAES-PKCS1-v1_5 (7.2.2): the message, or an error. */
export function pkcs1ModelDecrypt(key: KeyObject, bytes: Uint8Array): Buffer {
  const block = rawDecrypt(key, bytes)
  const at = block.indexOf(0, 2)
  if (block[0] !== 0 || block[1] !== 2 || at < 10) throw new Error('no PKCS#1 v1.5')
  return block.subarray(at + 1)
}

/** The bare operation (5.1.1) on a block as long as the modulus. */
export function rawEncrypt(key: KeyObject, block: Uint8Array): Buffer {
  return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block)
}

/** The bare operation (5.1.2). */
export function rawDecrypt(key: KeyObject, bytes: Uint8Array): Buffer {
  return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, bytes)
}
