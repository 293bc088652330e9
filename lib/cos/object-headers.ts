/** The headers that are stored with an object, from named fields and back. */
import { OptionError } from '../errors.js'
import { assertMetadataSize, metadataHeaders, readMetadata } from './metadata.js'
import { present } from './service.js'

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

/** Names of {@link ObjectHeaderParams}, for checks. */
export const OBJECT_HEADER_PARAMS: readonly string[] = [...Object.keys(HEADER_NAMES), 'Metadata']

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
  if (typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)) return value
  throw new OptionError(option, 'must be printable ASCII text', { value })
}

/** What an answer says about the object. */
export interface ObjectDescription {
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
    }),
    Metadata: readMetadata(headers),
  }
}
