/** One request from its headers to its answer. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Answer,
  type DocumentAnswer,
  type ExchangeIds,
  refusalAnswer,
  type RefusalFacts,
  sendAnswer,
} from './answer.js'
import type { FaultPlan } from './faults/fault-plan.js'
import { sabotage } from './faults/sabotage.js'
import { isKmsRequest } from './kms/actions.js'
import { kmsAnswer, kmsRefusalAnswer, scriptedKmsRefusal } from './kms/answer.js'
import { callKms } from './kms/call.js'
import type { Kms } from './kms/operations.js'
import { KmsRefusal } from './kms/refusal.js'
import type { ObjectStore } from './object-store.js'
import type { Watcher } from './observers.js'
import { targetOfCall } from './operation.js'
import { Refusal } from './refusal.js'
import { RequestBody } from './request-body.js'
import { type CosRequest, readRequest } from './request.js'
import { findHandler } from './router.js'
import type { Transport } from './transport.js'
import type { UploadStore } from './upload-store.js'
import { type ServerCredentials, verifySignature } from './verify-signature.js'

/** What Node calls it when the other side has gone; ordinary, and nobody is left to tell. */
const DISCONNECTS = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']

/** Receives one line, and the error where there is one. */
export type ServerLog = (message: string, error?: unknown) => void

/** What all exchanges of a server share. */
export interface Services {
  readonly objects: ObjectStore
  readonly uploads: UploadStore
  readonly kms: Kms
  readonly credentials: ServerCredentials
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly log: ServerLog
  readonly transport: Transport
  readonly faults: FaultPlan
  /** Undefined when nobody watches. */
  readonly watcher: Watcher | undefined
}

/** What is different between COS, which speaks XML, and KMS, which speaks JSON. */
interface Dialect {
  /** Carries the operation out, or refuses it; never rejects. */
  readonly carryOut: (asked: CosRequest) => Promise<Answer>
  /** An answer with an error document. */
  readonly refusal: (facts: RefusalFacts) => DocumentAnswer
}

/** One request on its way to its answer. */
interface Exchange {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly body: RequestBody
  readonly ids: ExchangeIds
}

/**
 * Answers one request, whatever it holds. Never rejects for anything that a client does.
 *
 * @param expectsContinue - The client sent `Expect: 100-continue`; it is told to go on only once its body is wanted.
 */
export async function exchange(
  services: Services,
  incoming: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<void> {
  // Without a listener, writing to a connection that the client has closed would end the process.
  response.on('error', () => undefined)
  const ids = { requestId: newId(), traceId: newId() }
  const body = new RequestBody(incoming, response, expectsContinue)
  response.sendDate = false
  response.setHeader('Date', new Date(services.clock()).toUTCString())
  response.setHeader('Server', 'sealstream')
  response.setHeader('x-cos-request-id', ids.requestId)
  try {
    await respond(services, { incoming, response, body, ids })
  } catch (error) {
    // Part of an answer may be out. Cutting the connection is the only way left to say that it is not whole.
    response.destroy()
    if (!isDisconnect(error)) services.log(`${ids.requestId}: answer cut short`, error)
  }
}

async function respond(services: Services, exchange: Exchange): Promise<void> {
  const { incoming, response, body } = exchange
  const send = (answer: Answer): Promise<void> => sendAnswer(response, body, answer)
  let request: CosRequest
  try {
    request = readRequest(incoming)
  } catch (error) {
    services.watcher?.watch(undefined, response, body)
    return send(answerToFailure(services, error, exchange))
  }
  services.watcher?.watch(request, response, body)
  const { carryOut, refusal } = (isKmsRequest(request) ? kmsDialect : cosDialect)(services, exchange)

  const target = targetOfCall(request)
  const fault = services.faults.next({ ...target, hasRange: request.headers.range !== undefined })
  if (fault === undefined) return send(await carryOut(request))
  const { transport, clock: now } = services
  await sabotage({ request, target, body, response, transport, now, carryOut, refusal, send }, fault)
}

function cosDialect(services: Services, exchange: Exchange): Dialect {
  const { incoming, body, ids } = exchange
  return {
    carryOut: (asked) =>
      answerOf(services, asked, body).catch((error: unknown) => answerToFailure(services, error, exchange)),
    refusal: (facts) => refusalAnswer(facts, resourceOf(incoming), ids),
  }
}

function kmsDialect({ credentials, clock, kms, log }: Services, { response, body }: Exchange): Dialect {
  const requestId = randomUUID()
  response.removeHeader('x-cos-request-id')
  return {
    carryOut: async (asked) => {
      try {
        return kmsAnswer(await callKms(asked, body, credentials, clock, kms), requestId)
      } catch (error) {
        if (error instanceof KmsRefusal) return kmsRefusalAnswer(error, requestId)
        if (!isDisconnect(error)) log(`${requestId}: KMS failed`, error)
        return kmsRefusalAnswer(new KmsRefusal('InternalError'), requestId)
      }
    },
    refusal: (facts) => scriptedKmsRefusal(facts, requestId),
  }
}

async function answerOf(services: Services, request: CosRequest, body: RequestBody): Promise<Answer> {
  verifySignature(request, services.credentials, services.clock())
  const { objects, uploads, clock } = services
  return findHandler(request)({ request, body, objects, uploads, now: clock })
}

function answerToFailure(services: Services, error: unknown, { incoming, ids }: Exchange): Answer {
  const resource = resourceOf(incoming)
  if (error instanceof Refusal) return refusalAnswer(error, resource, ids)
  if (!isDisconnect(error)) {
    services.log(`${ids.requestId}: ${incoming.method ?? ''} ${resource} failed`, error)
  }
  return refusalAnswer(new Refusal('InternalError'), resource, ids)
}

function resourceOf(incoming: IncomingMessage): string {
  return (incoming.url ?? '').split('?', 1)[0] ?? ''
}

function isDisconnect(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return code !== undefined && DISCONNECTS.includes(code)
}

function newId(): string {
  return randomBytes(18).toString('base64url')
}
