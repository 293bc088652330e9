/**
 * Format `cos`. With an RSA master key: the bridge of wire-formats B12, which unmodified COS Python and COS Java both
 * open. With an AES master key: COS Java's CTR dialect (B4), since no header value could suit both.
 */
import { AES_WRAP_OVERHEAD } from '../crypto/aes-key-wrap.js'
import { FORMATS } from '../crypto/format.js'
import { EnvelopeError } from '../errors.js'
import type { Wrapped, WrapScheme } from '../keys/master-key.js'
import { decodeHeader, encodeHeader, isRsaLength, malformed } from './encoding.js'
import {
  CEK_ALG_HEADER,
  IV_HEADER,
  KEY_HEADER,
  START_HEADER,
  WRAP_ALG_HEADER,
  type EnvelopeHeaders,
} from './headers.js'

const CTR = 'AES/CTR/NoPadding'

/** `wrap-alg` by scheme. Java hands the RSA string to Cipher.getInstance, so OAEP with SHA-1 works there too. */
const WRAP_ALGS = {
  'aes-kw': 'AESWrap',
  'rsa-oaep-sha1': 'RSA/ECB/OAEPWithSHA-1AndMGF1Padding',
} as const satisfies Partial<Record<WrapScheme, string>>

export function writeCos(wrapped: Wrapped & { scheme: keyof typeof WRAP_ALGS }): Record<string, string> {
  const iv = encodeHeader(wrapped.iv)
  return {
    [KEY_HEADER]: encodeHeader(wrapped.key),
    ...(wrapped.scheme === 'rsa-oaep-sha1' ? { [IV_HEADER]: iv } : {}),
    [START_HEADER]: iv,
    [CEK_ALG_HEADER]: CTR,
    [WRAP_ALG_HEADER]: WRAP_ALGS[wrapped.scheme],
  }
}

export function readCos(headers: EnvelopeHeaders): Wrapped {
  const wrapAlg = headers.require(WRAP_ALG_HEADER)
  requireCtr(headers)
  const key = decodeHeader(KEY_HEADER, headers.require(KEY_HEADER))
  const iv = decodeHeader(START_HEADER, headers.require(START_HEADER))
  switch (wrapAlg) {
    case WRAP_ALGS['aes-kw']:
      return readAes(key, iv)
    case WRAP_ALGS['rsa-oaep-sha1']:
      return readRsa(key, iv)
    default:
      throw unknown(WRAP_ALG_HEADER, wrapAlg)
  }
}

function readAes(key: Buffer, iv: Buffer): Wrapped {
  const { keyBytes, ivBytes } = FORMATS.cos.cipher
  if (iv.length === ivBytes) throw unreadableIv('Android')
  requireLength(KEY_HEADER, key, keyBytes + AES_WRAP_OVERHEAD)
  requireLength(START_HEADER, iv, ivBytes + AES_WRAP_OVERHEAD)
  return { format: 'cos', scheme: 'aes-kw', key, iv }
}

function readRsa(key: Buffer, iv: Buffer): Wrapped {
  if (!isRsaLength(key)) throw malformed(KEY_HEADER, `has ${key.length} bytes, which no RSA key wraps to`)
  if (iv.length === FORMATS.cos.cipher.ivBytes) throw unreadableIv('Android')
  requireLength(START_HEADER, iv, key.length)
  return { format: 'cos', scheme: 'rsa-oaep-sha1', key, iv }
}

/** Algorithms are the reader's choice: whoever writes headers must not pick them (wire-formats C3). */
function requireCtr(headers: EnvelopeHeaders): void {
  const cekAlg = headers.require(CEK_ALG_HEADER)
  if (cekAlg !== CTR) throw unknown(CEK_ALG_HEADER, cekAlg)
}

function requireLength(header: string, bytes: Buffer, length: number): void {
  if (bytes.length !== length) throw malformed(header, `has ${bytes.length} bytes, not ${length}`)
}

function unknown(header: string, value: string): EnvelopeError {
  return new EnvelopeError(
    'SEALSTREAM_UNKNOWN_ALGORITHM',
    `header ${header} names ${JSON.stringify(value.slice(0, 80))}, which this version does not read`,
    { header },
  )
}

function unreadableIv(writer: string): EnvelopeError {
  return new EnvelopeError(
    'SEALSTREAM_UNKNOWN_ALGORITHM',
    `header ${START_HEADER} holds a plain IV: an object of the ${writer} SDK, which this version does not read`,
    { header: START_HEADER },
  )
}
