/** What can be made to go wrong, and the check of what a spec asks for. */
import { OptionError } from '../../errors.js'
import { assertInteger, assertKnown, assertOneOf, assertText } from '../../internal/assert.js'
import { isKmsOperation } from '../kms/actions.js'
import { hasPartNumber, OPERATION_NAMES, type OperationName } from '../operation.js'

/** Kind → the fields it takes besides those that choose the call. */
const FIELDS = {
  'connect-refused': ['ms'],
  'tls-failure': [],
  'reset-before-headers': [],
  'reset-in-request-body': ['at'],
  'reset-in-response-body': ['at'],
  'answer-lost': [],
  'early-close': ['at'],
  'short-body': ['bytes'],
  'long-body': ['bytes'],
  'stall-before-headers': ['ms'],
  'stall-in-body': ['at', 'ms'],
  'request-timeout': [],
  'expired-token': [],
  'skewed-clock': ['skewMs'],
  'no-such-upload': [],
  conflict: [],
  'too-many-requests': ['retryAfter'],
  'internal-error': [],
  'slow-down': ['retryAfter'],
  'error-in-200': [],
  redirect: ['location'],
  'malformed-xml': [],
  'truncated-xml': ['at'],
  'flip-bit-stored': ['at'],
  'flip-bit-sent': ['at'],
  'wrong-etag': [],
  'wrong-crc64': [],
  'drop-tail': ['at'],
  'repeat-range': ['at'],
} as const satisfies Record<string, readonly string[]>

/** Kinds that mean something in these operations only. */
const OPERATIONS_OF: Partial<Record<FaultKind, readonly string[]>> = {
  'flip-bit-stored': ['putObject', 'uploadPart'],
  'repeat-range': ['getObject'],
}

/** Kinds that mean nothing in KMS, which has no documents, checksums or redirects. They leave its calls alone. */
const NOT_OF_KMS: readonly FaultKind[] = [
  'request-timeout',
  'no-such-upload',
  'conflict',
  'too-many-requests',
  'error-in-200',
  'redirect',
  'malformed-xml',
  'truncated-xml',
  'wrong-etag',
  'wrong-crc64',
]

/**
 * How a call goes wrong. A name that cannot be resolved (DNS) is missing: no server can do that; give the client a name
 * that does not exist.
 *
 * The connection fails:
 * - `connect-refused`: it is reset, and connecting is refused for `ms` (default 50). Idle connections are closed.
 * - `tls-failure`: it is reset, idle ones are closed, and the next new one ends before its handshake. HTTPS only.
 * - `reset-before-headers`: it is reset when the headers of the request are there.
 * - `reset-in-request-body`: it is reset after `at` bytes of the request's body (default half of it; at once where there
 *   is none). The operation is not carried out.
 * - `reset-in-response-body`: it is reset after `at` bytes of the answer's body (default half). The client may have read
 *   less: a reset overtakes bytes on their way.
 * - `early-close`: it is closed in order after `at` bytes (default half) of a body announced in full.
 * - `answer-lost`: the operation is carried out, then it is reset.
 * - `stall-before-headers`: the operation is carried out, its answer held back for `ms` (default: until the client goes).
 * - `stall-in-body`: the answer's body stops after `at` bytes (default half) for `ms` (default: until the client goes).
 *
 * The operation is refused, as by the service, and not carried out:
 * - `request-timeout` 400 `RequestTimeout`, `expired-token` 403 `ExpiredToken`, `no-such-upload` 404 `NoSuchUpload`,
 *   `conflict` 409 `OperationAborted`, `internal-error` 500 `InternalError`.
 * - `skewed-clock`: 403 `RequestTimeTooSkewed`; `ServerTime` and Date are the server's clock plus `skewMs` (default 20
 *   minutes). Signatures are still judged by the server's clock; to have another time throughout use the option `clock`.
 * - `too-many-requests`: 429 `TooManyRequests`, with Retry-After where `retryAfter` is given.
 * - `slow-down`: 503 `SlowDown` with Retry-After (default 1).
 * - `redirect`: 307 to `location` (default: the same URL).
 * - `error-in-200`: the whole request is read, then status 200 with white space and an `Error` document.
 *
 * The operation is carried out; a successful answer is altered (one without a body stays without, but Content-Length of
 * HEAD is altered like that of the GET):
 * - `short-body`, `long-body`: `bytes` (default 1) are missing at the end or added to it; Content-Length agrees, which is
 *   all that is changed of the headers.
 * - `malformed-xml`: the document's last tag is another one. `truncated-xml`: the document ends after `at` bytes (default
 *   half); Content-Length agrees. Where the operation answers without a document, this is what becomes of the error
 *   document of a 500.
 * - `flip-bit-sent`: the lowest bit of byte `at` (default the middle one) is the other one.
 * - `wrong-etag`, `wrong-crc64`: another value in the header, and in the document where it is there.
 * - `drop-tail`: of a body, only the first `at` bytes (default half) are there, and length, range and size say the same;
 *   the checksums are those of the whole. For `putObject` and `uploadPart`: only the first `at` bytes are stored, and
 *   the checksums answered are theirs.
 * - `repeat-range`: the answer to a GET with a Range carries as many bytes from elsewhere: from `at`, by default from
 *   before the range, or behind it, or overlapping. A range that is the whole object stays as it is.
 *
 * The stored bytes are altered:
 * - `flip-bit-stored`: the lowest bit of byte `at` (default the middle one) is flipped before the bytes of `putObject` or
 *   `uploadPart` are stored; ETag and CRC-64 are those of the altered bytes. Content-MD5 is not looked at, nor is it for
 *   `drop-tail`.
 *
 * KMS (`kms:Encrypt` and so on) has the faults of the connection, those that alter the bytes of a successful answer
 * (`short-body`, `long-body`, `flip-bit-sent`, `drop-tail`), and four refusals, all of status 200: `slow-down` is
 * `RequestLimitExceeded` (Retry-After only where `retryAfter` is given), `internal-error` is `InternalError`,
 * `expired-token` is `AuthFailure.TokenFailure`, `skewed-clock` is `AuthFailure.SignatureExpire` and the Date that goes
 * with it. No other kind hits its calls.
 *
 * An `at` behind the last byte means the last byte for flips and the end of the body for everything else.
 */
