/** What the stream specs share: seeded bytes, sources of given chunks, ways to feed and to consume a stream. */
import { spawnSync } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { Duplex, pipeline as pipelineWithCallback, Readable, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import type { ReadableStream, ReadableWritablePair } from 'node:stream/web'
import { setImmediate as turn } from 'node:timers/promises'
import { chainUnchecked } from 'stream-chain'
import type { DataKey } from '../../lib/crypto/data-key.js'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'
import { ownedChain } from '../../lib/stream/owned-chain.js'
import type { Part } from '../../lib/stream/part-cutter.js'
import { toWebReadable } from '../../lib/stream/web-readable.js'

/** Whole numbers from 0 to `below - 1`, the same for the same seed (mulberry32). */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Bytes without a pattern, the same for the same seed. */
export function seededBytes(seed: number, length: number): Buffer {
  const key = createHash('sha256').update(`spec/stream ${seed}`).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}

/** `bytes` in chunks of `size`. */
export function cut(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

/** `bytes` in chunks of random sizes, empty ones and single bytes among them. */
export function randomCut(bytes: Buffer, random: (below: number) => number): Buffer[] {
  const most = [2, 20, 500, 5000][random(4)]!
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const size = random(most + 1)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

/** Gives exactly these chunks. In object mode, because a byte stream swallows empty chunks itself. */
export function sourceOf(chunks: Iterable<unknown>): Readable {
  const iterator = chunks[Symbol.iterator]()
  return new Readable({
    objectMode: true,
    read() {
      const next = iterator.next()
      this.push(next.done === true ? null : next.value)
    },
  })
}

/** Collects what is written. */
export class Sink extends Writable {
  readonly chunks: unknown[] = []

  constructor() {
    super({ objectMode: true })
  }

  get bytes(): Buffer {
    return joined(this.chunks)
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk)
    done()
  }
}

/** Byte chunks, strings or parts, joined. */
export function joined(chunks: readonly unknown[]): Buffer {
  return Buffer.concat(
    chunks.map((chunk) => {
      if (typeof chunk === 'string') return Buffer.from(chunk)
      return chunk instanceof Uint8Array ? chunk : (chunk as Part).bytes
    }),
  )
}

/** All chunks a stream gives. */
export async function chunksOf(readable: Readable | ReadableStream): Promise<unknown[]> {
  const chunks: unknown[] = []
  for await (const chunk of readable as AsyncIterable<unknown>) chunks.push(chunk)
  return chunks
}

/** Writes `chunks` straight into `subject`, ends it, and gives what comes out. */
export async function run(subject: Duplex, chunks: Iterable<unknown>): Promise<Buffer> {
  const sink = new Sink()
  await pipeline(sourceOf(chunks), subject, sink)
  return sink.bytes
}

/** Feeds `source` to `subject` and gives everything that comes out of it. */
export type Consumer = (source: Readable, subject: Duplex) => Promise<Buffer>

/** The same, as bytes where `subject` gives parts: a web byte stream carries nothing else. */
function bytesOf(subject: Duplex): Readable {
  return subject.readableObjectMode ? subject.map((part: Part) => part.bytes) : subject
}

async function readWeb(web: ReadableStream<unknown>): Promise<Buffer> {
  const reader = web.getReader()
  const chunks: unknown[] = []
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return joined(chunks)
    chunks.push(value)
  }
}

/** Reads with views of 1, 18, 324, 1737, ... bytes. */
export async function readByob(web: ReadableStream<Uint8Array>): Promise<Buffer> {
  const reader = web.getReader({ mode: 'byob' })
  const chunks: Uint8Array[] = []
  for (let size = 1; ; size = (size * 18) % 4095) {
    const { value, done } = await reader.read(new Uint8Array(size))
    if (done) return Buffer.concat(chunks)
    chunks.push(value)
  }
}

/** The ways people take bytes out of a stream. The names complete "through ...". */
export const CONSUMERS = {
  'pipe()': async (source, subject) => {
    const sink = new Sink()
    await finished(source.pipe(subject).pipe(sink))
    return sink.bytes
  },
  'pipeline()': async (source, subject) => {
    const sink = new Sink()
    await pipeline(source, subject, sink)
    return sink.bytes
  },
  'for await': async (source, subject) => joined(await chunksOf(source.pipe(subject))),
  "'data' events": (source, subject) =>
    new Promise((resolve, reject) => {
      const chunks: unknown[] = []
      subject.on('data', (chunk: unknown) => chunks.push(chunk))
      subject.on('end', () => resolve(joined(chunks)))
      subject.on('error', reject)
      source.pipe(subject)
    }),
  "'readable' events and read(n)": (source, subject) =>
    new Promise((resolve, reject) => {
      const chunks: unknown[] = []
      let size = 1
      subject.on('readable', () => {
        for (let chunk: unknown; (chunk = subject.read(size)) !== null;) {
          chunks.push(chunk)
          size = (size * 7) % 1009
        }
      })
      subject.on('end', () => resolve(joined(chunks)))
      subject.on('error', reject)
      source.pipe(subject)
    }),
  'a web reader': async (source, subject) => readWeb(toWebReadable(bytesOf(source.pipe(subject)))),
  'a web BYOB reader': async (source, subject) => readByob(toWebReadable(bytesOf(source.pipe(subject)))),
  'both branches of tee()': async (source, subject) => {
    const branches = toWebReadable(bytesOf(source.pipe(subject))).tee()
    const [first, second] = await Promise.all(branches.map(readWeb))
    if (!first!.equals(second!)) throw new Error('the branches differ')
    return first!
  },
} satisfies Record<string, Consumer>

/** More of them, for the contract. */
export const MORE_CONSUMERS = {
  'pipeline() with a callback': (source, subject) =>
    new Promise((resolve, reject) => {
      const sink = new Sink()
      pipelineWithCallback(source, subject, sink, (error) => (error ? reject(error) : resolve(sink.bytes)))
    }),
  'a stage of chain()': async (source, subject) => {
    const whole = chainUnchecked([subject]) as unknown as Duplex
    return joined(await chunksOf(source.pipe(whole)))
  },
  'the middle of ownedChain()': async (source, subject) => {
    const whole = ownedChain([(chunk: unknown) => chunk, subject, (chunk: unknown) => chunk], {
      readableObjectMode: true,
    })
    return joined(await chunksOf(source.pipe(whole)))
  },
  'Duplex.toWeb and a web reader': async (source, subject) => {
    const pair = Duplex.toWeb(subject) as unknown as ReadableWritablePair
    return readWeb(Readable.toWeb(source).pipeThrough(pair))
  },
  'two pipes at once': async (source, subject) => {
    const sinks = [new Sink(), new Sink()] as const
    for (const sink of sinks) subject.pipe(sink)
    source.pipe(subject)
    await Promise.all(sinks.map((sink) => finished(sink)))
    if (!sinks[0].bytes.equals(sinks[1].bytes)) throw new Error('the sinks differ')
    return sinks[0].bytes
  },
} satisfies Record<string, Consumer>

/** Turns of the event loop in which nothing more is pulled before a stream counts as still. */
const STILL_TURNS = 50

/** Waits until `count` has stopped changing. Counts event-loop turns, not time. */
export async function still(count: () => number): Promise<void> {
  for (let turns = 0, seen = count(); turns < STILL_TURNS; turns++) {
    await turn()
    if (count() === seen) continue
    seen = count()
    turns = 0
  }
}

/**
 * How many bytes `subject` takes from a source that never ends, when nobody reads it, or when the sink it is piped to
 * takes one chunk and is stuck. Gives up above `most`.
 */
export async function pulledBytes(subject: Duplex, most: number, stuckSink = false): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024)
  let pulled = 0
  const source = new Readable({
    highWaterMark: chunk.length,
    read() {
      if (pulled > most) return
      pulled += chunk.length
      this.push(chunk)
    },
  })
  source.pipe(subject)
  if (stuckSink) subject.pipe(new Writable({ objectMode: true, highWaterMark: 1, write: () => undefined }))
  await still(() => pulled)
  return pulled
}

