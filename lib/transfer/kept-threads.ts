/**
 * Threads that fill parts, and stay for a while when they are done: starting one takes some 60 ms, and V8 compiles its code anew, which
 * together cost as much processor time as making 100 MiB of parts.
 */
import { Worker } from 'node:worker_threads'
import { SealstreamError } from '../errors.js'
import type { Digest } from '../checksum/body-digest.js'
import { deferred, type Deferred } from '../internal/deferred.js'
import { Kept } from '../internal/kept.js'
import type { ThreadFailure, ThreadMessage, ThreadOrder, ThreadReport, ThreadSetup } from './part-thread.js'

const idle: Kept<PartThread> = new Kept((thread) => void thread.end())

/** A thread for one upload, which gives it back by `rest` or ends it by `end`. */
export function borrowThread(setup: ThreadSetup): PartThread {
  const thread = idle.take() ?? new PartThread()
  thread.begin(setup)
  return thread
}

/** Starts what is missing of so many threads that somebody is about to borrow. */
export function prepareThreads(count: number): void {
  try {
    while (idle.size < count) idle.leave(new PartThread())
  } catch {
    // Whoever borrows one learns why there is none.
  }
}

/** One thread, and what it is at. */
export class PartThread {
  readonly #worker: Worker
  readonly #ready: Deferred<void> = deferred()
  readonly #orders = new Map<number, Deferred<Digest>>()
  #lastId = 0
  #failure: { readonly error: unknown } | undefined

  constructor() {
    this.#worker = new Worker(new URL('./part-thread.js', import.meta.url), {
      name: 'sealstream part',
      ...optionsOfNode(),
    })
    this.#worker.unref()
    this.#worker.on('message', (report: ThreadReport) => this.#settle(report))
    this.#worker.on('messageerror', (error) => this.#fail(error))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('the thread ended')))
  }

  /** How many parts it has to fill. */
  get orders(): number {
    return this.#orders.size
  }

  /** Resolves when it runs. @throws Where it cannot. */
  ready(): Promise<void> {
    return this.#ready.promise
  }

  begin(setup: ThreadSetup): void {
    this.#worker.ref()
    this.#send({ type: 'begin', setup })
  }

  /** Resolves when the part is filled. */
  fill(order: Omit<ThreadOrder, 'id' | 'type'>): Promise<Digest> {
    if (this.#failure !== undefined) throw this.#failure.error
    const id = (this.#lastId += 1)
    const filled: Deferred<Digest> = deferred()
    this.#orders.set(id, filled)
    this.#send({ type: 'fill', ...order, id })
    return filled.promise
  }

  /** It has nothing to do: others may have it, and if nobody comes it ends by itself. */
  rest(): void {
    if (this.#failure !== undefined) return
    this.#send({ type: 'rest' })
    this.#worker.unref()
    idle.leave(this)
  }

  async end(): Promise<void> {
    idle.forget(this)
    await this.#worker.terminate()
  }

  #send(message: ThreadMessage): void {
    this.#worker.postMessage(message)
  }

  #settle(report: ThreadReport): void {
    if (report.type === 'ready') {
      this.#ready.resolve()
      return
    }
    const filled = this.#orders.get(report.id)
    this.#orders.delete(report.id)
    if (report.type === 'failed') filled?.reject(errorOf(report.failure))
    else filled?.resolve(report.digest)
  }

  #fail(error: unknown): void {
    idle.forget(this)
    this.#failure ??= { error }
    this.#ready.reject(error)
    for (const filled of this.#orders.values()) filled.reject(error)
    this.#orders.clear()
  }
}

function errorOf({ message, code, hint, cause, system }: ThreadFailure): Error {
  const details = {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause: errorOf(cause) }),
  }
  if (code !== undefined) return new SealstreamError(code, message, details)
  return Object.assign(new Error(message, details), system)
}

/**
 * Threads have the options that Node.js was started with, and not those of a program given as text, which may be of another kind than
 * this package's files. Given one by one, options of the whole process would be refused.
 */
function optionsOfNode(): { execArgv?: string[] } {
  const isText = process.execArgv.some((option) => option.startsWith('--input-type'))
  return isText ? { execArgv: [] } : {}
}
