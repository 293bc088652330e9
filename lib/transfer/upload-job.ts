/** What every upload is told, whatever its source. */
import {
  objectWriteHeaders,
  objectWriteParams,
  OBJECT_WRITE_PARAMS,
  type ObjectWriteParams,
} from '../cos/object-headers.js'
import { DEFAULT_PART_SIZE, type StoredResult } from '../cos/put-object.js'
import type { Verified } from '../cos/integrity.js'
import { checkObjectCall, type ObjectParams, type Service } from '../cos/service.js'
import { trafficLimitHeader, type TrafficLimitParams } from '../cos/traffic-limit.js'
import { OptionError } from '../errors.js'
import { assertBoolean, assertInteger } from '../internal/assert.js'
import type { ProgressListener } from '../internal/progress.js'
import { assertPartSize } from './part-size.js'
import type { Sealer } from './seal.js'

/** Something a transfer wants known that is neither success nor failure. */
export type TransferEvent =
  /** A checkpoint is being followed: so much need not be moved again. */
  | { readonly type: 'resumed'; readonly bytes: number; readonly parts: number }
  /** A checkpoint could not be followed; the transfer starts afresh. */
  | { readonly type: 'restarted'; readonly reason: string }
  /** An upload may have been left behind by a run that died while it started one; whose it is cannot be told. */
  | { readonly type: 'orphans'; readonly uploadIds: readonly string[] }

/** Called as it happens. An exception it throws fails the transfer. */
export type TransferListener = (event: TransferEvent) => void

/** How an upload is moved. */
export interface UploadOptions extends ObjectParams, ObjectWriteParams, TrafficLimitParams {
  /**
   * Stored bytes of a part: a multiple of 16 from 1 MiB. Default 8 MiB; grown so that 10,000 parts are enough. What fits
   * one part is one PUT.
   */
  PartSize?: number
  /** Parts in flight, 1 to 256. Default 4. Any number is as safe as 1. */
  Concurrency?: number
  /** Sends the MD5 of every part ahead, so that the service stores nothing else. */
  EnableMD5?: boolean
  /**
   * Threads that read, encrypt and digest the parts of a file, 1 to 16: 1 is the calling thread alone, more are worker threads
   * beside it, which sends. Default 1, and from 256 MiB on as many as there are processors, 4 at most. Streams and bytes in memory
   * always stay on the calling thread, and so does `cos-java-gcm`.
   */
  threads?: number
  /** Most bytes held for parts at once. Default `PartSize * (Concurrency + 2)`; one part is always held. */
  maxBuffer?: number
  /** Called as parts are stored, with the stored bytes so far. */
  onProgress?: ProgressListener | undefined
  onEvent?: TransferListener | undefined
}

/** Names of {@link UploadOptions}, for checks. */
export const UPLOAD_PARAMS = [
  ...OBJECT_WRITE_PARAMS,
  'PartSize',
  'Concurrency',
  'EnableMD5',
  'TrafficLimit',
  'maxBuffer',
  'threads',
  'onProgress',
  'onEvent',
]

/** {@link UploadOptions}, all of it checked and filled in. */
export interface UploadJob {
  readonly service: Service
  readonly bucket: string
  readonly key: string
  readonly params: ObjectWriteParams
  readonly partSize: number
  readonly concurrency: number
  readonly maxBuffer: number
  /** Undefined: as it suits the size. */
  readonly threads: number | undefined
  readonly enableMd5: boolean
  readonly trafficLimit: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
  readonly onProgress: ProgressListener | undefined
  readonly onEvent: TransferListener | undefined
  /** Makes data keys; without one, bytes are stored as they are. */
  readonly sealer: Sealer | undefined
}

/** What was stored in the end. */
export interface StoredObject extends Omit<StoredResult, '$metadata' | 'md5'> {
  Bucket: string
  Key: string
  /** Bytes stored. */
  StoredLength: number
  /** 0 where one PUT was enough. */
  PartCount: number
  verified: Verified
}

/** Most parts in flight. */
const MOST_CONCURRENCY = 256
/** Most threads that work on one transfer. */
export const MOST_THREADS = 16

/** @throws {@link OptionError} */
export function checkThreads(threads: number | undefined): number | undefined {
  if (threads !== undefined) assertInteger(threads, 'threads', 1, MOST_THREADS)
  return threads
}

/**
 * Checks the parameters of an upload.
 *
 * @param more - Names of what the operation takes besides.
 * @throws {@link OptionError} naming the option and the value; `SEALSTREAM_METADATA`. No request is made.
 */
export function uploadJob(
  service: Service,
  params: UploadOptions,
  more: readonly string[],
  sealer: Sealer | undefined,
): UploadJob {
  const { bucket, key, signal } = checkObjectCall(service, params, [...UPLOAD_PARAMS, ...more])
  const { PartSize: partSize = DEFAULT_PART_SIZE, EnableMD5: enableMd5 = false } = params
  assertPartSize(partSize)
  const concurrency = checkConcurrency(params.Concurrency)
  assertBoolean(enableMd5, 'EnableMD5')
  const { maxBuffer = partSize * (concurrency + 2) } = params
  assertInteger(maxBuffer, 'maxBuffer', 1)
  checkListener(params.onEvent)
  // Checked now, while the caller is looking, not when the first part goes out.
  objectWriteHeaders(service, params)
  return {
    service,
    bucket,
    key,
    params: objectWriteParams(params),
    partSize,
    concurrency,
    maxBuffer,
    threads: checkThreads(params.threads),
    enableMd5,
    trafficLimit: trafficLimitHeader(params),
    signal,
    onProgress: params.onProgress,
    onEvent: params.onEvent,
    sealer,
  }
}

/** @throws {@link OptionError} unless `Concurrency` is 1 to 256; the default is 4. */
export function checkConcurrency(concurrency: unknown = 4): number {
  assertInteger(concurrency, 'Concurrency', 1, MOST_CONCURRENCY)
  return concurrency
}

/** @throws {@link OptionError} unless it is a function or absent. */
export function checkListener(onEvent: unknown): void {
  if (onEvent === undefined || typeof onEvent === 'function') return
  throw new OptionError('onEvent', 'must be a function', { value: onEvent })
}
