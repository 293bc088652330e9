/** One client for one service: signed requests and signed request streams. No encryption. */
import { inspect } from 'node:util'
import { OptionError } from './errors.js'
import { assertBoolean, assertInteger, assertKnown, assertOneOf } from './internal/assert.js'
import { abortMultipartUpload, type AbortMultipartUploadParams } from './cos/abort-multipart-upload.js'
import {
  completeMultipartUpload,
  type CompleteMultipartUploadParams,
  type CompleteMultipartUploadResult,
} from './cos/complete-multipart-upload.js'
import {
  createMultipartUpload,
  type CreateMultipartUploadParams,
  type CreateMultipartUploadResult,
} from './cos/create-multipart-upload.js'
import { copyObject, type CopyObjectParams, type CopyObjectResult } from './cos/copy-object.js'
import {
  deleteMultipleObjects,
  type DeleteMultipleObjectsParams,
  type DeleteMultipleObjectsResult,
} from './cos/delete-multiple-objects.js'
import { deleteObject, type DeleteObjectParams, type DeleteObjectResult } from './cos/delete-object.js'
import {
  CONDITION_PARAMS,
  getObject,
  type ConditionParams,
  type GetObjectParams,
  type GetObjectResult,
} from './cos/get-object.js'
import { headObject, type HeadObjectParams, type HeadObjectResult } from './cos/head-object.js'
import { HTTP_OPTIONS, HttpClient, type HttpOptions } from './cos/http-client.js'
import {
  listMultipartUploads,
  type ListMultipartUploadsParams,
  type ListMultipartUploadsResult,
} from './cos/list-multipart-uploads.js'
import { listObjects, type ListObjectsParams, type ListObjectsResult } from './cos/list-objects.js'
import { listParts, type ListPartsParams, type ListPartsResult } from './cos/list-parts.js'
import { assertBucket } from './cos/names.js'
import { presign, type PresignParams } from './cos/presign.js'
import { restoreObject, type RestoreObjectParams } from './cos/restore-object.js'
import { putObject, type PutObjectParams, type StoredResult } from './cos/put-object.js'
import { checkObjectCall, type ObjectParams, type ResultMetadata, type Service } from './cos/service.js'
import { CUSTOMER_KEY_PARAMS, type CustomerKeyParams } from './cos/sse.js'
import type { TrafficLimitParams } from './cos/traffic-limit.js'
import { uploadPart, type UploadPartParams } from './cos/upload-part.js'
import {
  uploadPartCopy,
  type UploadPartCopyParams,
  type UploadPartCopyResult,
} from './cos/upload-part-copy.js'
import { asBody, type Body } from './stream/body.js'
import { LazyReadable } from './stream/lazy-readable.js'
import { copy } from './transfer/copy.js'
import type { CopyParams } from './transfer/copy-job.js'
import { downloadFile, type DownloadFileResult } from './transfer/download-file.js'
import type { DownloadFileParams } from './transfer/download-job.js'
import { objectWriteStream, type ObjectWriteStream } from './transfer/object-write-stream.js'
import { upload, type UploadFileParams, type UploadParams } from './transfer/upload.js'
import { uploadFile } from './transfer/upload-file.js'
import { uploadJob, type StoredObject, type UploadOptions } from './transfer/upload-job.js'

/** Options of {@link CosClient}. */
export interface CosClientOptions extends HttpOptions {
  /** `BucketName-APPID` for calls that name none. */
  bucket?: string | undefined
  /** Which checksums compare what is stored with what was sent. MD5 costs most of the CPU. Default `md5+crc64`. */
  integrity?: 'md5+crc64' | 'crc64' | undefined
  /** Whether a transfer that no checksum of the service covers is an error. Default false. */
  requireChecksum?: boolean | undefined
}

/** Names of {@link CosClientOptions}, for checks. */
export const CLIENT_OPTIONS = [...HTTP_OPTIONS, 'bucket', 'integrity', 'requireChecksum']

