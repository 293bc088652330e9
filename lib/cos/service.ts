/** What every operation needs besides its parameters, and the checks that all parameters share. */
import { OptionError } from '../errors.js'
import { allowManyListeners } from '../internal/abort.js'
import { assertKnown } from '../internal/assert.js'
import type { HttpClient } from './http-client.js'
import { assertBucket, assertKey } from './names.js'

/** One service as its operations see it. */
export interface Service {
  readonly http: HttpClient
  /** For calls that name no bucket. */
  readonly bucket: string | undefined
  /** Whether MD5 is computed beside CRC-64. */
  readonly md5: boolean
  /** Whether a transfer that no checksum covers is an error. */
  readonly requireChecksum: boolean
}

/** What every call takes. */
export interface CallParams {
  /** `BucketName-APPID`. Defaults to the client's `bucket`. */
  Bucket?: string
  /** Ends the call: `SEALSTREAM_ABORTED`, with the signal's reason as cause. */
  signal?: AbortSignal | undefined
}

/** What every call on one object takes. */
export interface ObjectParams extends CallParams {
  /** 1 to 850 bytes of UTF-8; no `.` or `..` segments. */
  Key: string
}

/** What every result carries. */
export interface ResultMetadata {
  /** The answer as it came. */
  readonly $metadata: {
    readonly status: number
    /** The service's id of the request, for its support. */
    readonly requestId: string
    /** By lower-case name. */
    readonly headers: Readonly<Record<string, string>>
  }
}

/** Names that people bring from other SDKs. */
const FOREIGN_NAMES: Readonly<Record<string, string>> = {
  Region: 'region is an option of the client',
  Headers: 'every header has a named field, such as ContentType or Metadata',
  FilePath: 'write LocalFilePath',
  SliceSize: 'write PartSize, in bytes',
  MAXThread: 'write Concurrency',
  ChunkSize: 'write PartSize, in bytes',
  AsyncLimit: 'write Concurrency',
  StoragePath: 'write Body',
  Query: 'every parameter has a named field',
  abortSignal: 'write signal',
  CopyStatus: "write MetadataDirective: 'Copy' or 'Replaced'",
  Expired: 'write Expires, in seconds',
  Delete: 'write Objects: [{ Key }]',
  EncodingType: 'keys are always decoded',
  EnableCRC: 'CRC-64 is always compared',
  enable_crc: 'CRC-64 is always compared',
}

const CALL_NAMES = ['Bucket', 'signal']

/** Refuses unknown parameter names; gives the bucket. */
export function checkCall(service: Service, params: CallParams, known: readonly string[] = []): string {
  assertKnown(params, '', [...known, ...CALL_NAMES], FOREIGN_NAMES)
  const { signal } = params
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new OptionError('signal', 'must be an AbortSignal', { value: signal })
  }
  if (signal !== undefined) allowManyListeners(signal)
  const { onProgress } = params as { onProgress?: unknown }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new OptionError('onProgress', 'must be a function', { value: onProgress })
  }
  const bucket = params.Bucket ?? service.bucket
  assertBucket(bucket)
  return bucket
}

/** Refuses unknown parameter names and bad keys; gives the target of the request. */
export function checkObjectCall(
  service: Service,
  params: ObjectParams,
  known: readonly string[] = [],
): { bucket: string; key: string; signal: AbortSignal | undefined } {
  const bucket = checkCall(service, params, [...known, 'Key'])
  assertKey(params.Key)
  return { bucket, key: params.Key, signal: params.signal }
}

/** The part of a result that is the same everywhere. */
export function resultMetadata(answer: {
  status: number
  headers: Readonly<Record<string, string>>
}): ResultMetadata {
  const requestId = answer.headers['x-cos-request-id'] ?? ''
  return { $metadata: { status: answer.status, requestId, headers: answer.headers } }
}

/** Only the entries that have a value, as the types of results ask for. */
export function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>
  }
}
