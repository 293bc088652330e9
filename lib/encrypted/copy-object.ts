/** PUT Object - Copy, of an encrypted object: its envelope goes with it. */
import { COPY_PARAMS, copyObject, type CopyObjectParams, type CopyObjectResult } from '../cos/copy-object.js'
import { resolveSource } from '../cos/copy-source.js'
import { checkObjectCall } from '../cos/service.js'
import { FORMATS } from '../crypto/format.js'
import { readMetadata } from '../envelope/envelope.js'
import { isEnvelopeHeader } from '../envelope/headers.js'
import { headSource } from '../transfer/copy.js'
import { assertUserMetadata, type Encryption, type EncryptionResult } from './encryption.js'

/** The copy of an encrypted object. */
export interface EncryptedCopyResult extends CopyObjectResult, EncryptionResult {}

/**
 * Copies an encrypted object of at most 5 GB in one request. With `Replaced`, the envelope is restated beside the new
 * metadata: without it nobody could read the copy. The copy has the same data key.
 *
 * @throws As the plain copyObject; EnvelopeError where the source is not encrypted.
 */
export async function copyEncryptedObject(
  { service }: Encryption,
  params: CopyObjectParams,
): Promise<EncryptedCopyResult> {
  const { signal } = checkObjectCall(service, params, COPY_PARAMS)
  assertUserMetadata(params.Metadata)
  const head = await headSource(service, resolveSource(service, params.CopySource), params, signal)
  const { headers } = head.$metadata
  const { format } = readMetadata(headers)
  const envelope = Object.fromEntries(Object.entries(headers).filter(([name]) => isEnvelopeHeader(name)))
  const copied = await copyObject(service, {
    // The envelope is that of these very bytes.
    CopySourceIfMatch: head.ETag,
    ...params,
    ...(params.MetadataDirective === 'Replaced' ? { Metadata: { ...params.Metadata, ...envelope } } : {}),
  })
  return { ...copied, format, authenticated: FORMATS[format].authenticated }
}
