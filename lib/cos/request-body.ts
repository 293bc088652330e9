/** Request bodies: whatever a caller has, as bytes of known length (RULES 8.7). */
import { fstat, ReadStream, type Stats } from 'node:fs'
import { stat, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { ReadableStream } from 'node:stream/web'
import { LengthError, OptionError, SealstreamError } from '../errors.js'
import { destroyOnAbort, unlessAborted } from '../internal/abort.js'
import { assertInteger } from '../internal/assert.js'
import { asBuffer } from '../internal/bytes.js'
import { fileChunks, fileFingerprint, sourceChanged, type FileFacts } from '../internal/file-chunks.js'
import { mapBodyError } from './http-error.js'

/** What `Body` may be. All but the last three know their own length. */
export type BodyInput =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | FileHandle
  | Readable
  | ReadableStream
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>

/** A body whose length is known. Open it once, unless it is reopenable. */
export interface SizedBody {
  readonly length: number
  /** All of it, where it is in memory anyway. */
  readonly bytes: Buffer | undefined
  /** Whether it can be read more than once: it is no stream that ends. */
  readonly isReopenable: boolean
  /** Starts reading it. Chunks may be text where the caller's stream gives text. */
  open(): Readable
  /** Lets go of a stream that will not be read after all. */
  discard(): void
}

/** How a body is taken. */
export interface SizeOptions {
  /** What the caller declares; a body that knows better must agree. */
  readonly contentLength: number | undefined
  /** How many bytes of a body of unknown length may be collected in memory. */
  readonly mostCollected: number
  /** What to do about a longer one. */
  readonly hint?: string
  readonly signal?: AbortSignal | undefined
}

const READ_AHEAD = 1024 * 1024

/**
 * Finds out how long a body is.
 *
 * @throws {@link OptionError} when `body` is none of {@link BodyInput}, or too long to collect; LengthError
 *   `SEALSTREAM_BODY_LENGTH` when it is known to have another length than declared; what a stream that has to be collected
 *   failed with; `SEALSTREAM_ABORTED`.
 */
export async function sizeBody(body: unknown, options: SizeOptions): Promise<SizedBody> {
  const { contentLength } = options
  holdErrors(body)
  if (contentLength !== undefined) assertInteger(contentLength, 'ContentLength', 0)
  const sized = await knownLength(body)
  if (sized !== undefined) {
    if (contentLength === undefined || contentLength === sized.length) return sized
    sized.discard()
    throw new LengthError('SEALSTREAM_BODY_LENGTH', 'option Body', contentLength, sized.length)
  }
  const stream = asReadable(body)
  if (contentLength !== undefined) return fromStream(contentLength, stream)
  return fromBytes(await collect(stream, options))
}

async function knownLength(body: unknown): Promise<SizedBody | undefined> {
  if (typeof body === 'string') return fromBytes(Buffer.from(body, 'utf8'))
  if (body instanceof ArrayBuffer) return fromBytes(Buffer.from(body))
  if (ArrayBuffer.isView(body)) return fromBytes(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  if (body instanceof Blob) {
    return fromOpener(body.size, () => Readable.fromWeb(body.stream()))
  }
  if (body instanceof ReadStream) {
    assertUnread(body)
    return fromReadStream(body)
  }
  if (isFileHandle(body)) return fromFileHandle(body)
  return undefined
}

function fromBytes(bytes: Buffer): SizedBody {
  return { ...fromOpener(bytes.length, () => openBytes(bytes)), bytes }
}

/** A body that is nothing until it is opened. */
function fromOpener(length: number, open: () => Readable): SizedBody {
  return { length, bytes: undefined, isReopenable: true, open, discard: () => undefined }
}

/** The caller's own stream. */
function fromStream(length: number, stream: Readable): SizedBody {
  // In object mode a chunk may be anything; what is neither bytes nor text is refused where it comes out.
  const open = (): Readable =>
    stream.readableObjectMode ? wrapped(stream, bytesOf(stream, undefined)) : stream
  return { length, bytes: undefined, isReopenable: false, open, discard: () => void stream.destroy() }
}

/** Bytes as a stream of views on them. */
export function openBytes(bytes: Buffer): Readable {
  return Readable.from(slices(bytes), { objectMode: false })
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += READ_AHEAD) yield bytes.subarray(at, at + READ_AHEAD)
}

/** Read from its beginning, wherever its own position is, and left open: it is the caller's. */
async function fromFileHandle(handle: FileHandle): Promise<SizedBody | undefined> {
  const stats = await readable(() => handle.stat())
  return stats.isFile() ? fromOpener(stats.size, () => readHandle(handle)) : undefined
}

function readHandle(handle: FileHandle): Readable {
  return Readable.from(fileChunks(handle), { objectMode: false })
}

/** The file's size within the stream's own range. A pipe or device has no length. */
async function fromReadStream(
  stream: ReadStream & { fd?: number | null; start?: number; end?: number },
): Promise<SizedBody | undefined> {
  const { fd } = stream
  const facts = (): Promise<FileFacts> => stat(stream.path, { bigint: true })
  const stats = await readable(() => (typeof fd === 'number' ? promisify(fstat)(fd) : stat(stream.path)))
  if (!stats.isFile()) return undefined
  // What was read ahead but not taken yet is still to come.
  const consumed = stream.bytesRead - stream.readableLength
  const end = Math.min(stream.end ?? Number.POSITIVE_INFINITY, stats.size - 1)
  const length = Math.max(0, end - (stream.start ?? 0) + 1 - consumed)
  const sized = fromStream(length, stream)
  // A stream made from a descriptor names no file to look at again.
  if (typeof (stream.path as unknown) !== 'string') return sized
  const before = await fileFingerprint(facts)
  return { ...sized, open: () => wrapped(stream, unchanged(stream, before, facts)) }
}

/** A stream over `bytes`, which come from `source`: a generator that was never started would not destroy it. */
function wrapped(source: Readable, bytes: AsyncGenerator<Buffer>): Readable {
  const stream = Readable.from(bytes, { objectMode: false })
  const destroy = stream._destroy.bind(stream)
  stream._destroy = (error, done) => {
    source.destroy()
    destroy(error, done)
  }
  return stream
}

async function* unchanged(
  stream: Readable,
  before: string,
  facts: () => Promise<FileFacts>,
): AsyncGenerator<Buffer> {
  yield* stream as AsyncIterable<Buffer>
  if ((await fileFingerprint(facts)) !== before) throw sourceChanged()
}

async function readable(read: () => Promise<Stats>): Promise<Stats> {
  try {
    return await read()
  } catch (error) {
    throw new SealstreamError(
      'SEALSTREAM_FILE',
      `option Body: the file cannot be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  }
}

function assertUnread(stream: Readable): void {
  if (stream.destroyed || stream.readableEnded) {
    throw new OptionError('Body', 'is a stream that has already ended or was destroyed')
  }
  const { readableEncoding: encoding } = stream
  if (encoding !== null && encoding !== 'utf8' && encoding !== 'utf-8') {
    throw new OptionError('Body', 'must not be a stream of text in another encoding than UTF-8', {
      value: encoding,
    })
  }
}

/**
 * Keeps a caller's stream that fails before anybody reads it from ending the process; whoever reads it then finds it
 * failed.
 */
export function holdErrors(body: unknown): void {
  if (body instanceof Readable) body.on('error', () => undefined)
}

/** Whatever a caller has as a stream of bytes. @throws {@link OptionError} on anything else. */
export function asReadable(body: unknown): Readable {
  if (body instanceof Readable) {
    assertUnread(body)
    return body
  }
  if (typeof body === 'object' && body !== null) {
    if (isFileHandle(body)) return readHandle(body)
    if (body instanceof globalThis.ReadableStream) {
      if (body.locked) throw new OptionError('Body', 'is a web stream that somebody else is reading')
      return Readable.fromWeb(body)
    }
    // Another library's stream: no Readable of this Node, but an iterable like any other.
    if (Symbol.asyncIterator in body || Symbol.iterator in body) {
      return Readable.from(body as AsyncIterable<Uint8Array>, { objectMode: false })
    }
  }
  throw new OptionError(
    'Body',
    'must be text, bytes, a Blob, a file handle, a stream or an iterable of bytes',
    {
      value: body,
    },
  )
}

/** Whether it is an open file of `fs/promises`. */
export function isFileHandle(body: unknown): body is FileHandle {
  const { fd, createReadStream } = (body ?? {}) as Partial<FileHandle>
  return typeof fd === 'number' && typeof createReadStream === 'function'
}

async function collect(stream: Readable, { mostCollected, hint, signal }: SizeOptions): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const bytes of bytesOf(stream, signal)) {
    length += bytes.length
    if (length > mostCollected) {
      throw new OptionError(
        'ContentLength',
        `is needed for a body of unknown length over ${mostCollected} bytes`,
        {
          hint: hint ?? 'or write it to createWriteStream(), which needs no length',
        },
      )
    }
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/**
 * The bytes of a body, whatever its stream gives; ends with the stream destroyed.
 *
 * @throws SealstreamError `SEALSTREAM_SOURCE_ENDED_EARLY` for what the stream failed with, `SEALSTREAM_ABORTED`.
 */
export async function* bytesOf(stream: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  destroyOnAbort(stream, signal)
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<unknown>
  let isDone = false
  try {
    for (;;) {
      // A source that gives nothing does not end when it is destroyed either: a generator would first have to go on.
      const reading = chunks.next()
      reading.catch(() => undefined)
      const next = await unlessAborted(reading, signal)
      isDone = next.done === true
      if (next.done === true) return
      const chunk = next.value
      if (typeof chunk === 'string') yield Buffer.from(chunk)
      else if (chunk instanceof Uint8Array) yield asBuffer(chunk)
      else throw new OptionError('Body', 'must be a stream of bytes or text', { value: chunk })
    }
  } catch (error) {
    throw mapBodyError(error as Error)
  } finally {
    // One that has ended may share its file with others, which destroying it would close (autoClose: false).
    if (!isDone) stream.destroy()
  }
}
