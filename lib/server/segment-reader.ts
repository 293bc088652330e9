/** Reads a byte range of an object out of its segments. */
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { BucketLayout } from './layout.js'
import type { ByteRange } from './range.js'
import type { Segment } from './segment.js'

const CHUNK_BYTES = 1024 * 1024

// Opened before the first byte goes out, so that an overwritten object reads on from the old bytes. An object of more
// parts opens the rest as it gets there: 10,000 descriptors for one reader would starve the process. If it is
// overwritten meanwhile the read fails, which cuts the answer short; bytes never mix.
const OPENED_AHEAD = 256

/** The bytes of one segment that belong to the range. */
interface Piece {
  readonly path: string
  handle: FileHandle | undefined
  position: number
  /** Bytes still to read. */
  left: number
}

/**
 * Opens a range.
 *
 * @throws `ENOENT` when a segment is gone: the object was overwritten or deleted since its record was read.
 */
export async function openSegments(
  layout: BucketLayout,
  segments: readonly Segment[],
  range: ByteRange,
): Promise<Readable> {
  const reader = new SegmentReader(piecesOf(layout, segments, range))
  try {
    await reader.openAhead()
  } catch (error) {
    reader.destroy()
    throw error
  }
  return reader
}

class SegmentReader extends Readable {
  readonly #pieces: Piece[]

  constructor(pieces: Piece[]) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#pieces = pieces
  }

  async openAhead(): Promise<void> {
    for (const piece of this.#pieces.slice(0, OPENED_AHEAD)) piece.handle = await open(piece.path, 'r')
  }

  override _read(): void {
    this.#readNext().then(
      (bytes) => this.push(bytes),
      (error: unknown) => this.destroy(error as Error),
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const closing = this.#pieces.splice(0).map(async ({ handle }) => handle?.close())
    // close() waits for a read in flight. A failure to close loses nothing: the bytes were read.
    void Promise.allSettled(closing).then(() => done(error))
  }

  /** The next bytes, or null after the last. */
  async #readNext(): Promise<Buffer | null> {
    const piece = this.#pieces[0]
    if (piece === undefined) return null
    piece.handle ??= await open(piece.path, 'r')
    if (this.destroyed) {
      // _destroy ran while the file was being opened, and has not seen this handle.
      await piece.handle.close()
      return null
    }
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, piece.left))
    const { bytesRead } = await piece.handle.read(buffer, 0, buffer.length, piece.position)
    if (bytesRead === 0) throw new Error(`${piece.path} is shorter than its record says`)
    piece.position += bytesRead
    piece.left -= bytesRead
    if (piece.left === 0) {
      this.#pieces.shift()
      await piece.handle.close()
    }
    return buffer.subarray(0, bytesRead)
  }
}

function piecesOf(layout: BucketLayout, segments: readonly Segment[], { first, last }: ByteRange): Piece[] {
  const pieces: Piece[] = []
  let start = 0
  for (const { file, size } of segments) {
    const from = Math.max(first, start)
    const to = Math.min(last, start + size - 1)
    if (from <= to) {
      pieces.push({
        path: layout.segment(file),
        handle: undefined,
        position: from - start,
        left: to - from + 1,
      })
    }
    start += size
  }
  return pieces
}
