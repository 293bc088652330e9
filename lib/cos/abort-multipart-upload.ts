/** Abort Multipart Upload. */
import { ServiceError } from '../errors.js'
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
  { outlives = false }: { outlives?: boolean } = {},
): Promise<ResultMetadata> {
  const { bucket, key, signal } = checkObjectCall(service, params, ['UploadId'])
  assertText(params.UploadId, 'UploadId')
  const earlier = { isUncertain: false }
  const request = {
    operation: 'abortMultipartUpload',
    method: 'DELETE' as const,
    bucket,
    key,
    query: { uploadId: params.UploadId },
    outlives,
    onUncertain: () => void (earlier.isUncertain = true),
    signal,
  }
  try {
    return resultMetadata(await service.http.send(request))
  } catch (error) {
    // An earlier attempt did it, and its answer was lost.
    const isDone =
      earlier.isUncertain && error instanceof ServiceError && error.serviceCode === 'NoSuchUpload'
    if (!isDone) throw error
    return resultMetadata({ status: error.status, headers: {} })
  }
}
