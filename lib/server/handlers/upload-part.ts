import type { Handler } from '../handler.js'
import { receiveSegment } from '../receive-segment.js'
import { Refusal } from '../refusal.js'
import { queryInteger, queryValue } from '../request.js'

/** The highest part number. */
export const MAX_PARTS = 10_000

/** Upload Part. A part sent again replaces the one before. */
export const uploadPart: Handler = async ({ request, body, objects, uploads, now }) => {
  const { bucket, key } = request
  const uploadId = queryValue(request, 'uploadId') ?? ''
  // An absent number is as wrong as one out of range.
  const number = queryInteger(request, 'partNumber', { least: 1, most: MAX_PARTS, otherwise: 0 })
  if (number === 0) throw new Refusal('InvalidArgument', 'partNumber is missing.')
  if ((await uploads.find(bucket, key, uploadId)) === undefined) throw new Refusal('NoSuchUpload')

  const segment = await receiveSegment(objects, bucket, body)
  const { file, size } = segment
  const etag = segment.md5.toString('hex')
  const crc64 = segment.crc64.toString()
  const part = { number, etag, crc64, lastModified: now(), file, size }
  if (!(await uploads.addPart(bucket, uploadId, part))) {
    // Completed or aborted while the body was on its way.
    await objects.discard(bucket, [segment])
    throw new Refusal('NoSuchUpload')
  }
  return { status: 200, headers: { etag: `"${etag}"`, 'x-cos-hash-crc64ecma': crc64 } }
}
