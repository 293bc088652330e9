import { judgeWrite } from '../conditions.js'
import type { Handler } from '../handler.js'
import { headersToStore } from '../metadata.js'
import type { ObjectRecord } from '../object-store.js'
import { receiveSegment } from '../receive-segment.js'
import { Refusal } from '../refusal.js'

/** PUT Object. The object appears only when every byte of its body has arrived and was found right. */
export const putObject: Handler = async ({ request, body, objects, now }) => {
  const { bucket, key } = request
  const assertConditions = (current: ObjectRecord | undefined): void => {
    if (judgeWrite(request.headers, current) === 'failed') throw new Refusal('PreconditionFailed')
  }
  const headers = headersToStore(request)
  assertConditions(await objects.find(bucket, key)) // Now, to refuse before the body; and again when it is there.
  const segment = await receiveSegment(objects, bucket, body)
  const etag = segment.md5.toString('hex')
  const crc64 = segment.crc64.toString()
  const { file, size } = segment
  try {
    await objects.publish(
      bucket,
      { key, size, etag, crc64, lastModified: now(), headers, segments: [{ file, size }] },
      assertConditions,
    )
  } catch (error) {
    await objects.discard(bucket, [segment])
    throw error
  }
  return { status: 200, headers: { etag: `"${etag}"`, 'x-cos-hash-crc64ecma': crc64 } }
}
