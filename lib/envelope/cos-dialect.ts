/**
 * The headers of COS Java, Go and Android (wire-formats B4 to B6), and the bridge (B12), which unmodified COS Python and COS
 * Java both open. Which one it is shows in the algorithm names and in the length of the IV header.
 */
import { AES_WRAP_OVERHEAD } from '../crypto/aes-key-wrap.js'
import { FORMATS } from '../crypto/format.js'
import { descriptionText, type EncryptionContext } from '../crypto/encryption-context.js'
import type { Wrapped, WrapScheme } from '../keys/master-key.js'
import {
  CONTENT_ALGORITHMS,
  contentHeaders,
  readContentAlgorithm,
  type JavaFormat,
} from './content-algorithm.js'
import { checkDescription } from './description.js'
import {
  decodeHeader,
  encodeHeader,
  isRsaLength,
  malformed,
  requireLength,
  unknownAlgorithm,
} from './encoding.js'
import {
  CEK_ALG_HEADER,
  IV_HEADER,
  KEY_HEADER,
  MATDESC_HEADER,
  START_HEADER,
  WRAP_ALG_HEADER,
  type EnvelopeHeaders,
} from './headers.js'

/** `wrap-alg` by scheme. Java hands the RSA string to Cipher.getInstance, so OAEP with SHA-1 works there too. */
const WRAP_ALGS = {
  'aes-kw': 'AESWrap',
  'rsa-oaep-sha1': 'RSA/ECB/OAEPWithSHA-1AndMGF1Padding',
  'rsa-oaep-sha256-mgf1-sha1': 'RSA/ECB/OAEPWithSHA-256AndMGF1Padding',
  kms: 'KMS/TencentCloud',
} as const satisfies Partial<Record<WrapScheme, string>>

/** A scheme that this dialect has a name for. */
export type JavaScheme = keyof typeof WRAP_ALGS

/** The oldest SDKs' name of KMS. */
const OLD_KMS = 'kms'

/** Whether the dialect has a form for it. */
export function isJavaScheme(scheme: WrapScheme): scheme is JavaScheme {
  return scheme in WRAP_ALGS
}

/** @param wrapped - Of a format that has a name here, by a scheme that has one. */
export function writeCos(
  wrapped: Wrapped & { format: JavaFormat; scheme: JavaScheme },
  context: EncryptionContext,
): Record<string, string> {
  const { format, scheme } = wrapped
  const iv = encodeHeader(wrapped.iv)
  return {
    [KEY_HEADER]: encodeHeader(wrapped.key),
    ...(format === 'cos' && scheme === 'rsa-oaep-sha1' ? { [IV_HEADER]: iv } : {}),
    [START_HEADER]: iv,
    [CEK_ALG_HEADER]: CONTENT_ALGORITHMS[format],
    [WRAP_ALG_HEADER]: WRAP_ALGS[scheme],
    ...contentHeaders(format),
    ...(Object.keys(context).length === 0 ? {} : { [MATDESC_HEADER]: descriptionText(context) }),
  }
}

/** @throws EnvelopeError */
export function readCos(headers: EnvelopeHeaders): Wrapped {
  const wrapAlg = headers.require(WRAP_ALG_HEADER)
  const format = readContentAlgorithm(headers, CEK_ALG_HEADER)
  const key = decodeHeader(KEY_HEADER, headers.require(KEY_HEADER))
  const iv = decodeHeader(START_HEADER, headers.require(START_HEADER))
  const wrapping = readWrapAlg(WRAP_ALG_HEADER, wrapAlg)
  checkKeyLength(KEY_HEADER, wrapping.scheme, format, key)
  const isPlain = checkIv(wrapping.scheme, format, key, iv)
  const matdesc = headers.get(MATDESC_HEADER)
  return {
    format,
    ...wrapping,
    key,
    iv,
    ...(isPlain ? { isIvPlain: true } : {}),
    ...(matdesc === undefined ? {} : { description: checkDescription(MATDESC_HEADER, matdesc) }),
  }
}

/** What a `wrap-alg` leaves open: Java's string for SHA-256 means one MGF1 hash or the other (wire-formats A5). */
export function readWrapAlg(
  header: string,
  name: string,
): { scheme: WrapScheme; alternatives?: readonly WrapScheme[] } {
  switch (name) {
    case WRAP_ALGS['aes-kw']:
      return { scheme: 'aes-kw' }
    case WRAP_ALGS['rsa-oaep-sha1']:
      return { scheme: 'rsa-oaep-sha1' }
    case WRAP_ALGS['rsa-oaep-sha256-mgf1-sha1']:
      return { scheme: 'rsa-oaep-sha256-mgf1-sha1', alternatives: ['rsa-oaep-sha256'] }
    case WRAP_ALGS.kms:
    case OLD_KMS:
      return { scheme: 'kms' }
    default:
      throw unknownAlgorithm(header, name)
  }
}

/** @throws EnvelopeError `SEALSTREAM_ENVELOPE_MALFORMED` where no such scheme gives so many bytes. */
export function checkKeyLength(header: string, scheme: WrapScheme, format: JavaFormat, key: Buffer): void {
  if (scheme === 'aes-kw') requireLength(header, key, FORMATS[format].cipher.keyBytes + AES_WRAP_OVERHEAD)
  else if (scheme === 'kms') requireText(header, key)
  else if (!isRsaLength(key)) throw malformed(header, `has ${key.length} bytes, which no RSA key wraps to`)
}

/** @returns Whether the IV stands there in the clear, as the Android SDK leaves it. */
function checkIv(scheme: WrapScheme, format: JavaFormat, key: Buffer, iv: Buffer): boolean {
  const { ivBytes } = FORMATS[format].cipher
  // 16 bytes are no wrapped IV under any scheme: RSA and AES key wrap give more, and a KMS blob is longer, too.
  if (format === 'cos' && iv.length === ivBytes) return true
  if (scheme === 'aes-kw') requireLength(START_HEADER, iv, ivBytes + AES_WRAP_OVERHEAD)
  else if (scheme === 'kms') requireText(START_HEADER, iv)
  else requireLength(START_HEADER, iv, key.length)
  return false
}

/** What KMS gives is text, and these SDKs encode that text once more. */
function requireText(header: string, bytes: Buffer): void {
  if (!/^[\x21-\x7e]+$/.test(bytes.toString('latin1')))
    throw malformed(header, 'does not hold the text of a KMS blob')
}
