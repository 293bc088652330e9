/** Encrypted multipart uploads by hand: parts in any order, each encrypted at its own offset (RULES 2). */
import { abortMultipartUpload, type AbortMultipartUploadParams } from '../cos/abort-multipart-upload.js'
import { checkParts } from '../cos/complete-multipart-upload.js'
import { createMultipartUpload } from '../cos/create-multipart-upload.js'
import { bytesBody, type BytesBody } from '../cos/exchange.js'
import { listAllParts } from '../cos/list-parts.js'
import { OBJECT_WRITE_PARAMS, objectWriteHeaders } from '../cos/object-headers.js'
import { md5Header } from '../cos/sendable-body.js'
import { CUSTOMER_KEY_PARAMS, customerKeyHeaders, customerKeyOf, isServiceEncrypted } from '../cos/sse.js'
import { trafficLimitHeader } from '../cos/traffic-limit.js'
import { checkMd5 } from '../cos/put-object.js'
import { holdErrors, type SizedBody } from '../cos/request-body.js'
import { checkObjectCall, type ResultMetadata } from '../cos/service.js'
import { MOST_PARTS, sendPart, UPLOAD_PART_PARAMS } from '../cos/upload-part.js'
import { checkpointMac } from '../crypto/checkpoint-mac.js'
import type { DataKey } from '../crypto/data-key.js'
import { createEnvelope } from '../envelope/envelope.js'
import { OptionError, SealstreamError } from '../errors.js'
import { throwIfAborted, unlessAborted } from '../internal/abort.js'
import { assertBoolean, assertInteger, assertText } from '../internal/assert.js'
import { completeUpload } from '../transfer/complete-upload.js'
import {
  assertUserMetadata,
  contextDigest,
  contextOption,
  masterKeyIds,
  type Encryption,
} from './encryption.js'
import { sizePart } from './encrypt-part.js'
import { sendEnd } from './end-part.js'
import { isOrdered, planPart, type HandPart } from './hand-part.js'
import { liveUpload, openUpload, type LiveUpload } from './live-upload.js'
import type {
  EncryptedCompleteParams,
  EncryptedCompleteResult,
  EncryptedCreateParams,
  EncryptedCreateResult,
  EncryptedPartParams,
} from './multipart-params.js'
import { checkPartList, checkSameParts, wholeOf } from './part-list.js'
import type { EncryptedStoredResult } from './put-object.js'
import {
  authenticatedText,
  assertHandPartSize,
  assertUploadContext,
  checkStoredPart,
  mergeParts,
  recordPart,
  type UploadContext,
} from './upload-context.js'

interface Place {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
}

/** The uploads of one client. */
export class MultipartUploads {
  readonly #encryption: Encryption
  readonly #live = new Map<string, Promise<LiveUpload>>()

  constructor(encryption: Encryption) {
    this.#encryption = encryption
  }

  /** @throws As the plain createMultipartUpload; {@link OptionError} on a bad PartSize. */
  async create(params: EncryptedCreateParams): Promise<EncryptedCreateResult> {
    const { service, masterKey, format, context } = this.#encryption
    checkObjectCall(service, params, [...OBJECT_WRITE_PARAMS, 'PartSize'])
    const { PartSize, ...plain } = params
    if (PartSize !== undefined) assertHandPartSize(PartSize, format)
    assertUserMetadata(plain.Metadata)
    objectWriteHeaders(service, plain)
    const creating = createEnvelope(masterKey, { format, ...contextOption(context) })
    const { dataKey, metadata } = await unlessAborted(creating, params.signal)
    try {
      const Metadata = { ...plain.Metadata, ...metadata }
      const created = await createMultipartUpload(service, { ...plain, Metadata })
      const { Bucket, Key, UploadId } = created
      const fixed = {
        Version: 1 as const,
        Bucket,
        Key,
        UploadId,
        Format: format,
        MasterKeyId: masterKeyIds(masterKey),
        ContextDigest: contextDigest(context),
        ...(format === 'sealed' ? { Salt: await dataKey.withBytes((_, iv) => iv.toString('base64')) } : {}),
        ...(PartSize === undefined ? {} : { PartSize }),
        ...(isServiceEncrypted(plain, created) ? { HasServerSideEncryption: true as const } : {}),
        Envelope: metadata,
        Parts: {},
      }
      const mac = await checkpointMac(dataKey)
      const upload: UploadContext = { ...fixed, Mac: mac(authenticatedText(fixed)) }
      this.#start(upload, dataKey)
      return { ...created, Upload: upload, format, authenticated: dataKey.authenticated }
    } catch (error) {
      dataKey.dispose()
      throw error
    }
  }

