/** Initiate Multipart Upload. */
import { SealstreamError } from '../errors.js'
import { OBJECT_HEADER_PARAMS, objectHeaders, type ObjectHeaderParams } from './object-headers.js'
import {
  checkObjectCall,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { readXml, text } from './xml.js'

/** Parameters of createMultipartUpload. */
export interface CreateMultipartUploadParams extends ObjectParams, ObjectHeaderParams {}

/** A multipart upload under way. The parts are kept until it is completed or aborted. */
export interface CreateMultipartUploadResult extends ResultMetadata {
  Bucket: string
  Key: string
  UploadId: string
}

/** @throws {@link OptionError} on a bad parameter, and the errors of every request. */
export async function createMultipartUpload(
  service: Service,
  params: CreateMultipartUploadParams,
): Promise<CreateMultipartUploadResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, OBJECT_HEADER_PARAMS)
  const answer = await service.http.send({
    operation: 'createMultipartUpload',
    method: 'POST',
    bucket,
    key,
    query: { uploads: '' },
    headers: objectHeaders(params),
    signal,
  })
  const { node } = await readXml(answer.body, ['InitiateMultipartUploadResult'])
  const uploadId = text(node, 'UploadId')
  if (uploadId === '') {
    throw new SealstreamError('SEALSTREAM_ANSWER', 'createMultipartUpload: the answer names no upload id')
  }
  return { Bucket: bucket, Key: key, UploadId: uploadId, ...resultMetadata(answer) }
}
