/** The encrypting client: where keys, envelopes, streams, requests and transfers meet. */
import { inspect } from 'node:util'
import {
  CLIENT_OPTIONS,
  FOREIGN_OPTIONS,
  makeService,
  openReadStream,
  type CosClientOptions,
  type ReadStreamParams,
  type WriteStreamParams,
} from './cos-client.js'
import type { AbortMultipartUploadParams } from './cos/abort-multipart-upload.js'
import type { CopyObjectParams } from './cos/copy-object.js'
import {
  deleteMultipleObjects,
  type DeleteMultipleObjectsParams,
  type DeleteMultipleObjectsResult,
} from './cos/delete-multiple-objects.js'
import { deleteObject, type DeleteObjectParams, type DeleteObjectResult } from './cos/delete-object.js'
import {
  listMultipartUploads,
  type ListMultipartUploadsParams,
  type ListMultipartUploadsResult,
} from './cos/list-multipart-uploads.js'
import { listObjects, type ListObjectsParams, type ListObjectsResult } from './cos/list-objects.js'
import { listParts, type ListPartsParams, type ListPartsResult } from './cos/list-parts.js'
import { presign, type PresignParams } from './cos/presign.js'
import type { PutObjectParams } from './cos/put-object.js'
import { restoreObject, type RestoreObjectParams } from './cos/restore-object.js'
import type { ResultMetadata } from './cos/service.js'
import type { UploadPartCopyParams } from './cos/upload-part-copy.js'
import { assertContext, type EncryptionContext } from './crypto/encryption-context.js'
import { FORMATS, WRITABLE_FORMATS, type Format } from './crypto/format.js'
import { assertUserMetadata, type Encryption } from './encrypted/encryption.js'
import { copyEncryptedObject, type EncryptedCopyResult } from './encrypted/copy-object.js'
import {
  getEncryptedObject,
  type EncryptedGetParams,
  type EncryptedGetResult,
} from './encrypted/get-object.js'
import {
  headEncryptedObject,
  type EncryptedHeadParams,
  type EncryptedHeadResult,
} from './encrypted/head-object.js'
import type {
  EncryptedCompleteParams,
  EncryptedCompleteResult,
  EncryptedCreateParams,
  EncryptedCreateResult,
  EncryptedPartParams,
} from './encrypted/multipart-params.js'
import { MultipartUploads } from './encrypted/multipart-uploads.js'
import { putEncryptedObject, type EncryptedStoredResult } from './encrypted/put-object.js'
import { rewrap, type RewrapParams, type RewrapResult } from './encrypted/rewrap.js'
import { sealerOf } from './encrypted/sealer.js'
import {
  copyEncrypted,
  downloadEncryptedFile,
  uploadEncrypted,
  uploadEncryptedFile,
  type EncryptedDownloadFileParams,
  type EncryptedDownloadFileResult,
  type EncryptedStoredObject,
  type EncryptedUploadFileParams,
} from './encrypted/transfers.js'
import { verify, type VerifyParams, type VerifyResult } from './encrypted/verify.js'
import { OptionError } from './errors.js'
import { assertPolicy, type Policy } from './envelope/policy.js'
import { assertKnown, assertOneOf } from './internal/assert.js'
import { assertMasterKey, type MasterKey } from './keys/master-key.js'
import type { Body } from './stream/body.js'
import { objectWriteStream, type ObjectWriteStream } from './transfer/object-write-stream.js'
import type { CopyParams } from './transfer/copy-job.js'
import type { UploadParams } from './transfer/upload.js'
import { uploadJob } from './transfer/upload-job.js'

/** Options of {@link CosEncryptionClient}. */
export interface CosEncryptionClientOptions extends CosClientOptions {
  /** Wraps the data key of every object written, and unwraps those of objects read. */
  masterKey: MasterKey
  /**
   * What to write: `sealed` (authenticated; read by this package and whoever implements docs/format.md), `cos` (read by the COS
   * SDKs for Java and, with RSA, Python; with KMS, Go), `cos-python` or `cos-java-gcm`. Required; reading detects the format from
   * the object.
   */
  format: Format
  /**
   * Which formats to read: `authenticated`, `any` or a list. Defaults to `authenticated` where `format` is authenticated,
   * to `any` where it is not.
   */
  policy?: Policy | undefined
  /**
   * What objects are about. `sealed` binds it to the bytes without storing it: the reader has to give the same, or the object is
   * refused. In the COS Java and Go dialects it is the material description: stored in the clear, compared when reading.
   */
  context?: EncryptionContext | undefined
}

