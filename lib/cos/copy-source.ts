/** Where a copy comes from. */
import { assertKnown, queryText } from '../internal/assert.js'
import { percentEncode, encodePath } from './encode.js'
import { assertRegion } from './endpoint.js'
import { headerText } from './object-headers.js'
import { assertBucket, assertKey } from './names.js'
import type { Service } from './service.js'
import { COPY_SOURCE_KEY_PARAMS, copySourceKeyHeaders, type CopySourceKeyParams } from './sse.js'

/** An object that is copied. */
export interface CopySource {
  /** Defaults to the client's `bucket`. */
  Bucket?: string
  Key: string
  /** Defaults to the client's region. */
  Region?: string
  VersionId?: string
}

/** What every copying request says about its source. A condition that fails is a ServiceError of status 412. */
export interface CopySourceParams extends CopySourceKeyParams {
  CopySource: CopySource
  CopySourceIfMatch?: string
  CopySourceIfNoneMatch?: string
  /** A Date, or the header's text. */
  CopySourceIfModifiedSince?: Date | string
  CopySourceIfUnmodifiedSince?: Date | string
}

const CONDITION_HEADERS = {
  CopySourceIfMatch: 'x-cos-copy-source-if-match',
  CopySourceIfNoneMatch: 'x-cos-copy-source-if-none-match',
  CopySourceIfModifiedSince: 'x-cos-copy-source-if-modified-since',
  CopySourceIfUnmodifiedSince: 'x-cos-copy-source-if-unmodified-since',
} as const

/** Names of {@link CopySourceParams}, for checks. */
export const COPY_SOURCE_PARAMS = [...COPY_SOURCE_KEY_PARAMS, 'CopySource', ...Object.keys(CONDITION_HEADERS)]

/** A source, all of it checked and filled in. */
export interface ResolvedSource {
  readonly bucket: string
  readonly key: string
  readonly region: string | undefined
  readonly versionId: string | undefined
}

/** @throws {@link OptionError} `CopySource...` on a malformed source. */
export function resolveSource(service: Service, source: unknown): ResolvedSource {
  assertKnown(source, 'CopySource', ['Bucket', 'Key', 'Region', 'VersionId'])
  const { Bucket = service.bucket, Key, Region, VersionId } = source as CopySource
  assertBucket(Bucket, 'CopySource.Bucket')
  assertKey(Key, 'CopySource.Key')
  if (Region !== undefined) assertRegion(Region, 'CopySource.Region')
  const versionId = VersionId === undefined ? undefined : queryText(VersionId, 'CopySource.VersionId')
  return { bucket: Bucket, key: Key, region: Region, versionId }
}

/** The headers that name the source, its key and the conditions on it (wire-formats F2). @throws As {@link resolveSource}. */
export function copySourceHeaders(service: Service, params: CopySourceParams): Record<string, string> {
  const { bucket, key, region, versionId } = resolveSource(service, params.CopySource)
  const version = versionId === undefined ? '' : `?versionId=${percentEncode(versionId)}`
  const headers: Record<string, string> = {
    'x-cos-copy-source': `${service.http.endpoint.sourceHost(bucket, region)}/${encodePath(key)}${version}`,
    ...copySourceKeyHeaders(service, params),
  }
  for (const [name, header] of Object.entries(CONDITION_HEADERS)) {
    const value = params[name as keyof typeof CONDITION_HEADERS]
    if (value !== undefined) headers[header] = conditionText(value, name)
  }
  return headers
}

function conditionText(value: unknown, name: string): string {
  const text = headerText(value, name)
  return name.endsWith('Match') && text !== '*' && !text.includes('"') ? `"${text}"` : text
}