/** Names that people bring from other SDKs to the constructor. */
export const FOREIGN_OPTIONS: Readonly<Record<string, string>> = {
  SecretId: 'write credentials: { secretId, secretKey }',
  SecretKey: 'write credentials: { secretId, secretKey }',
  Region: 'write region',
  Bucket: 'write bucket',
  Domain: 'write endpoint',
  Protocol: 'write endpoint with its scheme',
  ForcePathStyle: 'write pathStyle',
  Timeout: 'write timeouts: { connect, stall }',
  Token: 'write credentials: { secretId, secretKey, token }',
  Scheme: 'write endpoint with its scheme',
  Endpoint: 'write endpoint',
  Proxies: 'write proxy',
  Proxy: 'write proxy',
  IP: 'write endpoint',
  VerifySSL: 'write tls: { rejectUnauthorized }',
}

/** Parameters of createReadStream. */
export interface ReadStreamParams
  extends ObjectParams, ConditionParams, CustomerKeyParams, TrafficLimitParams {
  /** First byte, from 0. */
  start?: number
  /** Last byte, inclusive as in `fs`. */
  end?: number
}

/** Parameters of createWriteStream. */
export type WriteStreamParams = UploadOptions

/** A result whose body can be read as a stream or taken whole. */
export type WithBody<Result> = Omit<Result, 'Body'> & { Body: Body }

/**
 * Signed requests to Tencent COS, or to anything that speaks its XML API.
 *
 * Every method returns a promise and takes `signal`. Field names are the service's. What was stored is compared with what
 * was sent, and what is read with what is stored.
 */
export class CosClient {
  readonly #service: Service

  /** @throws {@link OptionError} on an unknown, missing or malformed option. No request is made. */
  constructor(options: CosClientOptions) {
    assertKnown(options, '', CLIENT_OPTIONS, FOREIGN_OPTIONS)
    this.#service = makeService(options)
  }

  /** Closes the client's connections. Requests under way break off; uploads that are being dropped are dropped first. */
  close(): Promise<void> {
    return this.#service.http.close()
  }

