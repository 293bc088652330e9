/** What the encrypting operations share: a service, master keys, and what to write and to accept. */
import { createHash } from 'node:crypto'
import type { Service } from '../cos/service.js'
import { descriptionText, type EncryptionContext } from '../crypto/encryption-context.js'
import type { Format } from '../crypto/format.js'
import { isEnvelopeHeader, isReservedHeader } from '../envelope/headers.js'
import type { Policy } from '../envelope/policy.js'
import { SealstreamError } from '../errors.js'
import { META_PREFIX } from '../internal/meta-prefix.js'
import { writersOf } from '../keys/keyring.js'
import type { MasterKey } from '../keys/master-key.js'

/** One encrypting client as its operations see it. */
export interface Encryption {
  readonly service: Service
  readonly masterKey: MasterKey
  readonly format: Format
  readonly policy: Policy
  /** What objects are about; undefined where nobody says. */
  readonly context: EncryptionContext | undefined
}

/** What every result says about the encryption. */
export interface EncryptionResult {
  format: Format
  /** Whether the format proves, piece by piece, that the content is what was encrypted. */
  authenticated: boolean
}

/** The options of createEnvelope and openEnvelope that stand for the context. */
export function contextOption(context: EncryptionContext | undefined): { context?: EncryptionContext } {
  return context === undefined ? {} : { context }
}

/** Names the master keys that write. Their ids reveal nothing. */
export function masterKeyIds(masterKey: MasterKey): string {
  return writersOf(masterKey)
    .map(({ id }) => id)
    .join(',')
}

/** Tells one context from another without telling what it is, unless that can be guessed. */
export function contextDigest(context: EncryptionContext | undefined): string {
  return createHash('sha256')
    .update(descriptionText(context ?? {}))
    .digest('hex')
}

/**
 * Refuses user metadata that would be taken for an envelope (RULES 7.4).
 *
 * @throws SealstreamError `SEALSTREAM_METADATA` naming it.
 */
export function assertUserMetadata(metadata: Readonly<Record<string, string>> | undefined): void {
  for (const name of Object.keys(metadata ?? {})) {
    const lower = name.toLowerCase()
    if (!isReservedHeader(lower.startsWith(META_PREFIX) ? lower : META_PREFIX + lower)) continue
    throw new SealstreamError(
      'SEALSTREAM_METADATA',
      `option Metadata: ${JSON.stringify(name)} is reserved for envelopes`,
    )
  }
}

/** User metadata without the envelope. */
export function withoutEnvelope(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !isEnvelopeHeader(META_PREFIX + name)),
  )
}