export type FaultKind = keyof typeof FIELDS

/** One thing that goes wrong, once or for some calls. For tests. */
export interface Fault {
  readonly kind: FaultKind
  /** Default: any. */
  readonly operation?: OperationName | undefined
  /** Only calls for this object key. */
  readonly key?: string | undefined
  /** Only calls for this part: of `uploadPart` and `uploadPartCopy`. */
  readonly partNumber?: number | undefined
  /**
   * Which call it hits, from 1; default: the next that matches. Calls are counted per operation since the start of the
   * server, over all where `operation` is absent; with `key` or `partNumber` only those that match are, since the fault
   * was added. A request counts when its headers are there, also when it is then refused.
   */
  readonly call?: number | undefined
  /** How many calls in a row it hits; default 1, Infinity is allowed. */
  readonly times?: number | undefined
  /** Byte of the body, from 0. */
  readonly at?: number | undefined
  /** How many bytes: of `short-body` and `long-body`. */
  readonly bytes?: number | undefined
  /** Milliseconds: of `connect-refused` and the stalls. */
  readonly ms?: number | undefined
  /** Seconds, or a date as HTTP writes it: of `slow-down` and `too-many-requests`. */
  readonly retryAfter?: number | string | undefined
  /** URL: of `redirect`. */
  readonly location?: string | undefined
  /** Milliseconds that the server's clock claims to be ahead, negative for behind: of `skewed-clock`. */
  readonly skewMs?: number | undefined
}

/** All kinds. */
export const FAULT_KINDS = Object.keys(FIELDS) as readonly FaultKind[]

/** Whether a kind means something in an operation, which may be one that has no name here. */
export function canHit(kind: FaultKind, operation: string): boolean {
  const only = OPERATIONS_OF[kind]
  if (only !== undefined) return only.includes(operation)
  return !isKmsOperation(operation) || !NOT_OF_KMS.includes(kind)
}

/**
 * Checks faults and copies them.
 *
 * @param isHttps - Whether the server speaks TLS.
 * @throws {@link OptionError} that names `faults[0].kind` and the like.
 */
export function checkFaults(given: unknown, isHttps: boolean): Fault[] {
  if (!Array.isArray(given)) throw new OptionError('faults', 'must be an array', { value: given })
  return given.map((fault: unknown, i) => checkFault(fault, `faults[${i}]`, isHttps))
}

function checkFault(given: unknown, where: string, isHttps: boolean): Fault {
  const common = ['kind', 'operation', 'key', 'partNumber', 'call', 'times']
  assertKnown(given, where, [...common, ...Object.values(FIELDS).flat()])
  const fault = given as Fault
  const { kind } = fault
  assertOneOf(kind, `${where}.kind`, FAULT_KINDS)
  if (kind === 'tls-failure' && !isHttps) {
    throw new OptionError(`${where}.kind`, 'needs the option https', { value: kind })
  }
  assertKnown(present(fault), where, [...common, ...FIELDS[kind]])
  checkChoice(fault, where)
  checkFields(fault, where)
  return { ...fault }
}

/** The fields that choose the call. */
function checkChoice({ kind, operation, key, partNumber, call, times }: Fault, where: string): void {
  if (operation !== undefined) {
    const able = OPERATION_NAMES.filter((name) => canHit(kind, name))
    assertOneOf(operation, `${where}.operation`, able)
  }
  if (key !== undefined) assertText(key, `${where}.key`)
  if (partNumber !== undefined) {
    assertInteger(partNumber, `${where}.partNumber`, 1, 10_000)
    if (operation !== undefined && !hasPartNumber(operation)) {
      throw new OptionError(`${where}.partNumber`, `has no meaning for ${operation}`, { value: partNumber })
    }
  }
  if (call !== undefined) assertInteger(call, `${where}.call`, 1)
  if (times !== undefined && times !== Infinity) assertInteger(times, `${where}.times`, 1)
}

function checkFields({ at, bytes, ms, retryAfter, location, skewMs }: Fault, where: string): void {
  if (at !== undefined) assertInteger(at, `${where}.at`, 0)
  if (bytes !== undefined) assertInteger(bytes, `${where}.bytes`, 1)
  // Node's timers take no more.
  if (ms !== undefined) assertInteger(ms, `${where}.ms`, 0, 2 ** 31 - 1)
  if (typeof retryAfter === 'string') assertHeader(retryAfter, `${where}.retryAfter`)
  else if (retryAfter !== undefined) assertInteger(retryAfter, `${where}.retryAfter`, 0)
  if (location !== undefined) assertHeader(location, `${where}.location`)
  // Dates reach no further.
  if (skewMs !== undefined) assertInteger(skewMs, `${where}.skewMs`, -1e12, 1e12)
}

function assertHeader(value: unknown, option: string): void {
  assertText(value, option)
  if (!/^[\x20-\x7e]+$/.test(value)) {
    throw new OptionError(option, 'must be printable ASCII, as headers are', { value })
  }
}

/** Without the fields that are undefined, which mean absent. */
function present(fault: Fault): object {
  return Object.fromEntries(Object.entries(fault).filter(([, value]) => value !== undefined))
}