  /**
   * Encrypts a part at its offset and stores it. The part is held in memory while it is sent.
   *
   * @throws SealstreamError `SEALSTREAM_PART_CHANGED` when the number was sent with other bytes; {@link OptionError} when
   *   a part without PartSize is out of order; otherwise as the plain uploadPart.
   */
  async uploadPart(params: EncryptedPartParams): Promise<EncryptedStoredResult> {
    holdErrors((params as Partial<EncryptedPartParams> | undefined)?.Body)
    const { service } = this.#encryption
    const { bucket, key, signal } = checkObjectCall(service, params, [
      ...UPLOAD_PART_PARAMS,
      'Upload',
      'Last',
    ])
    const { UploadId: uploadId, PartNumber: number } = params
    assertText(uploadId, 'UploadId')
    assertInteger(number, 'PartNumber', 1, MOST_PARTS)
    const { EnableMD5: enableMd5 } = params
    if (enableMd5 !== undefined) assertBoolean(enableMd5, 'EnableMD5')
    if (params.Last !== undefined) assertBoolean(params.Last, 'Last')
    const headers = { ...customerKeyHeaders(service, params), ...trafficLimitHeader(params) }
    throwIfAborted(signal)
    const live = await unlessAborted(this.#find({ bucket, key, uploadId }, params.Upload), signal)
    const prepare = (): Promise<BytesBody> => this.#prepare(live, params)
    const body = await (isOrdered(live.upload) ? live.turns.run(prepare, signal) : prepare())
    const { length } = body.bytes
    const stored = await sendPart(service, {
      bucket,
      key,
      uploadId,
      number,
      headers: { ...headers, ...(enableMd5 === true ? md5Header(body.digest) : {}) },
      body: { ...body, onProgress: params.onProgress },
      enableMd5,
      signal,
    })
    const check = live.upload.Parts[number]
    if (check !== undefined) check.ETag = stored.ETag
    const { Format: format } = live.upload
    return {
      ...stored,
      ContentLength: check?.Size ?? length,
      StoredLength: length,
      format,
      authenticated: live.dataKey.authenticated,
    }
  }

  /**
   * Joins the parts, after making sure that they are all there and all of them are the ones that were sent.
   *
   * @throws SealstreamError `SEALSTREAM_PART_LIST` when they are not; the upload stays as it is. IntegrityError when the
   *   service joined other bytes.
   */
  async complete(params: EncryptedCompleteParams): Promise<EncryptedCompleteResult> {
    const { service } = this.#encryption
    const { bucket, key, signal } = checkObjectCall(service, params, [
      ...CUSTOMER_KEY_PARAMS,
      'UploadId',
      'MultipartUpload',
      'Upload',
    ])
    const { UploadId, MultipartUpload } = params
    assertText(UploadId, 'UploadId')
    const finding = this.#find({ bucket, key, uploadId: UploadId }, params.Upload)
    const live = await unlessAborted(finding, signal)
    const { upload, dataKey } = live
    const given = MultipartUpload === undefined ? undefined : checkParts(MultipartUpload)
    const call = { Bucket: bucket, Key: key, UploadId, signal }
    const sent = await listAllParts(service, call)
    checkPartList(upload, sent)
    if (given !== undefined) checkSameParts(upload, sent, given)
    const customerKey = customerKeyOf(params)
    const listed = [
      ...sent,
      ...(await sendEnd(service, live, sent, { customerKey, given: params.Upload, signal })),
    ]
    const name = { bucket, key, uploadId: UploadId }
    const whole = wholeOf(upload, listed)
    const stored = await completeUpload({
      service,
      name,
      parts: listed,
      ...whole,
      envelope: upload.Envelope,
      customerKey,
      signal,
    })
    await this.#forget(name)
    return {
      ...stored,
      ContentLength: dataKey.plaintextSize(whole.length),
      StoredLength: whole.length,
      format: upload.Format,
      authenticated: dataKey.authenticated,
    }
  }

  /** @throws As the plain abortMultipartUpload. */
  async abort(params: AbortMultipartUploadParams): Promise<ResultMetadata> {
    const { service } = this.#encryption
    const result = await abortMultipartUpload(service, params)
    const { bucket, key } = checkObjectCall(service, params, ['UploadId'])
    await this.#forget({ bucket, key, uploadId: params.UploadId })
    return result
  }

  /** Lets go of all data keys. The uploads stay on the service. */
  async close(): Promise<void> {
    await Promise.all([...this.#live.keys()].map((id) => this.#forgetId(id)))
  }

  /** Encrypts a part and remembers it, before its first byte leaves. */
  async #prepare(live: LiveUpload, params: EncryptedPartParams): Promise<BytesBody> {
    const { upload } = live
    const { PartNumber: number } = params
    const { ContentMD5, ContentLength, Body, signal } = params
    if (ContentMD5 !== undefined) checkMd5(ContentMD5)
    const sized = await sizePart(Body, { contentLength: ContentLength, partSize: upload.PartSize, signal })
    const before = live.places.get(number)
    const place = planPart(live, params, sized)
    const body = await this.#encrypted(live, place, sized, params).catch((error: unknown) => {
      // Nothing of it left: its place is as it was.
      if (before === undefined) live.places.delete(number)
      else live.places.set(number, before)
      throw error
    })
    // The caller may hold a copy of the context, come through JSON.
    if (params.Upload !== undefined) Object.assign(params.Upload.Parts, { [number]: upload.Parts[number] })
    return body
  }

