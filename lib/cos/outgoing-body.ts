/** A streamed request body on its way out: exactly as long as declared, and digested. */
import { Transform, type TransformCallback } from 'node:stream'
import { BodyDigest, type Digest } from '../checksum/body-digest.js'
import { LengthError, OptionError } from '../errors.js'
import { asBuffer } from '../internal/bytes.js'
import { sourceChanged } from '../internal/file-chunks.js'
import type { ProgressListener } from '../internal/progress.js'

/**
 * Passes on exactly `length` bytes.
 *
 * The chunk that completes the length is held until the source has ended: a source that fails at its end, or goes on,
 * must not leave a complete request behind it. One byte too many would be read as the start of the next request, and COS
 * stores what came before it with status 200 (RULES 9.2).
 */
export class OutgoingBody extends Transform {
  readonly #length: number
  readonly #running: BodyDigest
  readonly #expected: Digest | undefined
  readonly #onProgress: ProgressListener | undefined
  #listenerError: Error | undefined
  #digest: Digest | undefined
  #seen = 0
  #last: Buffer | undefined

  constructor(
    length: number,
    options: { md5: boolean; expected?: Digest | undefined; onProgress?: ProgressListener | undefined },
  ) {
    // Object mode lets chunks that are no bytes come here, where they can be refused; Node would throw at the source.
    super({ writableObjectMode: true, writableHighWaterMark: 4, readableHighWaterMark: 256 * 1024 })
    this.#length = length
    this.#running = new BodyDigest({ md5: options.md5 })
    this.#expected = options.expected
    this.#onProgress = options.onProgress
  }

  /** What the progress listener threw; the caller gets it as it is. */
  get listenerError(): Error | undefined {
    return this.#listenerError
  }

  /** Length and checksums of what went out; undefined until the source has ended well. */
  get digest(): Digest | undefined {
    return this.#digest
  }

  /** Where an earlier pass over the same source had the right length, it changed. */
  #wrongLength(): Error {
    if (this.#expected !== undefined) return sourceChanged()
    return new LengthError('SEALSTREAM_BODY_LENGTH', 'request body', this.#length, this.#seen)
  }

  override _transform(given: unknown, _encoding: BufferEncoding, done: TransformCallback): void {
    const chunk = typeof given === 'string' ? Buffer.from(given) : given
    if (!(chunk instanceof Uint8Array)) {
      done(new OptionError('Body', 'must be a stream of bytes or text', { value: given }))
      return
    }
    this.#seen += chunk.length
    if (this.#seen > this.#length) {
      done(this.#wrongLength())
      return
    }
    this.#running.update(chunk)
    try {
      this.#onProgress?.({ bytes: this.#seen, total: this.#length })
    } catch (error) {
      this.#listenerError = error as Error
      done(error as Error)
      return
    }
    if (this.#seen < this.#length) {
      done(null, chunk)
      return
    }
    if (chunk.length > 0) this.#last = asBuffer(chunk)
    done()
  }

  override _flush(done: TransformCallback): void {
    if (this.#seen < this.#length) {
      done(this.#wrongLength())
      return
    }
    const digest = this.#running.digest()
    if (this.#expected !== undefined && !sameDigest(digest, this.#expected)) {
      done(sourceChanged())
      return
    }
    this.#digest = digest
    done(null, this.#last)
  }
}

function sameDigest(a: Digest, b: Digest): boolean {
  return a.length === b.length && a.crc64 === b.crc64 && a.md5 === b.md5
}