/** The facts of any error met here. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly code: string
  readonly cause?: unknown
  readonly hint?: string
  readonly option?: string
  readonly value?: unknown
  readonly algorithm?: string
  readonly expected?: unknown
  readonly found?: unknown
}

/** The error that `promise` rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Failure> {
  const nothing = Symbol('fulfilled')
  const outcome = await promise.then(
    () => nothing,
    (error: unknown) => error,
  )
  if (outcome === nothing) throw new Error('expected a rejection, got a value')
  return outcome as Failure
}

/** The error that `call` throws. */
export function refusal(call: () => unknown): Failure {
  try {
    call()
  } catch (error) {
    return error as Failure
  }
  throw new Error('expected an exception, got none')
}

/** What a stream may fail with when its signal aborts: Node's error, or ours. */
export const ABORT_CODES = ['ABORT_ERR', 'SEALSTREAM_ABORTED']

/** Takes one chunk with `for await` and leaves the loop. */
export async function leaveEarly(readable: Readable): Promise<void> {
  for await (const chunk of readable as AsyncIterable<unknown>) {
    if (chunk !== null) break
  }
}

/** What happened to a stream, in order: `finish`, `end`, `close` and `error: message`. */
export function record(stream: Readable | Writable): string[] {
  const events: string[] = []
  for (const name of ['finish', 'end', 'close']) stream.on(name, () => events.push(name))
  stream.on('error', (error: Error) => events.push(`error: ${error.message}`))
  return events
}

/** Resolves when the stream has emitted `close`, after whatever error. */
export function closed(stream: Readable | Writable): Promise<void> {
  return new Promise((resolve) => {
    // `closed` turns true one tick before the event.
    if (stream.closed) setImmediate(resolve)
    else stream.once('close', resolve)
  })
}

/** The ciphers that `dataKey` starts from now on. */
export function spyOnCiphers(dataKey: DataKey): RunningCipher[] {
  const started: RunningCipher[] = []
  const encryptor = dataKey.encryptor.bind(dataKey)
  const decryptor = dataKey.decryptor.bind(dataKey)
  const seen = (cipher: RunningCipher): RunningCipher => {
    started.push(cipher)
    return cipher
  }
  dataKey.encryptor = (options) => seen(encryptor(options))
  dataKey.decryptor = (options) => seen(decryptor(options))
  return started
}

/** Runs a script, which may import from `lib/`, in a process of its own. */
export function runScript(script: string): { status: number | null; stdout: string; stderr: string } {
  const flags = ['--import', 'ts-blank-space/register', '--input-type=module', '--eval', script]
  return spawnSync(process.execPath, flags, {
    encoding: 'utf8',
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  })
}
