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

/** Parameters of downloadFile. */
export interface DownloadFileParams
  extends ObjectParams, ConditionParams, CustomerKeyParams, TrafficLimitParams {
  /** Where the file goes; one that is there is replaced once everything is verified. Mode 0600. */
  DestFilePath: string
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
  /**
   * Keeps what is done (true: hidden files beside the target), so that another call, also of another process, goes on
   * where this one ended.
   */
  checkpoint?: boolean | string
  /** Called as bytes arrive, with the bytes of the file so far. */
  onProgress?: ProgressListener | undefined
  onEvent?: TransferListener | undefined
}

/** {@link DownloadFileParams}, all of it checked and filled in. */
export interface DownloadJob {
  readonly service: Service
  readonly bucket: string
  readonly key: string
  /** The version that was asked for; a service need not repeat it. */
  readonly versionId: string | undefined
  readonly customerKey: CustomerKeyParams
  readonly trafficLimit: TrafficLimitParams
  readonly destination: string
  readonly partSize: number
  readonly concurrency: number
  readonly threads: number | undefined
  readonly checkpoint: CheckpointFile | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: ProgressListener | undefined
  readonly onEvent: TransferListener | undefined
}

/** @throws OptionError naming the option and the value. No request is made. */
export async function downloadJob(service: Service, params: DownloadFileParams): Promise<DownloadJob> {
  const { bucket, key, signal } = checkObjectCall(service, params, [
    ...CONDITION_PARAMS,
    ...CUSTOMER_KEY_PARAMS,
    'DestFilePath',
    'PartSize',
    'Concurrency',
    'threads',
    'TrafficLimit',
    'checkpoint',
    'onProgress',
    'onEvent',
  ])
  const { DestFilePath: destination, PartSize: partSize = DEFAULT_PART_SIZE, TrafficLimit } = params
  checkLocalPath(destination, 'DestFilePath')
  assertPartSize(partSize)
  checkListener(params.onEvent)
  trafficLimitHeader(params)
  const at = await checkpointPath(params.checkpoint, destination, 'download', { bucket, key })
  return {
    service,
    bucket,
    key,
    versionId: params.VersionId,
    customerKey: customerKeyOf(params),
    trafficLimit: TrafficLimit === undefined ? {} : { TrafficLimit },
    destination,
    partSize,
    concurrency: checkConcurrency(params.Concurrency),
    threads: checkThreads(params.threads),
    checkpoint: at === undefined ? undefined : new CheckpointFile(at, 'download'),
    signal,
    onProgress: forwardOnly(params.onProgress),
    onEvent: params.onEvent,
  }
}
