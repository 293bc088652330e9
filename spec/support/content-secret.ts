/** What a ContentCipher is called with, so that a spec says only what it is about. */
import { createSecretKey } from 'node:crypto'
import type { CipherSecret, DecryptionOptions } from '../../lib/crypto/content-cipher.js'

/** Key and IV (or salt) as a DataKey holds them. */
export function secretOf(
  key: Uint8Array,
  iv: Buffer | undefined,
  context: Buffer = Buffer.alloc(0),
): CipherSecret {
  return { key: createSecretKey(key), iv, context }
}

/** A decryption of everything, unless it says otherwise. */
export function decryption(options: Partial<DecryptionOptions> = {}): DecryptionOptions {
  return { start: 0, end: undefined, releaseUnverified: false, mostHeld: 64 * 1024 * 1024, ...options }
}
