/** A whole stored object against the checksums of what was sent (DESIGN 6, integrity). */
import { headObject } from '../cos/head-object.js'
import { requireChecksum, statedCrc64, type Verified } from '../cos/integrity.js'
import type { Service } from '../cos/service.js'
import type { CustomerKeyParams } from '../cos/sse.js'
import { IntegrityError } from '../errors.js'

/** What the object should be. */
export interface WholeObject {
  readonly bucket: string
  readonly key: string
  /** Stored bytes. */
  readonly length: number
  /** Where it is not known, only the length is compared. */
  readonly crc64: bigint | undefined
  /** What asking for it needs, where the caller's own key encrypts it on the service. */
  readonly customerKey?: CustomerKeyParams
}

/**
 * Compares with the CRC-64 that completing the upload reported, or, where it reported none, with HEAD.
 *
 * @throws IntegrityError when the service holds something else. The object is not deleted.
 */
export async function verifyObject(
  service: Service,
  whole: WholeObject,
  stored: { ETag: string; VersionId?: string; HashCrc64ecma?: string },
  signal?: AbortSignal,
): Promise<Verified> {
  const subject = `${whole.bucket}/${whole.key}: the service stored other bytes`
  const version = stored.VersionId === undefined ? {} : { versionId: stored.VersionId }
  const fail = (algorithm: string, expected: number | bigint, found: number | bigint): IntegrityError =>
    new IntegrityError(subject, {
      algorithm,
      expected: String(expected),
      found: String(found),
      etag: stored.ETag,
      ...version,
    })
  let crc64 = asCrc64(stored.HashCrc64ecma)
  if (crc64 === undefined || whole.crc64 === undefined) {
    const { bucket: Bucket, key: Key } = whole
    const head = await headObject(service, {
      Bucket,
      Key,
      IfMatch: stored.ETag,
      ...whole.customerKey,
      signal,
    })
    if (head.ContentLength !== whole.length) throw fail('length', whole.length, head.ContentLength)
    crc64 = asCrc64(head.HashCrc64ecma)
  }
  if (crc64 !== undefined && whole.crc64 !== undefined) {
    if (crc64 !== whole.crc64) throw fail('crc64', whole.crc64, crc64)
    return 'crc64'
  }
  requireChecksum(service, `${whole.bucket}/${whole.key}`)
  return 'length'
}

function asCrc64(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : statedCrc64({ 'x-cos-hash-crc64ecma': text })
}
