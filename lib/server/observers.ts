/** What tests may watch: requests and the bytes that they bring. */
import type { ServerResponse } from 'node:http'
import { type CallTarget, targetOfCall } from './operation.js'
import type { RequestBody } from './request-body.js'
import type { CosRequest } from './request.js'

/** An exchange that ended. */
export interface RequestEvent extends CallTarget {
  /** What was answered; 0 when the connection was cut before the answer was complete, by whichever side. */
  readonly status: number
  /** Bytes of the request's body that arrived. */
  readonly requestBytes: number
}

/** A chunk of a request's body. */
export interface BodyEvent extends CallTarget {
  /** As it arrived: before a fault altered it, and whether or not it was ever stored. Must not be written to. */
  readonly bytes: Buffer
  /** Where it stands in this body. */
  readonly offset: number
  /**
   * Tells requests for the same target (operation, bucket, key, upload and part) apart: 1 for the first since the
   * start, and so on. Two of them may be under way at once.
   */
  readonly attempt: number
}

/** For tests. Functions must not throw. */
export interface Observers {
  readonly onRequest?: ((event: RequestEvent) => void) | undefined
  readonly onBody?: ((event: BodyEvent) => void) | undefined
}

/** Watches the exchanges of one server. */
export class Watcher {
  readonly #observers: Observers
  readonly #attempts = new Map<string, number>()

  constructor(observers: Observers) {
    this.#observers = observers
  }

  /** @param request - Undefined for one that could not be read. */
  watch(request: CosRequest | undefined, response: ServerResponse, body: RequestBody): void {
    const { onRequest, onBody } = this.#observers
    const target = targetOfCall(request)
    const attempt = this.#countAttempt(target)
    let requestBytes = 0
    body.observe((bytes) => {
      const offset = requestBytes
      requestBytes += bytes.length
      onBody?.({ ...target, bytes, offset, attempt })
    })
    if (onRequest === undefined) return
    whenEnded(response, body, (status) => onRequest({ ...target, status, requestBytes }))
  }

  #countAttempt(target: CallTarget): number {
    const name = JSON.stringify(Object.values(target))
    const attempt = (this.#attempts.get(name) ?? 0) + 1
    this.#attempts.set(name, attempt)
    return attempt
  }
}

function whenEnded(response: ServerResponse, body: RequestBody, tell: (status: number) => void): void {
  const { socket } = response.req
  let isTold = false
  const ended = (): void => {
    // The end of a connection is the end of its response, heard in one and the same moment.
    if (isTold) return
    isTold = true
    response.off('finish', ended).off('close', ended)
    socket.off('close', ended)
    // Draining begins when the answer is out.
    const isWhole = response.writableFinished || (response.headersSent && body.isDraining)
    tell(isWhole ? response.statusCode : 0)
  }
  response.once('finish', ended).once('close', ended)
  // A response that waits behind another on its connection hears nothing of the connection's end.
  socket.once('close', ended)
}
