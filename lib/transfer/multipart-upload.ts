/** One multipart upload: its parts as they are stored, each verified, and what the whole must come to. */
import { crc64Combine } from '../checksum/crc64-combine.js'
import { createMultipartUpload } from '../cos/create-multipart-upload.js'
import type { BytesBody } from '../cos/exchange.js'
import { md5Header } from '../cos/sendable-body.js'
import { customerKeyHeaders, customerKeyOf, describeEncryption } from '../cos/sse.js'
import { sendPart } from '../cos/upload-part.js'
import { abandonUpload, dropUpload, type UploadName } from '../cos/abandon-upload.js'
import { completeUpload, type CompletedObject } from './complete-upload.js'
import type { UploadJob } from './upload-job.js'

/** A part that the service has. */
export interface StoredPart {
  readonly number: number
  readonly etag: string
  readonly length: number
  readonly crc64: bigint
}

/** Starts an upload on the service. What an abort leaves of it is dropped. */
export async function startUpload(
  job: Pick<UploadJob, 'service' | 'bucket' | 'key' | 'params' | 'signal'>,
  envelope: Readonly<Record<string, string>>,
): Promise<UploadName> {
  const { service, bucket, key, params, signal } = job
  const { UploadId: uploadId } = await createMultipartUpload(service, {
    ...params,
    Bucket: bucket,
    Key: key,
    Metadata: { ...params.Metadata, ...envelope },
    signal,
  })
  return { bucket, key, uploadId }
}

/** An upload under way. */
export class MultipartUpload {
  readonly name: UploadName
  readonly #job: UploadJob
  readonly #headers: Readonly<Record<string, string>>
  readonly #parts = new Map<number, StoredPart>()
  #isOver = false

  /** @param stored - Parts that the service already has. */
  constructor(job: UploadJob, name: UploadName, stored: Iterable<StoredPart> = []) {
    this.name = name
    this.#job = job
    this.#headers = { ...customerKeyHeaders(job.service, job.params), ...job.trafficLimit }
    for (const part of stored) this.#parts.set(part.number, part)
  }

  /** Bytes stored so far. */
  get storedBytes(): number {
    let bytes = 0
    for (const { length } of this.#parts.values()) bytes += length
    return bytes
  }

  /** The parts stored so far, ascending. */
  get parts(): StoredPart[] {
    return [...this.#parts.values()].sort((a, b) => a.number - b.number)
  }

  /** Whether the service has a part. */
  has(number: number): boolean {
    return this.#parts.has(number)
  }

  /**
   * Stores a part; it is sent from `bytes` as often as it takes.
   *
   * @param body - Its bytes stay as they are until this is done.
   */
  async send(number: number, body: BytesBody, signal: AbortSignal | undefined): Promise<StoredPart> {
    const { service, enableMd5 } = this.#job
    const headers = { ...this.#headers, ...(enableMd5 ? md5Header(body.digest) : {}) }
    const { ETag } = await sendPart(service, { ...this.name, number, headers, body, signal })
    const part = { number, etag: ETag, length: body.bytes.length, crc64: body.digest.crc64 }
    this.#parts.set(number, part)
    return part
  }

  /** Length and CRC-64 of the object that the parts make up. */
  get whole(): { readonly length: number; readonly crc64: bigint } {
    return this.parts.reduce(
      (sum, { length, crc64 }) => ({
        length: sum.length + length,
        crc64: crc64Combine(sum.crc64, crc64, length),
      }),
      { length: 0, crc64: 0n },
    )
  }

  /** Joins the parts and verifies the whole. @throws As {@link completeUpload}. */
  async complete(envelope: Readonly<Record<string, string>>, signal: AbortSignal): Promise<CompletedObject> {
    const completed = await completeUpload({
      service: this.#job.service,
      name: this.name,
      parts: this.parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })),
      ...this.whole,
      envelope,
      customerKey: customerKeyOf(this.#job.params),
      onJoined: () => void (this.#isOver = true),
      signal,
    })
    // The key went with every part; the service need not repeat it when they are joined.
    return { ...describeEncryption(lowerCased(this.#headers)), ...completed }
  }

  /** Drops it on the service, unless it has become an object. */
  async abandon(): Promise<void> {
    if (!this.#isOver) await abandonUpload(this.#job.service, this.name)
  }

  /** The same, however long it takes. */
  async drop(): Promise<void> {
    if (!this.#isOver) await dropUpload(this.#job.service, this.name)
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
