/** Steps that run one after another, in the order they were asked for. */
import { unlessAborted } from './abort.js'

/** One queue of steps. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `step` after those that were asked for before it. An aborted call gives up its turn. */
  run<Result>(step: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    const result = unlessAborted(this.#last, signal).then(step)
    // The next one waits for those before this one too, even where this one gives up.
    this.#last = Promise.all([this.#last, result.catch(() => undefined)])
    return result
  }
}
