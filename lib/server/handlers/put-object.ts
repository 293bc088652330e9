import { describeWrite } from '../describe-object.js'
import type { Handler } from '../handler.js'
import { propertiesOf } from '../object-properties.js'
import { receiveSegment } from '../receive-segment.js'
import { etagOf } from '../server-side-encryption.js'
import { assertTrafficLimit } from '../traffic-limit.js'
import { writeCheckOf } from '../write-conditions.js'

/** PUT Object. The object appears only when every byte of its body has arrived and was found right. */
export const putObject: Handler = async ({ request, body, objects, now }) => {
  const { bucket, key } = request
  assertTrafficLimit(request)
  const properties = propertiesOf(request)
  const check = writeCheckOf(request)
  check(await objects.find(bucket, key)) // Now, to refuse before the body; and again when it is there.
  const segment = await receiveSegment(objects, bucket, body)
  const etag = etagOf(segment, properties.encryption)
  const crc64 = segment.crc64.toString()
  const { file, size } = segment
  const segments = [{ file, size }]
  try {
    const record = { key, size, etag, crc64, lastModified: now(), ...properties, segments }
    const published = await objects.publish(bucket, record, check)
    return { status: 200, headers: { ...describeWrite(published, request), etag: `"${etag}"` } }
  } catch (error) {
    await objects.discard(bucket, [segment])
    throw error
  }
}
