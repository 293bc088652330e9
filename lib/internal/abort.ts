/** Aborting streams by signal, with our error. */
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
