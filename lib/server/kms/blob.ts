/**
 * The ciphertext of KMS: Base64 of
 *
 * ```
 * 1 byte     version, 1
 * 1 byte     length of the key id
 * n bytes    key id
 * 12 bytes   nonce
 * rest       AES-256-GCM of the plaintext, and its tag of 16 bytes; the canonical encryption context is authenticated
 * ```
 *
 * Every key id has a key of its own, derived from the secret: a blob that names another one does not open. The real
 * service's text is another (three Base64 texts joined by `-k-`), and none of a client's business.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { decodeBase64, wipe } from '../../internal/bytes.js'
import { isKeyId } from './keys.js'
import { KmsRefusal } from './refusal.js'

const VERSION = 1
const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What a blob holds. */
export interface OpenedBlob {
  readonly keyId: string
  readonly plaintext: Buffer
}

/**
 * @param keyId - Already checked.
 * @param context - As `canonicalContext` gives it.
 */
export function sealBlob(secret: Buffer, keyId: string, plaintext: Buffer, context: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES)
  const key = keyFor(secret, keyId)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(context)
  wipe(key)
  const head = Buffer.from([VERSION, keyId.length])
  const parts = [head, Buffer.from(keyId), nonce, cipher.update(plaintext), cipher.final()]
  return Buffer.concat([...parts, cipher.getAuthTag()]).toString('base64')
}

/** @throws `InvalidParameterValue.InvalidCiphertext`, whatever is wrong with it. */
export function openBlob(secret: Buffer, text: string, context: Buffer): OpenedBlob {
  const bytes = decodeBase64(text) ?? Buffer.alloc(0)
  const nonceAt = 2 + (bytes[1] ?? 0)
  const bodyAt = nonceAt + NONCE_BYTES
  const tagAt = bytes.length - TAG_BYTES
  const keyId = bytes.toString('latin1', 2, nonceAt)
  if (bytes[0] !== VERSION || bodyAt > tagAt || !isKeyId(keyId)) throw invalid()
  const key = keyFor(secret, keyId)
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(nonceAt, bodyAt), {
    authTagLength: TAG_BYTES,
  })
  wipe(key)
  decipher.setAAD(context).setAuthTag(bytes.subarray(tagAt))
  try {
    const plaintext = Buffer.concat([decipher.update(bytes.subarray(bodyAt, tagAt)), decipher.final()])
    return { keyId, plaintext }
  } catch {
    throw invalid()
  }
}

function keyFor(secret: Buffer, keyId: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `sealstream embedded KMS\n${keyId}`, KEY_BYTES))
}

function invalid(): KmsRefusal {
  return new KmsRefusal('InvalidParameterValue.InvalidCiphertext')
}
