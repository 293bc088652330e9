/** Answers in the manner of Tencent Cloud API 3.0: JSON, and status 200 for errors too. */
import type { DocumentAnswer, RefusalFacts } from '../answer.js'
import { KmsRefusal, type KmsRefusalCode } from './refusal.js'

/** What scripted refusals of COS are in KMS. The kinds that can hit KMS: `faults/fault.ts`. */
const CODES: Readonly<Record<string, KmsRefusalCode>> = {
  SlowDown: 'RequestLimitExceeded',
  ExpiredToken: 'AuthFailure.TokenFailure',
  RequestTimeTooSkewed: 'AuthFailure.SignatureExpire',
}

/** @param fields - Of the action. */
export function kmsAnswer(fields: Readonly<Record<string, string>>, requestId: string): DocumentAnswer {
  return jsonAnswer({ ...fields, RequestId: requestId })
}

/** The answer to a request that is refused. */
export function kmsRefusalAnswer({ code, message }: KmsRefusal, requestId: string): DocumentAnswer {
  const answer = jsonAnswer({ Error: { Code: code, Message: message }, RequestId: requestId })
  return { ...answer, isError: true }
}

/** A refusal that a fault asks for in the words of COS. */
export function scriptedKmsRefusal({ code, headers }: RefusalFacts, requestId: string): DocumentAnswer {
  const answer = kmsRefusalAnswer(new KmsRefusal(CODES[code] ?? 'InternalError'), requestId)
  return { ...answer, headers: { ...headers, ...answer.headers } }
}

function jsonAnswer(response: object): DocumentAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ Response: response }),
  }
}