  async #encrypted(
    { upload, encrypt, stored }: LiveUpload,
    place: HandPart,
    sized: SizedBody,
    { ContentMD5, EnableMD5, signal }: EncryptedPartParams,
  ): Promise<BytesBody> {
    const md5 = ContentMD5 === undefined ? undefined : checkMd5(ContentMD5)
    const bytes = await encrypt(place, sized, { md5, signal })
    const body = bytesBody(bytes, { md5: this.#encryption.service.md5 || EnableMD5 === true })
    checkStoredPart(upload, stored.get(place.number), body.digest)
    recordPart(upload, place.number, { ...place, size: sized.length }, body.digest)
    return body
  }

  /** The upload, from this client's memory or from the caller's context. */
  async #find(place: Place, given: UploadContext | undefined): Promise<LiveUpload> {
    if (given !== undefined) assertUploadContext(given, place)
    const id = liveKey(place)
    const known = this.#live.get(id)
    if (known !== undefined) {
      const live = await known
      if (given !== undefined && given !== live.upload) mergeParts(live.upload, given)
      return live
    }
    if (given === undefined) {
      throw new OptionError('Upload', 'is needed: this client did not start the upload', {
        value: place.uploadId,
        hint: 'pass the Upload that createMultipartUpload returned',
      })
    }
    const opening = openUpload(this.#encryption, given)
    this.#live.set(id, opening)
    opening.catch(() => this.#live.delete(id))
    return opening
  }

  #start(upload: UploadContext, dataKey: DataKey): void {
    const { Bucket: bucket, Key: key, UploadId: uploadId } = upload
    const id = liveKey({ bucket, key, uploadId })
    if (this.#live.has(id)) {
      throw new SealstreamError(
        'SEALSTREAM_ANSWER',
        'createMultipartUpload: the service gave one upload id twice',
      )
    }
    this.#live.set(id, Promise.resolve(liveUpload(upload, dataKey)))
  }

  #forget(place: Place): Promise<void> {
    return this.#forgetId(liveKey(place))
  }

  async #forgetId(id: string): Promise<void> {
    const live = this.#live.get(id)
    this.#live.delete(id)
    // Not waited for: a master key that does not answer must not keep a client from closing.
    void live?.then(({ dataKey }) => dataKey.dispose()).catch(() => undefined)
  }
}

/** Key, bucket and id: two services, or one that errs, may give the same id twice. */
function liveKey({ bucket, key, uploadId }: Place): string {
  return JSON.stringify([bucket, key, uploadId])
}
