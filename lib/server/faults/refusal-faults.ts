/** Faults that refuse an operation the way the service does. Early: the body is drained behind the answer. */
import { isKmsOperation } from '../kms/actions.js'
import type { Fault } from './fault.js'
import { type Act, type FaultyExchange, readBody } from './faulty-exchange.js'

type Refused = readonly [status: number, code: string, message: string]

/** Refuses with a status and a code. */
function refusing([status, code, message]: Refused, headersOf: HeadersOf = () => ({})): Act {
  return async (exchange, fault) => {
    const headers = headersOf(fault, exchange)
    await exchange.send(exchange.refusal({ status, code, message, headers, elements: {} }))
  }
}

type HeadersOf = (fault: Fault, exchange: FaultyExchange) => Readonly<Record<string, string>>

export const requestTimeout = refusing([
  400,
  'RequestTimeout',
  'Your socket connection to the server was not read from or written to within the timeout period.',
])

export const expiredToken = refusing([403, 'ExpiredToken', 'The provided token has expired.'])

export const noSuchUpload = refusing([404, 'NoSuchUpload', 'The specified multipart upload does not exist.'])

export const conflict = refusing([
  409,
  'OperationAborted',
  'A conflicting operation is in progress against this resource.',
])

export const tooManyRequests = refusing(
  [429, 'TooManyRequests', 'Too many requests.'],
  ({ retryAfter }): Record<string, string> =>
    retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
)

export const internalError = refusing([
  500,
  'InternalError',
  'We encountered an internal error. Please try again.',
])

export const slowDown = refusing(
  [503, 'SlowDown', 'Reduce your request rate.'],
  // KMS does not say when to come again, unless a test wants it to.
  ({ retryAfter }, { target }): Record<string, string> =>
    retryAfter === undefined && isKmsOperation(target.operation)
      ? {}
      : { 'retry-after': String(retryAfter ?? 1) },
)

export const redirect = refusing(
  [307, 'TemporaryRedirect', 'Send the request to the location given.'],
  ({ location }, exchange) => ({ location: location ?? urlOf(exchange) }),
)

export const skewedClock: Act = async (exchange, { skewMs = 20 * 60 * 1000 }) => {
  const time = new Date(exchange.now() + skewMs)
  const answer = exchange.refusal({
    status: 403,
    code: 'RequestTimeTooSkewed',
    message: 'The difference between the request time and the current time is too large.',
    headers: { date: time.toUTCString() },
    elements: { ServerTime: time.toISOString() },
  })
  await exchange.send(answer)
}

/** Complete, copy and copy of a part may say 200 while they work, keep the line alive with white space, and then fail. */
export const errorIn200: Act = async (exchange) => {
  await readBody(exchange)
  const facts = { code: 'InternalError', message: 'We encountered an internal error. Please try again.' }
  const { headers, body } = exchange.refusal({ status: 500, ...facts, headers: {}, elements: {} })
  const { 'x-cos-error-code': _, ...kept } = headers
  await exchange.send({ status: 200, headers: kept, body: ` \n \n${body}` })
}

function urlOf({ transport, request, response }: FaultyExchange): string {
  const { url = '' } = response.req
  return url.startsWith('/') ? `${transport.isHttps ? 'https' : 'http'}://${request.host}${url}` : url
}
