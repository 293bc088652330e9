/** The body of an answer: as long as announced, with the checksum the service stated, errors in our terms. */
import { createHash, type Hash } from 'node:crypto'
import { finished, Readable } from 'node:stream'
import { Crc64 } from '../checksum/crc64.js'
import { IntegrityError, LengthError } from '../errors.js'
import type { ProgressListener } from '../internal/progress.js'

/** What the body must turn out to be. */
export interface AnswerExpectation {
  /** From Content-Length. */
  length: number
  /** Of these very bytes; never pass that of the whole object for a range of it. */
  crc64?: bigint
  /** Lower-case hex. */
  md5?: string
}

/** What an {@link AnswerBody} is made of. */
export interface AnswerBodyOptions {
  /** What is read, for messages: `examplebucket-1250000000/key`. */
  readonly subject: string
  readonly expected: AnswerExpectation
  /** Turns the HTTP library's errors into ours. */
  readonly mapError: (error: Error) => Error
  readonly onProgress?: ProgressListener | undefined
}

/** Passes on the bytes of `source` and fails, instead of ending, when they are not what was announced. */
export class AnswerBody extends Readable {
  readonly #source: Readable
  readonly #subject: string
  readonly #expected: AnswerExpectation
  /** Only what is compared is computed. */
  readonly #crc64: Crc64 | undefined
  readonly #md5: Hash | undefined
  #length = 0

  constructor(source: Readable, { subject, expected, mapError, onProgress }: AnswerBodyOptions) {
    super({ highWaterMark: 256 * 1024 })
    this.#source = source
    this.#subject = subject
    this.#expected = expected
    this.#crc64 = expected.crc64 === undefined ? undefined : new Crc64()
    this.#md5 = expected.md5 === undefined ? undefined : createHash('md5')
    source.on('data', (chunk: Buffer) => {
      this.#length += chunk.length
      this.#crc64?.update(chunk)
      this.#md5?.update(chunk)
      try {
        onProgress?.({ bytes: this.#length, total: expected.length })
      } catch (error) {
        this.destroy(error as Error)
        return
      }
      if (!this.push(chunk)) source.pause()
    })
    source.pause()
    finished(source, { writable: false }, (error) => {
      if (error) this.destroy(mapError(error))
      else this.#end()
    })
    source.on('error', () => undefined)
  }

  override _read(): void {
    this.#source.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#source.destroy()
    // A body that nobody has begun to read may fail unseen (a stall, an abort): that must not end the process. Whoever
    // reads it later still gets the error.
    if (error !== null && !this.readableDidRead && this.listenerCount('error') === 0)
      this.on('error', () => undefined)
    done(error)
  }

  #end(): void {
    const { length, crc64, md5 } = this.#expected
    const foundMd5 = this.#md5?.digest('hex')
    if (this.#length !== length) {
      this.destroy(new LengthError('SEALSTREAM_TRUNCATED', this.#subject, length, this.#length))
    } else if (this.#crc64?.value !== crc64) {
      this.#fail('crc64', String(crc64), String(this.#crc64?.value))
    } else if (foundMd5 !== md5) {
      this.#fail('md5', String(md5), String(foundMd5))
    } else {
      this.push(null)
    }
  }

  #fail(algorithm: string, expected: string, found: string): void {
    this.destroy(new IntegrityError(this.#subject, { algorithm, expected, found }))
  }
}
