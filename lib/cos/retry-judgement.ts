/** Whether a failure may pass, and whether the service may have acted all the same. Pure. */
import { IntegrityError, SealstreamError, ServiceError } from '../errors.js'

/** What a failure means for another attempt. */
export interface Judgement {
  /** Another attempt may succeed. */
  readonly isPassing: boolean
  /** The service may have carried the request out: the answer is what got lost. */
  readonly isUncertain: boolean
  /** Milliseconds that the service asks to wait. */
  readonly retryAfter?: number | undefined
}

const FINAL: Judgement = { isPassing: false, isUncertain: false }
const REFUSED: Judgement = { isPassing: true, isUncertain: false }
const UNCERTAIN: Judgement = { isPassing: true, isUncertain: true }

/** The request cannot have reached the service. */
const NEVER_ARRIVED = ['ECONNREFUSED', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH']

/** A name that does not exist, or a certificate that is not trusted, will be so a second later too. */
const LASTING =
  /^(ENOTFOUND|EPROTO|ERR_INVALID_ARG_|ERR_OSSL_|ERR_PROXY_|ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/

/** Refusals by which the service says that it did nothing, whatever their status. */
const PASSING_CODES = [
  'RequestTimeout',
  'SlowDown',
  'ServiceUnavailable',
  'TooManyRequests',
  'RequestLimitExceeded',
]

/** Where the bytes are wrong, moving them again puts it right (RULES 5.1); a body that ended early may come whole. */
const PASSING_FAILURES = ['SEALSTREAM_TIMEOUT', 'SEALSTREAM_INTEGRITY', 'SEALSTREAM_TRUNCATED']

/** Judges what an attempt threw. */
export function judge(error: unknown): Judgement {
  if (error instanceof ServiceError) return judgeAnswer(error)
  if (!(error instanceof SealstreamError)) return FINAL
  // A service that offers no checksum will not do so the next time either.
  if (error instanceof IntegrityError && error.found === 'none') return FINAL
  if (PASSING_FAILURES.includes(error.code)) return UNCERTAIN
  if (error.code !== 'SEALSTREAM_CONNECTION') return FINAL
  const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException
  if (LASTING.test(code)) return FINAL
  return NEVER_ARRIVED.includes(code) ? REFUSED : UNCERTAIN
}

function judgeAnswer({ status, serviceCode, retryAfter }: ServiceError): Judgement {
  if (status === 429 || status === 503 || PASSING_CODES.includes(serviceCode))
    return { ...REFUSED, retryAfter }
  // An error document inside a 200, and all other failures of the service, may have come half-way.
  if ((status >= 500 && status !== 501) || (status === 200 && serviceCode === 'InternalError')) {
    return { ...UNCERTAIN, retryAfter }
  }
  return FINAL
}
