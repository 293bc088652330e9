/** The encrypting client: where keys, envelopes, streams, requests and transfers meet. */
import { inspect } from 'node:util'
import {
  checkWriteStream,
  CLIENT_OPTIONS,
  FOREIGN_OPTIONS,
  makeService,
  openReadStream,
  type CosClientOptions,
  type ReadStreamParams,
  type WriteStreamParams,
} from './cos-client.js'
import type { AbortMultipartUploadParams } from './cos/abort-multipart-upload.js'
import { deleteObject, type DeleteObjectParams, type DeleteObjectResult } from './cos/delete-object.js'
import type { GetObjectParams } from './cos/get-object.js'
import type { HeadObjectParams } from './cos/head-object.js'
import { listObjects, type ListObjectsParams, type ListObjectsResult } from './cos/list-objects.js'
import { listParts, type ListPartsParams, type ListPartsResult } from './cos/list-parts.js'
import { objectHeaders } from './cos/object-headers.js'
import type { PutObjectParams } from './cos/put-object.js'
import type { ResultMetadata } from './cos/service.js'
import { FORMAT_NAMES, FORMATS, type Format } from './crypto/format.js'
import { assertUserMetadata, type Encryption } from './encrypted/encryption.js'
import { getEncryptedObject, type EncryptedGetResult } from './encrypted/get-object.js'
import { headEncryptedObject, type EncryptedHeadResult } from './encrypted/head-object.js'
import type {
  EncryptedCompleteParams,
  EncryptedCompleteResult,
  EncryptedCreateParams,
  EncryptedCreateResult,
  EncryptedPartParams,
} from './encrypted/multipart-params.js'
import { MultipartUploads } from './encrypted/multipart-uploads.js'
import { putEncryptedObject, type EncryptedStoredResult } from './encrypted/put-object.js'
import { assertMasterKey, createEnvelope } from './envelope/envelope.js'
import { assertPolicy, type Policy } from './envelope/policy.js'
import { unlessAborted } from './internal/abort.js'
import { assertKnown, assertOneOf } from './internal/assert.js'
import type { MasterKey } from './keys/master-key.js'
import type { Body } from './stream/body.js'
import { objectWriteStream, type ObjectWriteStream } from './transfer/object-write-stream.js'
import { PartStore } from './transfer/part-store.js'

/** Options of {@link CosEncryptionClient}. */
export interface CosEncryptionClientOptions extends CosClientOptions {
  /** Wraps the data key of every object written, and unwraps those of objects read. */
  masterKey: MasterKey
  /** What to write: `cos` or `cos-python`. Required; reading detects the format from the object. */
  format: Format
  /**
   * Which formats to read: `authenticated`, `any` or a list. Defaults to `authenticated` where `format` is authenticated,
   * to `any` where it is not.
   */
  policy?: Policy | undefined
}

/**
 * The operations of {@link CosClient}, encrypted on the client: nothing but ciphertext and wrapped keys leaves it. Lengths,
 * ranges and MD5s that you give and get are those of the plaintext; `StoredLength` is ciphertext.
 */
export class CosEncryptionClient {
  readonly #encryption: Encryption
  readonly #uploads: MultipartUploads

  /** @throws OptionError on an unknown, missing or malformed option. No request is made. */
  constructor(options: CosEncryptionClientOptions) {
    assertKnown(options, '', [...CLIENT_OPTIONS, 'masterKey', 'format', 'policy'], FOREIGN_OPTIONS)
    const { masterKey, format } = options
    assertMasterKey(masterKey)
    assertOneOf(format, 'format', FORMAT_NAMES)
    const policy = options.policy ?? (FORMATS[format].authenticated ? 'authenticated' : 'any')
    assertPolicy(policy)
    this.#encryption = { service: makeService(options), masterKey, format, policy }
    this.#uploads = new MultipartUploads(this.#encryption)
  }

  /** Closes the client's connections and lets go of the data keys of uploads under way. The master key stays yours. */
  async close(): Promise<void> {
    this.#encryption.service.http.close()
    await this.#uploads.close()
  }

  /** Encrypts and stores an object in one request of at most 5 GiB. */
  putObject(params: PutObjectParams): Promise<EncryptedStoredResult> {
    return putEncryptedObject(this.#encryption, params)
  }

  /** Fetches and decrypts an object or a range of its plaintext. */
  getObject(params: GetObjectParams): Promise<EncryptedGetResult> {
    return getEncryptedObject(this.#encryption, params)
  }

  /** What the service knows of an encrypted object; `ContentLength` is the plaintext's. */
  headObject(params: HeadObjectParams): Promise<EncryptedHeadResult> {
    return headEncryptedObject(this.#encryption, params)
  }

  /** Deletes an object, and its envelope with it; deleting what is not there succeeds. */
  deleteObject(params: DeleteObjectParams): Promise<DeleteObjectResult> {
    return deleteObject(this.#encryption.service, params)
  }

  /** One page of the objects in a bucket, encrypted or not. Sizes are stored sizes. */
  listObjects(params?: ListObjectsParams): Promise<ListObjectsResult> {
    return listObjects(this.#encryption.service, params)
  }

  /** The plaintext of an object, or of `start..end`. The requests are made on the first read; errors come from the stream. */
  createReadStream(params: ReadStreamParams): Body {
    return openReadStream(this.#encryption.service, params, (range) => this.getObject(range))
  }

  /**
   * A Writable that encrypts and stores what is written to it, of any length: parts one after another, or one PUT if it
   * fits a part. `finish` means stored and verified; `.result` tells what. Destroying it aborts the upload.
   */
  createWriteStream(params: WriteStreamParams): ObjectWriteStream {
    const { service, masterKey, format } = this.#encryption
    const { bucket, key, partSize, headers } = checkWriteStream(service, params)
    assertUserMetadata(params.Metadata)
    return objectWriteStream({
      partSize,
      onProgress: params.onProgress,
      signal: params.signal,
      open: async (signal) => {
        const { dataKey, metadata } = await unlessAborted(createEnvelope(masterKey, { format }), signal)
        const encryptor = dataKey.encryptor()
        // The encryptor has its own reference to the key; this one is used for nothing else.
        dataKey.dispose()
        const Metadata = { ...headers.Metadata, ...metadata }
        // Too large an envelope must show before anything is written.
        objectHeaders({ Metadata })
        return { encryptor, store: new PartStore(service, { bucket, key, signal }, { ...headers, Metadata }) }
      },
    })
  }

  /** Starts an encrypted multipart upload; `Upload` is its serialisable encryption context. */
  createMultipartUpload(params: EncryptedCreateParams): Promise<EncryptedCreateResult> {
    return this.#uploads.create(params)
  }

  /** Encrypts and stores a part. A part sent again must have the same bytes. */
  uploadPart(params: EncryptedPartParams): Promise<EncryptedStoredResult> {
    return this.#uploads.uploadPart(params)
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
