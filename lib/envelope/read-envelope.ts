/** Which dialect an object's headers are in, and the wrapped data keys in them (wire-formats B11, RULES 4.6). */
import type { Format } from '../crypto/format.js'
import { EnvelopeError } from '../errors.js'
import type { Wrapped } from '../keys/master-key.js'
import { readCos } from './cos-dialect.js'
import {
  CEK_ALG_HEADER,
  EnvelopeHeaders,
  IV_HEADER,
  KEY_HEADER,
  START_HEADER,
  WRAP_ALG_HEADER,
} from './headers.js'
import { readLegacy } from './legacy-dialect.js'
import { readPython } from './python-dialect.js'
import { ambiguous, readSealed } from './sealed-dialect.js'

/** Headers as an answer or a caller gives them. */
export type ForeignMetadata = Readonly<Record<string, string | string[] | undefined>>

/** An envelope that has not been opened. */
export interface ReadEnvelope {
  readonly format: Format
  /** Who writes such headers. */
  readonly dialect: Dialect
  /** One, but for `sealed`, which may have several. All have the format of the envelope. */
  readonly recipients: readonly Wrapped[]
}

/** The ways in which headers are written. `bridge` is what both the Python and the Java SDK read. */
export type Dialect = 'sealstream' | 'bridge' | 'python' | 'java' | 'android' | 'java-legacy'

/** @throws EnvelopeError unless the headers hold exactly one envelope that this version reads. */
export function readEnvelope(metadata: ForeignMetadata): ReadEnvelope {
  const headers = new EnvelopeHeaders(metadata)
  const hasCos = headers.has(KEY_HEADER)
  if ([headers.hasSealed, headers.hasLegacy, hasCos].filter(Boolean).length > 1) {
    throw ambiguous('the object carries the envelopes of two formats')
  }
  if (headers.hasSealed) return { format: 'sealed', dialect: 'sealstream', recipients: readSealed(headers) }
  if (headers.hasLegacy) return single('java-legacy', readLegacy(headers))
  if (hasCos) return readSdk(headers)
  throw missing(headers)
}

function readSdk(headers: EnvelopeHeaders): ReadEnvelope {
  if (!headers.has(IV_HEADER)) {
    const wrapped = readCos(headers)
    return single(wrapped.isIvPlain === true ? 'android' : 'java', wrapped)
  }
  // COS Python writes none of these; with any of them it is another dialect, whose algorithms are checked.
  const isPython = [START_HEADER, WRAP_ALG_HEADER, CEK_ALG_HEADER].every((name) => !headers.has(name))
  if (isPython) return single('python', readPython(headers))
  if (headers.get(IV_HEADER) !== headers.get(START_HEADER)) {
    // RULES 4.6: two envelopes, except the bridge, whose two IV headers are the same text.
    throw ambiguous(`headers ${IV_HEADER} and ${START_HEADER} name different IVs`, START_HEADER)
  }
  const wrapped = readCos(headers)
  const isBridge =
    wrapped.scheme === 'rsa-oaep-sha1' && wrapped.format === 'cos' && wrapped.isIvPlain !== true
  if (isBridge) return single('bridge', wrapped)
  throw ambiguous('the object carries the envelopes of two dialects')
}

function single(dialect: Dialect, wrapped: Wrapped): ReadEnvelope {
  return { format: wrapped.format, dialect, recipients: [wrapped] }
}

function missing(headers: EnvelopeHeaders): EnvelopeError {
  if (headers.isEmpty) {
    return new EnvelopeError('SEALSTREAM_ENVELOPE_MISSING', 'the object carries no encryption envelope', {
      hint: 'it was stored unencrypted, or its metadata was lost; read it with CosClient if that is expected',
    })
  }
  return new EnvelopeError('SEALSTREAM_ENVELOPE_MALFORMED', `the envelope lacks header ${KEY_HEADER}`, {
    header: KEY_HEADER,
    hint: 'the COS Java SDK can keep the rest in an instruction file: pass InstructionFile: true to read that',
  })
}
