/** What a download is told. */
import { CONDITION_PARAMS, type ConditionParams } from '../cos/get-object.js'
import { DEFAULT_PART_SIZE } from '../cos/put-object.js'
import { forwardOnly } from '../cos/sendable-body.js'
import { checkObjectCall, type ObjectParams, type Service } from '../cos/service.js'
import { CUSTOMER_KEY_PARAMS, customerKeyOf, type CustomerKeyParams } from '../cos/sse.js'
import { trafficLimitHeader, type TrafficLimitParams } from '../cos/traffic-limit.js'
import type { ProgressListener } from '../internal/progress.js'
import { CheckpointFile, checkpointPath } from './checkpoint-file.js'
import { assertPartSize } from './part-size.js'
import { checkLocalPath } from './seekable-source.js'
import { checkConcurrency, checkListener, checkThreads, type TransferListener } from './upload-job.js'

/** Parameters of whatever reads an object in ranges. */
export interface ReadRangesParams extends ObjectParams, CustomerKeyParams, TrafficLimitParams {
  VersionId?: string
  /** Stored bytes of a range: a multiple of 16 from 1 MiB. Default 8 MiB. */
  PartSize?: number
  /** Ranges in flight, 1 to 256. Default 4. */
  Concurrency?: number
  /**
   * Threads that decrypt, check and write ranges, 1 to 16: 1 is the calling thread alone, more are worker threads beside it, which
   * receives. With them, ranges in flight are held in memory: `PartSize * Concurrency` bytes. Default 1, and from 256 MiB on as many as
   * there are processors, 4 at most, unless they would hold over 512 MiB.
   */
  threads?: number
  /** Called as bytes arrive, with the bytes of the plaintext so far. */
  onProgress?: ProgressListener | undefined
}

/** Names of {@link ReadRangesParams} besides those of every object, for checks. */
export const READ_RANGES_PARAMS: readonly string[] = [
  ...CUSTOMER_KEY_PARAMS,
  'VersionId',
  'PartSize',
  'Concurrency',
  'threads',
  'TrafficLimit',
  'onProgress',
]

/** Parameters of downloadFile. */
export interface DownloadFileParams extends ReadRangesParams, ConditionParams {
  /** Where the file goes; one that is there is replaced once everything is verified. Mode 0600. */
  DestFilePath: string
  /**
   * Keeps what is done (true: hidden files beside the target), so that another call, also of another process, goes on
   * where this one ended.
   */
  checkpoint?: boolean | string
  onEvent?: TransferListener | undefined
}

/** {@link ReadRangesParams}, all of it checked and filled in. */
export interface ReadRangesJob {
  readonly service: Service
  readonly bucket: string
  readonly key: string
  /** The version that was asked for; a service need not repeat it. */
  readonly versionId: string | undefined
  readonly customerKey: CustomerKeyParams
  readonly trafficLimit: TrafficLimitParams
  readonly partSize: number
  readonly concurrency: number
  readonly threads: number | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: ProgressListener | undefined
}

/** {@link DownloadFileParams}, all of it checked and filled in. */
export interface DownloadJob extends ReadRangesJob {
  readonly destination: string
  readonly checkpoint: CheckpointFile | undefined
  readonly onEvent: TransferListener | undefined
}

/**
 * @param more - Names of what the operation takes besides.
 * @throws OptionError naming the option and the value. No request is made.
 */
export function readRangesJob(
  service: Service,
  params: ReadRangesParams,
  more: readonly string[],
): ReadRangesJob {
  const { bucket, key, signal } = checkObjectCall(service, params, [...READ_RANGES_PARAMS, ...more])
  const { PartSize: partSize = DEFAULT_PART_SIZE, TrafficLimit } = params
  assertPartSize(partSize)
  trafficLimitHeader(params)
  return {
    service,
    bucket,
    key,
    versionId: params.VersionId,
    customerKey: customerKeyOf(params),
    trafficLimit: TrafficLimit === undefined ? {} : { TrafficLimit },
    partSize,
    concurrency: checkConcurrency(params.Concurrency),
    threads: checkThreads(params.threads),
    signal,
    onProgress: forwardOnly(params.onProgress),
  }
}

/** @throws OptionError naming the option and the value. No request is made. */
export async function downloadJob(service: Service, params: DownloadFileParams): Promise<DownloadJob> {
  const job = readRangesJob(service, params, [...CONDITION_PARAMS, 'DestFilePath', 'checkpoint', 'onEvent'])
  const { DestFilePath: destination } = params
  checkLocalPath(destination, 'DestFilePath')
  checkListener(params.onEvent)
  const { bucket, key } = job
  const at = await checkpointPath(params.checkpoint, destination, 'download', { bucket, key })
  return {
    ...job,
    destination,
    checkpoint: at === undefined ? undefined : new CheckpointFile(at, 'download'),
    onEvent: params.onEvent,
  }
}
