/** The transfer engine, encrypting: uploads, downloads to files and copies in plaintext terms. */
import type { HeadObjectResult } from '../cos/head-object.js'
import { FORMATS } from '../crypto/format.js'
import type { OpenedEnvelope } from '../envelope/envelope.js'
import { envelopeHeaders } from '../envelope/headers.js'
import { readEnvelope } from '../envelope/read-envelope.js'
import { assertKnown } from '../internal/assert.js'
import type { AesMasterKey } from '../keys/aes-master-key.js'
import { copy } from '../transfer/copy.js'
import type { CopyParams } from '../transfer/copy-job.js'
import { downloadFile, type DownloadFileResult } from '../transfer/download-file.js'
import type { OpenedObject } from '../transfer/download-plan.js'
import type { DownloadFileParams } from '../transfer/download-job.js'
import { upload, type UploadFileParams, type UploadParams } from '../transfer/upload.js'
import { uploadFile } from '../transfer/upload-file.js'
import type { StoredObject } from '../transfer/upload-job.js'
import { assertUserMetadata, withoutEnvelope, type Encryption, type EncryptionResult } from './encryption.js'
import { openSized, withoutInstructionFile, type InstructionFileParams } from './open-object.js'
import { checkCheckpointKey, sealerOf } from './sealer.js'

/** Parameters of the encrypting uploadFile. */
export interface EncryptedUploadFileParams extends UploadFileParams {
  /** Wraps the data key inside the checkpoint. Needed where the master key can only wrap (an RSA public key alone). */
  checkpointKey?: AesMasterKey
}

/** An encrypted object that an upload or a copy stored. */
export interface EncryptedStoredObject extends StoredObject, EncryptionResult {
  /** Plaintext bytes. */
  ContentLength: number
}

/** Parameters of the encrypting downloadFile. */
export interface EncryptedDownloadFileParams extends DownloadFileParams, InstructionFileParams {}

/** A file that was downloaded and decrypted. */
export interface EncryptedDownloadFileResult extends DownloadFileResult, EncryptionResult {
  /** Ciphertext bytes; `ContentLength` is the file's. */
  StoredLength: number
  /** See {@link OpenedEnvelope}. */
  keyVerified: boolean
}

/** Encrypts and stores an object of any length. @throws As the plain upload; `SEALSTREAM_METADATA`. */
export async function uploadEncrypted(
  encryption: Encryption,
  params: UploadParams,
): Promise<EncryptedStoredObject> {
  assertUserMetadata((params as Partial<UploadParams> | undefined)?.Metadata)
  return inPlaintextTerms(encryption, await upload(encryption.service, params, sealerOf(encryption)))
}

/** Encrypts and stores a file. @throws As the plain uploadFile; `SEALSTREAM_METADATA`, `SEALSTREAM_CHECKPOINT_NEEDS_KEY`. */
export async function uploadEncryptedFile(
  encryption: Encryption,
  params: EncryptedUploadFileParams,
): Promise<EncryptedStoredObject> {
  const { checkpointKey, ...plain } = given(params)
  assertUserMetadata(plain.Metadata)
  const sealer = sealerOf(encryption, checkCheckpointKey(checkpointKey))
  return inPlaintextTerms(encryption, await uploadFile(encryption.service, plain, sealer))
}

/** Fetches and decrypts an object to a file. @throws As the plain downloadFile; EnvelopeError, KeyError. */
export async function downloadEncryptedFile(
  encryption: Encryption,
  params: EncryptedDownloadFileParams,
): Promise<EncryptedDownloadFileResult> {
  let opened: OpenedEnvelope | undefined
  let storedLength = 0
  const open = async (head: HeadObjectResult): Promise<OpenedObject> => {
    storedLength = head.ContentLength
    const sized = await openSized(encryption, params, head)
    opened = sized
    return sized
  }
  const result = await downloadFile(encryption.service, withoutInstructionFile(given(params)), open)
  const { format, authenticated, keyVerified } = opened as unknown as OpenedEnvelope
  return {
    ...result,
    Metadata: withoutEnvelope(result.Metadata),
    StoredLength: storedLength,
    format,
    authenticated,
    keyVerified,
  }
}

/**
 * Copies an encrypted object within the service: its bytes as they are, its envelope with them, also where metadata is
 * replaced. The copy has the same data key. @throws As the plain copy; EnvelopeError where the source is not encrypted.
 */
export async function copyEncrypted(
  { service }: Encryption,
  params: CopyParams,
): Promise<EncryptedStoredObject> {
  assertUserMetadata((params as Partial<CopyParams> | undefined)?.Metadata)
  let format: Encryption['format'] | undefined
  const stored = await copy(service, params, {
    envelopeOf({ $metadata: { headers } }) {
      format = readEnvelope(headers).format
      return envelopeHeaders(headers)
    },
  })
  return inPlaintextTerms({ format: format as Encryption['format'] }, stored)
}

function inPlaintextTerms(
  { format }: Pick<Encryption, 'format'>,
  stored: StoredObject,
): EncryptedStoredObject {
  const { cipher, authenticated } = FORMATS[format]
  return { ...stored, ContentLength: cipher.plaintextSize(stored.StoredLength), format, authenticated }
}

/** @throws OptionError unless there are parameters at all. */
function given<Params extends object>(params: Params | undefined): Params {
  assertKnown(params, '', Object.keys(params ?? {}))
  return params
}
