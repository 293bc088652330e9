/** Aborting streams by signal, with our error. */
import { setMaxListeners } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { SealstreamError } from '../errors.js'

/** The error for a stream or operation that ended because someone wanted it to. */
export function abortedStream(reason?: unknown): SealstreamError {
  const details = reason === undefined ? {} : { cause: reason }
  return new SealstreamError('SEALSTREAM_ABORTED', 'the stream was destroyed before its end', details)
}

/** @throws SealstreamError `SEALSTREAM_ABORTED` when the signal is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedStream(signal.reason)
}

/**
 * The promise's outcome, or the abort, whichever comes first.
 *
 * @throws SealstreamError `SEALSTREAM_ABORTED`; what the promise stands for goes on.
 */
export async function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return promise
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortedStream(signal.reason))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}

/**
 * Destroys `stream` with `SEALSTREAM_ABORTED` when `signal` is aborted, now or later. Node's own `signal` option would
 * destroy it with an AbortError. The listener goes when the stream closes.
 */
export function destroyOnAbort(stream: Readable | Writable, signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  const onAbort = (): void => void stream.destroy(abortedStream(signal.reason))
  if (signal.aborted) {
    onAbort()
    return
  }
  signal.addEventListener('abort', onAbort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', onAbort))
}

/** One signal for many requests at once is ordinary here, and no leak, which Node takes it for beyond ten. */
export function allowManyListeners(signal: AbortSignal): void {
  // Not 0, which Node 20 takes for none set, and then for no EventTarget.
  setMaxListeners(Infinity, signal)
}

/** A signal of one's own that also follows somebody else's. */
export interface LinkedAbort {
  readonly signal: AbortSignal
  abort(reason: unknown): void
  /** @throws SealstreamError `SEALSTREAM_ABORTED` */
  throwIfAborted(): void
  /** Stops following. Call it when what the signal is for is over: the other signal may live on for long. */
  unlink(): void
}

/** @param outer - Followed until `unlink`. AbortSignal.any would do, but holds on to its sources (Node 20). */
export function linkedAbort(outer: AbortSignal | undefined): LinkedAbort {
  const controller = new AbortController()
  allowManyListeners(controller.signal)
  const follow = (): void => controller.abort(outer?.reason)
  if (outer?.aborted === true) follow()
  else outer?.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    throwIfAborted: () => throwIfAborted(controller.signal),
    unlink: () => outer?.removeEventListener('abort', follow),
  }
}
