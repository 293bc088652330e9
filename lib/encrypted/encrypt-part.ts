/** One part of an encrypted upload by hand: sized, encrypted at its offset, held in memory. */
import { constants } from 'node:buffer'
import { createHash } from 'node:crypto'
import { DEFAULT_PART_SIZE } from '../cos/put-object.js'
import { bytesOf, sizeBody, type SizedBody } from '../cos/request-body.js'
import type { DataKey } from '../crypto/data-key.js'
import { IntegrityError, LengthError, OptionError } from '../errors.js'

/** @throws As sizeBody; {@link OptionError} over `partSize`, or over what one Buffer can hold. */
export async function sizePart(
  body: unknown,
  options: {
    contentLength: number | undefined
    partSize: number | undefined
    signal: AbortSignal | undefined
  },
): Promise<SizedBody> {
  const { contentLength, partSize, signal } = options
  const mostCollected = Math.min(partSize ?? DEFAULT_PART_SIZE, constants.MAX_LENGTH)
  const hint =
    'a part has at most PartSize bytes; give ContentLength for a longer one of an upload without PartSize'
  const sized = await sizeBody(body, { contentLength, mostCollected, hint, signal })
  const most = Math.min(partSize ?? constants.MAX_LENGTH, constants.MAX_LENGTH)
  if (sized.length <= most) return sized
  sized.discard()
  const problem = most === partSize ? 'of an upload with this PartSize' : 'is held in memory and'
  throw new OptionError('Body', `${problem} must have at most ${most} bytes`, { value: sized.length })
}

/**
 * The ciphertext of a part.
 *
 * @throws LengthError `SEALSTREAM_BODY_LENGTH` when the plaintext is not as long as announced; IntegrityError when it has
 *   not the MD5 that was given (Base64); what its stream failed with; `SEALSTREAM_ABORTED`.
 */
export async function encryptPart(
  sized: SizedBody,
  options: { dataKey: DataKey; start: number; md5: string | undefined; signal: AbortSignal | undefined },
): Promise<Buffer> {
  const { dataKey, start, signal } = options
  const ciphertext = Buffer.allocUnsafeSlow(sized.length)
  // The digest of what comes out is compared before any of it leaves: a repeated part is the same part.
  const encryptor = dataKey.encryptor({ start, sameBytes: true })
  const md5 = options.md5 === undefined ? undefined : createHash('md5')
  let filled = 0
  try {
    for await (const bytes of bytesOf(sized.open(), signal)) {
      if (filled + bytes.length > sized.length) throw wrongLength(sized.length, filled + bytes.length)
      md5?.update(bytes)
      ciphertext.set(encryptor.update(bytes), filled)
      filled += bytes.length
    }
  } finally {
    encryptor.close()
  }
  if (filled < sized.length) throw wrongLength(sized.length, filled)
  const found = md5?.digest('base64')
  if (found === options.md5) return ciphertext
  throw new IntegrityError('option Body', {
    algorithm: 'md5',
    expected: options.md5 ?? '',
    found: found ?? '',
  })
}

function wrongLength(expected: number, found: number): LengthError {
  return new LengthError('SEALSTREAM_BODY_LENGTH', 'option Body', expected, found)
}
