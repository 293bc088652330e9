/** The result of an upload, from what the service answered. */
import { describeEncryption, type ServerSideEncryptionResult } from '../cos/sse.js'
import type { Verified } from '../cos/integrity.js'
import { present } from '../cos/service.js'
import type { StoredObject, UploadJob } from './upload-job.js'

/** What the service says of the object, however it was stored. */
interface Answered extends ServerSideEncryptionResult {
  readonly ETag: string
  readonly VersionId?: string
  readonly HashCrc64ecma?: string
  readonly verified: Verified
  readonly $metadata: { readonly headers: Readonly<Record<string, string>> }
}

/** @param partCount - 0 where it was one PUT. */
export function storedObject(
  { bucket, key }: Pick<UploadJob, 'bucket' | 'key'>,
  answered: Answered,
  length: number,
  partCount: number,
): StoredObject {
  const { ETag, VersionId, HashCrc64ecma, verified, $metadata } = answered
  const { SSECustomerAlgorithm, SSECustomerKeyMD5 } = answered
  return {
    Bucket: bucket,
    Key: key,
    ETag,
    ...(VersionId === undefined ? {} : { VersionId }),
    ...(HashCrc64ecma === undefined ? {} : { HashCrc64ecma }),
    ...present({ SSECustomerAlgorithm, SSECustomerKeyMD5 }),
    ...describeEncryption($metadata.headers),
    StoredLength: length,
    PartCount: partCount,
    verified,
  }
}
