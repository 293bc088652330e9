/** What all ways to send a part have in common: the upload it is for, and its record. */
import { assertSameEncryption } from './encryption-access.js'
import type { Call } from './handler.js'
import { Refusal } from './refusal.js'
import { queryInteger, queryValue } from './request.js'
import type { NewSegment } from './segment.js'
import { etagOf } from './server-side-encryption.js'
import type { PartRecord, UploadRecord } from './upload-store.js'

/** The highest part number. */
const MAX_PARTS = 10_000

/** Where a part belongs. */
export interface PartPlace {
  readonly upload: UploadRecord
  readonly number: number
}

/**
 * Finds the upload that a part is for, before its bytes are taken.
 *
 * @throws `InvalidArgument` for a part number that is missing or none, `NoSuchUpload`, and for the encryption what
 * {@link assertSameEncryption} throws.
 */
export async function partPlace({ request, uploads }: Call): Promise<PartPlace> {
  // An absent number is as wrong as one out of range.
  const number = queryInteger(request, 'partNumber', { least: 1, most: MAX_PARTS, otherwise: 0 })
  if (number === 0) throw new Refusal('InvalidArgument', 'partNumber is missing.')
  const upload = await uploads.find(request.bucket, request.key, queryValue(request, 'uploadId') ?? '')
  if (upload === undefined) throw new Refusal('NoSuchUpload')
  assertSameEncryption(upload.encryption, request)
  return { upload, number }
}

/**
 * Adds the part to its upload, in place of an earlier one of that number.
 *
 * @throws `NoSuchUpload` when the upload was completed or aborted while the bytes were on their way.
 */
export async function addPart(
  { request, objects, uploads, now }: Call,
  { upload, number }: PartPlace,
  segment: NewSegment,
): Promise<PartRecord> {
  const { file, size } = segment
  const etag = etagOf(segment, upload.encryption)
  const part = { number, etag, crc64: segment.crc64.toString(), lastModified: now(), file, size }
  if (await uploads.addPart(request.bucket, upload.uploadId, part)) return part
  await objects.discard(request.bucket, [segment])
  throw new Refusal('NoSuchUpload')
}
