/** The header names of the envelope dialects, in wire spelling (wire-formats B1), and reading them. */
import { EnvelopeError, OptionError } from '../errors.js'
import { META_PREFIX } from '../internal/meta-prefix.js'

const PREFIX = `${META_PREFIX}client-side-encryption-`

/** Base64 of the wrapped data key: every dialect has it. */
export const KEY_HEADER = `${PREFIX}key`
/** Base64 of the wrapped IV in COS Python's dialect. */
export const IV_HEADER = `${PREFIX}iv`
/** Base64 of the wrapped IV in the Java and Go dialects; of the plain IV in Android's. */
export const START_HEADER = `${PREFIX}start`
/** Content cipher, for example `AES/CTR/NoPadding`. */
export const CEK_ALG_HEADER = `${PREFIX}cek-alg`
/** How the data key was wrapped, for example `AESWrap`. */
export const WRAP_ALG_HEADER = `${PREFIX}wrap-alg`

/** The material description: a JSON object of texts. Absent when empty. */
export const MATDESC_HEADER = `${PREFIX}matdesc`
/** Plaintext bytes, where the SDK knew them. Unauthenticated. */
export const UNENCRYPTED_LENGTH_HEADER = `${PREFIX}unencrypted-content-length`
/** The same, where it was written in parts. */
export const DATA_SIZE_HEADER = `${PREFIX}data-size`
/** Bits of the GCM tag; in the Java dialect and in the older one. */
export const TAG_LEN_HEADER = `${META_PREFIX}x-cos-tag-len`

/** The names of old COS Java SDKs, which instruction files still use. */
export const LEGACY_HEADERS = {
  key: `${META_PREFIX}x-cos-key`,
  keyV2: `${META_PREFIX}x-cos-key-v2`,
  /** The plain IV. */
  iv: `${META_PREFIX}x-cos-iv`,
  matdesc: `${META_PREFIX}x-cos-matdesc`,
  wrapAlg: `${META_PREFIX}x-cos-wrap-alg`,
  cekAlg: `${META_PREFIX}x-cos-cek-alg`,
}

const SEALED_PREFIX = `${META_PREFIX}sealstream-`

/** The headers of format `sealed` (docs/format.md). */
export const SEALED_VERSION_HEADER = `${SEALED_PREFIX}version`
export const SEALED_CONTENT_HEADER = `${SEALED_PREFIX}content`
export const SEALED_RECIPIENT_PREFIX = `${SEALED_PREFIX}recipient-`

/** Beginnings of metadata names that are all an envelope's. */
const NAMESPACES = [PREFIX, SEALED_PREFIX]

/** Names of envelopes outside of these. */
const SINGLE_HEADERS: readonly string[] = [...Object.values(LEGACY_HEADERS), TAG_LEN_HEADER]

/** Whether a header, in wire spelling and lower case, is part of an envelope. */
export function isEnvelopeHeader(name: string): boolean {
  return NAMESPACES.some((prefix) => name.startsWith(prefix)) || SINGLE_HEADERS.includes(name)
}

/** Whether user metadata of this name, in wire spelling and lower case, could be taken for an envelope by anyone (RULES 7.4). */
export function isReservedHeader(name: string): boolean {
  return (
    isEnvelopeHeader(name) ||
    [LEGACY_HEADERS.key, LEGACY_HEADERS.iv].some((prefix) => name.startsWith(prefix))
  )
}

/** What the SDKs say of the plaintext beside an envelope: it is as true under another one. */
export function plaintextHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const names = [
    UNENCRYPTED_LENGTH_HEADER,
    DATA_SIZE_HEADER,
    `${PREFIX}part-size`,
    `${PREFIX}unencrypted-content-md5`,
  ]
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)))
}

/** The headers of an answer that are part of an envelope. */
export function envelopeHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => isEnvelopeHeader(name)))
}

/** The headers of one object, by lower-case name. */
export class EnvelopeHeaders {
  readonly #values = new Map<string, string>()

  /**
   * @param metadata - Wire names (`x-cos-meta-...`), in any case, to values; other headers are ignored.
   * @throws EnvelopeError `SEALSTREAM_AMBIGUOUS_ENVELOPE` when one name comes twice with different values.
   */
  constructor(metadata: Readonly<Record<string, string | string[] | undefined>>) {
    if (typeof (metadata as unknown) !== 'object' || (metadata as unknown) === null) {
      throw new OptionError('metadata', 'must be an object of headers', { value: metadata })
    }
    for (const [name, value] of Object.entries(metadata)) {
      const header = name.toLowerCase()
      if (value === undefined || !isEnvelopeHeader(header)) continue
      const known = this.#values.get(header)
      if (typeof value !== 'string' || (known !== undefined && known !== value)) {
        throw new EnvelopeError('SEALSTREAM_AMBIGUOUS_ENVELOPE', `header ${header} comes more than once`, {
          header,
        })
      }
      this.#values.set(header, value)
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name)
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** A header that a dialect cannot do without. */
  require(name: string): string {
    const value = this.#values.get(name)
    if (value !== undefined) return value
    throw new EnvelopeError('SEALSTREAM_ENVELOPE_MALFORMED', `the envelope lacks header ${name}`, {
      header: name,
    })
  }

  /** Every header there is, by lower-case name. */
  get names(): string[] {
    return [...this.#values.keys()]
  }

  /** Whether any header of format `sealed` is there. */
  get hasSealed(): boolean {
    return this.names.some((name) => name.startsWith(SEALED_PREFIX))
  }

  /** Whether the object carries the COS Java SDK's older metadata names. */
  get hasLegacy(): boolean {
    return this.has(LEGACY_HEADERS.key) || this.has(LEGACY_HEADERS.keyV2)
  }

  get isEmpty(): boolean {
    return this.#values.size === 0
  }
}
