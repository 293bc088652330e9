/** Copies within the service, of any size: one request up to 5 GB, above it parts side by side (RULES 6). */
import { checkDirective, copyObject, type CopyObjectParams } from '../cos/copy-object.js'
import { COPY_SOURCE_PARAMS, resolveSource, type ResolvedSource } from '../cos/copy-source.js'
import { headObject, type HeadObjectResult } from '../cos/head-object.js'
import { requireChecksum, unquote, type Verified } from '../cos/integrity.js'
import {
  OBJECT_HEADER_PARAMS,
  OBJECT_WRITE_PARAMS,
  objectWriteParams,
  type ObjectWriteParams,
} from '../cos/object-headers.js'
import { checkObjectCall, present, type ObjectParams, type Service } from '../cos/service.js'
import { customerKeyOf, type CopySourceKeyParams, type CustomerKeyParams } from '../cos/sse.js'
import { uploadPartCopy } from '../cos/upload-part-copy.js'
import { IntegrityError, SealstreamError, ServiceError } from '../errors.js'
import { linkedAbort } from '../internal/abort.js'
import { assertInteger } from '../internal/assert.js'
import type { ProgressListener } from '../internal/progress.js'
import { abandonUpload } from './abandon-upload.js'
import { completeUpload } from './complete-upload.js'
import { startUpload } from './multipart-upload.js'
import { PartPlan } from './part-plan.js'
import { assertPartSize } from './part-size.js'
import { checkConcurrency, type StoredObject } from './upload-job.js'
import { storedObject } from './stored-object.js'
import { runWorkers } from './workers.js'

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

/** What an encrypting client adds to a copy: metadata that must travel with the bytes. */
export interface CopyGuard {
  /** Called with what HEAD says of the source; gives the headers of its envelope. Throws to refuse. */
  envelopeOf(source: HeadObjectResult): Record<string, string>
}

/** Largest object of one copy request (wire-formats F5). */
const MOST_COPY_BYTES = 5 * 1000 ** 3

const DEFAULT_COPY_PART = 512 * 1024 * 1024

/**
 * Copies an object. The source must stay the same while it is copied; the copy is compared with it afterwards.
 *
 * @throws OptionError on a bad parameter; SealstreamError `SEALSTREAM_OBJECT_CHANGED` where the source changed;
 *   IntegrityError where the copy has another length or CRC-64; the errors of every request. Parts already copied are
 *   dropped.
 */
export async function copy(service: Service, params: CopyParams, guard?: CopyGuard): Promise<StoredObject> {
  const { bucket, key, signal } = checkObjectCall(service, params, [
    ...OBJECT_WRITE_PARAMS,
    ...COPY_SOURCE_PARAMS.filter((name) => !/If/.test(name)),
    'MetadataDirective',
    'PartSize',
    'Concurrency',
    'MultipartThreshold',
    'onProgress',
  ])
  const { PartSize = DEFAULT_COPY_PART, MultipartThreshold = MOST_COPY_BYTES } = params
  assertPartSize(PartSize)
  const concurrency = checkConcurrency(params.Concurrency)
  assertInteger(MultipartThreshold, 'MultipartThreshold', 0, MOST_COPY_BYTES)
  checkDirective(params)
  const source = resolveSource(service, params.CopySource)
  const head = await headSource(service, source, params, signal)
  const envelope = guard?.envelopeOf(head) ?? {}
  const place = { Bucket: bucket, Key: key, signal }
  const pinned = pinnedSource(params, source, head)
  if (head.ContentLength > MultipartThreshold) {
    const plan = new PartPlan(head.ContentLength, PartSize)
    return copyInParts({
      service,
      params,
      head,
      envelope,
      pinned,
      plan,
      concurrency,
      place: { bucket, key, signal },
    })
  }
  const written = headersOfCopy(params, head, envelope)
  const copied = await unlessChanged(source.key, copyObject(service, { ...place, ...written, ...pinned }))
  params.onProgress?.({ bytes: head.ContentLength, total: head.ContentLength })
  const verified = await verifyCopy(service, { ...place, ...customerKeyOf(params) }, copied.ETag, head)
  return storedObject({ bucket, key }, { ...copied, verified }, head.ContentLength, 0)
}

/** What HEAD says of the source, in its own region and with its own key. */
export async function headSource(
  service: Service,
  { bucket, key, region, versionId }: ResolvedSource,
  params: CopySourceKeyParams,
  signal: AbortSignal | undefined,
): Promise<HeadObjectResult> {
  const { CopySourceSSECustomerAlgorithm, CopySourceSSECustomerKey, CopySourceSSECustomerKeyMD5 } = params
  const customerKey: CustomerKeyParams = {
    ...(CopySourceSSECustomerAlgorithm === undefined
      ? {}
      : { SSECustomerAlgorithm: CopySourceSSECustomerAlgorithm }),
    ...(CopySourceSSECustomerKey === undefined ? {} : { SSECustomerKey: CopySourceSSECustomerKey }),
    ...(CopySourceSSECustomerKeyMD5 === undefined ? {} : { SSECustomerKeyMD5: CopySourceSSECustomerKeyMD5 }),
  }
  const version = versionId === undefined ? {} : { VersionId: versionId }
  return headObject(service, { Bucket: bucket, Key: key, ...version, ...customerKey, signal }, region)
}

