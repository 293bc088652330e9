/** HEAD Object, in plaintext terms. */
import { headObject, type HeadObjectParams, type HeadObjectResult } from '../cos/head-object.js'
import { FORMATS } from '../crypto/format.js'
import { readMetadata } from '../envelope/envelope.js'
import { withoutEnvelope, type Encryption, type EncryptionResult } from './encryption.js'

/** What the service knows of an encrypted object. Sizes and metadata are not authenticated. */
export interface EncryptedHeadResult extends HeadObjectResult, EncryptionResult {
  /** Ciphertext bytes; `ContentLength` is plaintext. */
  StoredLength: number
}

/**
 * The master key is not needed: nothing is decrypted.
 *
 * @throws EnvelopeError where the object has no envelope that this version reads; otherwise as the plain headObject.
 */
export async function headEncryptedObject(
  { service }: Encryption,
  params: HeadObjectParams,
): Promise<EncryptedHeadResult> {
  const head = await headObject(service, params)
  const { format } = readMetadata(head.$metadata.headers)
  const { cipher, authenticated } = FORMATS[format]
  return {
    ...head,
    ContentLength: cipher.plaintextSize(head.ContentLength),
    StoredLength: head.ContentLength,
    Metadata: withoutEnvelope(head.Metadata),
    format,
    authenticated,
  }
}
