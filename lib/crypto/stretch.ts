/** Exactly the bytes that were asked for, out of what a cipher gives. */
import { LengthError } from '../errors.js'
import type { RunningCipher } from './content-cipher.js'

/** Which bytes of another cipher's output a {@link Stretch} gives. */
export interface StretchOptions {
  /** Bytes dropped at the beginning. */
  readonly skip: number
  /** Bytes given then; what follows is dropped. Without it, all there are. */
  readonly length: number | undefined
}

/**
 * A running cipher whose output is cut to a stretch, and which does not end before it is complete. What failed once keeps failing:
 * nothing comes out after it.
 */
export class Stretch implements RunningCipher {
  readonly #running: RunningCipher
  readonly #length: number | undefined
  #skip: number
  #given = 0
  #failure: { readonly error: unknown } | undefined

  constructor(running: RunningCipher, { skip, length }: StretchOptions) {
    this.#running = running
    this.#skip = skip
    this.#length = length
  }

  update(bytes: Uint8Array): Buffer {
    return this.#try(() => this.#cut(this.#running.update(bytes)))
  }

  final(): Buffer {
    return this.#try(() => {
      const output = this.#cut(this.#running.final())
      const expected = this.#length ?? 0
      if (this.#given >= expected) return output
      throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', expected, this.#given)
    })
  }

  close(): void {
    this.#running.close()
  }

  #try(step: () => Buffer): Buffer {
    if (this.#failure !== undefined) throw this.#failure.error
    try {
      return step()
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }

  #cut(output: Buffer): Buffer {
    const skipped = Math.min(this.#skip, output.length)
    this.#skip -= skipped
    const end = this.#length === undefined ? output.length : skipped + this.#length - this.#given
    const given = output.subarray(skipped, end)
    this.#given += given.length
    return given
  }
}
