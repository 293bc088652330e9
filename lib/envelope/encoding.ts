/** Bytes in headers: standard Base64 with padding and nothing else. */
import { EnvelopeError } from '../errors.js'
import { asBuffer, decodeBase64 } from '../internal/bytes.js'

/** RSA moduli from 1024 to 8192 bits, in bytes: the length of what RSA wrapped. */
const LEAST_RSA_BYTES = 128
const MOST_RSA_BYTES = 1024

export function encodeHeader(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64')
}

/** @throws EnvelopeError `SEALSTREAM_ENVELOPE_MALFORMED` naming the header, unless `text` is canonical Base64. */
export function decodeHeader(header: string, text: string): Buffer {
  const bytes = decodeBase64(text)
  if (bytes !== undefined && bytes.length > 0) return bytes
  throw malformed(header, 'is not Base64')
}

/** Whether bytes have a length that RSA wrapping gives. */
export function isRsaLength(bytes: Buffer): boolean {
  return bytes.length >= LEAST_RSA_BYTES && bytes.length <= MOST_RSA_BYTES
}

/** The error for a header whose value cannot be right. Never quotes the value. */
export function malformed(header: string, problem: string): EnvelopeError {
  return new EnvelopeError('SEALSTREAM_ENVELOPE_MALFORMED', `header ${header} ${problem}`, { header })
}

/** The error for an algorithm that nobody asked this version to read. */
export function unknownAlgorithm(header: string, value: string): EnvelopeError {
  return new EnvelopeError(
    'SEALSTREAM_UNKNOWN_ALGORITHM',
    `header ${header} names ${JSON.stringify(value.slice(0, 80))}, which this version does not read`,
    { header },
  )
}

/** @throws EnvelopeError `SEALSTREAM_ENVELOPE_MALFORMED` */
export function requireLength(header: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw malformed(header, `has ${bytes.length} bytes, not ${length}`)
}
