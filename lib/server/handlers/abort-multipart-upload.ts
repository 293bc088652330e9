import type { Handler } from '../handler.js'
import { Refusal } from '../refusal.js'
import { queryValue } from '../request.js'

/** Abort Multipart Upload. Removes the upload and the bytes of its parts. */
export const abortMultipartUpload: Handler = async ({ request, uploads }) => {
  const { bucket, key } = request
  const claimed = await uploads.claim(bucket, key, queryValue(request, 'uploadId') ?? '')
  if (claimed === undefined) throw new Refusal('NoSuchUpload')
  await claimed.remove(new Set())
  return { status: 204 }
}
