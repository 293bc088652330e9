/** Initiate Multipart Upload. */
import { SealstreamError } from '../errors.js'
import { OBJECT_WRITE_PARAMS, objectWriteHeaders, type ObjectWriteParams } from './object-headers.js'
import {
  checkObjectCall,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { describeEncryption, type ServerSideEncryptionResult } from './sse.js'
import { readXml, text } from './xml.js'

/** Parameters of createMultipartUpload. */
export interface CreateMultipartUploadParams extends ObjectParams, ObjectWriteParams {}

/** A multipart upload under way. The parts are kept until it is completed or aborted. */
export interface CreateMultipartUploadResult extends ServerSideEncryptionResult, ResultMetadata {
  Bucket: string
  Key: string
  UploadId: string
}

/** @throws {@link OptionError} on a bad parameter, and the errors of every request. */
export async function createMultipartUpload(
  service: Service,
  params: CreateMultipartUploadParams,
): Promise<CreateMultipartUploadResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, OBJECT_WRITE_PARAMS)
  const answer = await service.http.send({
    operation: 'createMultipartUpload',
    method: 'POST',
    bucket,
    key,
    query: { uploads: '' },
    headers: objectWriteHeaders(service, params),
    onUncertain: () => warnOfUpload(bucket, key),
    signal,
  })
  const { node } = await readXml(answer.body, ['InitiateMultipartUploadResult'])
  const uploadId = text(node, 'UploadId')
  if (uploadId === '') {
    throw new SealstreamError('SEALSTREAM_ANSWER', 'createMultipartUpload: the answer names no upload id')
  }
  return {
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    ...describeEncryption(answer.headers),
    ...resultMetadata(answer),
  }
}

/**
 * The answer was lost, and with it the id of an upload that may be there. Among the uploads of this key it could not be
 * told from those of other processes, so it is reported, never aborted blindly (RULES 5.3).
 */
function warnOfUpload(bucket: string, key: string): void {
  process.emitWarning(`an upload of ${bucket}/${key} may have been started, but the answer was lost`, {
    code: 'SEALSTREAM_UPLOAD_LEFT',
    detail: 'Look for it with listMultipartUploads and drop it with abortMultipartUpload.',
  })
}
