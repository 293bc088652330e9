/** The public names. */
export {
  CosEncryptionClient,
  type CosEncryptionClientOptions,
  type EncryptedReadStreamParams,
} from './client.js'
export {
  CosClient,
  type CosClientOptions,
  type ReadStreamParams,
  type WithBody,
  type WriteStreamParams,
} from './cos-client.js'
export {
  AuthenticationError,
  EnvelopeError,
  ERROR_CODES,
  IntegrityError,
  KeyError,
  LengthError,
  OptionError,
  SealstreamError,
  ServiceError,
  type ErrorCode,
  type ErrorDetails,
} from './errors.js'

export { AesMasterKey } from './keys/aes-master-key.js'
export { RsaMasterKey, type RsaKeys, type RsaPadding } from './keys/rsa-master-key.js'
export type { RsaKeyInput } from './keys/rsa-pem.js'
export { KmsMasterKey, type KmsMasterKeyOptions } from './keys/kms-master-key.js'
export type { KmsClientOptions } from './keys/kms-client.js'
export type { UnwrapCacheOptions } from './keys/unwrap-cache.js'
export { Keyring, type KeyringOptions } from './keys/keyring.js'
export type { KeyKind, MasterKey, RsaScheme, Wrapped, WrapScheme } from './keys/master-key.js'
export { DataKey } from './crypto/data-key.js'
export type { DecryptorOptions, EncryptorOptions } from './crypto/data-key-options.js'
export type { ByteRange, RunningCipher } from './crypto/content-cipher.js'
export type { Format } from './crypto/format.js'
export type { EncryptionContext } from './crypto/encryption-context.js'
export type { StoredStretch, StretchEncryptor } from './crypto/stored-stretch.js'
export {
  createEnvelope,
  openEnvelope,
  type CreatedEnvelope,
  type OpenedEnvelope,
} from './envelope/envelope.js'
export type { Metadata } from './envelope/write-envelope.js'
export type { ForeignMetadata } from './envelope/read-envelope.js'
export type { Policy } from './envelope/policy.js'

export {
  decryptStream,
  encryptStream,
  type DecryptStreamOptions,
  type EncryptStreamOptions,
} from './stream/cipher-stream.js'
export { partStream } from './stream/part-stream.js'
export type { Part } from './stream/part-cutter.js'
export { crc64Stream, md5Stream, type ChecksumStream } from './stream/checksum-stream.js'
export { progressStream } from './stream/progress-stream.js'
export type { Progress, ProgressListener } from './internal/progress.js'
export { ownedChain, type ChainStage } from './stream/owned-chain.js'
export { toWebReadable } from './stream/web-readable.js'
export type { Body } from './stream/body.js'
export type { StreamOptions } from './stream/byte-transform.js'
export { crc64 } from './checksum/crc64.js'
export { crc64Combine } from './checksum/crc64-combine.js'

export { credentialsFromEnvironment, type Credentials, type CredentialSource } from './cos/credentials.js'
export type { Timeouts } from './cos/http-client.js'
export type { AgentOptions, TlsOptions } from './cos/agents.js'
export type { RetryEvent, RetryOptions } from './cos/retry.js'
export type {
  CopySourceKeyParams,
  CustomerKeyParams,
  ServerSideEncryptionParams,
  ServerSideEncryptionResult,
} from './cos/sse.js'
export type { ResponseHeaderParams } from './cos/response-headers.js'
export type { TrafficLimitParams } from './cos/traffic-limit.js'
export type { Md5Use } from './cos/sendable-body.js'
export type { CopySource, CopySourceParams } from './cos/copy-source.js'
export type { CopyObjectParams, CopyObjectResult } from './cos/copy-object.js'
export type { UploadPartCopyParams, UploadPartCopyResult } from './cos/upload-part-copy.js'
export type { RestoreObjectParams } from './cos/restore-object.js'
export type {
  ListedUpload,
  ListMultipartUploadsParams,
  ListMultipartUploadsResult,
} from './cos/list-multipart-uploads.js'
export type {
  DeleteMultipleObjectsParams,
  DeleteMultipleObjectsResult,
} from './cos/delete-multiple-objects.js'
export type { Verified } from './cos/integrity.js'
export type { BodyInput } from './cos/request-body.js'
export type { CallParams, ObjectParams, ResultMetadata } from './cos/service.js'
export type { ObjectDescription, ObjectHeaderParams, ObjectWriteParams } from './cos/object-headers.js'
export type { PutObjectParams, StoredResult } from './cos/put-object.js'
export type { ConditionParams, GetObjectParams, GetObjectResult } from './cos/get-object.js'
export type { HeadObjectParams, HeadObjectResult } from './cos/head-object.js'
export type { DeleteObjectParams, DeleteObjectResult } from './cos/delete-object.js'
export type { ListedObject, ListObjectsParams, ListObjectsResult } from './cos/list-objects.js'
export type { PresignParams } from './cos/presign.js'
export type {
  CreateMultipartUploadParams,
  CreateMultipartUploadResult,
} from './cos/create-multipart-upload.js'
export type { UploadPartParams } from './cos/upload-part.js'
export type { ListedPart, ListPartsParams, ListPartsResult } from './cos/list-parts.js'
export type {
  CompletedPart,
  CompleteMultipartUploadParams,
  CompleteMultipartUploadResult,
} from './cos/complete-multipart-upload.js'
export type { AbortMultipartUploadParams } from './cos/abort-multipart-upload.js'
export type { ObjectWriteStream } from './transfer/object-write-stream.js'
export type { StoredObject, TransferEvent, TransferListener, UploadOptions } from './transfer/upload-job.js'
export type { UploadFileParams, UploadParams } from './transfer/upload.js'
export type { DownloadFileParams } from './transfer/download-job.js'
export type { DownloadFileResult } from './transfer/download-file.js'
export type { CopyParams } from './transfer/copy-job.js'
export type { EncryptedCopyResult } from './encrypted/copy-object.js'
export type {
  EncryptedDownloadFileParams,
  EncryptedDownloadFileResult,
  EncryptedStoredObject,
  EncryptedUploadFileParams,
} from './encrypted/transfers.js'
export type { EncryptionResult } from './encrypted/encryption.js'
export type { EncryptedGetParams, EncryptedGetResult } from './encrypted/get-object.js'
export type { EncryptedHeadParams, EncryptedHeadResult } from './encrypted/head-object.js'
export type { InstructionFileParams } from './encrypted/open-object.js'
export type { RewrapParams, RewrapResult } from './encrypted/rewrap.js'
export type { VerifyParams, VerifyResult } from './encrypted/verify.js'
export type { EncryptedStoredResult } from './encrypted/put-object.js'
export type {
  EncryptedCompleteParams,
  EncryptedCompleteResult,
  EncryptedCreateParams,
  EncryptedCreateResult,
  EncryptedPartParams,
} from './encrypted/multipart-params.js'
export type { PartCheck, UploadContext } from './encrypted/upload-context.js'
