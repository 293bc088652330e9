/** Copies within the service, of any size: one request up to 5 GB, above it parts side by side (RULES 6). */
import { checkDirective, copyObject } from '../cos/copy-object.js'
import { COPY_SOURCE_PARAMS, copySourceHeaders, resolveSource } from '../cos/copy-source.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { OBJECT_WRITE_PARAMS, objectWriteHeaders } from '../cos/object-headers.js'
import { checkObjectCall, type Service } from '../cos/service.js'
import { assertInteger } from '../internal/assert.js'
import { findCopy, headSource, pinnedSource, unlessChanged, verifyCopy } from './copied-source.js'
import { headersOfCopy, type CopyJob, type CopyParams } from './copy-job.js'
import { copyInParts } from './copy-parts.js'
import { isObjectChanged } from './object-changed.js'
import { PartPlan } from './part-plan.js'
import { assertPartSize } from './part-size.js'
import { storedObject } from './stored-object.js'
import { checkConcurrency, type StoredObject } from './upload-job.js'

/** What an encrypting client adds to a copy: metadata that must travel with the bytes. */
export interface CopyGuard {
  /** Called with what HEAD says of the source; gives the headers of its envelope. Throws to refuse. */
  envelopeOf(source: HeadObjectResult): Record<string, string>
  /**
   * The copy takes the place of its source: a newer version of that must not be lost to an older one. The envelope it gets is one that
   * no other object has.
   */
  readonly isOntoItself?: boolean
}

/** Largest object of one copy request (wire-formats F5). */
const MOST_COPY_BYTES = 5 * 1000 ** 3

const DEFAULT_COPY_PART = 512 * 1024 * 1024

/** Names of {@link CopyParams}, for checks. Conditions on the source are the copy's own business. */
const COPY_PARAMS = [
  ...OBJECT_WRITE_PARAMS,
  ...COPY_SOURCE_PARAMS.filter((name) => !name.startsWith('CopySourceIf')),
  'MetadataDirective',
  'PartSize',
  'Concurrency',
  'MultipartThreshold',
  'onProgress',
]

/**
 * Copies an object. The source must stay the same while it is copied; the copy is compared with it afterwards.
 *
 * @throws OptionError on a bad parameter; SealstreamError `SEALSTREAM_OBJECT_CHANGED` where the source changed;
 *   IntegrityError where the copy has another length, CRC-64 or envelope; the errors of every request. Parts already
 *   copied are dropped.
 */
export async function copy(service: Service, params: CopyParams, guard?: CopyGuard): Promise<StoredObject> {
  const { bucket, key, signal } = checkObjectCall(service, params, COPY_PARAMS)
  const { PartSize = DEFAULT_COPY_PART, MultipartThreshold = MOST_COPY_BYTES } = params
  assertPartSize(PartSize)
  const concurrency = checkConcurrency(params.Concurrency)
  assertInteger(MultipartThreshold, 'MultipartThreshold', 0, MOST_COPY_BYTES)
  checkDirective(params)
  // Found out before any request.
  objectWriteHeaders(service, params)
  copySourceHeaders(service, params)
  const named = resolveSource(service, params.CopySource)
  const source = await headSource(service, named, params, signal)
  const envelope = guard?.envelopeOf(source) ?? {}
  const isOntoItself = guard?.isOntoItself === true
  const pinned = pinnedSource(params, named, source, isOntoItself)
  const job: CopyJob = { service, params, bucket, key, signal, source, pinned, envelope, isOntoItself }
  const isPartwise = source.ContentLength > MultipartThreshold
  const plan = new PartPlan(source.ContentLength, PartSize)
  const copied = await (isPartwise ? copyInParts(job, plan, concurrency) : copyAtOnce(job))
  const verified = await verifyCopy(job, copied.ETag)
  return storedObject(job, { ...copied, verified }, source.ContentLength, isPartwise ? plan.count : 0)
}

async function copyAtOnce(job: CopyJob): ReturnType<typeof copyObject> {
  const { service, params, bucket: Bucket, key: Key, pinned, source, signal } = job
  const copying = copyObject(service, { Bucket, Key, signal, ...headersOfCopy(job), ...pinned })
  const copied = await unlessChanged(pinned.CopySource.Key, copying).catch(async (error: unknown) => {
    // The answer to an attempt before may have been lost: then the object is what it was to become.
    const done = job.isOntoItself && isObjectChanged(error) ? await findCopy(job) : undefined
    if (done === undefined) throw error
    return done
  })
  params.onProgress?.({ bytes: source.ContentLength, total: source.ContentLength })
  return copied
}
