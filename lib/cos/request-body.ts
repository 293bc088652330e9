/** Request bodies: whatever a caller has, as bytes of known length (RULES 8.7). */
import { fstat, ReadStream, type Stats } from 'node:fs'
import { stat, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { ReadableStream } from 'node:stream/web'
import { LengthError, OptionError, SealstreamError } from '../errors.js'
import { assertInteger } from '../internal/assert.js'

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

/** A body whose length is known. Open it once. */
export interface SizedBody {
  readonly length: number
  /** All of it, where it is in memory anyway. */
  readonly bytes: Buffer | undefined
  /** Starts reading it. */
  open(): Readable
}

const READ_AHEAD = 1024 * 1024

/**
 * Finds out how long a body is.
 *
 * @param options - `contentLength`: what the caller declares; a body that knows better must agree. `mostCollected`: how
 *   many bytes of a body of unknown length may be collected in memory.
 * @throws {@link OptionError} when `body` is none of {@link BodyInput}, or too long to collect; LengthError
 *   `SEALSTREAM_BODY_LENGTH` when it is known to have another length than declared.
 */
export async function sizeBody(
  body: unknown,
  options: { contentLength: number | undefined; mostCollected: number },
): Promise<SizedBody> {
  const { contentLength, mostCollected } = options
  if (contentLength !== undefined) assertInteger(contentLength, 'ContentLength', 0)
  const sized = await knownLength(body)
  if (sized !== undefined) {
    if (contentLength === undefined || contentLength === sized.length) return sized
    throw new LengthError('SEALSTREAM_BODY_LENGTH', 'option Body', contentLength, sized.length)
  }
  const stream = asReadable(body)
  if (contentLength !== undefined) return { length: contentLength, bytes: undefined, open: () => stream }
  return fromBytes(await collect(stream, mostCollected))
}

async function knownLength(body: unknown): Promise<SizedBody | undefined> {
  if (typeof body === 'string') return fromBytes(Buffer.from(body, 'utf8'))
  if (body instanceof ArrayBuffer) return fromBytes(Buffer.from(body))
  if (ArrayBuffer.isView(body)) return fromBytes(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  if (body instanceof Blob) {
    return {
      length: body.size,
      bytes: undefined,
      open: () => Readable.fromWeb(body.stream()),
    }
  }
  if (body instanceof ReadStream) return fromReadStream(body)
  if (isFileHandle(body)) return fromFileHandle(body)
  return undefined
}

function fromBytes(bytes: Buffer): SizedBody {
  return { length: bytes.length, bytes, open: () => Readable.from(slices(bytes), { objectMode: false }) }
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += READ_AHEAD) yield bytes.subarray(at, at + READ_AHEAD)
}

/** Read from its beginning, wherever its own position is, and left open: it is the caller's. */
async function fromFileHandle(handle: FileHandle): Promise<SizedBody | undefined> {
  const stats = await readable(() => handle.stat())
  const open = (): Readable =>
    handle.createReadStream({
      autoClose: false,
      highWaterMark: READ_AHEAD,
      ...(stats.isFile() && { start: 0 }),
    })
  return stats.isFile() ? { length: stats.size, bytes: undefined, open } : undefined
}

/** The file's size within the stream's own range. A pipe or device has no length. */
async function fromReadStream(
  stream: ReadStream & { fd?: number | null; start?: number; end?: number },
): Promise<SizedBody | undefined> {
  const { fd } = stream
  const stats = await readable(() => (typeof fd === 'number' ? promisify(fstat)(fd) : stat(stream.path)))
  if (!stats.isFile()) return undefined
  const end = Math.min(stream.end ?? Number.POSITIVE_INFINITY, stats.size - 1)
  const length = Math.max(0, end - (stream.start ?? 0) + 1 - stream.bytesRead)
  return { length, bytes: undefined, open: () => stream }
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

function asReadable(body: unknown): Readable {
  if (body instanceof Readable) {
    if (!body.destroyed && !body.readableEnded) return body
    throw new OptionError('Body', 'is a stream that has already ended or was destroyed')
  }
  if (typeof body === 'object' && body !== null) {
    if (isFileHandle(body)) return body.createReadStream({ autoClose: false, highWaterMark: READ_AHEAD })
    if (body instanceof globalThis.ReadableStream) return Readable.fromWeb(body)
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

function isFileHandle(body: unknown): body is FileHandle {
  const { fd, createReadStream } = (body ?? {}) as Partial<FileHandle>
  return typeof fd === 'number' && typeof createReadStream === 'function'
}

async function collect(stream: Readable, most: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
    const bytes = Buffer.from(chunk as Uint8Array)
    length += bytes.length
    if (length > most) {
      throw new OptionError('ContentLength', `is needed for a body of unknown length over ${most} bytes`, {
        hint: 'or write it to createWriteStream(), which needs no length',
      })
    }
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
