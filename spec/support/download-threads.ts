/** What the threads of downloads are told while a test runs, and which of them still run. */
import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import type { CosEncryptionClientOptions } from '../../lib/client.js'
import { eventually } from './eventually.js'
import { COS, GCM, PYTHON, SEALED, storedSizeOf, writing } from './format-writers.js'
import { errorReply, type Proxy } from './tampering-proxy.js'
import { PART, type AnyClient, type TransferBench } from './transfers.js'

/** Plaintext of a range of `sealed`: as many chunks as fit 1 MiB. */
export const SEALED_RANGE = 63 * 16_384

const WRITERS = { plain: undefined, cos: COS, 'cos-python': PYTHON, sealed: SEALED, 'cos-java-gcm': GCM }

/** How an object is stored. */
export type Kind = keyof typeof WRITERS

export const KINDS = Object.keys(WRITERS) as Kind[]

/** Makes clients that store so, and read everything. */
export function clientsOf(bench: TransferBench) {
  return (kind: Kind, options: Partial<CosEncryptionClientOptions> = {}): AnyClient => {
    const writer = WRITERS[kind]
    return writer === undefined ? bench.plain(options) : writing(bench, writer, options)
  }
}

/** Ranges of {@link PART} stored bytes of so much plaintext, and those among them that hold some of it. */
export function rangesOf(kind: Kind, size: number): { ranges: number; filled: number } {
  const format = WRITERS[kind]?.format
  const filled = Math.ceil(size / (kind === 'sealed' ? SEALED_RANGE : PART))
  const stored = format === undefined ? size : storedSizeOf(format, size)
  const ranges = kind === 'sealed' ? Math.ceil((stored - 56) / (63 * 16_400)) : Math.ceil(stored / PART)
  return { ranges, filled }
}

/** Stores an object again as it was, but for one bit. */
export async function storeAltered(
  bench: TransferBench,
  { bytes, metadata }: { bytes: Buffer; metadata: Record<string, string> },
  at: number,
  Key = 'k',
): Promise<void> {
  const Body = Buffer.from(bytes)
  Body[at]! ^= 1
  await bench.plain().putObject({ Key, Body, Metadata: metadata })
}

/** All that an error tells, to compare it. */
export function fieldsOf({ name, message, cause, ...more }: Error): object {
  return { name, message, cause: String(cause), ...more, stack: undefined }
}

/** How many ranges a checkpoint has. */
export async function rangesDone(checkpoint: string): Promise<number> {
  const text = await readFile(checkpoint, 'utf8').catch(() => '{}')
  return Object.keys((JSON.parse(text) as { Ranges?: object }).Ranges ?? {}).length
}

/** A service that refuses the fourth range of {@link PART} bytes and those after it, when the first three are in the checkpoint. */
export function refusesFourth(bench: TransferBench, checkpoint: string): Promise<Proxy> {
  return bench.proxy(async ({ headers }, forward) => {
    const offset = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
    if (offset < 2.9 * PART) return forward()
    await eventually(async () => (await rangesDone(checkpoint)) === 3)
    return errorReply(409, 'OperationAborted')
  })
}

/** All threads that run already have smaller ones. */
export async function idOfNextThread(): Promise<number> {
  const thread = new Worker('', { eval: true, execArgv: [] })
  const { threadId } = thread
  await once(thread, 'exit')
  return threadId
}

/** Of what a thread is sent, what specs look at. */
export interface OpenMessage {
  readonly type: string
  readonly descriptor: number
}

type Post = (this: Worker, message: OpenMessage, ...more: unknown[]) => void
type Terminate = (this: Worker) => Promise<number>

/** What becomes of a range that a thread is told to open: `send` tells it. */
export type OnOpen = (message: OpenMessage, send: (message: OpenMessage) => void, thread: Worker) => void

/** The number of a file on its disk, by a descriptor; undefined where that is not open. */
function fileOf(descriptor: number): number | undefined {
  try {
    return fstatSync(descriptor).ino
  } catch {
    return undefined
  }
}

