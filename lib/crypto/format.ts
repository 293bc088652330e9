/** The formats: which content cipher each one uses, and what it promises. Their headers are in envelope/. */
import { OptionError } from '../errors.js'
import { assertInteger } from '../internal/assert.js'
import { aes256Cbc } from './aes-cbc.js'
import { aes256Ctr } from './aes-ctr.js'
import { aes256Gcm } from './aes-gcm.js'
import { cobblestone256 } from './cobblestone.js'
import type { ContentCipher } from './content-cipher.js'

/** A content cipher plus an envelope dialect, by the name that callers write and results carry. */
export type Format = 'sealed' | 'cos' | 'cos-python' | 'cos-java-gcm' | 'cos-java-cbc'

/** What the name of a format stands for. */
interface FormatFacts {
  readonly cipher: ContentCipher
  /** Whether no byte of it is given out unproven, envelope and ranges included. */
  readonly authenticated: boolean
  readonly isWritable: boolean
}

/** What the name of a format stands for. */
export const FORMATS: Readonly<Record<Format, FormatFacts>> = {
  sealed: { cipher: cobblestone256, authenticated: true, isWritable: true },
  cos: { cipher: aes256Ctr, authenticated: false, isWritable: true },
  'cos-python': { cipher: aes256Ctr, authenticated: false, isWritable: true },
  'cos-java-gcm': { cipher: aes256Gcm, authenticated: false, isWritable: true },
  'cos-java-cbc': { cipher: aes256Cbc, authenticated: false, isWritable: false },
}

/** Every format by name, for option checks. */
export const FORMAT_NAMES = Object.keys(FORMATS) as readonly Format[]

/** The formats that can be written. */
export const WRITABLE_FORMATS = FORMAT_NAMES.filter((format) => FORMATS[format].isWritable)

/**
 * Stored size of `plaintextSize` bytes in a format.
 *
 * @throws {@link OptionError} where the format takes no object as large.
 */
export function ciphertextSizeOf(format: Format, plaintextSize: number): number {
  assertInteger(plaintextSize, 'plaintextSize', 0)
  try {
    return FORMATS[format].cipher.ciphertextSize(plaintextSize)
  } catch (error) {
    // All that sizes fail with.
    throw new OptionError('format', `${format} cannot hold as much: ${(error as RangeError).message}`, {
      value: plaintextSize,
    })
  }
}
