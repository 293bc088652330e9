/** The headers that are stored with an object, from named fields and back. */
import { OptionError } from '../errors.js'
import { assertBoolean } from '../internal/assert.js'
import { encodeQuery } from './encode.js'
import { assertMetadataSize, metadataHeaders, readMetadata } from './metadata.js'
import { customHeaders } from './custom-headers.js'
import { present, type Service } from './service.js'
import {
  describeEncryption,
  encryptionHeaders,
  SSE_PARAMS,
  type ServerSideEncryptionParams,
  type ServerSideEncryptionResult,
} from './sse.js'

/** Fields that describe an object; each is a header of the same meaning. */
export interface ObjectHeaderParams {
  CacheControl?: string
  ContentDisposition?: string
  ContentEncoding?: string
  ContentLanguage?: string
  /** Defaults to `application/octet-stream`. */
  ContentType?: string
  /** A Date, or the header's text. */
  Expires?: Date | string
  /** For example `STANDARD_IA`. */
  StorageClass?: string
  /** User metadata: names with or without `x-cos-meta-`, values of printable ASCII; 2 KB each, 4 KB in all. */
  Metadata?: Record<string, string>
}

const HEADER_NAMES = {
  CacheControl: 'cache-control',
  ContentDisposition: 'content-disposition',
  ContentEncoding: 'content-encoding',
  ContentLanguage: 'content-language',
  ContentType: 'content-type',
  Expires: 'expires',
  StorageClass: 'x-cos-storage-class',
} as const

/** Everything a request that makes an object can say about it. */
export interface ObjectWriteParams extends ObjectHeaderParams, ServerSideEncryptionParams {
  /** Who may do what, for example `private` or `public-read`. Defaults to the bucket's. */
  ACL?: string
  /** Tags as `key=value&key2=value2`, percent-encoded, or as an object. At most 10. */
  Tagging?: string | Readonly<Record<string, string>>
  /** Refuses the request where there is an object already: ServiceError of status 409. */
  ForbidOverwrite?: boolean
  /** Headers that have no field of their own, `x-cos-...` or any other that this package does not set itself. */
  CustomHeaders?: Readonly<Record<string, string>>
}

/** Names of {@link ObjectHeaderParams}, for checks. */
export const OBJECT_HEADER_PARAMS: readonly string[] = [...Object.keys(HEADER_NAMES), 'Metadata']

/** Names of {@link ObjectWriteParams}, for checks. */
export const OBJECT_WRITE_PARAMS: readonly string[] = [
  ...OBJECT_HEADER_PARAMS,
  ...SSE_PARAMS,
  'ACL',
  'Tagging',
  'ForbidOverwrite',
  'CustomHeaders',
]

/** Only what {@link ObjectWriteParams} names, out of the parameters of a larger operation. */
export function objectWriteParams(params: ObjectWriteParams): ObjectWriteParams {
  return Object.fromEntries(Object.entries(params).filter(([name]) => OBJECT_WRITE_PARAMS.includes(name)))
}

/** All headers of a request that makes an object. @throws As {@link objectHeaders} and {@link encryptionHeaders}. */
export function objectWriteHeaders(service: Service, params: ObjectWriteParams): Record<string, string> {
  const { ACL, Tagging, ForbidOverwrite, CustomHeaders } = params
  if (ForbidOverwrite !== undefined) assertBoolean(ForbidOverwrite, 'ForbidOverwrite')
  return {
    ...customHeaders(CustomHeaders),
    ...objectHeaders(params),
    ...encryptionHeaders(service, params),
    ...(ACL === undefined ? {} : { 'x-cos-acl': headerText(ACL, 'ACL') }),
    ...(Tagging === undefined ? {} : { 'x-cos-tagging': taggingText(Tagging) }),
    ...(ForbidOverwrite === true ? { 'x-cos-forbid-overwrite': 'true' } : {}),
  }
}

/** Most tags of an object, by the service's documentation. */
const MOST_TAGS = 10

function taggingText(tagging: unknown): string {
  if (typeof tagging !== 'object' || tagging === null) return headerText(tagging, 'Tagging')
  const pairs = Object.entries(tagging)
  if (
    pairs.length === 0 ||
    pairs.length > MOST_TAGS ||
    pairs.some(([, value]) => typeof value !== 'string')
  ) {
    throw new OptionError(
      'Tagging',
      `must be an object of 1 to ${MOST_TAGS} strings, or key=value&key2=value2`,
      {
        value: tagging,
      },
    )
  }
  return encodeQuery(Object.fromEntries(pairs))
}

/** The headers to send. Metadata is checked against the service's limits before any request. */
export function objectHeaders(params: ObjectHeaderParams): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/octet-stream' }
  for (const [name, header] of Object.entries(HEADER_NAMES)) {
    const value = params[name as keyof typeof HEADER_NAMES]
    if (value !== undefined) headers[header] = headerText(value, name)
  }
  const metadata = metadataHeaders(params.Metadata)
  assertMetadataSize(metadata)
  return { ...headers, ...metadata }
}

/** A header value from text or a date; refuses what would break out of the header. */
export function headerText(value: unknown, option: string): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toUTCString()
  // HTTP strips blanks at the ends, and the signature would be of another value.
  if (typeof value === 'string' && /^[\x20-\x7e]+$/.test(value) && value.trim() === value) return value
  throw new OptionError(option, 'must be printable ASCII text without blanks at its ends', { value })
}

/** What an answer says about the object. */
export interface ObjectDescription extends ServerSideEncryptionResult {
  ETag: string
  LastModified?: Date
  ContentType?: string
  CacheControl?: string
  ContentDisposition?: string
  ContentEncoding?: string
  ContentLanguage?: string
  Expires?: string
  StorageClass?: string
  VersionId?: string
  /** CRC-64/XZ of the whole stored object, decimal. */
  HashCrc64ecma?: string
  /** How far the restoring of an archived object is. */
  Restore?: string
  /** User metadata by name without prefix. */
  Metadata: Record<string, string>
}

/** Reads what {@link ObjectDescription} names out of an answer's headers. */
export function describeObject(headers: Readonly<Record<string, string>>): ObjectDescription {
  const modified = new Date(headers['last-modified'] ?? Number.NaN)
  const named = Object.entries(HEADER_NAMES).map(([name, header]) => [name, headers[header]])
  return {
    ETag: headers.etag ?? '',
    ...present(Object.fromEntries(named) as Partial<Omit<ObjectDescription, 'ETag' | 'Metadata'>>),
    ...present({
      LastModified: Number.isNaN(modified.getTime()) ? undefined : modified,
      VersionId: headers['x-cos-version-id'],
      HashCrc64ecma: headers['x-cos-hash-crc64ecma'],
      Restore: headers['x-cos-restore'],
    }),
    ...describeEncryption(headers),
    Metadata: readMetadata(headers),
  }
}
