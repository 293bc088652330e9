/** The state of an encrypted multipart upload by hand: serialisable, and without a secret (RULES 2). */
import { unquote } from '../cos/integrity.js'
import type { ListedPart } from '../cos/list-parts.js'
import { MOST_PARTS } from '../cos/upload-part.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import type { Digest } from '../checksum/body-digest.js'
import { FORMAT_NAMES, FORMATS, type Format } from '../crypto/format.js'
import { OptionError, SealstreamError } from '../errors.js'
import { assertInteger, assertMultipleOf, assertOneOf, assertText } from '../internal/assert.js'
import { assertPartSize } from '../transfer/part-size.js'

/** What is known of a part that was sent, or was about to be: of its ciphertext. */
export interface PartCheck {
  /** Position in the plaintext, bytes. */
  Offset: number
  /** Bytes of plaintext. */
  Size: number
  /** Bytes of ciphertext, as stored. */
  Length: number
  /** The part ends the object. */
  Last?: true
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
  /** Names the master keys that wrapped the data key. */
  readonly MasterKeyId: string
  /** Digest of the encryption context: parts under another could not be read by anyone. */
  readonly ContextDigest: string
  /** Salt of `sealed`, Base64. No secret. */
  readonly Salt?: string
  /** Where the service encrypts, too, an ETag is no MD5, whatever it looks like. */
  readonly HasServerSideEncryption?: true
  /** Plaintext bytes of every part but the last. Without it, parts must come in ascending order. */
  readonly PartSize?: number
  /** The envelope's headers. */
  readonly Envelope: Readonly<Record<string, string>>
  /** Made with the data key over all of this but `Parts`: nobody else can have parts encrypted under another object's key. */
  readonly Mac: string
  /** By part number. */
  readonly Parts: Record<string, PartCheck>
}

/** What {@link UploadContext} `Mac` is made of. */
export function authenticatedText({
  Mac: _,
  Parts: __,
  ...fixed
}: Omit<UploadContext, 'Mac'> & { Mac?: string }): string {
  return JSON.stringify(Object.entries(fixed).sort(([a], [b]) => (a < b ? -1 : 1)))
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
  assertText(context.ContextDigest, 'Upload.ContextDigest')
  assertText(context.Mac, 'Upload.Mac')
  if (context.Format === 'sealed') assertText(context.Salt, 'Upload.Salt')
  if (context.PartSize !== undefined) assertHandPartSize(context.PartSize, context.Format, 'Upload.PartSize')
  for (const name of ['Envelope', 'Parts'] as const) {
    if (!isObject(context[name])) throw new OptionError(`Upload.${name}`, 'must be an object')
  }
  assertPartChecks(context)
}

/**
 * What parts by hand have to be a multiple of, in plaintext: what the cipher encrypts on its own, and 16 bytes at least.
 */
export function partUnit(format: Format): number {
  return Math.max(BLOCK_BYTES, FORMATS[format].cipher.unit.plaintext)
}

/** @throws {@link OptionError} unless `partSize` is one, and a multiple of what the format encrypts on its own. */
export function assertHandPartSize(
  partSize: unknown,
  format: Format,
  option = 'PartSize',
): asserts partSize is number {
  assertPartSize(partSize, option)
  assertMultipleOf(partSize, option, partUnit(format))
}

/** Parts that lie over each other would be encrypted with the same keystream. */
function assertPartChecks({ Parts, PartSize }: UploadContext): void {
  let next = 0
  for (const [name, check] of Object.entries(Parts)) {
    const option = `Upload.Parts[${name}]`
    if (!isObject(check)) throw new OptionError(option, 'must be an object', { value: check })
    const { Offset, Size, Length, Last, Crc64, Md5, ETag } = check
    assertInteger(name === String(Number(name)) ? Number(name) : name, 'Upload.Parts', 1, MOST_PARTS)
    assertInteger(Size, `${option}.Size`, 0, PartSize)
    assertInteger(Length, `${option}.Length`, 0)
    if (Last !== undefined && (Last as unknown) !== true)
      throw new OptionError(`${option}.Last`, 'must be true')
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
    next = Offset + Size
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/**
 * Where part `number` starts in the plaintext.
 *
 * @throws {@link OptionError} when parts without PartSize do not come in order, or one follows a part that is not a
 *   multiple of {@link partUnit} or ended the object.
 */
export function partOffset(upload: UploadContext, number: number): number {
  const before = upload.Parts[number - 1]
  if (before?.Last === true) {
    throw new OptionError('PartNumber', 'must not follow the part that ended the object', { value: number })
  }
  if (upload.PartSize !== undefined) return (number - 1) * upload.PartSize
  const known = upload.Parts[number]
  if (known !== undefined) return known.Offset
  if (number === 1) return 0
  if (before === undefined) {
    throw new OptionError('PartNumber', 'must ascend by one from 1 where the upload has no PartSize', {
      value: number,
      hint: 'give createMultipartUpload a PartSize to send parts in any order',
    })
  }
  const unit = partUnit(upload.Format)
  if (before.Size % unit !== 0) {
    throw new OptionError(
      'PartNumber',
      `must not follow a part of ${before.Size} bytes: only the last part may be other than a multiple of ${unit}`,
      {
        value: number,
      },
    )
  }
  return before.Offset + before.Size
}

/** Whether a part of so much plaintext ends the object, since none can follow it. */
export function endsObject({ Format, PartSize }: UploadContext, size: number): boolean {
  return size === 0 || size % partUnit(Format) !== 0 || (PartSize !== undefined && size < PartSize)
}

/**
 * Remembers a part before its first byte leaves, or compares it with what was remembered.
 *
 * @throws SealstreamError `SEALSTREAM_PART_CHANGED` when the same number was sent with other bytes: the same keystream
 *   would meet two plaintexts.
 */
export function recordPart(upload: UploadContext, number: number, part: NewPart, digest: Digest): void {
  const check: PartCheck = {
    Offset: part.offset,
    Size: part.size,
    Length: digest.length,
    ...(part.isLast ? { Last: true } : {}),
    Crc64: String(digest.crc64),
    ...(digest.md5 === undefined ? {} : { Md5: digest.md5 }),
  }
  const known = upload.Parts[number]
  if (known === undefined) {
    upload.Parts[number] = check
    return
  }
  const sameMd5 = known.Md5 === undefined || check.Md5 === undefined || known.Md5 === check.Md5
  const isSame = (['Offset', 'Size', 'Length', 'Crc64'] as const).every((name) => known[name] === check[name])
  if (isSame && sameMd5 && known.Last === check.Last) return
  throw partChanged(number)
}

/** Where a part lies in the plaintext. */
export interface NewPart {
  readonly offset: number
  readonly size: number
  readonly isLast: boolean
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
  for (const [number, { Offset, Size, Length, Last, Crc64, Md5, ETag }] of Object.entries(given.Parts)) {
    const part = { offset: Offset, size: Size, isLast: Last === true }
    recordPart(upload, Number(number), part, { length: Length, crc64: BigInt(Crc64), md5: Md5 })
    const known = upload.Parts[number]
    if (known !== undefined && ETag !== undefined) known.ETag ??= ETag
  }
}
