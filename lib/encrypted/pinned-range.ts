/** Ranges of the very version of an object that HEAD described (RULES 4.4). */
import { CONDITION_PARAMS, getObject, type GetObjectParams, type GetObjectResult } from '../cos/get-object.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { metadataText } from '../cos/metadata.js'
import type { Service } from '../cos/service.js'
import type { ByteRange } from '../crypto/content-cipher.js'
import { SealstreamError, ServiceError } from '../errors.js'
import { asBody } from '../stream/body.js'
import { objectChanged } from '../transfer/object-changed.js'

/** What HEAD, or the answer to a GET, says of an object. */
export type Described = Pick<HeadObjectResult, 'ETag' | 'VersionId' | '$metadata'> & {
  /** Stored bytes of the whole. */
  readonly StoredLength: number
}

/**
 * Fetches an object, or a range of its stored bytes.
 *
 * @param params - Those of the caller's GET.
 * @throws SealstreamError `SEALSTREAM_OBJECT_CHANGED` where the object is another by now, its envelope included.
 */
export async function getPinned(
  service: Service,
  params: GetObjectParams,
  object: Described,
  range?: ByteRange,
): Promise<GetObjectResult> {
  const bytes = range === undefined ? undefined : `${range.start}-${range.end}`
  const asked = bytes === undefined ? {} : { Range: `bytes=${bytes}` }
  let answer: GetObjectResult
  try {
    answer = await getObject(service, { ...sameVersion(params, object), ...asked })
  } catch (error) {
    if (error instanceof ServiceError && error.status === 412) throw objectChanged(params.Key, 'read', error)
    throw error
  }
  const expected = bytes === undefined ? undefined : `bytes ${bytes}/${object.StoredLength}`
  const isSame =
    answer.ETag === object.ETag &&
    metadataText(answer.$metadata.headers) === metadataText(object.$metadata.headers)
  if (isSame && answer.ContentRange === expected) return answer
  answer.Body.destroy()
  if (!isSame) throw objectChanged(params.Key, 'read')
  throw new SealstreamError(
    'SEALSTREAM_ANSWER',
    `getObject: asked for ${expected ?? 'everything'}, got ${answer.ContentRange ?? 'everything'}`,
  )
}

/** The same, a few bytes, read. */
export async function readPinnedRange(
  service: Service,
  params: GetObjectParams,
  object: Described,
  range: ByteRange,
): Promise<Buffer> {
  const { onProgress: _, ...quiet } = params
  const { Body } = await getPinned(service, quiet, object, range)
  return Buffer.from(await asBody(Body).transformToByteArray())
}

/** The request parameters that pin the version. */
function sameVersion(params: GetObjectParams, object: Described): GetObjectParams {
  const conditions = [...CONDITION_PARAMS, 'Range']
  const rest = Object.fromEntries(Object.entries(params).filter(([name]) => !conditions.includes(name)))
  const VersionId = object.VersionId ?? params.VersionId
  return {
    ...rest,
    Key: params.Key,
    IfMatch: object.ETag,
    ...(VersionId === undefined ? {} : { VersionId }),
  }
}
