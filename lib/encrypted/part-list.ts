/** Whether the parts that the service has make up the whole object. Pure. */
import { unquote } from '../cos/integrity.js'
import type { CompletedPart } from '../cos/complete-multipart-upload.js'
import type { ListedPart } from '../cos/list-parts.js'
import { crc64Combine } from '../checksum/crc64-combine.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import { SealstreamError } from '../errors.js'
import { md5Of, type UploadContext } from './upload-context.js'

/**
 * @param listed - Every part the service has, ascending.
 * @throws SealstreamError `SEALSTREAM_PART_LIST` unless they are parts 1 to N without gaps, each of the right size and,
 *   where this context sent it, with the bytes it sent; and every part that this context began is among them.
 */
export function checkPartList(upload: UploadContext, listed: readonly ListedPart[]): void {
  if (listed.length === 0) throw incomplete('the upload has no parts')
  for (const [index, part] of listed.entries()) {
    const number = index + 1
    if (part.PartNumber !== number) throw incomplete(`part ${number} is missing`)
    checkSize(upload, part, number === listed.length)
    checkBytes(upload, part)
  }
  for (const number of Object.keys(upload.Parts)) {
    // Begun, and then failed, aborted, or still on its way: without it the object would be another.
    if (Number(number) > listed.length)
      throw incomplete(`part ${number} was begun through this Upload and is not stored`)
  }
}

/** @throws SealstreamError `SEALSTREAM_PART_LIST` when the caller's list is not the service's. */
export function checkSameParts(listed: readonly ListedPart[], given: readonly CompletedPart[]): void {
  const etags = new Map(given.map(({ PartNumber, ETag }) => [PartNumber, unquote(ETag)]))
  for (const { PartNumber, ETag } of listed) {
    if (etags.get(PartNumber) !== unquote(ETag))
      throw incomplete(`part ${PartNumber} is not the one in MultipartUpload`)
  }
  if (etags.size !== listed.length)
    throw incomplete('MultipartUpload names parts that the service does not have')
}

/** Length and, where this context sent every part, CRC-64 of the object that the parts make up. */
export function wholeOf(
  upload: UploadContext,
  listed: readonly ListedPart[],
): { length: number; crc64: bigint | undefined } {
  let length = 0
  let crc64: bigint | undefined = 0n
  for (const { PartNumber, Size } of listed) {
    const check = upload.Parts[PartNumber]
    crc64 =
      crc64 === undefined || check === undefined ? undefined : crc64Combine(crc64, BigInt(check.Crc64), Size)
    length += Size
  }
  return { length, crc64 }
}

function checkSize(upload: UploadContext, { PartNumber, Size }: ListedPart, isLast: boolean): void {
  const { PartSize } = upload
  if (PartSize === undefined) {
    if (!isLast && Size % BLOCK_BYTES !== 0) {
      throw incomplete(`part ${PartNumber} has ${Size} bytes, not a multiple of ${BLOCK_BYTES}`)
    }
    return
  }
  if (isLast ? Size <= PartSize : Size === PartSize) return
  throw incomplete(`part ${PartNumber} has ${Size} bytes, not ${isLast ? 'at most ' : ''}${PartSize}`)
}

function checkBytes(upload: UploadContext, { PartNumber, Size, ETag }: ListedPart): void {
  const check = upload.Parts[PartNumber]
  if (check === undefined) {
    // Without PartSize a part's offset is only known to the context that sent it.
    if (upload.PartSize === undefined) throw incomplete(`part ${PartNumber} was not sent through this Upload`)
    return
  }
  // Its own ETag, else its MD5; where there is neither, CRC-64 of the whole will tell.
  const md5 = md5Of(upload, ETag)
  const isSame =
    check.ETag === undefined
      ? check.Md5 === undefined || md5 === undefined || md5 === check.Md5
      : unquote(check.ETag) === unquote(ETag)
  if (Size !== check.Length || !isSame) throw incomplete(`part ${PartNumber} is not what this Upload sent`)
}

function incomplete(problem: string): SealstreamError {
  return new SealstreamError('SEALSTREAM_PART_LIST', `the upload cannot be completed: ${problem}`)
}
