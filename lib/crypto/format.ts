/** The formats: which content cipher each one uses, and whether it is authenticated. Their headers are in envelope/. */
import { aes256Ctr } from './aes-ctr.js'
import type { ContentCipher } from './content-cipher.js'

/** A content cipher plus an envelope dialect, by the name that callers write and results carry. */
export type Format = 'cos' | 'cos-python'

/** What the name of a format stands for. */
export const FORMATS: Readonly<Record<Format, { cipher: ContentCipher; authenticated: boolean }>> = {
  cos: { cipher: aes256Ctr, authenticated: false },
  'cos-python': { cipher: aes256Ctr, authenticated: false },
}

/** Every format by name, for option checks. */
export const FORMAT_NAMES = Object.keys(FORMATS) as readonly Format[]
