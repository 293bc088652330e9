/** An object as a Writable: what is written to it is stored in parts (RULES 8.2). */
import { Writable } from 'node:stream'
import { abortedStream, destroyOnAbort } from '../internal/abort.js'
import { asBuffer } from '../internal/bytes.js'
import { deferred } from '../internal/deferred.js'
import { failWithSource } from '../stream/source-watch.js'
import { PartWriter } from './part-writer.js'
import type { StoredObject, UploadJob } from './upload-job.js'

/**
 * A Writable whose `finish` means *stored and verified*.
 */
export type ObjectWriteStream = Writable & {
  /**
   * What was stored. Resolves before `'finish'`; rejects with the stream's error, or with `SEALSTREAM_ABORTED` when it
   * was destroyed without one. It need not be awaited.
   */
  readonly result: Promise<StoredObject>
}

class PartWritable extends Writable {
  readonly #writer: PartWriter
  readonly #outcome = deferred<StoredObject>()

  constructor(job: UploadJob) {
    super({ highWaterMark: 256 * 1024 })
    this.#writer = new PartWriter(job, (error) => void this.destroy(error as Error))
    destroyOnAbort(this, job.signal)
    failWithSource(this)
  }

  get result(): Promise<StoredObject> {
    return this.#outcome.promise
  }

  /** Node calls `_destroy` only when `_construct` is done; what that waits for must hear of it at once. */
  override destroy(error?: Error): this {
    if (!this.destroyed && !this.writableFinished) void this.#writer.abandon(error ?? abortedStream())
    return super.destroy(error)
  }

  override _construct(done: (error?: Error | null) => void): void {
    // Where destroying is why opening failed, its error is the one that counts.
    this.#writer.open().then(
      () => done(),
      (error: unknown) => done(this.destroyed ? null : (error as Error)),
    )
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writer.write(asBuffer(chunk)).then(() => done(), done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#writer.end().then((stored) => {
      this.#outcome.resolve(stored)
      done()
    }, done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#outcome.reject(error ?? abortedStream())
    void this.#writer.abandon(error ?? abortedStream()).then(() => done(error))
  }
}

/** @param job - All of it checked. */
export function objectWriteStream(job: UploadJob): ObjectWriteStream {
  return new PartWritable(job)
}