/** When a download is aborted. */
export const MOMENTS = [
  'a thread begins',
  'bytes came',
  'a range is with a thread',
  'all but one are done or with one',
] as const

export class ThreadWatch {
  /** Threads that worked on a transfer. */
  readonly begun = new Set<Worker>()
  /** Ranges that threads were told to open. */
  opens = 0
  /** For each thread that was ended after a range was ordered: whether the file was still the open one by then. */
  readonly openAtEnd: boolean[] = []
  onOpen: OnOpen = (message, send) => send(message)
  /** Called when a thread begins with a transfer. */
  onBegin: () => void = () => undefined
  #file: { readonly descriptor: number; readonly ino: number | undefined } | undefined

  /** Forgets what was seen, and watches on. */
  forget(): void {
    this.begun.clear()
    this.opens = 0
    this.openAtEnd.length = 0
    this.onOpen = (message, send) => send(message)
    this.onBegin = () => undefined
    this.#file = undefined
  }

  /** Threads that worked on a transfer and still run. */
  get running(): number {
    return [...this.begun].filter(({ threadId }) => threadId !== -1).length
  }

  /** Forgets what was seen. @returns What a download of five ranges is told, to be aborted then. */
  abortWhen(when: (typeof MOMENTS)[number]): {
    signal: AbortSignal
    onProgress: (progress: { readonly bytes: number }) => void
  } {
    this.forget()
    const abort = new AbortController()
    if (when === 'a thread begins') this.onBegin = () => abort.abort()
    this.onOpen = (message, send) => {
      send(message)
      if (when === 'a range is with a thread' || this.opens === 4) abort.abort()
    }
    return {
      signal: abort.signal,
      onProgress: ({ bytes }) => {
        if (when === 'bytes came' && bytes > PART / 2) abort.abort()
      },
    }
  }

  /** So many threads began (1 is the calling one), none is left that could write to the file, and none was when it was closed. */
  expectEnded(threads: number): void {
    expect([this.begun.size, this.running]).to.deep.equal([threads === 1 ? 0 : threads, 0])
    const ended = this.opens > 0 ? [...this.begun] : []
    expect(this.openAtEnd).to.deep.equal(ended.map(() => true))
  }

  /** @returns What stops it. */
  start(): () => void {
    const post = Reflect.get(Worker.prototype, 'postMessage') as Post
    const terminate: Terminate = Reflect.get(Worker.prototype, 'terminate')
    const posted = (thread: Worker, message: OpenMessage, more: unknown[]): void => {
      const send = (sent: OpenMessage): void => post.call(thread, sent, ...more)
      if (message.type !== 'open') {
        send(message)
        if (message.type === 'begin') {
          this.begun.add(thread)
          this.onBegin()
        }
        return
      }
      this.opens += 1
      this.#file = { descriptor: message.descriptor, ino: fileOf(message.descriptor) }
      this.onOpen(message, send, thread)
    }
    const terminated = (thread: Worker): void => {
      if (this.#file === undefined || !this.begun.has(thread)) return
      const { descriptor, ino } = this.#file
      this.openAtEnd.push(ino !== undefined && fileOf(descriptor) === ino)
    }
    const watchedPost: Post = function (message, ...more) {
      posted(this, message, more)
    }
    const watchedTerminate: Terminate = async function () {
      const code = await terminate.call(this)
      terminated(this)
      return code
    }
    Reflect.set(Worker.prototype, 'postMessage', watchedPost)
    Reflect.set(Worker.prototype, 'terminate', watchedTerminate)
    return () => {
      Reflect.set(Worker.prototype, 'postMessage', post)
      Reflect.set(Worker.prototype, 'terminate', terminate)
    }
  }
}

/** Call inside `describe`: watches during each of its tests. */
export function threadWatch(): ThreadWatch {
  const watch = new ThreadWatch()
  let stop: () => void = () => undefined
  beforeEach(() => {
    watch.forget()
    stop = watch.start()
  })
  afterEach(() => stop())
  return watch
}
