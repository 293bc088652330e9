/** Abort Multipart Upload. */
import { assertText } from '../internal/assert.js'
import {
  checkObjectCall,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'

/** Parameters of abortMultipartUpload. */
export interface AbortMultipartUploadParams extends ObjectParams {
  UploadId: string
}

/** Drops an upload and its parts. @throws ServiceError `NoSuchUpload`, and the errors of every request. */
export async function abortMultipartUpload(
  service: Service,
  params: AbortMultipartUploadParams,
): Promise<ResultMetadata> {
  const { bucket, key, signal } = checkObjectCall(service, params, ['UploadId'])
  assertText(params.UploadId, 'UploadId')
  const query = { uploadId: params.UploadId }
  const answer = await service.http.send({
    operation: 'abortMultipartUpload',
    method: 'DELETE',
    bucket,
    key,
    query,
    signal,
  })
  return resultMetadata(answer)
}
