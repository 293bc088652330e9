/** What a fault is given to work with. */
import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { Answer, DocumentAnswer, RefusalFacts } from '../answer.js'
import type { CallTarget } from '../operation.js'
import type { RequestBody } from '../request-body.js'
import type { CosRequest } from '../request.js'
import type { Transport } from '../transport.js'
import type { Fault } from './fault.js'

/** One exchange that a fault has taken over: it decides what is carried out and what is answered. */
export interface FaultyExchange {
  readonly request: CosRequest
  readonly target: CallTarget
  readonly body: RequestBody
  readonly response: ServerResponse
  readonly transport: Transport
  /** The server's clock: milliseconds since 1970. */
  readonly now: () => number
  /** Carries the operation out, or refuses it; never rejects. */
  carryOut(request: CosRequest): Promise<Answer>
  /** An answer with an error document. */
  refusal(facts: RefusalFacts): DocumentAnswer
  send(answer: Answer): Promise<void>
}

/** What one kind of fault does. */
export type Act = (exchange: FaultyExchange, fault: Fault) => Promise<void>

/** Cuts the connection: what the client was not sent by then it will not get. */
export async function reset({ transport, response }: FaultyExchange): Promise<void> {
  // Not from inside the parser that has just read the headers: Node 20 would keep that parser as an idle connection
  // without a socket, and fail to close the server.
  await setImmediate()
  transport.reset(response.req.socket)
}

/** The declared length of a request's body. */
export function requestLength({ request }: FaultyExchange): number {
  return Number(request.headers['content-length'] ?? 0)
}

/** Reads a request's body, to its end or until `bytes` of it have come, and throws it away. */
export async function readBody({ body }: FaultyExchange, bytes = Infinity): Promise<void> {
  if (bytes === 0 || !body.isUnread) return
  let read = 0
  for await (const chunk of body.bytes()) {
    read += chunk.length
    if (read >= bytes) return
  }
}