  /** Stores an object in one request of at most 5 GiB. */
  putObject(params: PutObjectParams): Promise<StoredResult> {
    return putObject(this.#service, params)
  }

  /** Fetches an object or a range of it. */
  async getObject(params: GetObjectParams): Promise<WithBody<GetObjectResult>> {
    const result = await getObject(this.#service, params)
    return { ...result, Body: asBody(result.Body) }
  }

  /** What the service knows of an object. */
  headObject(params: HeadObjectParams): Promise<HeadObjectResult> {
    return headObject(this.#service, params)
  }

  /** Deletes an object; deleting what is not there succeeds. */
  deleteObject(params: DeleteObjectParams): Promise<DeleteObjectResult> {
    return deleteObject(this.#service, params)
  }

  /** Deletes up to 1000 objects. Look at `Error` of the result. */
  deleteMultipleObjects(params: DeleteMultipleObjectsParams): Promise<DeleteMultipleObjectsResult> {
    return deleteMultipleObjects(this.#service, params)
  }

  /** Copies an object of at most 5 GB within the service, in one request. */
  copyObject(params: CopyObjectParams): Promise<CopyObjectResult> {
    return copyObject(this.#service, params)
  }

  /** Has an archived object made readable for some days. */
  restoreObject(params: RestoreObjectParams): Promise<ResultMetadata> {
    return restoreObject(this.#service, params)
  }

  /** One page of the objects in a bucket. */
  listObjects(params?: ListObjectsParams): Promise<ListObjectsResult> {
    return listObjects(this.#service, params)
  }

  /** A URL that carries its own signature. */
  presign(params: PresignParams): Promise<string> {
    return presign(this.#service, params)
  }

  /** Starts a multipart upload. */
  createMultipartUpload(params: CreateMultipartUploadParams): Promise<CreateMultipartUploadResult> {
    return createMultipartUpload(this.#service, params)
  }

  /** Stores a part. */
  uploadPart(params: UploadPartParams): Promise<StoredResult> {
    return uploadPart(this.#service, params)
  }

  /** Stores a stretch of an existing object as a part. */
  uploadPartCopy(params: UploadPartCopyParams): Promise<UploadPartCopyResult> {
    return uploadPartCopy(this.#service, params)
  }

  /** One page of the uploads that were neither completed nor aborted. */
  listMultipartUploads(params?: ListMultipartUploadsParams): Promise<ListMultipartUploadsResult> {
    return listMultipartUploads(this.#service, params)
  }

  /** One page of the parts stored so far. */
  listParts(params: ListPartsParams): Promise<ListPartsResult> {
    return listParts(this.#service, params)
  }

  /** Joins the parts into the object. */
  completeMultipartUpload(params: CompleteMultipartUploadParams): Promise<CompleteMultipartUploadResult> {
    return completeMultipartUpload(this.#service, params)
  }

  /** Drops a multipart upload and its parts. */
  abortMultipartUpload(params: AbortMultipartUploadParams): Promise<ResultMetadata> {
    return abortMultipartUpload(this.#service, params)
  }

  /** Stores an object of any length from any source: in parts, several at a time, or in one PUT if it fits a part. */
  upload(params: UploadParams): Promise<StoredObject> {
    return upload(this.#service, params)
  }

  /** Stores a file: read and sent by several workers; with a checkpoint, another call goes on where this one ended. */
  uploadFile(params: UploadFileParams): Promise<StoredObject> {
    return uploadFile(this.#service, params)
  }

  /** Downloads an object to a file, which appears whole and verified or not at all. */
  downloadFile(params: DownloadFileParams): Promise<DownloadFileResult> {
    return downloadFile(this.#service, params)
  }

  /** Copies an object of any size within the service and compares the copy with it. */
  copy(params: CopyParams): Promise<StoredObject> {
    return copy(this.#service, params)
  }

  /**
   * The bytes of an object, or of `start..end`, as a Readable. The request is made on the first read; errors come from
   * the stream.
   */
  createReadStream(params: ReadStreamParams): Body {
    return openReadStream(this.#service, params, (range) => this.getObject(range))
  }

  /**
   * A Writable that stores what is written to it, of any length: in parts, several at a time, or in one PUT if it fits a part.
   * `finish` means stored and verified; `.result` tells what. Destroying it aborts the upload.
   */
  createWriteStream(params: WriteStreamParams): ObjectWriteStream {
    return objectWriteStream(uploadJob(this.#service, params, [], undefined))
  }

  /** Never shows the credentials. */
  [inspect.custom](): string {
    return 'CosClient { <hidden> }'
  }
}

/** What the operations need, from a client's options. */
export function makeService(options: CosClientOptions): Service {
  const { integrity = 'md5+crc64', requireChecksum = false } = options
  assertOneOf(integrity, 'integrity', ['md5+crc64', 'crc64'])
  if (options.bucket !== undefined) assertBucket(options.bucket, 'bucket')
  if (options.clock !== undefined && typeof options.clock !== 'function') {
    throw new OptionError('clock', 'must be a function that gives milliseconds', { value: options.clock })
  }
  assertBoolean(requireChecksum, 'requireChecksum')
  return {
    http: new HttpClient(options),
    bucket: options.bucket,
    md5: integrity === 'md5+crc64',
    requireChecksum,
  }
}

/**
 * A Readable that calls `get` when it is first read. The parameters are checked now.
 *
 * @param more - Names that `get` takes besides, and checks.
 */
export function openReadStream(
  service: Service,
  params: ReadStreamParams,
  get: (params: GetObjectParams) => Promise<{ Body: Body }>,
  more: readonly string[] = [],
): Body {
  checkObjectCall(service, params, [
    ...more,
    ...CONDITION_PARAMS,
    ...CUSTOMER_KEY_PARAMS,
    'TrafficLimit',
    'start',
    'end',
  ])
  const { start = 0, end, signal, ...rest } = params
  assertInteger(start, 'start', 0)
  if (end !== undefined) assertInteger(end, 'end', start)
  const range = start === 0 && end === undefined ? {} : { Range: `bytes=${start}-${end ?? ''}` }
  const open = async (inner: AbortSignal): Promise<Body> =>
    (await get({ ...rest, ...range, signal: inner })).Body
  return asBody(new LazyReadable(open, { signal }))
}
