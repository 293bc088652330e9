import { xmlAnswer } from '../answer.js'
import type { Handler } from '../handler.js'
import { propertiesOf } from '../object-properties.js'
import { encryptionHeaders } from '../server-side-encryption.js'
import { forbidsOverwrite, writeCheckOf } from '../write-conditions.js'

/** Initiate Multipart Upload. Headers and metadata given here become those of the object. */
export const createMultipartUpload: Handler = async ({ request, objects, uploads, now }) => {
  const { bucket, key } = request
  const properties = propertiesOf(request)
  // Refused now where it can be; what forbids overwriting is remembered, because the object appears only at the end.
  const forbids = forbidsOverwrite(request)
  if (forbids) writeCheckOf(request)(await objects.find(bucket, key))
  const uploadId = await uploads.create(bucket, {
    key,
    ...properties,
    initiated: now(),
    ...(forbids ? { forbidsOverwrite: true } : {}),
  })
  return xmlAnswer(
    [
      'InitiateMultipartUploadResult',
      [
        ['Bucket', bucket],
        ['Key', key],
        ['UploadId', uploadId],
      ],
    ],
    encryptionHeaders(properties.encryption, request),
  )
}
