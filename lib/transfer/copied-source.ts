/** The source of a copy: looked at once, and held to what it was then. */
import type { CopyObjectResult } from '../cos/copy-object.js'
import type { ResolvedSource } from '../cos/copy-source.js'
import type { ConditionParams } from '../cos/get-object.js'
import { headObject, type HeadObjectResult } from '../cos/head-object.js'
import { requireChecksum, unquote, type Verified } from '../cos/integrity.js'
import { metadataText } from '../cos/metadata.js'
import { present, type Service } from '../cos/service.js'
import { customerKeyOf, type CopySourceKeyParams } from '../cos/sse.js'
import { IntegrityError, ServiceError } from '../errors.js'
import type { CopyJob, PinnedSource } from './copy-job.js'
import { objectChanged } from './object-changed.js'

/** What HEAD says of the source, in its own region and with its own key. */
export async function headSource(
  service: Service,
  { bucket, key, region, versionId }: ResolvedSource,
  params: CopySourceKeyParams,
  signal: AbortSignal | undefined,
  conditions: ConditionParams = {},
): Promise<HeadObjectResult> {
  const customerKey = present({
    SSECustomerAlgorithm: params.CopySourceSSECustomerAlgorithm,
    SSECustomerKey: params.CopySourceSSECustomerKey,
    SSECustomerKeyMD5: params.CopySourceSSECustomerKeyMD5,
  })
  const version = versionId === undefined ? {} : { VersionId: versionId }
  return headObject(
    service,
    { Bucket: bucket, Key: key, ...conditions, ...version, ...customerKey, signal },
    region,
  )
}

/** The source as every request names it: this version of it, and no other bytes. */
export function pinnedSource(
  params: CopySourceKeyParams,
  { bucket, key, region, versionId }: ResolvedSource,
  head: HeadObjectResult,
  followsCurrent = false,
): PinnedSource {
  // By its version, the source is always what it was; without, an object that was overwritten is noticed.
  const VersionId = followsCurrent ? undefined : (versionId ?? head.VersionId)
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

/**
 * Source and copy by length, CRC-64 (RULES 5.2) and envelope: a copy without it is lost, however right its bytes.
 *
 * @param etag - Of the copy.
 * @throws IntegrityError where they differ.
 */
export async function verifyCopy(job: CopyJob, etag: string): Promise<Verified> {
  const { service, bucket, key, source, envelope, signal } = job
  const head = await headObject(service, {
    Bucket: bucket,
    Key: key,
    IfMatch: unquote(etag),
    ...customerKeyOf(job.params),
    signal,
  })
  const subject = `${bucket}/${key}: the copy is not the source`
  const fail = (algorithm: string, expected: string, found: string): IntegrityError =>
    new IntegrityError(subject, { algorithm, expected, found, etag })
  if (head.ContentLength !== source.ContentLength) {
    throw fail('length', String(source.ContentLength), String(head.ContentLength))
  }
  for (const [name, value] of Object.entries(envelope)) {
    if (head.$metadata.headers[name] !== value) throw fail('envelope', `header ${name}`, 'another, or none')
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

/** The object, where it is already what the copy was to make of it. */
export async function findCopy(job: CopyJob): Promise<CopyObjectResult | undefined> {
  const { service, bucket, key, source, envelope, signal } = job
  const head = await headObject(service, { Bucket: bucket, Key: key, ...customerKeyOf(job.params), signal })
  const isSame =
    head.ContentLength === source.ContentLength &&
    head.HashCrc64ecma === source.HashCrc64ecma &&
    Object.entries(envelope).every(([name, value]) => head.$metadata.headers[name] === value)
  return isSame ? head : undefined
}

/** @throws SealstreamError `SEALSTREAM_OBJECT_CHANGED` unless the source is still what it was. */
export async function assertUnchanged({
  service,
  bucket,
  key,
  source,
  params,
  signal,
}: CopyJob): Promise<void> {
  const head = await headObject(service, { Bucket: bucket, Key: key, ...customerKeyOf(params), signal })
  const isSame =
    head.ETag === source.ETag &&
    head.VersionId === source.VersionId &&
    metadataText(head.$metadata.headers) === metadataText(source.$metadata.headers)
  if (!isSame) throw objectChanged(key, 'copied')
}

/** A condition on the source that fails means that it was overwritten. */
export async function unlessChanged<Result>(key: string, copying: Promise<Result>): Promise<Result> {
  try {
    return await copying
  } catch (error) {
    if (error instanceof ServiceError && error.status === 412) throw objectChanged(key, 'copied', error)
    throw error
  }
}
