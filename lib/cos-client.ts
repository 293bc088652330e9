/** One client for one service: signed requests and signed request streams. No encryption. */
import { inspect } from 'node:util'
import { OptionError } from './errors.js'
import { assertBoolean, assertInteger, assertKnown, assertOneOf } from './internal/assert.js'
import type { ProgressListener } from './internal/progress.js'
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
import { listObjects, type ListObjectsParams, type ListObjectsResult } from './cos/list-objects.js'
import { listParts, type ListPartsParams, type ListPartsResult } from './cos/list-parts.js'
import { assertBucket } from './cos/names.js'
import { OBJECT_HEADER_PARAMS, objectHeaders, type ObjectHeaderParams } from './cos/object-headers.js'
import { presign, type PresignParams } from './cos/presign.js'
import { DEFAULT_PART_SIZE, putObject, type PutObjectParams, type StoredResult } from './cos/put-object.js'
import { checkObjectCall, type ObjectParams, type ResultMetadata, type Service } from './cos/service.js'
import { uploadPart, type UploadPartParams } from './cos/upload-part.js'
import { asBody, type Body } from './stream/body.js'
import { LazyReadable } from './stream/lazy-readable.js'
import { objectWriteStream, type ObjectWriteStream } from './transfer/object-write-stream.js'
import { assertPartSize } from './transfer/part-size.js'
import { PartStore } from './transfer/part-store.js'

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
}

/** Parameters of createReadStream. */
export interface ReadStreamParams extends ObjectParams, ConditionParams {
  /** First byte, from 0. */
  start?: number
  /** Last byte, inclusive as in `fs`. */
  end?: number
}

/** Parameters of createWriteStream. */
export interface WriteStreamParams extends ObjectParams, ObjectHeaderParams {
  /** Bytes of a part: a multiple of 16 from 1 MiB. Default 8 MiB. What fits one part is one PUT. */
  PartSize?: number
  /** Called when a part has been stored, with the bytes stored so far. */
  onProgress?: ProgressListener | undefined
}

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

  /** Closes the client's connections. Requests under way break off. */
  close(): void {
    this.#service.http.close()
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

  /**
   * The bytes of an object, or of `start..end`, as a Readable. The request is made on the first read; errors come from
   * the stream.
   */
  createReadStream(params: ReadStreamParams): Body {
    return openReadStream(this.#service, params, (range) => this.getObject(range))
  }

  /**
   * A Writable that stores what is written to it, of any length: parts one after another, or one PUT if it fits a part.
   * `finish` means stored and verified; `.result` tells what. Destroying it aborts the upload.
   */
  createWriteStream(params: WriteStreamParams): ObjectWriteStream {
    const { bucket, key, partSize, headers } = checkWriteStream(this.#service, params)
    return objectWriteStream({
      partSize,
      onProgress: params.onProgress,
      signal: params.signal,
      open: async (signal) => ({ store: new PartStore(this.#service, { bucket, key, signal }, headers) }),
    })
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

/** A Readable that calls `get` when it is first read. The parameters are checked now. */
export function openReadStream(
  service: Service,
  params: ReadStreamParams,
  get: (params: GetObjectParams) => Promise<{ Body: Body }>,
): Body {
  checkObjectCall(service, params, [...CONDITION_PARAMS, 'start', 'end'])
  const { start = 0, end, signal, ...rest } = params
  assertInteger(start, 'start', 0)
  if (end !== undefined) assertInteger(end, 'end', start)
  const range = start === 0 && end === undefined ? {} : { Range: `bytes=${start}-${end ?? ''}` }
  const open = async (inner: AbortSignal): Promise<Body> =>
    (await get({ ...rest, ...range, signal: inner })).Body
  return asBody(new LazyReadable(open, { signal }))
}

/** Checks the parameters of createWriteStream. */
export function checkWriteStream(
  service: Service,
  params: WriteStreamParams,
): { bucket: string; key: string; partSize: number; headers: ObjectHeaderParams } {
  const { bucket, key } = checkObjectCall(service, params, [
    ...OBJECT_HEADER_PARAMS,
    'PartSize',
    'onProgress',
  ])
  const { PartSize = DEFAULT_PART_SIZE } = params
  assertPartSize(PartSize)
  // Checked now, while the caller is looking, not when the first part goes out.
  objectHeaders(params)
  const headers = Object.fromEntries(
    Object.entries(params).filter(([name]) => OBJECT_HEADER_PARAMS.includes(name)),
  ) as ObjectHeaderParams
  return { bucket, key, partSize: PartSize, headers }
}
