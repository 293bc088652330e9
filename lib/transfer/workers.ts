/** Several workers that take items from one list until it is empty, or one of them fails. */
import type { LinkedAbort } from '../internal/abort.js'

/**
 * Resolves when all items are done. On the first failure, `abort` is aborted, and when the others have ended, too, that
 * failure is thrown.
 *
 * @param makeWorker - Makes what works on one item after another, with what it holds in between.
 * @throws The first failure; SealstreamError `SEALSTREAM_ABORTED` when it was aborted from outside.
 */
export async function runWorkers<Item>(
  items: Iterable<Item>,
  workers: number,
  abort: LinkedAbort,
  makeWorker: () => (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const work = async (): Promise<void> => {
    try {
      const worker = makeWorker()
      for (;;) {
        abort.throwIfAborted()
        const next = queue.next()
        if (next.done === true) return
        await worker(next.value)
      }
    } catch (error) {
      failure ??= { error }
      abort.abort(error)
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  if (failure !== undefined) throw failure.error
}