/** The source as every request names it: this version of it, and no other bytes. */
function pinnedSource(
  params: CopyParams,
  { bucket, key, region, versionId }: ResolvedSource,
  head: HeadObjectResult,
): Pick<CopyObjectParams, 'CopySource' | 'CopySourceIfMatch'> & CopySourceKeyParams {
  const VersionId = versionId ?? head.VersionId
  const keys = Object.entries(params).filter(([name]) => name.startsWith('CopySourceSSE'))
  return {
    ...(Object.fromEntries(keys) as CopySourceKeyParams),
    CopySource: {
      Bucket: bucket,
      Key: key,
      ...(region === undefined ? {} : { Region: region }),
      ...(VersionId === undefined ? {} : { VersionId }),
    },
    CopySourceIfMatch: head.ETag,
  }
}

/** Headers and metadata of the copy: the source's, or those given, with the envelope in either case. */
function headersOfCopy(
  params: CopyParams,
  head: HeadObjectResult,
  envelope: Readonly<Record<string, string>>,
): ObjectWriteParams & { MetadataDirective: 'Copy' | 'Replaced' } {
  const { MetadataDirective = 'Copy' } = params
  const { StorageClass = head.StorageClass } = params
  const given = { ...objectWriteParams(params), ...(StorageClass === undefined ? {} : { StorageClass }) }
  if (MetadataDirective === 'Copy') return { ...given, MetadataDirective }
  return { ...given, Metadata: { ...params.Metadata, ...envelope }, MetadataDirective }
}

interface PartwiseCopy {
  readonly service: Service
  readonly params: CopyParams
  readonly head: HeadObjectResult
  readonly envelope: Readonly<Record<string, string>>
  readonly pinned: ReturnType<typeof pinnedSource>
  readonly plan: PartPlan
  readonly concurrency: number
  readonly place: { bucket: string; key: string; signal: AbortSignal | undefined }
}

async function copyInParts(copying: PartwiseCopy): Promise<StoredObject> {
  const { service, params, head, pinned, plan, concurrency, place } = copying
  const abort = linkedAbort(place.signal)
  const customerKey = customerKeyOf(params)
  const upload = { ...place, service, params: restated(copying), signal: abort.signal }
  const name = await startUpload(upload, {})
  const etags = new Map<number, string>()
  let bytes = 0
  const state = { isOver: false }
  try {
    await runWorkers(plan, Math.min(concurrency, plan.count), abort, () => async (part) => {
      const copied = await unlessChanged(
        pinned.CopySource.Key,
        uploadPartCopy(service, {
          Bucket: place.bucket,
          Key: place.key,
          UploadId: name.uploadId,
          PartNumber: part.number,
          CopySourceRange: `bytes=${part.offset}-${part.offset + part.length - 1}`,
          ...pinned,
          ...customerKey,
          signal: abort.signal,
        }),
      )
      etags.set(part.number, copied.ETag)
      bytes += part.length
      params.onProgress?.({ bytes, total: plan.length })
    })
    const crc64 = head.HashCrc64ecma === undefined ? undefined : BigInt(head.HashCrc64ecma)
    const parts = [...plan].map(({ number }) => ({ PartNumber: number, ETag: etags.get(number) ?? '' }))
    const whole = {
      length: plan.length,
      crc64,
      envelope: copying.envelope,
      customerKey,
      signal: abort.signal,
    }
    const completed = await completeUpload({ service, name, parts, ...whole })
    return storedObject(place, completed, plan.length, plan.count)
  } catch (error) {
    if (!state.isOver) await abandonUpload(service, name)
    throw error
  } finally {
    abort.unlink()
  }
}

/** Everything that is said when the upload is started, which knows nothing of the source (RULES 6.1). */
function restated({ params, head, envelope }: PartwiseCopy): ObjectWriteParams {
  const { MetadataDirective, ...written } = headersOfCopy(params, head, envelope)
  if (MetadataDirective === 'Replaced') return written
  const known = OBJECT_HEADER_PARAMS.map((name) => [name, head[name as keyof HeadObjectResult]])
  return { ...present(Object.fromEntries(known) as ObjectWriteParams), ...written }
}

/** Source and copy by length and CRC-64 (RULES 5.2). */
async function verifyCopy(
  service: Service,
  place: Parameters<typeof headObject>[1],
  etag: string,
  source: HeadObjectResult,
): Promise<Verified> {
  const head = await headObject(service, { ...place, IfMatch: unquote(etag) })
  const subject = `${place.Bucket ?? ''}/${place.Key}: the copy is not the source`
  const fail = (algorithm: string, expected: string, found: string): IntegrityError =>
    new IntegrityError(subject, { algorithm, expected, found, etag })
  if (head.ContentLength !== source.ContentLength) {
    throw fail('length', String(source.ContentLength), String(head.ContentLength))
  }
  const { HashCrc64ecma: expected } = source
  const { HashCrc64ecma: found } = head
  if (expected !== undefined && found !== undefined) {
    if (expected !== found) throw fail('crc64', expected, found)
    return 'crc64'
  }
  requireChecksum(service, subject)
  return 'length'
}

/** A condition on the source that fails means that it was overwritten. */
async function unlessChanged<Result>(key: string, copying: Promise<Result>): Promise<Result> {
  try {
    return await copying
  } catch (error) {
    if (!(error instanceof ServiceError) || error.status !== 412) throw error
    throw new SealstreamError(
      'SEALSTREAM_OBJECT_CHANGED',
      `${key} was overwritten while it was being copied`,
      {
        cause: error,
      },
    )
  }
}
