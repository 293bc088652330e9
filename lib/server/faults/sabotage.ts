/** From the kind of a fault to what it does. */
import * as answers from './answer-faults.js'
import * as connections from './connection-faults.js'
import type { Fault, FaultKind } from './fault.js'
import type { Act, FaultyExchange } from './faulty-exchange.js'
import * as refusals from './refusal-faults.js'
import { dropStoredTail, flipBitStored } from './stored-faults.js'

const ACTS: Readonly<Record<FaultKind, Act>> = {
  'connect-refused': connections.connectRefused,
  'tls-failure': connections.tlsFailure,
  'reset-before-headers': connections.resetBeforeHeaders,
  'reset-in-request-body': connections.resetInRequestBody,
  'reset-in-response-body': connections.resetInResponseBody,
  'answer-lost': connections.answerLost,
  'early-close': connections.earlyClose,
  'short-body': answers.shortBody,
  'long-body': answers.longBody,
  'stall-before-headers': connections.stallBeforeHeaders,
  'stall-in-body': connections.stallInBody,
  'request-timeout': refusals.requestTimeout,
  'expired-token': refusals.expiredToken,
  'skewed-clock': refusals.skewedClock,
  'no-such-upload': refusals.noSuchUpload,
  conflict: refusals.conflict,
  'too-many-requests': refusals.tooManyRequests,
  'internal-error': refusals.internalError,
  'slow-down': refusals.slowDown,
  'error-in-200': refusals.errorIn200,
  redirect: refusals.redirect,
  'malformed-xml': answers.malformedXml,
  'truncated-xml': answers.truncatedXml,
  'flip-bit-stored': flipBitStored,
  'flip-bit-sent': answers.flipBitSent,
  'wrong-etag': answers.wrongEtag,
  'wrong-crc64': answers.wrongCrc64,
  'drop-tail': (exchange, fault) =>
    ['putObject', 'uploadPart'].includes(exchange.target.operation)
      ? dropStoredTail(exchange, fault)
      : answers.dropAnswerTail(exchange, fault),
  'repeat-range': answers.repeatRange,
}

/** Lets an exchange go wrong. Rejects when the connection fails in another way than planned. */
export function sabotage(exchange: FaultyExchange, fault: Fault): Promise<void> {
  return ACTS[fault.kind](exchange, fault)
}
