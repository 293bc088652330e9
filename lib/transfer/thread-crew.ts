/** Threads that work on one transfer. */
import { availableParallelism } from 'node:os'
import { unlessAborted, throwIfAborted } from '../internal/abort.js'
import { borrowThread, type TransferThread } from './kept-threads.js'
import type { ThreadSetup } from './part-thread.js'

/** From so many bytes on, more threads are worth their start: some 60 ms and 15 MiB each. */
const LEAST_THREADED_BYTES = 256 * 1024 * 1024
const MOST_DEFAULT_THREADS = 4

/**
 * How many threads work on so many bytes; one is the calling one alone.
 *
 * @param wanted - What the caller asked for, if anything.
 */
export function threadsFor(wanted: number | undefined, bytes: number): number {
  if (wanted !== undefined) return wanted
  return bytes < LEAST_THREADED_BYTES ? 1 : Math.min(availableParallelism(), MOST_DEFAULT_THREADS)
}

/** Works until it is released or closed. */
export class ThreadCrew {
  readonly #threads: TransferThread[] = []

  /**
   * @param setup - What those need to know who make parts.
   * @returns Undefined where threads cannot be had: a bundle may have left out their file, or permissions do not allow them. That is said
   *   once, as a warning.
   * @throws SealstreamError `SEALSTREAM_ABORTED`
   */
  static async start(
    threads: number,
    signal: AbortSignal | undefined,
    setup?: ThreadSetup,
  ): Promise<ThreadCrew | undefined> {
    const crew = new ThreadCrew()
    try {
      for (let count = 0; count < threads; count++) crew.#threads.push(borrowThread(setup))
      await unlessAborted(Promise.all(crew.#threads.map((thread) => thread.ready())), signal)
      return crew
    } catch (error) {
      await crew.close()
      throwIfAborted(signal)
      warnOnce(error)
      return undefined
    }
  }

  /** Who has the least to do. @throws Where all were given back. */
  get idlest(): TransferThread {
    const [first, ...others] = this.#threads
    if (first === undefined) throw new Error('these threads were given back')
    return others.reduce((a, b) => (a.hasFailed || (!b.hasFailed && b.orders < a.orders) ? b : a), first)
  }

  /** Leaves the threads to others. Only where all is done. */
  release(): void {
    for (const thread of this.#threads.splice(0)) thread.rest()
  }

  /** Ends what was not released, whatever it is at. Files may be closed after this. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end()))
  }
}

let hasWarned = false

function warnOnce(error: unknown): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(
    'worker threads could not be started: everything is encrypted and decrypted on the main thread alone',
    {
      code: 'SEALSTREAM_NO_THREADS',
      detail: (error as Error).message,
    },
  )
}
