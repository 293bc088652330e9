/** Bytes that come once and in order, of any length: encrypted, cut into parts, several of them on their way at a time. */
import type { RunningCipher } from '../crypto/content-cipher.js'
import { digestOfPart } from '../checksum/part-digest.js'
import type { BytesBody } from '../cos/exchange.js'
import { objectWriteHeaders } from '../cos/object-headers.js'
import { sendObject } from '../cos/put-object.js'
import { md5Header } from '../cos/sendable-body.js'
import { SealstreamError } from '../errors.js'
import { abortedStream, allowManyListeners, throwIfAborted, unlessAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import { reclaim } from '../internal/reclaim.js'
import { ownMemory } from '../internal/transfer-memory.js'
import { PartCutter, type Part } from '../stream/part-cutter.js'
import { MultipartUpload, startUpload } from './multipart-upload.js'
import { growingPartSize } from './part-size.js'
import { PartPool } from './part-pool.js'
import { storedObject } from './stored-object.js'
import type { StoredObject, UploadJob } from './upload-job.js'

/** A chunk is encrypted in slices: one huge chunk must not need its size again in memory. */
const SLICE_BYTES = 256 * 1024

/**
 * One object being written. `write` and `end` come one after another; whoever gives up calls `abandon`.
 *
 * Parts are held until they are stored, so that a failed one is sent again from its bytes.
 */
export class PartWriter {
  readonly #job: UploadJob
  readonly #cutter: PartCutter
  readonly #pool: PartPool
  readonly #abort = new AbortController()
  #encryptor: RunningCipher | undefined
  #envelope: Readonly<Record<string, string>> = {}
  /** A complete part that may turn out to be all there is: one PUT would then be enough. */
  #held: Part | undefined
  #upload: MultipartUpload | undefined
  /** Memory of parts that are stored, for the next ones: what is freed is returned too late to stay within bounds. */
  readonly #free: Buffer[] = []
  /** What starts the upload; giving up waits for it, so that nothing is started behind its back. */
  #starting: Promise<MultipartUpload> | undefined
  #abandoned: Promise<void> | undefined

  /** @param onFail - Called when storing a part failed, so that nobody waits for a source that gives nothing. */
  constructor(job: UploadJob, onFail?: (error: unknown) => void) {
    this.#job = job
    allowManyListeners(this.#signal)
    this.#cutter = new PartCutter(
      (number) => growingPartSize(job.partSize, number),
      (bytes) => this.#allocate(bytes),
    )
    this.#pool = new PartPool({ concurrency: job.concurrency, mostBytes: job.maxBuffer }, onFail)
  }

  /** Makes the data key. Call it first. */
  async open(): Promise<void> {
    const { sealer, service, params } = this.#job
    if (sealer === undefined) return
    const { dataKey, envelope } = await unlessAborted(sealer.seal(), this.#signal)
    // The encryptor has its own reference to the key; this one is used for nothing else.
    this.#encryptor = dataKey.encryptor()
    dataKey.dispose()
    this.#envelope = envelope
    // Too large an envelope must show before anything is written.
    objectWriteHeaders(service, { ...params, Metadata: { ...params.Metadata, ...envelope } })
  }

  /** Takes in the next bytes; resolves when there is room for more. @throws What storing any part failed with. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      this.#assertWanted()
      const slice = bytes.subarray(at, at + SLICE_BYTES)
      const output = this.#encryptor?.update(slice)
      await this.#cut(output ?? slice)
      // Copied into its part.
      if (output !== undefined) reclaim(output)
      await breathe()
    }
  }

  /** Stores what is left, joins the parts and verifies the whole. */
  async end(): Promise<StoredObject> {
    this.#assertWanted()
    if (this.#encryptor !== undefined) await this.#cut(this.#encryptor.final())
    const last = this.#cutter.end()
    if (last !== undefined) await this.#hold(last)
    const held = this.#held as Part
    this.#held = undefined
    return this.#upload === undefined ? this.#put(held.bytes) : this.#complete(held)
  }

  /** Gives up: ends what is in flight and drops the upload. May come at any time, also after `end`. Never rejects. */
  abandon(reason: unknown): Promise<void> {
    return (this.#abandoned ??= this.#abandon(reason))
  }

  async #abandon(reason: unknown): Promise<void> {
    this.#pool.fail(reason)
    const isAborted = reason instanceof SealstreamError && reason.code === 'SEALSTREAM_ABORTED'
    this.#abort.abort(isAborted ? reason.cause : reason)
    this.#held = undefined
    this.#encryptor?.close()
    const upload = this.#upload ?? (await this.#starting?.catch(() => undefined))
    await this.#pool.settle()
    await upload?.abandon()
  }

  #allocate(bytes: number): Buffer {
    const free = this.#free.pop()
    // Parts that have grown, and the last one, have another size.
    return free?.length === bytes ? free : ownMemory(bytes)
  }

  /** Giving up may come whenever others have their turn; what was closed by it must not be used. */
  #assertWanted(): void {
    throwIfAborted(this.#signal)
  }

  get #signal(): AbortSignal {
    return this.#abort.signal
  }

  async #cut(bytes: Buffer): Promise<void> {
    for (const part of this.#cutter.push(bytes)) await this.#hold(part)
  }

  /** More has come, so the part before is not the whole object: it goes out as a part. */
  async #hold(part: Part): Promise<void> {
    const before = this.#held
    this.#held = part
    if (before !== undefined) await this.#send(before)
  }

  async #send({ number, bytes }: Part): Promise<void> {
    this.#assertWanted()
    const upload = (this.#upload ??= await (this.#starting = this.#start()))
    const sending = async (): Promise<void> => {
      await upload.send(number, await this.#digested(bytes), this.#signal)
      // Only of a part that was taken whole and answered: nobody reads it any more.
      this.#free.push(bytes)
      this.#job.onProgress?.({ bytes: upload.storedBytes, total: undefined })
    }
    // One part is being cut and one is held, both of this size or a larger one.
    await this.#pool.add(bytes.length, sending, 2 * bytes.length)
  }

  async #start(): Promise<MultipartUpload> {
    const job = { ...this.#job, signal: this.#signal }
    const upload = new MultipartUpload(job, await startUpload(job, this.#envelope))
    if (!this.#signal.aborted) return upload
    await upload.abandon()
    throw abortedStream(this.#signal.reason)
  }

  async #put(bytes: Buffer): Promise<StoredObject> {
    const stored = await putWhole(this.#job, await this.#digested(bytes), this.#envelope, this.#signal)
    this.#job.onProgress?.({ bytes: bytes.length, total: undefined })
    return stored
  }

  async #digested(bytes: Buffer): Promise<BytesBody> {
    const { service, enableMd5, concurrency } = this.#job
    const md5 = service.md5 || enableMd5
    return { bytes, digest: await digestOfPart(bytes, { md5, peers: concurrency, signal: this.#signal }) }
  }

  async #complete(last: Part): Promise<StoredObject> {
    await this.#send(last)
    await this.#pool.drain()
    const upload = this.#upload as MultipartUpload
    const stored = await upload.complete(this.#envelope, this.#signal)
    return storedObject(this.#job, stored, upload.whole.length, upload.parts.length)
  }
}

/** Stores an object in one request, from memory. */
export async function putWhole(
  job: UploadJob,
  body: BytesBody,
  envelope: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  const { service, bucket, key, params, enableMd5 } = job
  const headers = {
    ...objectWriteHeaders(service, { ...params, Metadata: { ...params.Metadata, ...envelope } }),
    ...job.trafficLimit,
    ...(enableMd5 ? md5Header(body.digest) : {}),
  }
  const stored = await sendObject(service, { bucket, key, headers, body, signal })
  return storedObject(job, stored, body.bytes.length, 0)
}
