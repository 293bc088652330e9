import { xmlAnswer } from '../answer.js'
import { copyBytes } from '../copy-bytes.js'
import type { Handler } from '../handler.js'
import { addPart, partPlace } from '../part-intake.js'
import type { ByteRange } from '../range.js'
import { Refusal } from '../refusal.js'
import { MAX_BODY_BYTES } from '../request-body.js'
import { type CosRequest, headerValue } from '../request.js'
import { encryptionHeaders } from '../server-side-encryption.js'

/** Upload Part - Copy: a part made of bytes that are already stored. */
export const uploadPartCopy: Handler = async (call) => {
  const { request } = call
  const place = await partPlace(call)
  const { segment } = await copyBytes(call, ({ size }) => rangeToCopy(request, size))
  const { etag, crc64, lastModified } = await addPart(call, place, segment)
  return xmlAnswer(
    [
      'CopyPartResult',
      [
        ['ETag', `"${etag}"`],
        ['LastModified', new Date(lastModified).toISOString()],
        ['CRC64', crc64],
      ],
    ],
    { ...encryptionHeaders(place.upload.encryption, request), 'x-cos-hash-crc64ecma': crc64 },
  )
}

/** Unlike a Range header this one is taken at its word: what it names must be there. */
function rangeToCopy(request: CosRequest, size: number): ByteRange {
  const header = headerValue(request, 'x-cos-copy-source-range')
  const range = header === undefined ? { first: 0, last: size - 1 } : parseRange(header)
  if (range.last >= size) throw new Refusal('InvalidRange')
  if (range.last - range.first >= MAX_BODY_BYTES) {
    throw new Refusal('InvalidRequest', 'A part has at most 5 GiB.')
  }
  return range
}

function parseRange(header: string): ByteRange {
  const [, first, last] = /^bytes=([0-9]{1,15})-([0-9]{1,15})$/.exec(header.trim()) ?? []
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    throw new Refusal('InvalidArgument', 'x-cos-copy-source-range must be bytes=<first>-<last>.')
  }
  return { first: Number(first), last: Number(last) }
}
