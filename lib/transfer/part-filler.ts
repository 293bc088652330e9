/** The work of making parts: read ahead, encrypted and digested piece by piece while it is in the processor's cache. */
import type { Digest } from '../checksum/body-digest.js'
import { PartDigest, type PartDigestOptions } from '../checksum/part-digest.js'
import type { StretchEncryptor } from '../crypto/stored-stretch.js'
import { throwIfAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import { wipe } from '../internal/bytes.js'
import {
  PIECE_BYTES,
  piecesOf,
  readAhead,
  readMemory,
  READ_BYTES,
  slicesOf,
  type ReadMemory,
} from '../internal/read-ahead.js'
import { reclaim } from '../internal/reclaim.js'
import { fillShared } from '../internal/transfer-memory.js'
import type { SeekableSource } from './seekable-source.js'

/** Where parts are small, reads are: what is read to must not need more memory than the parts themselves. */
const LEAST_READ_BYTES = 128 * 1024

/** A piece that takes longer came from no page cache: the next ones had better be read ahead. In milliseconds. */
const MOST_READ_MS = 2

/** How parts are filled. */
export interface FillOptions extends PartDigestOptions {
  readonly signal: AbortSignal | undefined
}

/** Fills parts from a source. Several may be filled at the same time. */
export class PartFiller {
  readonly #source: SeekableSource
  readonly #options: FillOptions
  /** Memory that plaintext is read to, for the next part: fresh pages cost more than what is done with them. */
  readonly #free: ReadMemory[] = []
  /** Memory for one piece, if any is read at once. */
  #memory: Buffer | undefined

  constructor(source: SeekableSource, options: FillOptions) {
    this.#source = source
    this.#options = options
  }

  /** Fills `into` with the source's own bytes. */
  copy(offset: number, into: Buffer): Promise<Digest> {
    const { signal } = this.#options
    return this.#filling(async (digest) => {
      let at = 0
      const take = async (piece: Buffer): Promise<void> => {
        at += piece.length
        await digest.update(piece)
        await breathe()
      }
      const place = (from: number, to: number): Buffer => into.subarray(from, to)
      for (const piece of this.#piecesNow(offset, into.length, place)) await take(piece)
      for (const slice of slicesOf(into.subarray(at), READ_BYTES)) {
        throwIfAborted(signal)
        await this.#source.read(slice, offset + at)
        for (const piece of piecesOf(slice)) await take(piece)
      }
    })
  }

  /** Fills `into` with what the stretch encrypts to. Closes its cipher. */
  async encrypt({ start, length, running }: StretchEncryptor, into: Buffer): Promise<Digest> {
    const filling = this.#filling(async (digest) => {
      let filled = 0
      const take = async (output: Buffer): Promise<void> => {
        fillShared(into, output, filled)
        filled += output.length
        await digest.update(output)
        reclaim(output)
        await breathe()
      }
      let read = 0
      // Used up before anything else happens, so it may be the same for all parts.
      const place = (from: number, to: number): Buffer =>
        (this.#memory ??= Buffer.allocUnsafeSlow(PIECE_BYTES)).subarray(0, to - from)
      for (const piece of this.#piecesNow(start, length, place)) {
        read += piece.length
        await take(running.update(piece))
      }
      for await (const slice of this.#slices(start + read, length - read)) {
        throwIfAborted(this.#options.signal)
        for (const piece of piecesOf(slice)) await take(running.update(piece))
      }
      await take(running.final())
    })
    return filling.finally(() => running.close())
  }

  /**
   * The source's first bytes, as long as reading them takes no time to speak of: from a page cache, waiting for a thread of the pool
   * takes longer than the read, and leaves the bytes in the cache of another core.
   *
   * @param place - Where bytes of the stretch are read to.
   */
  *#piecesNow(start: number, length: number, place: (from: number, to: number) => Buffer): Generator<Buffer> {
    const { readNow } = this.#source
    for (let at = 0, took = 0; readNow !== undefined && took <= MOST_READ_MS && at < length;) {
      throwIfAborted(this.#options.signal)
      const piece = place(at, Math.min(at + PIECE_BYTES, length))
      const began = performance.now()
      readNow(piece, start + at)
      took = performance.now() - began
      at += piece.length
      yield piece
    }
  }

  /** The source's bytes, as they lie in memory or as they are read to memory of ours. */
  async *#slices(start: number, length: number): AsyncGenerator<Buffer> {
    if (length === 0) return
    const { bytes } = this.#source
    if (bytes !== undefined) {
      for (const slice of slicesOf(bytes.subarray(start, start + length), READ_BYTES)) yield slice
      return
    }
    const read = (into: Buffer, position: number): Promise<void> => this.#source.read(into, position)
    const memory = this.#free.pop() ?? readMemory(Math.max(LEAST_READ_BYTES, Math.ceil(length / 8)))
    try {
      yield* readAhead(read, { start, length }, memory)
    } finally {
      this.#free.push(memory)
    }
  }

  /** Wipes what it read to. Only when nothing is filled. */
  wipe(): void {
    wipe(...this.#free.splice(0).flat(), this.#memory)
  }

  async #filling(fill: (digest: PartDigest) => Promise<void>): Promise<Digest> {
    const digest = new PartDigest(this.#options)
    try {
      await this.#source.check()
      await fill(digest)
      await this.#source.check()
      return await digest.digest()
    } finally {
      digest.close()
    }
  }
}
