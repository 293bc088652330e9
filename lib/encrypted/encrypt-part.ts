/** One part of an encrypted upload by hand: sized, encrypted at its offset, held in memory. */
import { constants } from 'node:buffer'
import { createHash } from 'node:crypto'
import { DEFAULT_PART_SIZE } from '../cos/put-object.js'
import { bytesOf, sizeBody, type SizedBody } from '../cos/request-body.js'
import type { RunningCipher } from '../crypto/content-cipher.js'
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

/** How a part becomes ciphertext. */
export interface EncryptPartOptions {
  /** Running from the part's offset on; closed when done. */
  readonly encryptor: RunningCipher
  /** Bytes of ciphertext, at most. */
  readonly length: number
  /** Base64, of the plaintext. */
  readonly md5: string | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * The ciphertext of a part.
 *
 * @throws LengthError `SEALSTREAM_BODY_LENGTH` when the plaintext is not as long as announced; IntegrityError when it has
 *   not the MD5 that was given; what its stream failed with; `SEALSTREAM_ABORTED`.
 */
export async function encryptPart(sized: SizedBody, options: EncryptPartOptions): Promise<Buffer> {
  const { encryptor, signal } = options
  const ciphertext = Buffer.allocUnsafeSlow(options.length)
  const md5 = options.md5 === undefined ? undefined : createHash('md5')
  let read = 0
  let filled = 0
  const take = (bytes: Buffer): void => {
    ciphertext.set(bytes, filled)
    filled += bytes.length
  }
  try {
    for await (const bytes of bytesOf(sized.open(), signal)) {
      read += bytes.length
      if (read > sized.length) throw wrongLength(sized.length, read)
      md5?.update(bytes)
      take(encryptor.update(bytes))
    }
    if (read < sized.length) throw wrongLength(sized.length, read)
    take(encryptor.final())
  } finally {
    encryptor.close()
  }
  const found = md5?.digest('base64')
  if (found === options.md5) return ciphertext.subarray(0, filled)
  throw new IntegrityError('option Body', {
    algorithm: 'md5',
    expected: options.md5 ?? '',
    found: found ?? '',
  })
}

function wrongLength(expected: number, found: number): LengthError {
  return new LengthError('SEALSTREAM_BODY_LENGTH', 'option Body', expected, found)
}
