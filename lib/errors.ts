/**
 * Every error this package throws. One base class with a stable `code`; the facts are fields, the original error is
 * `cause`. Callers match on `code`: `instanceof` breaks when two copies of the package are installed.
 *
 * No message, field or cause made here holds key bytes, secrets, signatures or plaintext.
 */

/** All codes, with the meaning a caller acts on. `docs/errors.md` has a row for each; a spec compares the two. */
export const ERROR_CODES = {
  SEALSTREAM_OPTION: 'an option or argument is missing, unknown or out of range',
  SEALSTREAM_KEY_FILE: 'a key file is missing, unreadable, malformed, or in the way of a new one',
  SEALSTREAM_KEY_FORMAT: 'key material is not in a form this package reads',
  SEALSTREAM_KEY_KIND: 'the master key is of another kind than the one that wrapped the data key',
  SEALSTREAM_KEY_CANNOT_UNWRAP: 'the master key can only wrap (an RSA public key alone)',
  SEALSTREAM_UNWRAP: 'the data key could not be unwrapped: wrong master key or altered envelope',
  SEALSTREAM_DATA_KEY_REUSED: 'one data key was asked to encrypt the same positions twice',
  SEALSTREAM_DATA_KEY_DISPOSED: 'the data key was already disposed by its owner',
  SEALSTREAM_ENVELOPE_MISSING: 'the object carries no encryption envelope',
  SEALSTREAM_AMBIGUOUS_ENVELOPE: 'the object carries two envelopes that contradict each other',
  SEALSTREAM_ENVELOPE_MALFORMED: 'the envelope is incomplete or damaged',
  SEALSTREAM_UNKNOWN_ALGORITHM: 'the envelope names an algorithm that this version does not read',
  SEALSTREAM_POLICY: "the object's format is not accepted by the reader's policy",
  SEALSTREAM_METADATA: 'user metadata breaks a naming, character or size rule of the service',
  SEALSTREAM_TRUNCATED: 'a stream ended before all the bytes it promised',
  SEALSTREAM_SOURCE_ENDED_EARLY: 'the stream piped into this one failed or closed before its end',
  SEALSTREAM_SOURCE_CHANGED: 'a file changed while it was being read',
  SEALSTREAM_BODY_LENGTH: 'a body is shorter or longer than its declared length',
  SEALSTREAM_INTEGRITY: 'stored or received bytes are not the bytes that were promised',
  SEALSTREAM_COMMITMENT: 'an object was not encrypted under this data key and encryption context',
  SEALSTREAM_AUTHENTICATION: 'ciphertext is not what was encrypted: altered, moved, cut or of another object',
  SEALSTREAM_UNVERIFIED: 'plaintext could only be given out before it is verified, which was not asked for',
  SEALSTREAM_CONTEXT: 'the object was written with another encryption context',
  SEALSTREAM_PART_CHANGED: 'a part number was sent again with other bytes',
  SEALSTREAM_PART_LIST: 'the parts of an upload are incomplete or have the wrong size',
  SEALSTREAM_OBJECT_CHANGED: 'the object was overwritten while it was being read',
  SEALSTREAM_OUTCOME_UNKNOWN:
    'the answer to completing an upload was lost, and the service does not tell what came of it',
  SEALSTREAM_CHECKPOINT: 'a checkpoint file is not one, or could not be read or written',
  SEALSTREAM_CHECKPOINT_NEEDS_KEY: 'resuming needs to unwrap, and the master key can only wrap',
  SEALSTREAM_RANGE: 'the requested range lies outside the object',
  SEALSTREAM_SERVICE: 'the service answered with an error',
  SEALSTREAM_ANSWER: "the service's answer could not be understood",
  SEALSTREAM_CONNECTION: 'no connection to the service, or it broke',
  SEALSTREAM_TIMEOUT: 'the service did not answer in time',
  SEALSTREAM_CREDENTIALS: 'credentials are missing or could not be obtained',
  SEALSTREAM_ABORTED: 'the caller aborted the operation',
  SEALSTREAM_FILE: 'a local file could not be read or written',
  SEALSTREAM_MEMORY: 'memory for the parts or ranges of a transfer could not be had',
  SEALSTREAM_THREAD: 'a thread of a transfer ended before its work was done',
  SEALSTREAM_SERVER: 'the embedded server could not be started',
} as const

/** One of the keys of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES

/** What every error may carry besides its message. */
export interface ErrorDetails {
  /** The error that led to this one. */
  cause?: unknown
  /** What the reader of the message can do about it. Shown on its own line by the command line. */
  hint?: string
}

/** The base of all errors of this package. */
export class SealstreamError extends Error {
  /** Stable; match on this. */
  readonly code: ErrorCode
  /** What can be done about it, when there is something to say. */
  declare readonly hint?: string

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.name = new.target.name
    this.code = code
    if (details.hint !== undefined) this.hint = details.hint
  }
}

/** An option or argument was refused before anything happened. */
export class OptionError extends SealstreamError {
  /** The option's full path, for example `PartSize` or `credentials.secretId`. */
  readonly option: string
  /** The refused value, absent where it could be a secret. */
  declare readonly value?: unknown

