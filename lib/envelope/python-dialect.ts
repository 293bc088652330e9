/** Format `cos-python`: what the COS Python SDK writes, byte for byte (wire-formats B3). */
import type { Wrapped } from '../keys/master-key.js'
import { decodeHeader, encodeHeader, isRsaLength, malformed } from './encoding.js'
import { IV_HEADER, KEY_HEADER, type EnvelopeHeaders } from './headers.js'

/** Lengths of what AES-CTR wrapping gives: those of the data key and the IV themselves. */
const AES_KEY_BYTES = 32
const AES_IV_BYTES = 16

export function writePython(wrapped: Wrapped): Record<string, string> {
  return { [KEY_HEADER]: encodeHeader(wrapped.key), [IV_HEADER]: encodeHeader(wrapped.iv) }
}

/** Nothing in the headers says what kind of master key it was; the length does (B11). */
export function readPython(headers: EnvelopeHeaders): Wrapped {
  const key = decodeHeader(KEY_HEADER, headers.require(KEY_HEADER))
  const iv = decodeHeader(IV_HEADER, headers.require(IV_HEADER))
  if (key.length === AES_KEY_BYTES) {
    if (iv.length !== AES_IV_BYTES) throw malformed(IV_HEADER, `has ${iv.length} bytes, not ${AES_IV_BYTES}`)
    return { format: 'cos-python', scheme: 'aes-ctr', key, iv }
  }
  if (!isRsaLength(key)) throw malformed(KEY_HEADER, `has ${key.length} bytes, which no master key wraps to`)
  if (iv.length !== key.length) throw malformed(IV_HEADER, `has ${iv.length} bytes, not ${key.length}`)
  return { format: 'cos-python', scheme: 'rsa-oaep-sha1', key, iv }
}
