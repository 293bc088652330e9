/**
 * The ciphertext of KMS: three Base64 texts joined by `-k-`, as the real service writes it, so that nobody takes it for Base64:
 * the key id; a nonce of 12 bytes; AES-256-GCM of the plaintext, and its tag of 16 bytes. The canonical encryption context is
 * authenticated.
 *
 * Every key id has a key of its own, derived from the secret: a blob that names another one does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { decodeBase64, wipe } from '../../internal/bytes.js'
import { isKeyId } from './keys.js'
import { KmsRefusal } from './refusal.js'

const JOINT = '-k-'
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
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return [Buffer.from(keyId), nonce, sealed].map((bytes) => bytes.toString('base64')).join(JOINT)
}

/** @throws `InvalidParameterValue.InvalidCiphertext`, whatever is wrong with it. */
export function openBlob(secret: Buffer, text: string, context: Buffer): OpenedBlob {
  const [id, nonce, sealed, ...rest] = text.split(JOINT).map(decodeBase64)
  const keyId = id?.toString('latin1') ?? ''
  const tagAt = (sealed?.length ?? 0) - TAG_BYTES
  const isWhole = nonce?.length === NONCE_BYTES && sealed !== undefined && tagAt >= 0 && rest.length === 0
  if (!isWhole || !isKeyId(keyId)) throw invalid()
  const key = keyFor(secret, keyId)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  wipe(key)
  decipher.setAAD(context).setAuthTag(sealed.subarray(tagAt))
  try {
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(0, tagAt)), decipher.final()])
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
