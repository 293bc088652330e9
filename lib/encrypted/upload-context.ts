/** The state of an encrypted multipart upload by hand: serialisable, and without a secret (RULES 2). */
import { unquote } from '../cos/integrity.js'
import type { ListedPart } from '../cos/list-parts.js'
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
  /** Once it is stored: the service's answer. */
  ETag?: string
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
  /** Names the master key that wrapped the data key. */
  readonly MasterKeyId: string
  /** Where the service encrypts, too, an ETag is no MD5, whatever it looks like. */
  readonly HasServerSideEncryption?: true
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
  if (!isObject(given) || (context.Version as unknown) !== 1) {
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
  assertText(context.MasterKeyId, 'Upload.MasterKeyId')
  if (context.PartSize !== undefined) assertPartSize(context.PartSize, 'Upload.PartSize')
  for (const name of ['Envelope', 'Parts'] as const) {
    if (!isObject(context[name])) throw new OptionError(`Upload.${name}`, 'must be an object')
  }
  assertPartChecks(context)
}

/** Parts that lie over each other would be encrypted with the same keystream. */
function assertPartChecks({ Parts, PartSize }: UploadContext): void {
  let next = 0
  for (const [name, check] of Object.entries(Parts)) {
    const option = `Upload.Parts[${name}]`
    if (!isObject(check)) throw new OptionError(option, 'must be an object', { value: check })
    const { Offset, Length, Crc64, Md5, ETag } = check
    assertInteger(name === String(Number(name)) ? Number(name) : name, 'Upload.Parts', 1, MOST_PARTS)
    assertInteger(Length, `${option}.Length`, 0, PartSize)
    if (typeof Crc64 !== 'string' || !/^\d{1,20}$/.test(Crc64)) {
      throw new OptionError(`${option}.Crc64`, 'must be decimal text', { value: Crc64 })
    }
    if (Md5 !== undefined && !(typeof Md5 === 'string' && /^[0-9a-f]{32}$/.test(Md5))) {
      throw new OptionError(`${option}.Md5`, 'must be 32 hex digits', { value: Md5 })
    }
    if (ETag !== undefined) assertText(ETag, `${option}.ETag`)
    // Entries of whole numbers come in ascending order.
    const expected = PartSize === undefined ? next : (Number(name) - 1) * PartSize
    if (Offset !== expected)
      throw new OptionError(`${option}.Offset`, `must be ${expected}`, { value: Offset })
    next = Offset + Length
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
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
  throw partChanged(number)
}

/**
 * Compares a part that the context does not know with what the service had under its number when the upload was taken over
 * from another process.
 *
 * @throws SealstreamError `SEALSTREAM_PART_CHANGED` when that was something else, or cannot be told.
 */
export function checkStoredPart(upload: UploadContext, stored: ListedPart | undefined, digest: Digest): void {
  if (stored === undefined || upload.Parts[stored.PartNumber] !== undefined) return
  const md5 = md5Of(upload, stored.ETag)
  if (md5 === undefined || stored.Size !== digest.length || md5 !== digest.md5) {
    throw partChanged(stored.PartNumber)
  }
}

/** The MD5 that the ETag of a part is; undefined where it is something else (RULES 5.1). */
export function md5Of({ HasServerSideEncryption }: UploadContext, etag: string): string | undefined {
  const text = unquote(etag).toLowerCase()
  return HasServerSideEncryption !== true && /^[0-9a-f]{32}$/.test(text) ? text : undefined
}

function partChanged(number: number): SealstreamError {
  return new SealstreamError('SEALSTREAM_PART_CHANGED', `part ${number} was already sent with other bytes`, {
    hint: 'a part may be sent again only with the same bytes; start a new upload for changed content',
  })
}

/** Takes over what another process wrote into its copy of the context. */
export function mergeParts(upload: UploadContext, given: UploadContext): void {
  for (const [number, { Offset, Length, Crc64, Md5, ETag }] of Object.entries(given.Parts)) {
    recordPart(upload, Number(number), Offset, { length: Length, crc64: BigInt(Crc64), md5: Md5 })
    const known = upload.Parts[number]
    if (known !== undefined && ETag !== undefined) known.ETag ??= ETag
  }
}
