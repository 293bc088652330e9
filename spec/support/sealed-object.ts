/** A `sealed` object with three recipients, and each of them as its reader. Goes to another process as text. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import type { Metadata } from '../../lib/envelope/write-envelope.js'
import type { EncryptionContext } from '../../lib/crypto/encryption-context.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { BlobMasterKey } from './blob-master-key.js'
import { runCipher } from './run-cipher.js'
import { Seeded } from './seeded.js'

export const HEAD_BYTES = 56
export const SALT_BYTES = 24
export const TAG_BYTES = 16
export const CHUNK_BYTES = 16_384
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES

export const SEALED_PREFIX = 'x-cos-meta-sealstream-'

/** The recipients, in the order of their headers. */
export const READERS = ['aes', 'rsa', 'kms'] as const
export type ReaderName = (typeof READERS)[number]

/** Secrets of the three, as text. */
export interface ReaderKeys {
  readonly aes: string
  readonly rsa: string
  readonly kms: string
}

/** The object and who reads it. */
export interface SealedObject {
  readonly plaintext: Buffer
  readonly stored: Buffer
  readonly metadata: Metadata
  readonly context: EncryptionContext
  readonly masters: Readonly<Record<ReaderName, MasterKey>>
}

/** A {@link SealedObject} as JSON. */
export interface SealedObjectText {
  readonly plaintext: string
  readonly stored: string
  readonly metadata: Metadata
  readonly context: EncryptionContext
  readonly keys: ReaderKeys
}

export const CONTEXT: EncryptionContext = { document: 'ledger/2024', tenant: 'north' }

/** Fresh keys: AES and the service's from a seed, RSA as OpenSSL makes it. */
export function makeKeys(seed: number): ReaderKeys {
  const random = new Seeded(seed)
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    aes: random.bytes(32).toString('base64'),
    rsa: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    kms: random.bytes(32).toString('base64'),
  }
}

/** The three master keys. */
export function mastersOf({ aes, rsa, kms }: ReaderKeys): SealedObject['masters'] {
  return {
    aes: AesMasterKey.from(aes),
    rsa: RsaMasterKey.from({ privateKey: createPrivateKey(rsa) }),
    kms: new BlobMasterKey('3ab5c7d9-1234-11ee-a0b1-0242ac120002', Buffer.from(kms, 'base64')),
  }
}

/** Encrypts `plaintext` for all three. */
export async function sealObject(
  masters: SealedObject['masters'],
  plaintext: Buffer,
  context = CONTEXT,
): Promise<SealedObject> {
  const keyring = new Keyring({ write: READERS.map((name) => masters[name]) })
  const { dataKey, metadata } = await createEnvelope(keyring, { format: 'sealed', context })
  const stored = runCipher(dataKey.encryptor(), [plaintext])
  dataKey.dispose()
  return { plaintext, stored, metadata, context, masters }
}

export function toText(
  { plaintext, stored, metadata, context }: SealedObject,
  keys: ReaderKeys,
): SealedObjectText {
  return {
    plaintext: plaintext.toString('base64'),
    stored: stored.toString('base64'),
    metadata,
    context,
    keys,
  }
}

export function fromText({ plaintext, stored, metadata, context, keys }: SealedObjectText): SealedObject {
  return {
    plaintext: Buffer.from(plaintext, 'base64'),
    stored: Buffer.from(stored, 'base64'),
    metadata,
    context,
    masters: mastersOf(keys),
  }
}

/** Opens an envelope as these specs do: only what proves itself, in the usual context unless told otherwise. */
export function openSealed(
  metadata: Metadata,
  masterKey: MasterKey,
  options: { context?: EncryptionContext } = { context: CONTEXT },
): ReturnType<typeof openEnvelope> {
  return openEnvelope(metadata, masterKey, { policy: 'authenticated', ...options })
}

/** The stored object cut as it is made: the head, then each chunk. */
export function chunksOf(stored: Buffer): Buffer[] {
  const pieces = [stored.subarray(0, HEAD_BYTES)]
  for (let at = HEAD_BYTES; at < stored.length; at += SEALED_CHUNK_BYTES) {
    pieces.push(stored.subarray(at, at + SEALED_CHUNK_BYTES))
  }
  return pieces
}

/** The name of a recipient's header. */
export function recipientHeader(name: ReaderName): string {
  return `${SEALED_PREFIX}recipient-${READERS.indexOf(name) + 1}`
}
