/** Format `cos-python`: what the COS Python SDK writes, byte for byte (wire-formats B3). */
import { FORMATS } from '../crypto/format.js'
import type { Wrapped } from '../keys/master-key.js'
import { decodeHeader, encodeHeader, isRsaLength, malformed, requireLength } from './encoding.js'
import { IV_HEADER, KEY_HEADER, type EnvelopeHeaders } from './headers.js'

export function writePython(wrapped: Wrapped): Record<string, string> {
  return { [KEY_HEADER]: encodeHeader(wrapped.key), [IV_HEADER]: encodeHeader(wrapped.iv) }
}

/**
 * Nothing in the headers says what kind of master key it was; the length does (B11). What they leave open is how RSA was
 * padded: OAEP for its keys by path, PKCS#1 v1.5 for keys by value.
 *
 * @throws EnvelopeError
 */
export function readPython(headers: EnvelopeHeaders): Wrapped {
  const key = decodeHeader(KEY_HEADER, headers.require(KEY_HEADER))
  const iv = decodeHeader(IV_HEADER, headers.require(IV_HEADER))
  const { keyBytes, ivBytes } = FORMATS['cos-python'].cipher
  if (key.length === keyBytes) {
    requireLength(IV_HEADER, iv, ivBytes)
    return { format: 'cos-python', scheme: 'aes-ctr', key, iv }
  }
  if (!isRsaLength(key)) throw malformed(KEY_HEADER, `has ${key.length} bytes, which no master key wraps to`)
  requireLength(IV_HEADER, iv, key.length)
  return { format: 'cos-python', scheme: 'rsa-oaep-sha1', alternatives: ['rsa-pkcs1'], key, iv }
}
