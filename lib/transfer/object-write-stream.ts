/** An object as a Writable: bytes of unknown length, cut into parts and stored one after another (RULES 8.2). */
import { Writable } from 'node:stream'
import type { RunningCipher } from '../crypto/content-cipher.js'
import { abortedStream, destroyOnAbort } from '../internal/abort.js'
import { asBuffer } from '../internal/bytes.js'
import { deferred } from '../internal/deferred.js'
import { PartCutter, type Part } from '../stream/part-cutter.js'
import type { ProgressListener } from '../internal/progress.js'
import { failWithSource } from '../stream/source-watch.js'
import { growingPartSize } from './part-size.js'
import type { PartStore, StoredObject } from './part-store.js'

/** A Writable whose `finish` means *stored and verified*. */
export type ObjectWriteStream = Writable & {
  /**
   * What was stored. Resolves before `'finish'`; rejects with the stream's error, or with `SEALSTREAM_ABORTED` when it
   * was destroyed without one. It need not be awaited.
   */
  readonly result: Promise<StoredObject>
}

/** Where the bytes go, made when the stream opens. */
export interface WriteTarget {
  readonly store: PartStore
  /** Encrypts what is written; without it, bytes are stored as they are. */
  readonly encryptor?: RunningCipher
}

/** What an {@link ObjectWriteStream} needs. */
export interface WriteStreamOptions {
  /** Bytes of a part; the first thousand have this size, later ones grow. */
  partSize: number
  /** Opens the target; `signal` is aborted when the stream is destroyed. */
  open: (signal: AbortSignal) => Promise<WriteTarget>
  /** Called when a part has been stored, with the bytes stored so far. */
  onProgress?: ProgressListener | undefined
  signal?: AbortSignal | undefined
}

/** A chunk is encrypted in slices: one huge chunk must not need its size again in memory. */
const SLICE_BYTES = 1024 * 1024

class PartWriter extends Writable {
  readonly #options: WriteStreamOptions
  readonly #cutter: PartCutter
  readonly #outcome = deferred<StoredObject>()
  readonly #abort = new AbortController()
  #target: WriteTarget | undefined
  /** A complete part that may turn out to be all there is: one PUT would then be enough. */
  #held: Part | undefined
  /** The step under way; destroying waits for it, so that no upload is started behind its back. */
  #step: Promise<void> = Promise.resolve()

  constructor(options: WriteStreamOptions) {
    super({ highWaterMark: 256 * 1024 })
    this.#options = options
    this.#cutter = new PartCutter((number) => growingPartSize(options.partSize, number))
    destroyOnAbort(this, options.signal)
    failWithSource(this)
  }

  get result(): Promise<StoredObject> {
    return this.#outcome.promise
  }

  /** Node calls `_destroy` only when `_construct` is done; what that waits for must hear of it at once. */
  override destroy(error?: Error): this {
    this.#abort.abort(error)
    return super.destroy(error)
  }

  override _construct(done: (error?: Error | null) => void): void {
    const opening = async (): Promise<void> => {
      this.#target = await this.#options.open(this.#abort.signal)
    }
    // Where destroying is why opening failed, its error is the one that counts.
    this.#run(opening, (error) => done(this.#abort.signal.aborted ? null : error))
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#run(() => this.#take(asBuffer(chunk)), done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#run(async () => this.#outcome.resolve(await this.#finish()), done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#outcome.reject(error ?? abortedStream())
    this.#target?.encryptor?.close()
    this.#held = undefined
    void this.#step
      .catch(() => undefined)
      .then(() => this.#target?.store.abort())
      .catch((reason: unknown) => warnOfUpload(reason))
      .then(() => done(error))
  }

  #run(step: () => Promise<void>, done: (error?: Error | null) => void): void {
    this.#step = step()
    this.#step.then(() => done(), done)
  }

  async #take(bytes: Buffer): Promise<void> {
    const { encryptor } = this.#opened
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const slice = bytes.subarray(at, at + SLICE_BYTES)
      await this.#cut(encryptor?.update(slice) ?? slice)
    }
  }

  async #cut(bytes: Buffer): Promise<void> {
    for (const part of this.#cutter.push(bytes)) {
      await this.#flushHeld()
      this.#held = part
    }
  }

  async #finish(): Promise<StoredObject> {
    const { store, encryptor } = this.#opened
    if (encryptor !== undefined) await this.#cut(encryptor.final())
    const last = this.#cutter.end()
    if (last !== undefined) {
      await this.#flushHeld()
      this.#held = last
    }
    const held = this.#held as Part
    this.#held = undefined
    const stored = store.isMultipart ? await this.#complete(held) : await store.put(held.bytes)
    this.#options.onProgress?.({ bytes: store.length, total: undefined })
    return stored
  }

  async #complete(last: Part): Promise<StoredObject> {
    await this.#opened.store.add(last.bytes)
    return this.#opened.store.complete()
  }

  /** More has come, so the held part is not the whole object: it goes out as a part. */
  async #flushHeld(): Promise<void> {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    const { store } = this.#opened
    await store.add(held.bytes)
    this.#options.onProgress?.({ bytes: store.length, total: undefined })
  }

  get #opened(): WriteTarget {
    if (this.destroyed || this.#target === undefined) throw abortedStream()
    return this.#target
  }
}

/** @param options - See {@link WriteStreamOptions}; all checked by the caller. */
export function objectWriteStream(options: WriteStreamOptions): ObjectWriteStream {
  return new PartWriter(options)
}

/** Parts left on the service cost money until somebody drops them. */
function warnOfUpload(reason: unknown): void {
  process.emitWarning('a multipart upload could not be aborted, its parts are still on the service', {
    code: 'SEALSTREAM_UPLOAD_LEFT',
    detail: reason instanceof Error ? reason.message : String(reason),
  })
}
