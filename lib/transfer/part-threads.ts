/** Parts that are made by several threads, in memory that all of them share. */
import { Worker } from 'node:worker_threads'
import type { Digest } from '../checksum/body-digest.js'
import { prepareMd5 } from '../checksum/md5-group.js'
import { SealstreamError } from '../errors.js'
import { unlessAborted } from '../internal/abort.js'
import { deferred, type Deferred } from '../internal/deferred.js'
import type { PartMaker, PartMakerOptions } from './part-maker.js'
import type { ThreadFailure, ThreadOrder, ThreadReport, ThreadSetup } from './part-thread.js'
import type { SharedFile } from './seekable-source.js'

/** Makes parts until it is closed. */
export interface ThreadedMaker {
  /** `into` lies in memory that threads share: a SharedArrayBuffer. */
  readonly make: PartMaker
  /** Ends the threads, whatever they are at. The source may be closed after this. */
  close(): Promise<void>
}

/**
 * Starts threads.
 *
 * @returns Undefined where threads cannot be had: a bundle may have left out their file. That is said once, as a warning.
 */
export async function startThreads(
  file: SharedFile,
  threads: number,
  options: PartMakerOptions,
): Promise<ThreadedMaker | undefined> {
  const { dataKey, md5, peers, sameBytes, signal } = options
  const setup: ThreadSetup = { file, md5, peers: Math.ceil(peers / threads) }
  if (md5) prepareMd5()
  const started = Array.from({ length: threads }, () => new PartThread(setup))
  const close = async (): Promise<void> => {
    await Promise.all(started.map((thread) => thread.close()))
  }
  try {
    await Promise.all(started.map((thread) => thread.ready()))
  } catch (error) {
    await close()
    warnOnce(error)
    return undefined
  }
  const make: PartMaker = async ({ offset, length }, into) => {
    const stretch = { offset, length, size: file.size }
    const encryption =
      dataKey === undefined
        ? undefined
        : { format: dataKey.format, secret: dataKey.lendStretch(stretch, { sameBytes }) }
    const idlest = started.reduce((a, b) => (b.orders < a.orders ? b : a))
    return unlessAborted(idlest.fill({ stretch, encryption, into }), signal)
  }
  return { make, close }
}

/** One thread, and what it is at. */
class PartThread {
  readonly #worker: Worker
  readonly #ready: Deferred<void> = deferred()
  readonly #orders = new Map<number, Deferred<Digest>>()
  #lastId = 0
  #failure: { readonly error: unknown } | undefined

  constructor(setup: ThreadSetup) {
    this.#worker = new Worker(new URL('./part-thread.js', import.meta.url), {
      workerData: setup,
      name: 'sealstream part',
    })
    this.#worker.on('message', (report: ThreadReport) => this.#settle(report))
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

  fill(order: Omit<ThreadOrder, 'id'>): Promise<Digest> {
    if (this.#failure !== undefined) throw this.#failure.error
    const id = (this.#lastId += 1)
    const digest: Deferred<Digest> = deferred()
    this.#orders.set(id, digest)
    this.#worker.postMessage({ ...order, id } satisfies ThreadOrder)
    return digest.promise
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
    this.#orders.delete(report.id)
    if (report.type === 'filled') order?.resolve(report.digest)
    else order?.reject(errorOf(report.failure))
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#ready.reject(error)
    for (const order of this.#orders.values()) order.reject(error)
    this.#orders.clear()
  }
}

function errorOf({ code, message }: ThreadFailure): Error {
  return code === undefined ? new Error(message) : new SealstreamError(code, message)
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
