/**
 * The derivation of C2SP chunked encryption v1 with AES-256-GCM and SHA-512, "Cobblestone-256"
 * (c2sp.org/chunked-encryption): the key, base nonce and commitment of one message.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { AuthenticationError } from '../errors.js'
import { equalBytes, wipe } from '../internal/bytes.js'
import { hkdfExpandSha512 } from './hkdf-expand.js'

/** Bytes of the salt that stands first in every object. */
export const SALT_BYTES = 24
const COMMITMENT_BYTES = 32
/** Salt and commitment. */
export const HEAD_BYTES = SALT_BYTES + COMMITMENT_BYTES

const KEY_BYTES = 32
export const NONCE_BYTES = 12
const LABEL = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0', 'latin1')

/** What one message is encrypted under. */
export interface MessageKey {
  readonly key: KeyObject
  readonly baseNonce: Buffer
  /** Salt and commitment, as the message begins. */
  readonly head: Buffer
}

/** @param salt - 24 bytes that no other message under this key has. */
export function deriveMessageKey(inputKey: KeyObject, salt: Buffer, context: Buffer): MessageKey {
  const info = Buffer.concat([LABEL, salt, context])
  const output = hkdfExpandSha512(inputKey, info, KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES)
  try {
    return {
      key: createSecretKey(output.subarray(0, KEY_BYTES)),
      baseNonce: Buffer.from(output.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES)),
      head: Buffer.concat([salt, output.subarray(KEY_BYTES + NONCE_BYTES)]),
    }
  } finally {
    wipe(output)
  }
}

/**
 * The keys of a message that begins with `head`.
 *
 * @throws AuthenticationError `SEALSTREAM_COMMITMENT` unless the message was made under this very key and context. It comes
 *   before anything else is looked at.
 */
export function openMessageKey(inputKey: KeyObject, head: Buffer, context: Buffer): MessageKey {
  const derived = deriveMessageKey(inputKey, Buffer.from(head.subarray(0, SALT_BYTES)), context)
  if (equalBytes(derived.head, head)) return derived
  throw new AuthenticationError(
    'SEALSTREAM_COMMITMENT',
    'the object was not encrypted under this data key and context, or its beginning or headers were altered',
    { hint: 'give the same context as when it was written' },
  )
}
