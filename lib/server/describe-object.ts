/** The headers of an object in answers to GET and HEAD. */
import { restoreHeaders } from './archive.js'
import { versionHeaders } from './find-version.js'
import type { ObjectRecord } from './object-record.js'
import type { CosRequest } from './request.js'
import { encryptionHeaders } from './server-side-encryption.js'

/**
 * All headers but those of the range. The checksum is that of the whole object, also where a range is sent.
 *
 * @param now - Milliseconds since 1970.
 */
export function describeObject(
  record: ObjectRecord,
  request: CosRequest,
  now: number,
): Record<string, string> {
  const tags = record.tags?.length ?? 0
  return {
    ...record.headers,
    ...encryptionHeaders(record.encryption, request),
    ...versionHeaders(record),
    ...restoreHeaders(record, now),
    ...(tags === 0 ? {} : { 'x-cos-tagging-count': String(tags) }),
    'accept-ranges': 'bytes',
    etag: `"${record.etag}"`,
    'last-modified': new Date(record.lastModified).toUTCString(),
    'x-cos-hash-crc64ecma': record.crc64,
  }
}

/** The headers that an answer to a write has, whatever wrote it. */
export function describeWrite(record: ObjectRecord, request: CosRequest): Record<string, string> {
  return {
    ...encryptionHeaders(record.encryption, request),
    ...versionHeaders(record),
    'x-cos-hash-crc64ecma': record.crc64,
  }
}
