/** When a client's connections end: on being closed, but not before what cleans up after the others is done. */
import { deferred } from '../internal/deferred.js'

/** One client's life. */
export class Lifetime {
  readonly #end: () => void
  readonly #ended = deferred<undefined>()
  #isClosed = false
  /** Requests under way that may end after the client was closed. */
  #outliving = 0

  /** @param end - Called once. */
  constructor(end: () => void) {
    this.#end = end
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Runs something that may outlive the closing. */
  async outlive<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#outliving += 1
    try {
      return await run()
    } finally {
      this.#outliving -= 1
      this.#endIfIdle()
    }
  }

  /** Nothing new begins. Resolves when nothing is under way that outlives. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#endIfIdle()
    return this.#ended.promise
  }

  #endIfIdle(): void {
    if (!this.#isClosed || this.#outliving > 0) return
    this.#end()
    this.#ended.resolve(undefined)
  }
}
