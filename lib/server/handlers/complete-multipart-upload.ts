import { createHash } from 'node:crypto'
import { xmlAnswer } from '../answer.js'
import { crc64Combine } from '../../checksum/crc64-combine.js'
import { describeWrite } from '../describe-object.js'
import { readDocument } from '../document-body.js'
import { assertCompletable } from '../encryption-access.js'
import { type ListedPart, readPartList } from '../part-list.js'
import type { Handler } from '../handler.js'
import type { ObjectRecord } from '../object-record.js'
import { Refusal } from '../refusal.js'
import { queryValue } from '../request.js'
import type { PartRecord, UploadRecord } from '../upload-store.js'
import { writeCheckOf } from '../write-conditions.js'

/** Every part but the last has at least this. */
const MIN_PART_BYTES = 1024 * 1024

/** Complete Multipart Upload. The object is the parts' files in their order; no byte is copied. */
export const completeMultipartUpload: Handler = async ({ request, body, objects, uploads, now }) => {
  const { bucket, key } = request
  const listed = await readPartList(await readDocument(body))
  const claimed = await uploads.claim(bucket, key, queryValue(request, 'uploadId') ?? '')
  if (claimed === undefined) throw new Refusal('NoSuchUpload')
  let record: ObjectRecord
  try {
    const { upload, parts } = claimed
    assertCompletable(upload.encryption, request)
    const assembled = assemble(upload, selectParts(parts, listed), now())
    record = await objects.publish(bucket, assembled, writeCheckOf(request, upload.forbidsOverwrite))
  } catch (error) {
    await claimed.release()
    throw error
  }
  await claimed.remove(new Set(record.segments.map(({ file }) => file)))
  return xmlAnswer(
    [
      'CompleteMultipartUploadResult',
      [
        ['Location', `http://${request.host}${request.rawPath}`],
        ['Bucket', bucket],
        ['Key', key],
        ['ETag', `"${record.etag}"`],
      ],
    ],
    describeWrite(record, request),
  )
}

/** The stored parts that the client lists. Both lists ascend. */
function selectParts(stored: readonly PartRecord[], listed: readonly ListedPart[]): PartRecord[] {
  const byNumber = new Map(stored.map((part) => [part.number, part]))
  const parts = listed.map(({ number, etag }) => {
    const part = byNumber.get(number)
    if (part?.etag !== etag) {
      throw new Refusal('InvalidPart', `Part ${number} was not uploaded, or has another ETag.`)
    }
    return part
  })
  const small = parts.slice(0, -1).find(({ size }) => size < MIN_PART_BYTES)
  if (small !== undefined) {
    throw new Refusal('EntityTooSmall', `Part ${small.number} is under 1 MiB and not the last.`)
  }
  return parts
}

function assemble(upload: UploadRecord, parts: readonly PartRecord[], now: number): ObjectRecord {
  const md5 = createHash('md5')
  let crc64 = 0n
  let size = 0
  for (const part of parts) {
    md5.update(part.etag, 'hex')
    crc64 = crc64Combine(crc64, BigInt(part.crc64), part.size)
    size += part.size
  }
  const { uploadId, initiated, forbidsOverwrite, ...properties } = upload
  return {
    ...properties,
    size,
    etag: `${md5.digest('hex')}-${parts.length}`,
    crc64: crc64.toString(),
    lastModified: now,
    segments: parts.map((part) => ({ file: part.file, size: part.size })),
  }
}
