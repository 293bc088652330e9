/** The work of making parts: read ahead, encrypted and digested piece by piece while it is in the processor's cache. */
import type { Digest } from '../checksum/body-digest.js'
import { PartDigest, type PartDigestOptions } from '../checksum/part-digest.js'
import type { StretchEncryptor } from '../crypto/stored-stretch.js'
import { throwIfAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import { reclaim } from '../internal/reclaim.js'
import type { SeekableSource } from './seekable-source.js'

/** Bytes of a read: large ones are cheap, and two of them for each part in the making are little. */
const READ_BYTES = 1024 * 1024
/** Bytes encrypted and digested at once. */
const PIECE_BYTES = 128 * 1024

/** How parts are filled. */
export interface FillOptions extends PartDigestOptions {
  readonly signal: AbortSignal | undefined
}

/** Fills parts from a source. Several may be filled at the same time. */
export class PartFiller {
  readonly #source: SeekableSource
  readonly #options: FillOptions
  /** Memory that plaintext is read to, for the next part: fresh pages cost more than what is done with them. */
  readonly #free: Buffer[] = []

  constructor(source: SeekableSource, options: FillOptions) {
    this.#source = source
    this.#options = options
  }

  /** Fills `into` with the source's own bytes. */
  copy(offset: number, into: Buffer): Promise<Digest> {
    const { signal } = this.#options
    return this.#filling(async (digest) => {
      for (let at = 0; at < into.length; at += READ_BYTES) {
        throwIfAborted(signal)
        const slice = into.subarray(at, at + READ_BYTES)
        await this.#source.read(slice, offset + at)
        for (const piece of piecesOf(slice)) {
          await digest.update(piece)
          await breathe()
        }
      }
    })
  }

  /** Fills `into` with what the stretch encrypts to. Closes its cipher. */
  encrypt({ start, length, running }: StretchEncryptor, into: Buffer): Promise<Digest> {
    return this.#filling(async (digest) => {
      const memory = [this.#allocate(), this.#allocate()]
      let filled = 0
      const take = async (output: Buffer): Promise<void> => {
        into.set(output, filled)
        filled += output.length
        await digest.update(output)
        reclaim(output)
      }
      try {
        for await (const slice of this.#readAhead(start, length, memory)) {
          for (const piece of piecesOf(slice)) {
            await take(running.update(piece))
            await breathe()
          }
        }
        await take(running.final())
      } finally {
        running.close()
        this.#free.push(...memory)
      }
    })
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

  #allocate(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(Math.min(READ_BYTES, Math.max(1, this.#source.size)))
  }

  /** The source from `start` on, in turns in one memory and the other: one is read to while the other is worked on. */
  async *#readAhead(start: number, length: number, memory: readonly Buffer[]): AsyncGenerator<Buffer> {
    const { signal } = this.#options
    const read = async (at: number): Promise<Buffer> => {
      const whole = memory[Math.floor(at / READ_BYTES) % memory.length] as Buffer
      const slice = whole.subarray(0, Math.min(READ_BYTES, length - at))
      await this.#source.read(slice, start + at)
      return slice
    }
    let next: Promise<Buffer> | undefined = length > 0 ? read(0) : undefined
    try {
      for (let at = READ_BYTES; next !== undefined; at += READ_BYTES) {
        throwIfAborted(signal)
        const slice = await next
        next = at < length ? read(at) : undefined
        yield slice
      }
    } finally {
      // Its memory must not be another part's before the read is done.
      await next?.catch(() => undefined)
    }
  }
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}
