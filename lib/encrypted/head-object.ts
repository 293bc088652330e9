/** HEAD Object, in plaintext terms. */
import { headObject, type HeadObjectParams, type HeadObjectResult } from '../cos/head-object.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import { FORMATS } from '../crypto/format.js'
import { readEnvelope } from '../envelope/read-envelope.js'
import { withoutEnvelope, type Encryption, type EncryptionResult } from './encryption.js'
import { envelopeOf, openObject, withoutInstructionFile, type InstructionFileParams } from './open-object.js'
import { plaintextSize, statedSize } from './plaintext-size.js'

/** Parameters of the encrypting headObject. */
export interface EncryptedHeadParams extends HeadObjectParams, InstructionFileParams {}

/** What the service knows of an encrypted object. Sizes and metadata are not authenticated. */
export interface EncryptedHeadResult extends HeadObjectResult, EncryptionResult {
  /** Ciphertext bytes; `ContentLength` is plaintext. */
  StoredLength: number
}

/**
 * The master key is not needed, but for objects of `cos-java-cbc` that do not say how long their plaintext is: only their last
 * block tells.
 *
 * @throws EnvelopeError where the object has no envelope that this version reads; LengthError `SEALSTREAM_TRUNCATED` where no
 *   object of its format has that size; otherwise as the plain headObject.
 */
export async function headEncryptedObject(
  encryption: Encryption,
  params: EncryptedHeadParams,
): Promise<EncryptedHeadResult> {
  const { service } = encryption
  const plain = withoutInstructionFile(
    (params as EncryptedHeadParams | undefined) ?? ({} as EncryptedHeadParams),
  )
  const head = await headObject(service, plain)
  const { headers } = head.$metadata
  const { format } = readEnvelope(await envelopeOf(encryption, params, headers))
  const { cipher, authenticated } = FORMATS[format]
  const size = cipher.isSizeExact
    ? cipher.plaintextSize(head.ContentLength)
    : (possibleSize(headers, head.ContentLength) ?? (await sizeByKey(encryption, params, head)))
  return {
    ...head,
    ContentLength: size,
    StoredLength: head.ContentLength,
    Metadata: withoutEnvelope(head.Metadata),
    format,
    authenticated,
  }
}

/** What the headers say, if it can be: within the last block of the ciphertext, or all of it (see plaintextSize). */
function possibleSize(headers: Readonly<Record<string, string>>, stored: number): number | undefined {
  const size = statedSize(headers)
  return size !== undefined && size <= stored && size >= stored - BLOCK_BYTES ? size : undefined
}

async function sizeByKey(
  encryption: Encryption,
  params: EncryptedHeadParams,
  head: HeadObjectResult,
): Promise<number> {
  const { dataKey } = await openObject(encryption, params, head.$metadata.headers)
  try {
    const object = { ...head, StoredLength: head.ContentLength }
    return await plaintextSize(encryption.service, withoutInstructionFile(params), object, dataKey)
  } finally {
    dataKey.dispose()
  }
}