  /**
   * @param option - Full path of the option.
   * @param problem - What is wrong, for example `must be a multiple of 16`.
   * @param details - `value` is quoted in the message; leave it out for anything secret.
   */
  constructor(option: string, problem: string, details: ErrorDetails & { value?: unknown } = {}) {
    const got = 'value' in details ? `, got ${describeValue(details.value)}` : ''
    super('SEALSTREAM_OPTION', `option ${option} ${problem}${got}`, details)
    this.option = option
    if ('value' in details) this.value = details.value
  }
}

/** Something is wrong with a master key, a key file or a data key. */
export class KeyError extends SealstreamError {
  /** The key file, where one was involved. */
  declare readonly path?: string

  constructor(
    code: Extract<
      ErrorCode,
      `SEALSTREAM_KEY_${string}` | `SEALSTREAM_DATA_KEY_${string}` | 'SEALSTREAM_UNWRAP'
    >,
    message: string,
    details: ErrorDetails & { path?: string } = {},
  ) {
    super(code, message, details)
    if (details.path !== undefined) this.path = details.path
  }
}

/** An object's encryption headers are missing, contradictory, damaged, unknown or unwanted. */
export class EnvelopeError extends SealstreamError {
  /** The header at fault, in wire spelling, where there is one. */
  declare readonly header?: string

  constructor(
    code: Extract<
      ErrorCode,
      | `SEALSTREAM_ENVELOPE_${string}`
      | 'SEALSTREAM_AMBIGUOUS_ENVELOPE'
      | 'SEALSTREAM_UNKNOWN_ALGORITHM'
      | 'SEALSTREAM_POLICY'
      | 'SEALSTREAM_CONTEXT'
    >,
    message: string,
    details: ErrorDetails & { header?: string } = {},
  ) {
    super(code, message, details)
    if (details.header !== undefined) this.header = details.header
  }
}

/** A stream or body delivered another number of bytes than promised. */
export class LengthError extends SealstreamError {
  /** Bytes promised. */
  readonly expected: number
  /** Bytes seen when the error was raised. */
  readonly found: number

  constructor(
    code: 'SEALSTREAM_TRUNCATED' | 'SEALSTREAM_BODY_LENGTH',
    subject: string,
    expected: number,
    found: number,
  ) {
    super(code, `${subject}: expected ${expected} bytes, found ${found > expected ? 'more' : found}`)
    this.expected = expected
    this.found = found
  }
}

/** Bytes arrived or were stored, but not the promised ones. Never success, whatever the service said. */
export class IntegrityError extends SealstreamError {
  /** `crc64`, `md5` or `length`. */
  readonly algorithm: string
  readonly expected: string
  readonly found: string
  /** ETag of the bad stored object, where one was stored. It is not deleted. */
  declare readonly etag?: string
  declare readonly versionId?: string

  constructor(
    subject: string,
    facts: { algorithm: string; expected: string; found: string; etag?: string; versionId?: string },
  ) {
    super(
      'SEALSTREAM_INTEGRITY',
      `${subject}: ${facts.algorithm} expected ${facts.expected}, found ${facts.found}`,
    )
    this.algorithm = facts.algorithm
    this.expected = facts.expected
    this.found = facts.found
    if (facts.etag !== undefined) this.etag = facts.etag
    if (facts.versionId !== undefined) this.versionId = facts.versionId
  }
}

/** Authenticated encryption says that these bytes are not what was encrypted. Nothing of them was given out. */
export class AuthenticationError extends SealstreamError {
  /** Number of the chunk of 16 KiB of plaintext, from 0, where one failed. All before it were right. */
  declare readonly chunk?: number

  constructor(
    code: 'SEALSTREAM_COMMITMENT' | 'SEALSTREAM_AUTHENTICATION',
    message: string,
    details: ErrorDetails & { chunk?: number } = {},
  ) {
    super(code, message, details)
    if (details.chunk !== undefined) this.chunk = details.chunk
  }
}

/** The service answered with an error document or an error status. */
export class ServiceError extends SealstreamError {
  /** HTTP status; 200 where a success status carried an error document. */
  readonly status: number
  /** The service's own code, for example `NoSuchKey`; empty where the answer held none (HEAD). */
  readonly serviceCode: string
  readonly serviceMessage: string
  readonly resource: string
  readonly requestId: string
  readonly traceId: string
  /** Milliseconds after which the service asks to try again. */
  declare readonly retryAfter?: number

  constructor(
    operation: string,
    facts: {
      status: number
      serviceCode: string
      serviceMessage: string
      resource: string
      requestId: string
      traceId: string
      retryAfter?: number | undefined
    },
    details: ErrorDetails = {},
  ) {
    const said = [facts.serviceCode, facts.serviceMessage].filter((text) => text !== '').join(': ')
    super('SEALSTREAM_SERVICE', `${operation}: HTTP ${facts.status}${said === '' ? '' : ` ${said}`}`, details)
    this.status = facts.status
    this.serviceCode = facts.serviceCode
    this.serviceMessage = facts.serviceMessage
    this.resource = facts.resource
    this.requestId = facts.requestId
    this.traceId = facts.traceId
    if (facts.retryAfter !== undefined) this.retryAfter = facts.retryAfter
  }
}

/** Shows a refused value in one short line. */
function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  const name = (value as { constructor?: { name: string } }).constructor?.name
  return name === undefined || name === 'Object' ? 'an object' : `a ${name}`
}
