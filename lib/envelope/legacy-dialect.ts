/**
 * The metadata of old COS Java SDKs, and the instruction files of all of them, which use the same names (wire-formats B4).
 * Read only. The IV stands there in the clear, and where no algorithm is named the data key was wrapped by a bare cipher.
 */
import { FORMATS } from '../crypto/format.js'
import { EnvelopeError } from '../errors.js'
import { META_PREFIX } from '../internal/meta-prefix.js'
import type { Wrapped, WrapScheme } from '../keys/master-key.js'
import { readContentAlgorithm } from './content-algorithm.js'
import { checkKeyLength, readWrapAlg } from './cos-dialect.js'
import { checkDescription } from './description.js'
import { decodeHeader, isRsaLength, malformed, requireLength } from './encoding.js'
import { LEGACY_HEADERS, type EnvelopeHeaders } from './headers.js'

/** 32 bytes and a block of padding. */
const ECB_KEY_BYTES = 48

/** Larger than any instruction file. */
export const MOST_INSTRUCTION_BYTES = 64 * 1024

/** @throws EnvelopeError */
export function readLegacy(headers: EnvelopeHeaders): Wrapped {
  const { key: oldName, keyV2, iv: ivHeader, matdesc, wrapAlg, cekAlg } = LEGACY_HEADERS
  if (headers.has(oldName) && headers.has(keyV2)) {
    throw new EnvelopeError('SEALSTREAM_AMBIGUOUS_ENVELOPE', 'the object carries two wrapped data keys', {
      header: oldName,
    })
  }
  const keyHeader = headers.has(keyV2) ? keyV2 : oldName
  const format = readContentAlgorithm(headers, cekAlg)
  const key = decodeHeader(keyHeader, headers.require(keyHeader))
  const iv = decodeHeader(ivHeader, headers.require(ivHeader))
  requireLength(ivHeader, iv, FORMATS[format].cipher.ivBytes)
  const named = headers.get(wrapAlg)
  const wrapping = named === undefined ? bareCipher(keyHeader, key) : readWrapAlg(wrapAlg, named)
  if (named !== undefined) checkKeyLength(keyHeader, wrapping.scheme, format, key)
  const description = headers.get(matdesc)
  return {
    format,
    ...wrapping,
    key,
    iv,
    isIvPlain: true,
    ...(description === undefined ? {} : { description: checkDescription(matdesc, description) }),
  }
}

/** The bare names `AES` and `RSA` stand for ECB and PKCS#1 v1.5; the length tells which. */
function bareCipher(header: string, key: Buffer): { scheme: WrapScheme } {
  if (key.length === ECB_KEY_BYTES) return { scheme: 'aes-ecb' }
  if (isRsaLength(key)) return { scheme: 'rsa-pkcs1' }
  throw malformed(header, `has ${key.length} bytes, which no master key wraps to`)
}

/**
 * The content of an instruction file as headers.
 *
 * @throws EnvelopeError `SEALSTREAM_ENVELOPE_MALFORMED` unless it is a JSON object of texts.
 */
export function readInstructionFile(body: Buffer): Record<string, string> {
  let content: unknown
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw malformed('of the instruction file', 'is not there: it is not JSON')
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw malformed('of the instruction file', 'is not there: it is not an object')
  }
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(content as Record<string, unknown>)) {
    // An absent description is null.
    if (value === null) continue
    if (typeof value !== 'string') throw malformed(`${name} of the instruction file`, 'is not a text')
    const header = META_PREFIX + name.toLowerCase()
    if (headers[header] !== undefined && headers[header] !== value) {
      throw new EnvelopeError(
        'SEALSTREAM_AMBIGUOUS_ENVELOPE',
        `${name} comes more than once in the instruction file`,
        {
          header,
        },
      )
    }
    headers[header] = value
  }
  return headers
}