/** Parameters of the encrypting createReadStream. */
export type EncryptedReadStreamParams = ReadStreamParams &
  Pick<EncryptedGetParams, 'InstructionFile' | 'releaseUnverified' | 'mostHeld'>

const ENCRYPTED_READ_PARAMS = ['InstructionFile', 'releaseUnverified', 'mostHeld']

/**
 * The operations of {@link CosClient}, encrypted on the client: nothing but ciphertext and wrapped keys leaves it. Lengths,
 * ranges and MD5s that you give and get are those of the plaintext; `StoredLength` is ciphertext.
 */
export class CosEncryptionClient {
  readonly #encryption: Encryption
  readonly #uploads: MultipartUploads

  /** @throws OptionError on an unknown, missing or malformed option. No request is made. */
  constructor(options: CosEncryptionClientOptions) {
    assertKnown(options, '', [...CLIENT_OPTIONS, 'masterKey', 'format', 'policy', 'context'], FOREIGN_OPTIONS)
    const { masterKey, format, context } = options
    assertMasterKey(masterKey)
    assertOneOf(format, 'format', WRITABLE_FORMATS)
    if (context !== undefined) assertContext(context)
    const policy = options.policy ?? (FORMATS[format].authenticated ? 'authenticated' : 'any')
    assertPolicy(policy)
    this.#encryption = {
      service: makeService(options),
      masterKey,
      format,
      policy,
      context: context && { ...context },
    }
    this.#uploads = new MultipartUploads(this.#encryption)
  }

  /** Closes the client's connections, uploads that are being dropped first, and lets go of the data keys of uploads under way. The master key stays yours. */
  async close(): Promise<void> {
    await Promise.all([this.#encryption.service.http.close(), this.#uploads.close()])
  }

  /** Encrypts and stores an object in one request of at most 5 GiB. */
  putObject(params: PutObjectParams): Promise<EncryptedStoredResult> {
    return putEncryptedObject(this.#encryption, params)
  }

  /** Fetches and decrypts an object or a range of its plaintext. */
  getObject(params: EncryptedGetParams): Promise<EncryptedGetResult> {
    return getEncryptedObject(this.#encryption, params)
  }

  /** What the service knows of an encrypted object; `ContentLength` is the plaintext's. */
  headObject(params: EncryptedHeadParams): Promise<EncryptedHeadResult> {
    return headEncryptedObject(this.#encryption, params)
  }

  /** Deletes an object, and its envelope with it; deleting what is not there succeeds. */
  deleteObject(params: DeleteObjectParams): Promise<DeleteObjectResult> {
    return deleteObject(this.#encryption.service, params)
  }

  /** Deletes up to 1000 objects. Look at `Error` of the result. */
  deleteMultipleObjects(params: DeleteMultipleObjectsParams): Promise<DeleteMultipleObjectsResult> {
    return deleteMultipleObjects(this.#encryption.service, params)
  }

  /** One page of the objects in a bucket, encrypted or not. Sizes are stored sizes. */
  listObjects(params?: ListObjectsParams): Promise<ListObjectsResult> {
    return listObjects(this.#encryption.service, params)
  }

  /** The plaintext of an object, or of `start..end`. The requests are made on the first read; errors come from the stream. */
  createReadStream(params: EncryptedReadStreamParams): Body {
    return openReadStream(
      this.#encryption.service,
      params,
      (range) => this.getObject(range),
      ENCRYPTED_READ_PARAMS,
    )
  }

  /**
   * A Writable that encrypts and stores what is written to it, of any length: in parts, several at a time, or in one PUT
   * if it fits a part. `finish` means stored and verified; `.result` tells what. Destroying it aborts the upload.
   */
  createWriteStream(params: WriteStreamParams): ObjectWriteStream {
    assertUserMetadata((params as Partial<WriteStreamParams> | undefined)?.Metadata)
    return objectWriteStream(uploadJob(this.#encryption.service, params, [], sealerOf(this.#encryption)))
  }

  /** Encrypts and stores an object of any length from any source: in parts, several at a time, or in one PUT. */
  upload(params: UploadParams): Promise<EncryptedStoredObject> {
    return uploadEncrypted(this.#encryption, params)
  }

  /**
   * Encrypts and stores a file: parts read, encrypted and sent by several workers; with a checkpoint, another call goes on
   * where this one ended.
   */
  uploadFile(params: EncryptedUploadFileParams): Promise<EncryptedStoredObject> {
    return uploadEncryptedFile(this.#encryption, params)
  }

  /** Downloads and decrypts an object to a file, which appears whole and verified or not at all. */
  downloadFile(params: EncryptedDownloadFileParams): Promise<EncryptedDownloadFileResult> {
    return downloadEncryptedFile(this.#encryption, params)
  }

  /** Copies an encrypted object of any size within the service, envelope and all, and compares the copy with it. */
  copy(params: CopyParams): Promise<EncryptedStoredObject> {
    return copyEncrypted(this.#encryption, params)
  }

  /**
   * Gives an object another envelope, without touching its bytes: other master keys, more or fewer recipients, or the other CTR
   * dialect. Old versions keep their envelope, and nobody who has seen the data key forgets it.
   */
  rewrap(params: RewrapParams): Promise<RewrapResult> {
    return rewrap(this.#encryption, params)
  }

  /** Reads an object, or samples of a large one, and checks all there is to check; keeps no plaintext. */
  verify(params: VerifyParams): Promise<VerifyResult> {
    return verify(this.#encryption, params)
  }

  /** Copies an encrypted object of at most 5 GB in one request, envelope and all. */
  copyObject(params: CopyObjectParams): Promise<EncryptedCopyResult> {
    return copyEncryptedObject(this.#encryption, params)
  }

  /** Has an archived object made readable for some days. */
  restoreObject(params: RestoreObjectParams): Promise<ResultMetadata> {
    return restoreObject(this.#encryption.service, params)
  }

  /**
   * Refused: a stretch of another object is under another data key, and would be unreadable here (RULES 2.4).
   *
   * @throws OptionError always.
   */
  async uploadPartCopy(params?: UploadPartCopyParams): Promise<never> {
    throw new OptionError('CopySource', 'cannot become a part of an encrypted upload', {
      value: (params as Partial<UploadPartCopyParams> | undefined)?.CopySource?.Key,
      hint: 'copy() copies whole encrypted objects, in parts where they are large',
    })
  }

  /** A URL that carries its own signature. What it gives is ciphertext; what is put through it is stored unencrypted. */
  presign(params: PresignParams): Promise<string> {
    return presign(this.#encryption.service, params)
  }

  /** Starts an encrypted multipart upload; `Upload` is its serialisable encryption context. */
  createMultipartUpload(params: EncryptedCreateParams): Promise<EncryptedCreateResult> {
    return this.#uploads.create(params)
  }

  /** Encrypts and stores a part. A part sent again must have the same bytes. */
  uploadPart(params: EncryptedPartParams): Promise<EncryptedStoredResult> {
    return this.#uploads.uploadPart(params)
  }

  /** One page of the uploads that were neither completed nor aborted. */
  listMultipartUploads(params?: ListMultipartUploadsParams): Promise<ListMultipartUploadsResult> {
    return listMultipartUploads(this.#encryption.service, params)
  }

  /** One page of the parts stored so far; sizes are stored sizes. */
  listParts(params: ListPartsParams): Promise<ListPartsResult> {
    return listParts(this.#encryption.service, params)
  }

  /** Joins the parts, after checking that all are there and none was exchanged. */
  completeMultipartUpload(params: EncryptedCompleteParams): Promise<EncryptedCompleteResult> {
    return this.#uploads.complete(params)
  }

  /** Drops a multipart upload and its parts. */
  abortMultipartUpload(params: AbortMultipartUploadParams): Promise<ResultMetadata> {
    return this.#uploads.abort(params)
  }

  /** Never shows credentials or keys. */
  [inspect.custom](): string {
    return `CosEncryptionClient { format: '${this.#encryption.format}', <hidden> }`
  }
}
