/** What the encrypting multipart operations take and give. */
import type { CompletedPart, CompleteMultipartUploadResult } from '../cos/complete-multipart-upload.js'
import type {
  CreateMultipartUploadParams,
  CreateMultipartUploadResult,
} from '../cos/create-multipart-upload.js'
import type { Verified } from '../cos/integrity.js'
import type { ObjectParams } from '../cos/service.js'
import type { CustomerKeyParams } from '../cos/sse.js'
import type { UploadPartParams } from '../cos/upload-part.js'
import type { EncryptionResult } from './encryption.js'
import type { UploadContext } from './upload-context.js'

/** Parameters of the encrypting createMultipartUpload. */
export interface EncryptedCreateParams extends CreateMultipartUploadParams {
  /**
   * Plaintext bytes of every part but the last: a multiple of 16, for `sealed` of 16,384, from 1 MiB. With it, parts come in any
   * order, at once, from any process; without it, in ascending order. `cos-java-gcm` always asks for ascending order, in one
   * process.
   */
  PartSize?: number
}

/** An encrypted upload under way. */
export interface EncryptedCreateResult extends CreateMultipartUploadResult, EncryptionResult {
  /** The encryption context: plain data, to go on in another process. Holds the data key wrapped only. */
  Upload: UploadContext
}

/** Parameters of the encrypting uploadPart. Lengths and MD5 describe the plaintext. */
export interface EncryptedPartParams extends UploadPartParams {
  /** Needed where another client started the upload. The part is written into it. */
  Upload?: UploadContext
  /**
   * This part ends the object. Required for `cos-java-gcm`. For `sealed` it saves a request: without it, and unless the last part is
   * shorter than the others, completing sends the 16 bytes that end the object as a part of their own.
   */
  Last?: boolean
}

/** Parameters of the encrypting completeMultipartUpload. */
export interface EncryptedCompleteParams extends ObjectParams, CustomerKeyParams {
  UploadId: string
  /** Defaults to all parts that the service has; a list that differs from those is refused. */
  MultipartUpload?: { Part: readonly CompletedPart[] }
  /** Needed where another client started the upload. */
  Upload?: UploadContext
}

/** The encrypted object that the parts became. */
export interface EncryptedCompleteResult
  extends Omit<CompleteMultipartUploadResult, 'Location'>, EncryptionResult {
  /** Absent where the answer that had it was lost, and the object was found by HEAD. */
  Location?: string
  /** Plaintext bytes. */
  ContentLength: number
  /** Ciphertext bytes. */
  StoredLength: number
  verified: Verified
}
