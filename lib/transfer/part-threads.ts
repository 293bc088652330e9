/** Parts that are made by several threads, in memory that is moved to them and back. */
import { Worker } from 'node:worker_threads'
import { prepareMd5 } from '../checksum/md5-group.js'
import { lendStretch } from '../crypto/data-key.js'
import { SealstreamError } from '../errors.js'
import { throwIfAborted, unlessAborted } from '../internal/abort.js'
import { deferred, type Deferred } from '../internal/deferred.js'
import type { MadePart, PartMaker, PartMakerOptions } from './part-maker.js'
import type { ThreadFailure, ThreadOrder, ThreadReport, ThreadSetup } from './part-thread.js'
import type { SharedFile } from './seekable-source.js'

/** Makes parts until it is closed. */
export interface ThreadedMaker {
  readonly make: PartMaker
  /** Ends the threads, whatever they are at. The source may be closed after this. */
  close(): Promise<void>
}

/**
 * Starts threads.
 *
 * @returns Undefined where threads cannot be had: a bundle may have left out their file, or permissions do not allow them. That is said
 *   once, as a warning.
 * @throws SealstreamError `SEALSTREAM_ABORTED`
 */
export async function startThreads(
  file: SharedFile,
  threads: number,
  options: PartMakerOptions,
): Promise<ThreadedMaker | undefined> {
  const { dataKey, md5, peers, sameBytes, signal } = options
  const setup: ThreadSetup = { file, md5, peers: Math.ceil(peers / threads) }
  if (md5) prepareMd5(setup.peers)
  const started: PartThread[] = []
  const close = async (): Promise<void> => {
    await Promise.all(started.map((thread) => thread.close()))
  }
  try {
    for (let count = 0; count < threads; count++) started.push(new PartThread(setup))
    await unlessAborted(Promise.all(started.map((thread) => thread.ready())), signal)
  } catch (error) {
    await close()
    throwIfAborted(signal)
    warnOnce(error)
    return undefined
  }
  const make: PartMaker = async ({ offset, length }, memory) => {
    const stretch = { offset, length, size: file.size }
    const encryption =
      dataKey === undefined
        ? undefined
        : { format: dataKey.format, secret: lendStretch(dataKey, stretch, { sameBytes }) }
    const idlest = started.reduce((a, b) => (b.orders < a.orders ? b : a))
    return unlessAborted(idlest.fill({ stretch, encryption, memory: memory.buffer as ArrayBuffer }), signal)
  }
  return { make, close }
}

/** One thread, and what it is at. */
class PartThread {
  readonly #worker: Worker
  readonly #ready: Deferred<void> = deferred()
  readonly #orders = new Map<number, { readonly length: number; readonly made: Deferred<MadePart> }>()
  #lastId = 0
  #failure: { readonly error: unknown } | undefined

  constructor(setup: ThreadSetup) {
    this.#worker = new Worker(new URL('./part-thread.js', import.meta.url), {
      workerData: setup,
      name: 'sealstream part',
      ...optionsOfNode(),
    })
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

  /** @param order - Its memory is moved: it comes back with the part, or not at all. */
  fill(order: Omit<ThreadOrder, 'id'>): Promise<MadePart> {
    if (this.#failure !== undefined) throw this.#failure.error
    const id = (this.#lastId += 1)
    const made: Deferred<MadePart> = deferred()
    this.#orders.set(id, { length: order.stretch.length, made })
    this.#worker.postMessage({ ...order, id } satisfies ThreadOrder, [order.memory])
    return made.promise
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(report: ThreadReport): void {
    if (report.type === 'ready') {
      this.#ready.resolve()
      return
    }
    const order = this.#orders.get(report.id)
    if (order === undefined) return
    this.#orders.delete(report.id)
    if (report.type === 'failed') order.made.reject(errorOf(report.failure))
    else {
      const bytes = Buffer.from(report.memory, 0, order.length)
      order.made.resolve({ bytes, digest: report.digest })
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#ready.reject(error)
    for (const { made } of this.#orders.values()) made.reject(error)
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

let hasWarned = false

function warnOnce(error: unknown): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning('worker threads could not be started: parts are made on the main thread alone', {
    code: 'SEALSTREAM_NO_THREADS',
    detail: (error as Error).message,
  })
}
