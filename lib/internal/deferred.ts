/** A promise that someone else settles. */

/** Settles once; later calls change nothing. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
  reject(reason: unknown): void
}

/**
 * A deferred result that nobody has to await.
 *
 * The promise carries a no-op catch from the start: a stream's `.digest` or `.result` that nobody looks at must not end
 * the process with an unhandled rejection when the stream fails (RULES 8.4). Whoever awaits it still gets the error.
 */
export function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<Value>((onValue, onReason) => {
    resolve = onValue
    reject = onReason
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
