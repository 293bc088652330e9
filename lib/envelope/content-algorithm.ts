/** The content ciphers by the names that the Java and Go SDKs write (wire-formats B2). */
import type { Format } from '../crypto/format.js'
import { malformed, unknownAlgorithm } from './encoding.js'
import { TAG_LEN_HEADER, type EnvelopeHeaders } from './headers.js'

const TAG_BITS = '128'

/** Names of content ciphers by format. */
export const CONTENT_ALGORITHMS = {
  cos: 'AES/CTR/NoPadding',
  'cos-java-gcm': 'AES/GCM/NoPadding',
  'cos-java-cbc': 'AES/CBC/PKCS5Padding',
} as const satisfies Partial<Record<Format, string>>

/** A format that has a name in the Java dialect. */
export type JavaFormat = keyof typeof CONTENT_ALGORITHMS

/**
 * Algorithms are the reader's choice: whoever writes headers must not pick others (wire-formats C3).
 *
 * @throws EnvelopeError `SEALSTREAM_UNKNOWN_ALGORITHM`, `SEALSTREAM_ENVELOPE_MALFORMED`
 */
export function readContentAlgorithm(headers: EnvelopeHeaders, header: string): JavaFormat {
  const name = headers.require(header)
  const found = Object.entries(CONTENT_ALGORITHMS).find(([, algorithm]) => algorithm === name)
  if (found === undefined) throw unknownAlgorithm(header, name)
  const format = found[0] as JavaFormat
  if (format === 'cos-java-gcm' && headers.require(TAG_LEN_HEADER) !== TAG_BITS) {
    throw malformed(TAG_LEN_HEADER, `is not ${TAG_BITS}`)
  }
  return format
}

/** The headers that say how content is encrypted, besides the algorithm's own. */
export function contentHeaders(format: JavaFormat): Record<string, string> {
  return format === 'cos-java-gcm' ? { [TAG_LEN_HEADER]: TAG_BITS } : {}
}
