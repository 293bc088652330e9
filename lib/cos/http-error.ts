/** The HTTP library's errors in our terms; none of its own leave this folder (RULES 9.1). */
import { RequestError, TimeoutError } from 'got'
import { SealstreamError } from '../errors.js'

/** What a system error code means to a person. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: is the service running there?',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the service closed the connection while the request was being sent',
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name could not be resolved',
  ENETUNREACH: 'the network is unreachable',
  EHOSTUNREACH: 'the host is unreachable',
  ERR_TLS_CERT_ALTNAME_INVALID: "the service's certificate is for another host",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the service's certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the service's certificate chain is self-signed",
  CERT_HAS_EXPIRED: "the service's certificate has expired",
}

/**
 * The error to throw for what the HTTP library threw.
 *
 * @param where - Scheme, host and port, for the message; never a path or query, which may hold a signature.
 * @param signal - An abort through it wins over whatever else the abort caused; its reason becomes the cause.
 */
export function mapHttpError(
  error: unknown,
  operation: string,
  where: string,
  signal?: AbortSignal,
): SealstreamError {
  if (signal?.aborted === true) return abortedError(operation, signal)
  if (error instanceof SealstreamError) return error
  const cause = error instanceof RequestError && error.cause instanceof Error ? error.cause : error
  if (error instanceof TimeoutError) {
    return new SealstreamError(
      'SEALSTREAM_TIMEOUT',
      `${operation}: ${where} did not answer in time (${error.event})`,
      {
        cause: plain(cause),
      },
    )
  }
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? ''
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return new SealstreamError('SEALSTREAM_CONNECTION', `${operation}: ${where}: ${reason}`, {
    cause: plain(cause),
  })
}

/** The error for a request body whose source failed. Our own errors pass unchanged. */
export function mapBodyError(error: Error): SealstreamError {
  if (error instanceof SealstreamError) return error
  return new SealstreamError(
    'SEALSTREAM_SOURCE_ENDED_EARLY',
    `the body could not be read: ${error.message}`,
    {
      cause: error,
    },
  )
}

/** The error for an operation that its caller aborted. */
export function abortedError(operation: string, signal: AbortSignal): SealstreamError {
  return new SealstreamError('SEALSTREAM_ABORTED', `${operation}: aborted`, { cause: signal.reason })
}

/**
 * Name, message and code alone: the library's errors drag the whole request along, Authorization header included, into
 * whatever log prints the cause.
 */
function plain(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  const { code } = error as NodeJS.ErrnoException
  return Object.assign(new Error(error.message), { name: error.name }, code === undefined ? {} : { code })
}
