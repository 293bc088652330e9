/** Tasks that run side by side, within bounds of number and of memory. */
import { deferred, type Deferred } from '../internal/deferred.js'

/** Bounds of a {@link PartPool}. */
export interface PoolBounds {
  /** Tasks at once. */
  readonly concurrency: number
  /** Bytes that running tasks may hold together; one task always runs, however large. */
  readonly mostBytes: number
}

/** Runs tasks as there is room. The first failure is everybody's: later calls throw it, and no task starts any more. */
export class PartPool {
  readonly #bounds: PoolBounds
  readonly #onFail: ((error: unknown) => void) | undefined
  readonly #running = new Set<Promise<void>>()
  #bytes = 0
  #failure: { readonly error: unknown } | undefined
  #room: Deferred<void> | undefined

  /** @param onFail - Called with the first failure of a task. */
  constructor(bounds: PoolBounds, onFail?: (error: unknown) => void) {
    this.#bounds = bounds
    this.#onFail = onFail
  }

  /**
   * Waits until there is room for a task that holds `bytes`, then starts it.
   *
   * @param reserve - Bytes that its caller holds besides.
   * @throws The first failure of any task.
   */
  async add(bytes: number, task: () => Promise<void>, reserve = 0): Promise<void> {
    while (this.#failure === undefined && !this.#hasRoom(bytes + reserve)) {
      this.#room ??= deferred()
      await this.#room.promise
    }
    this.#throwFailure()
    this.#bytes += bytes
    const running = task()
      .catch((error: unknown) => {
        if (this.#failure === undefined) this.#onFail?.(error)
        this.fail(error)
      })
      .finally(() => {
        this.#bytes -= bytes
        this.#running.delete(running)
        this.#wake()
      })
    this.#running.add(running)
  }

  /** Waits for all tasks. @throws The first failure of any. */
  async drain(): Promise<void> {
    await this.settle()
    this.#throwFailure()
  }

  /** Waits until no task runs, whatever came of them. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Lets nothing start any more. The first reason counts. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  #hasRoom(bytes: number): boolean {
    if (this.#running.size === 0) return true
    return this.#running.size < this.#bounds.concurrency && this.#bytes + bytes <= this.#bounds.mostBytes
  }

  #wake(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
