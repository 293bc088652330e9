/** What a copy is told, and what it says of headers and metadata. */
import type { CopyObjectParams } from '../cos/copy-object.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { OBJECT_HEADER_PARAMS, objectWriteParams, type ObjectWriteParams } from '../cos/object-headers.js'
import { present, type ObjectParams, type Service } from '../cos/service.js'
import type { CopySourceKeyParams } from '../cos/sse.js'
import type { ProgressListener } from '../internal/progress.js'

/** Parameters of copy. */
export interface CopyParams extends ObjectParams, ObjectWriteParams, CopySourceKeyParams {
  CopySource: CopyObjectParams['CopySource']
  /**
   * `Copy` (default): headers and metadata of the source. `Replaced`: those given here. The storage class is the source's
   * unless given; ACL and server-side encryption are those given here.
   */
  MetadataDirective?: 'Copy' | 'Replaced'
  /** Above 5 GB: bytes of a part, a multiple of 16 from 1 MiB. Default 512 MiB: no byte passes through here. */
  PartSize?: number
  /** Above 5 GB: parts in flight, 1 to 256. Default 4. */
  Concurrency?: number
  /** Copies in parts from this size on. Default 5 GB, the service's limit for one request. */
  MultipartThreshold?: number
  onProgress?: ProgressListener | undefined
}

/** The source as every request names it: this version of it, and no other bytes. */
export type PinnedSource = Pick<CopyObjectParams, 'CopySource' | 'CopySourceIfMatch'> & CopySourceKeyParams

/** A copy, its source looked at. */
export interface CopyJob {
  readonly service: Service
  readonly params: CopyParams
  readonly bucket: string
  readonly key: string
  readonly signal: AbortSignal | undefined
  /** What HEAD said of the source. */
  readonly source: HeadObjectResult
  readonly pinned: PinnedSource
  /** The envelope's headers, which must arrive with the bytes; empty where the source is not encrypted. */
  readonly envelope: Readonly<Record<string, string>>
  /** The copy takes the place of its source. */
  readonly isOntoItself: boolean
}

/** Headers and metadata of the copy: the source's, or those given, with the envelope in either case. */
export function headersOfCopy({
  params,
  source,
  envelope,
}: CopyJob): ObjectWriteParams & { MetadataDirective: 'Copy' | 'Replaced' } {
  const { MetadataDirective = 'Copy' } = params
  const { StorageClass = source.StorageClass } = params
  const given = { ...objectWriteParams(params), ...(StorageClass === undefined ? {} : { StorageClass }) }
  if (MetadataDirective === 'Copy') return { ...given, MetadataDirective }
  return { ...given, Metadata: { ...params.Metadata, ...envelope }, MetadataDirective }
}

/** Everything that is said when the upload is started, which knows nothing of the source (RULES 6.1). */
export function restatedHeaders(job: CopyJob): ObjectWriteParams {
  const { MetadataDirective, ...written } = headersOfCopy(job)
  if (MetadataDirective === 'Replaced') return written
  const known = OBJECT_HEADER_PARAMS.map((name) => [name, job.source[name as keyof HeadObjectResult]])
  return { ...present(Object.fromEntries(known) as ObjectWriteParams), ...written }
}
