/** A Readable whose source is opened when it is first read. */
import { finished, Readable } from 'node:stream'
import { destroyOnAbort } from '../internal/abort.js'

/** Opens `open` on the first read and passes its bytes on, with back-pressure; destroying it ends both. */
export class LazyReadable extends Readable {
  readonly #open: (signal: AbortSignal) => Promise<Readable>
  readonly #abort = new AbortController()
  #opened = false
  #source: Readable | undefined

  /** @param open - Starts the source; its signal is aborted when this stream is destroyed. */
  constructor(
    open: (signal: AbortSignal) => Promise<Readable>,
    options: { signal?: AbortSignal | undefined } = {},
  ) {
    super({ highWaterMark: 256 * 1024 })
    this.#open = open
    destroyOnAbort(this, options.signal)
  }

  override _read(): void {
    if (this.#opened) {
      this.#source?.resume()
      return
    }
    this.#opened = true
    this.#open(this.#abort.signal).then(
      (source) => this.#follow(source),
      (error: unknown) => this.destroy(error as Error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#abort.abort(error ?? undefined)
    this.#source?.destroy()
    done(error)
  }

  #follow(source: Readable): void {
    this.#source = source
    finished(source, { writable: false }, (error) => {
      if (error) this.destroy(error)
      else this.push(null)
    })
    // Closing a source that lost its reader must not raise a second, unhandled error.
    source.on('error', () => undefined)
    if (this.destroyed) {
      source.destroy()
      return
    }
    source.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) source.pause()
    })
  }
}
