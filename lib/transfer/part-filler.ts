/** The work of making parts: read ahead, encrypted and digested piece by piece while it is in the processor's cache. */
import type { Digest } from '../checksum/body-digest.js'
import { PartDigest, type PartDigestOptions } from '../checksum/part-digest.js'
import type { StretchEncryptor } from '../crypto/stored-stretch.js'
import { throwIfAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import { piecesOf, readAhead, readMemory, READ_BYTES, type ReadMemory } from '../internal/read-ahead.js'
import { reclaim } from '../internal/reclaim.js'
import type { SeekableSource } from './seekable-source.js'

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
  async encrypt({ start, length, running }: StretchEncryptor, into: Buffer): Promise<Digest> {
    const filling = this.#filling(async (digest) => {
      const read = (bytes: Buffer, position: number): Promise<void> => this.#source.read(bytes, position)
      const memory = this.#free.pop() ?? readMemory(this.#source.size)
      let filled = 0
      const take = async (output: Buffer): Promise<void> => {
        into.set(output, filled)
        filled += output.length
        await digest.update(output)
        reclaim(output)
      }
      try {
        for await (const slice of readAhead(read, { start, length }, memory)) {
          throwIfAborted(this.#options.signal)
          for (const piece of piecesOf(slice)) {
            await take(running.update(piece))
            await breathe()
          }
        }
        await take(running.final())
      } finally {
        this.#free.push(memory)
      }
    })
    return filling.finally(() => running.close())
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
