/** Initiate Multipart Upload. */
import { SealstreamError } from '../errors.js'
import { throwIfAborted, unlessAborted } from '../internal/abort.js'
import { abandonUpload, patiently } from './abandon-upload.js'
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

/**
 * Starts an upload. When it is aborted, what may have been started is dropped.
 *
 * @throws {@link OptionError} on a bad parameter, and the errors of every request.
 */
export async function createMultipartUpload(
  service: Service,
  params: CreateMultipartUploadParams,
): Promise<CreateMultipartUploadResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, OBJECT_WRITE_PARAMS)
  throwIfAborted(signal)
  // The request itself is not abortable: an upload whose id nobody learned could not be dropped.
  const creating = create(service, bucket, key, objectWriteHeaders(service, params))
  try {
    return await unlessAborted(creating, signal)
  } catch (error) {
    await patiently(
      creating.then(
        ({ UploadId: uploadId }) => abandonUpload(service, { bucket, key, uploadId }),
        () => undefined,
      ),
    )
    throw error
  }
}

function create(
  service: Service,
  bucket: string,
  key: string,
  headers: Record<string, string>,
): Promise<CreateMultipartUploadResult> {
  const request = {
    operation: 'createMultipartUpload',
    method: 'POST' as const,
    bucket,
    key,
    query: { uploads: '' },
    headers,
    // Whoever aborts it meanwhile has what came of it dropped.
    outlives: true,
    onUncertain: () => warnOfUpload(bucket, key),
  }
  return service.http.send(request, async (answer) => {
    try {
      const { node } = await readXml(answer.body, ['InitiateMultipartUploadResult'])
      const UploadId = text(node, 'UploadId')
      if (UploadId === '') {
        throw new SealstreamError('SEALSTREAM_ANSWER', 'createMultipartUpload: the answer names no upload id')
      }
      const described = describeEncryption(answer.headers)
      return { Bucket: bucket, Key: key, UploadId, ...described, ...resultMetadata(answer) }
    } catch (error) {
      // It was started, and nobody knows how it is called.
      warnOfUpload(bucket, key)
      throw error
    }
  })
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
