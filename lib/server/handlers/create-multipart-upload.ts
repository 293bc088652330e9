import { xmlAnswer } from '../answer.js'
import type { Handler } from '../handler.js'
import { headersToStore } from '../metadata.js'

/** Initiate Multipart Upload. Headers and metadata given here become those of the object. */
export const createMultipartUpload: Handler = async ({ request, uploads, now }) => {
  const { bucket, key } = request
  const uploadId = await uploads.create(bucket, { key, headers: headersToStore(request), initiated: now() })
  return xmlAnswer([
    'InitiateMultipartUploadResult',
    [
      ['Bucket', bucket],
      ['Key', key],
      ['UploadId', uploadId],
    ],
  ])
}
