/**
 * Threads that work on transfers, and stay for a while when they are done: starting one takes some 60 ms, and V8 compiles its code anew,
 * which together cost as much processor time as making 100 MiB of parts.
 */
import { Worker } from 'node:worker_threads'
import { SealstreamError } from '../errors.js'
import type { Digest } from '../checksum/body-digest.js'
import { deferred, type Deferred } from '../internal/deferred.js'
import { Kept } from '../internal/kept.js'
import type {
  FillOrder,
  OpenOrder,
  ThreadFailure,
  ThreadMessage,
  ThreadOrder,
  ThreadReport,
  ThreadSetup,
} from './part-thread.js'

const idle: Kept<TransferThread> = new Kept((thread) => void thread.end())

/** A thread for one transfer, which gives it back by `rest` or ends it by `end`. */
export function borrowThread(setup: ThreadSetup | undefined): TransferThread {
  const thread = idle.take() ?? new TransferThread()
  thread.begin(setup)
  return thread
}

/** Starts what is missing of so many threads that somebody is about to borrow. */
export function prepareThreads(count: number): void {
  try {
    while (idle.size < count) idle.leave(new TransferThread())
  } catch {
    // Whoever borrows one learns why there is none.
  }
}

/** One thread, and what it is at. */
export class TransferThread {
  readonly #worker: Worker
  readonly #ready: Deferred<void> = deferred()
  readonly #orders = new Map<number, Deferred<Digest | bigint>>()
  #lastId = 0
  #failure: { readonly error: unknown } | undefined

  constructor() {
    this.#worker = new Worker(new URL('./part-thread.js', import.meta.url), {
      name: 'sealstream part',
      ...optionsOfNode(),
    })
    this.#worker.on('message', (report: ThreadReport) => this.#settle(report))
    // What it has to say is lost, and it may go on: nobody learns of that before it is gone.
    this.#worker.on('messageerror', () => void this.end())
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', (status) => this.#fail(new Error(`exit status ${status}`)))
    // Listening for messages has it hold the process.
    this.#worker.unref()
  }

  /** How many orders it has to carry out. */
  get orders(): number {
    return this.#orders.size
  }

  /** Whether it can carry out none any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Resolves when it runs. @throws Where it cannot. */
  ready(): Promise<void> {
    return this.#ready.promise
  }

  begin(setup: ThreadSetup | undefined): void {
    this.#worker.ref()
    this.#send({ type: 'begin', setup })
  }

  /** Has a part filled, in shared memory. */
  fill(memory: Buffer, order: Omit<FillOrder, 'type'>): Promise<Digest> {
    return this.#order(memory, { type: 'fill', ...order }) as Promise<Digest>
  }

  /** Has a range opened that lies in shared memory. @returns The CRC-64 of its stored bytes. */
  open(memory: Buffer, order: Omit<OpenOrder, 'type'>): Promise<bigint> {
    return this.#order(memory, { type: 'open', ...order }) as Promise<bigint>
  }

  #order(memory: Buffer, order: ThreadOrder): Promise<Digest | bigint> {
    if (this.#failure !== undefined) throw this.#failure.error
    const id = (this.#lastId += 1)
    const done: Deferred<Digest | bigint> = deferred()
    this.#send({ ...order, id, memory: memory.buffer as unknown as SharedArrayBuffer })
    this.#orders.set(id, done)
    return done.promise
  }

  /** It has nothing to do: others may have it, and if nobody comes it ends by itself. */
  rest(): void {
    if (this.#failure !== undefined) {
      void this.end()
      return
    }
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
    const done = this.#orders.get(report.id)
    this.#orders.delete(report.id)
    if (report.type === 'failed') done?.reject(errorOf(report.failure))
    else done?.resolve(report.result)
  }

  #fail(cause: Error): void {
    idle.forget(this)
    const { error } = (this.#failure ??= { error: threadEnded(cause) })
    this.#ready.reject(error)
    for (const done of this.#orders.values()) done.reject(error)
    this.#orders.clear()
  }
}

function threadEnded(cause: Error): SealstreamError {
  return new SealstreamError('SEALSTREAM_THREAD', `a thread of the transfer ended: ${cause.message}`, {
    cause,
    hint: 'with threads: 1 all is done by the calling thread',
  })
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
