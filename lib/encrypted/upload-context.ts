/** The state of an encrypted multipart upload by hand: serialisable, and without a secret (RULES 2). */
import { MOST_PARTS } from '../cos/upload-part.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import type { Digest } from '../checksum/body-digest.js'
import { FORMAT_NAMES, type Format } from '../crypto/format.js'
import { OptionError, SealstreamError } from '../errors.js'
import { assertInteger, assertOneOf, assertText } from '../internal/assert.js'
import { assertPartSize } from '../transfer/part-size.js'

/** What is known of a part that was sent, or was about to be: of its ciphertext. */
export interface PartCheck {
  /** Position in the plaintext, bytes. */
  Offset: number
  Length: number
  /** Decimal. */
  Crc64: string
  /** Lower-case hex; absent where MD5 is switched off. */
  Md5?: string
}

/**
 * The encryption context of an upload. Plain data: `JSON.stringify` it to go on in another process. It holds the data key
 * wrapped only. The client writes each part it sends into `Parts`.
 */
export interface UploadContext {
  readonly Version: 1
  readonly Bucket: string
  readonly Key: string
  readonly UploadId: string
  readonly Format: Format
  /** Plaintext bytes of every part but the last. Without it, parts must come in ascending order. */
  readonly PartSize?: number
  /** The envelope's headers. */
  readonly Envelope: Readonly<Record<string, string>>
  /** By part number. */
  readonly Parts: Record<string, PartCheck>
}

/** @throws {@link OptionError} `Upload...` unless `given` is a context of the named upload. */
export function assertUploadContext(
  given: unknown,
  place: { bucket: string; key: string; uploadId: string },
): asserts given is UploadContext {
  const context = given as UploadContext
  if (typeof given !== 'object' || given === null || (context.Version as unknown) !== 1) {
    throw new OptionError('Upload', 'must be the Upload that createMultipartUpload returned', {
      value: given,
    })
  }
  for (const [name, expected] of [
    ['Bucket', place.bucket],
    ['Key', place.key],
    ['UploadId', place.uploadId],
  ] as const) {
    assertText(context[name], `Upload.${name}`)
    if (context[name] !== expected) {
      throw new OptionError(`Upload.${name}`, `is not the ${name} of this call`, { value: context[name] })
    }
  }
  assertOneOf(context.Format, 'Upload.Format', FORMAT_NAMES)
  if (context.PartSize !== undefined) assertPartSize(context.PartSize)
  if (typeof (context.Envelope as unknown) !== 'object')
    throw new OptionError('Upload.Envelope', 'is missing')
  if (typeof (context.Parts as unknown) !== 'object') throw new OptionError('Upload.Parts', 'is missing')
  for (const [number, check] of Object.entries(context.Parts)) {
    assertInteger(Number(number), 'Upload.Parts', 1, MOST_PARTS)
    assertInteger(check.Offset, `Upload.Parts[${number}].Offset`, 0)
    assertInteger(check.Length, `Upload.Parts[${number}].Length`, 0)
    assertText(check.Crc64, `Upload.Parts[${number}].Crc64`)
  }
}

/**
 * Where part `number` starts in the plaintext.
 *
 * @throws {@link OptionError} when parts without PartSize do not come in order, or one follows a part that is not a
 *   multiple of 16 bytes.
 */
export function partOffset(upload: UploadContext, number: number): number {
  if (upload.PartSize !== undefined) return (number - 1) * upload.PartSize
  const known = upload.Parts[number]
  if (known !== undefined) return known.Offset
  if (number === 1) return 0
  const previous = upload.Parts[number - 1]
  if (previous === undefined) {
    throw new OptionError('PartNumber', 'must ascend by one from 1 where the upload has no PartSize', {
      value: number,
      hint: 'give createMultipartUpload a PartSize to send parts in any order',
    })
  }
  if (previous.Length % BLOCK_BYTES !== 0) {
    throw new OptionError(
      'PartNumber',
      `must not follow a part of ${previous.Length} bytes: only the last part may be other than a multiple of ${BLOCK_BYTES}`,
      {
        value: number,
      },
    )
  }
  return previous.Offset + previous.Length
}

/**
 * Remembers a part before its first byte leaves, or compares it with what was remembered.
 *
 * @throws SealstreamError `SEALSTREAM_PART_CHANGED` when the same number was sent with other bytes: the same keystream
 *   would meet two plaintexts.
 */
export function recordPart(upload: UploadContext, number: number, offset: number, digest: Digest): void {
  const check: PartCheck = {
    Offset: offset,
    Length: digest.length,
    Crc64: String(digest.crc64),
    ...(digest.md5 === undefined ? {} : { Md5: digest.md5 }),
  }
  const known = upload.Parts[number]
  if (known === undefined) {
    upload.Parts[number] = check
    return
  }
  const sameMd5 = known.Md5 === undefined || check.Md5 === undefined || known.Md5 === check.Md5
  if (
    known.Offset === check.Offset &&
    known.Length === check.Length &&
    known.Crc64 === check.Crc64 &&
    sameMd5
  )
    return
  throw new SealstreamError('SEALSTREAM_PART_CHANGED', `part ${number} was already sent with other bytes`, {
    hint: 'a part may be sent again only with the same bytes; start a new upload for changed content',
  })
}
