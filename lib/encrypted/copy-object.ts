/** PUT Object - Copy, of an encrypted object: its envelope goes with it. */
import { COPY_PARAMS, copyObject, type CopyObjectParams, type CopyObjectResult } from '../cos/copy-object.js'
import { resolveSource, type CopySourceParams } from '../cos/copy-source.js'
import type { ConditionParams } from '../cos/get-object.js'
import { checkObjectCall, present } from '../cos/service.js'
import { FORMATS } from '../crypto/format.js'
import { envelopeHeaders } from '../envelope/headers.js'
import { readEnvelope } from '../envelope/read-envelope.js'
import { IntegrityError } from '../errors.js'
import { headSource } from '../transfer/copied-source.js'
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
  const source = resolveSource(service, params.CopySource)
  const head = await headSource(service, source, params, signal, sourceConditions(params))
  const { headers } = head.$metadata
  const { format } = readEnvelope(headers)
  const VersionId = source.versionId ?? head.VersionId
  const copied = await copyObject(service, {
    ...params,
    ...(params.MetadataDirective === 'Replaced'
      ? { Metadata: { ...params.Metadata, ...envelopeHeaders(headers) } }
      : {}),
    // The envelope is that of these very bytes, whatever the caller's conditions allow besides.
    CopySource: { ...params.CopySource, ...(VersionId === undefined ? {} : { VersionId }) },
    CopySourceIfMatch: head.ETag,
  })
  const [expected, found] = [head.HashCrc64ecma, copied.HashCrc64ecma]
  if (expected !== undefined && found !== undefined && expected !== found) {
    throw new IntegrityError(`${params.Key}: the copy is not the source`, {
      algorithm: 'crc64',
      expected,
      found,
      etag: copied.ETag,
    })
  }
  return { ...copied, format, authenticated: FORMATS[format].authenticated }
}

/** The caller's conditions on the source, as HEAD takes them. */
function sourceConditions(params: CopySourceParams): ConditionParams {
  return present({
    IfMatch: params.CopySourceIfMatch,
    IfNoneMatch: params.CopySourceIfNoneMatch,
    IfModifiedSince: params.CopySourceIfModifiedSince,
    IfUnmodifiedSince: params.CopySourceIfUnmodifiedSince,
  })
}
