/** What the encrypting operations share: a service, a master key, and what to write and to accept. */
import type { Service } from '../cos/service.js'
import type { Format } from '../crypto/format.js'
import { isEnvelopeHeader } from '../envelope/headers.js'
import type { Policy } from '../envelope/policy.js'
import { SealstreamError } from '../errors.js'
import { META_PREFIX } from '../internal/meta-prefix.js'
import type { MasterKey } from '../keys/master-key.js'

/** One encrypting client as its operations see it. */
export interface Encryption {
  readonly service: Service
  readonly masterKey: MasterKey
  readonly format: Format
  readonly policy: Policy
}

/** What every result says about the encryption. */
export interface EncryptionResult {
  format: Format
  /** Whether the format proves that the content is what was encrypted. */
  authenticated: boolean
}

/**
 * Refuses user metadata that would be taken for an envelope (RULES 7.4).
 *
 * @throws SealstreamError `SEALSTREAM_METADATA` naming it.
 */
export function assertUserMetadata(metadata: Readonly<Record<string, string>> | undefined): void {
  for (const name of Object.keys(metadata ?? {})) {
    const lower = name.toLowerCase()
    if (!isEnvelopeHeader(lower.startsWith(META_PREFIX) ? lower : META_PREFIX + lower)) continue
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
