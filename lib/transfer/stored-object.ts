/** The result of an upload, from what the service answered. */
import { describeEncryption } from '../cos/sse.js'
import type { Verified } from '../cos/integrity.js'
import type { StoredObject, UploadJob } from './upload-job.js'

/** What the service says of the object, however it was stored. */
interface Answered {
  readonly ETag: string
  readonly VersionId?: string
  readonly HashCrc64ecma?: string
  readonly verified: Verified
  readonly $metadata: { readonly headers: Readonly<Record<string, string>> }
}

/** @param partCount - 0 where it was one PUT. */
export function storedObject(
  { bucket, key }: Pick<UploadJob, 'bucket' | 'key'>,
  { ETag, VersionId, HashCrc64ecma, verified, $metadata }: Answered,
  length: number,
  partCount: number,
): StoredObject {
  return {
    Bucket: bucket,
    Key: key,
    ETag,
    ...(VersionId === undefined ? {} : { VersionId }),
    ...(HashCrc64ecma === undefined ? {} : { HashCrc64ecma }),
    ...describeEncryption($metadata.headers),
    StoredLength: length,
    PartCount: partCount,
    verified,
  }
}
