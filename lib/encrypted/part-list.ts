/** Whether the parts that the service has make up the whole object. Pure. */
import { unquote } from '../cos/integrity.js'
import type { CompletedPart } from '../cos/complete-multipart-upload.js'
import type { ListedPart } from '../cos/list-parts.js'
import { crc64Combine } from '../checksum/crc64-combine.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import { FORMATS } from '../crypto/format.js'
import { SealstreamError } from '../errors.js'
import { md5Of, type PartCheck, type UploadContext } from './upload-context.js'

const TAG_BYTES = 16

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
  for (const [number, check] of Object.entries(upload.Parts)) {
    // What ends the object, and failed to be sent when it was to be completed before: it will be sent again.
    if (Number(number) === listed.length + 1 && isOwnEnd(check)) continue
    // Begun, and then failed, aborted, or still on its way: without it the object would be another.
    if (Number(number) > listed.length)
      throw incomplete(`part ${number} was begun through this Upload and is not stored`)
  }
}

/** @throws SealstreamError `SEALSTREAM_PART_LIST` when the caller's list is not the service's. */
export function checkSameParts(
  upload: UploadContext,
  all: readonly ListedPart[],
  given: readonly CompletedPart[],
): void {
  const etags = new Map(given.map(({ PartNumber, ETag }) => [PartNumber, unquote(ETag)]))
  // What ends the object, and was sent when it was to be completed before, is none of the caller's parts.
  const listed = all.filter(({ PartNumber }) => etags.has(PartNumber) || !isOwnEnd(upload.Parts[PartNumber]))
  for (const { PartNumber, ETag } of listed) {
    if (etags.get(PartNumber) !== unquote(ETag))
      throw incomplete(`part ${PartNumber} is not the one in MultipartUpload`)
  }
  if (etags.size !== listed.length)
    throw incomplete('MultipartUpload names parts that the service does not have')
}

/** Whether a part is what completing sends to end an object. */
function isOwnEnd(check: PartCheck | undefined): boolean {
  return check?.Size === 0 && check.Last === true
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

/**
 * Whether a part with these stored bytes leaves the object without its end: completing has to send that then.
 *
 * @param last - The last part there is.
 */
export function needsEnd(upload: UploadContext, last: ListedPart): boolean {
  const { cipher } = FORMATS[upload.Format]
  if (cipher.ciphertextSize(0) === 0) return false
  // Known by whoever sent it; of others, the stored size tells.
  const check = upload.Parts[last.PartNumber]
  if (cipher.isSerial && check?.Last !== true) throw incomplete('no part was flagged Last')
  if (check !== undefined) return check.Last !== true
  return upload.PartSize !== undefined && last.Size === storedFull(upload, last.PartNumber)
}

/** Stored bytes of a part of PartSize that does not end the object. */
export function storedFull({ Format, PartSize = 0 }: UploadContext, number: number): number {
  const { unit, headBytes } = FORMATS[Format].cipher
  return (number === 1 ? headBytes : 0) + (PartSize / unit.plaintext) * unit.ciphertext
}

function checkSize(upload: UploadContext, { PartNumber, Size }: ListedPart, isLast: boolean): void {
  const { PartSize, Format } = upload
  const { unit, headBytes, provesPieces } = FORMATS[Format].cipher
  if (PartSize === undefined || Format === 'cos-java-gcm') {
    const content = Size - (PartNumber === 1 ? headBytes : 0)
    const multiple = Math.max(BLOCK_BYTES, unit.ciphertext)
    if (!isLast && content % multiple !== 0) {
      throw incomplete(`part ${PartNumber} has ${Size} bytes, not a multiple of ${multiple}`)
    }
    return
  }
  const full = storedFull(upload, PartNumber)
  // What ends an object of `sealed` is a tag of its own.
  const most = provesPieces ? full + TAG_BYTES : full
  if (isLast ? Size <= most : Size === full) return
  throw incomplete(
    `part ${PartNumber} has ${Size} bytes, not ${isLast ? 'at most ' : ''}${isLast ? most : full}`,
  )
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
