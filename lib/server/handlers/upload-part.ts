import type { Handler } from '../handler.js'
import { addPart, partPlace } from '../part-intake.js'
import { receiveSegment } from '../receive-segment.js'
import { encryptionHeaders } from '../server-side-encryption.js'
import { assertTrafficLimit } from '../traffic-limit.js'

/** Upload Part. A part sent again replaces the one before. */
export const uploadPart: Handler = async (call) => {
  const { request, body, objects } = call
  assertTrafficLimit(request)
  const place = await partPlace(call)
  const { etag, crc64 } = await addPart(call, place, await receiveSegment(objects, request.bucket, body))
  return {
    status: 200,
    headers: {
      ...encryptionHeaders(place.upload.encryption, request),
      etag: `"${etag}"`,
      'x-cos-hash-crc64ecma': crc64,
    },
  }
}
