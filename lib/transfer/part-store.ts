/** Where the parts of one object go: one PUT, or a multipart upload. */
import { abortMultipartUpload } from '../cos/abort-multipart-upload.js'
import { completeMultipartUpload, type CompletedPart } from '../cos/complete-multipart-upload.js'
import { createMultipartUpload } from '../cos/create-multipart-upload.js'
import { bytesBody } from '../cos/exchange.js'
import type { Verified } from '../cos/integrity.js'
import { objectHeaders, type ObjectHeaderParams } from '../cos/object-headers.js'
import { sendObject } from '../cos/put-object.js'
import type { Service } from '../cos/service.js'
import { sendPart } from '../cos/upload-part.js'
import { crc64Combine } from '../checksum/crc64-combine.js'
import { verifyObject } from './verify-object.js'

/** What was stored in the end. */
export interface StoredObject {
  Bucket: string
  Key: string
  ETag: string
  VersionId?: string
  /** CRC-64/XZ of the stored object, decimal. */
  HashCrc64ecma?: string
  /** Bytes stored. */
  StoredLength: number
  /** 0 where one PUT was enough. */
  PartCount: number
  /** The strongest check by which what is stored was compared with what was sent. */
  verified: Verified
}

/** One object being stored in parts, in order. Everything it sends is verified. */
export class PartStore {
  readonly #service: Service
  readonly #place: { bucket: string; key: string; signal: AbortSignal }
  readonly #params: ObjectHeaderParams
  readonly #parts: CompletedPart[] = []
  #uploadId: string | undefined
  #length = 0
  #crc64 = 0n

  constructor(
    service: Service,
    place: { bucket: string; key: string; signal: AbortSignal },
    params: ObjectHeaderParams,
  ) {
    this.#service = service
    this.#place = place
    this.#params = params
  }

  /** Bytes stored so far. */
  get length(): number {
    return this.#length
  }

  /** Stores the whole object at once. */
  async put(bytes: Buffer): Promise<StoredObject> {
    const body = bytesBody(bytes, this.#service)
    const stored = await sendObject(this.#service, {
      ...this.#place,
      headers: objectHeaders(this.#params),
      body,
    })
    this.#length = bytes.length
    return this.#result(stored, stored.verified)
  }

  /** Stores the next part; the first one starts the multipart upload. */
  async add(bytes: Buffer): Promise<void> {
    this.#uploadId ??= await this.#create()
    const body = bytesBody(bytes, this.#service)
    const number = this.#parts.length + 1
    const { ETag } = await sendPart(this.#service, { ...this.#place, uploadId: this.#uploadId, number, body })
    this.#parts.push({ PartNumber: number, ETag })
    this.#crc64 = crc64Combine(this.#crc64, body.digest.crc64, bytes.length)
    this.#length += bytes.length
  }

  /** Joins the parts and verifies the whole. */
  async complete(): Promise<StoredObject> {
    const { bucket, key, signal } = this.#place
    const stored = await completeMultipartUpload(this.#service, {
      Bucket: bucket,
      Key: key,
      signal,
      UploadId: this.#uploadId ?? '',
      MultipartUpload: { Part: this.#parts },
    })
    this.#uploadId = undefined
    const whole = { bucket, key, length: this.#length, crc64: this.#crc64 }
    return this.#result(stored, await verifyObject(this.#service, whole, stored, signal))
  }

  /** Whether a multipart upload was started. */
  get isMultipart(): boolean {
    return this.#parts.length > 0 || this.#uploadId !== undefined
  }

  /** Drops an upload that was not completed. The one call that runs although everything else was aborted. */
  async abort(): Promise<void> {
    if (this.#uploadId === undefined) return
    const { bucket: Bucket, key: Key } = this.#place
    await abortMultipartUpload(this.#service, { Bucket, Key, UploadId: this.#uploadId })
    this.#uploadId = undefined
  }

  async #create(): Promise<string> {
    // Not abortable: an upload whose id nobody learned could not be dropped.
    const { bucket: Bucket, key: Key } = this.#place
    return (await createMultipartUpload(this.#service, { Bucket, Key, ...this.#params })).UploadId
  }

  #result(
    stored: { ETag: string; VersionId?: string; HashCrc64ecma?: string },
    verified: Verified,
  ): StoredObject {
    const { ETag, VersionId, HashCrc64ecma } = stored
    return {
      Bucket: this.#place.bucket,
      Key: this.#place.key,
      ETag,
      ...(VersionId === undefined ? {} : { VersionId }),
      ...(HashCrc64ecma === undefined ? {} : { HashCrc64ecma }),
      StoredLength: this.#length,
      PartCount: this.#parts.length,
      verified,
    }
  }
}
