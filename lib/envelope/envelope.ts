/** Envelopes: a data key under a master key, in an object's headers and back. */
import { DataKey } from '../crypto/data-key.js'
import { FORMAT_NAMES, FORMATS, type Format } from '../crypto/format.js'
import { EnvelopeError, OptionError } from '../errors.js'
import { assertKnown, assertOneOf } from '../internal/assert.js'
import type { MasterKey, Wrapped } from '../keys/master-key.js'
import { readCos, writeCos } from './cos-dialect.js'
import {
  CEK_ALG_HEADER,
  EnvelopeHeaders,
  IV_HEADER,
  KEY_HEADER,
  START_HEADER,
  WRAP_ALG_HEADER,
} from './headers.js'
import { assertPolicy, enforcePolicy, type Policy } from './policy.js'
import { readPython, writePython } from './python-dialect.js'

/** Wire names (`x-cos-meta-...`) to values. */
export type Metadata = Record<string, string>

/** A new envelope. */
export interface CreatedEnvelope {
  /** For one object only. The caller owns it and disposes it. */
  readonly dataKey: DataKey
  /** Headers to store with the object. */
  readonly metadata: Metadata
}

/** An envelope that was opened. */
export interface OpenedEnvelope {
  /** The caller owns it and disposes it. */
  readonly dataKey: DataKey
  readonly format: Format
  /** Whether the format proves that the content is what was encrypted. */
  readonly authenticated: boolean
  /**
   * Whether unwrapping proved that the master key is the right one and the headers are unaltered. False for
   * `cos-python` with an AES master key: there a wrong key gives wrong bytes and no error.
   */
  readonly keyVerified: boolean
}

/**
 * Makes a data key for one object and wraps it.
 *
 * @param options - `format` is required: which objects to write is the caller's decision.
 * @throws {@link OptionError} when `format` is missing or unknown, or the master key has no form in it.
 */
export async function createEnvelope(
  masterKey: MasterKey,
  options: { format: Format },
): Promise<CreatedEnvelope> {
  assertMasterKey(masterKey)
  assertKnown(options, 'options', ['format'])
  const { format } = options
  assertOneOf(format, 'format', FORMAT_NAMES)
  const dataKey = DataKey.generate(format)
  try {
    const metadata = writeMetadata(await masterKey.wrap(dataKey))
    assertReadable(metadata, format)
    return { dataKey, metadata }
  } catch (error) {
    dataKey.dispose()
    throw error
  }
}

/**
 * Unwraps the data key of an object.
 *
 * @param metadata - The object's headers by wire name, in any case; headers that are not part of an envelope are
 *   ignored.
 * @param options - `policy` is required: which formats to accept is the reader's decision, never the object's.
 * @throws EnvelopeError when there is no envelope, when it is contradictory, malformed, unknown or against the policy;
 *   KeyError when the master key does not open it.
 */
export async function openEnvelope(
  metadata: Readonly<Record<string, string | string[] | undefined>>,
  masterKey: MasterKey,
  options: { policy: Policy },
): Promise<OpenedEnvelope> {
  assertMasterKey(masterKey)
  assertKnown(options, 'options', ['policy'])
  assertPolicy(options.policy)
  const wrapped = readMetadata(metadata)
  enforcePolicy(options.policy, wrapped.format)
  const dataKey = await masterKey.unwrap(wrapped)
  // Its object exists: encrypting other bytes under this key would give both away.
  dataKey.markUsed()
  const { authenticated } = FORMATS[wrapped.format]
  return { dataKey, format: wrapped.format, authenticated, keyVerified: wrapped.scheme !== 'aes-ctr' }
}

/**
 * The wrapped data key in an object's headers; its format is detected from them (wire-formats B11).
 *
 * @throws EnvelopeError as {@link openEnvelope}, but for the policy.
 */
export function readMetadata(metadata: Readonly<Record<string, string | string[] | undefined>>): Wrapped {
  const headers = new EnvelopeHeaders(metadata)
  const hasCos = headers.has(KEY_HEADER)
  if ([headers.hasSealed, headers.hasLegacy, hasCos].filter(Boolean).length > 1) {
    throw new EnvelopeError(
      'SEALSTREAM_AMBIGUOUS_ENVELOPE',
      'the object carries the envelopes of two formats',
    )
  }
  if (headers.hasSealed || headers.hasLegacy) {
    const writer = headers.hasSealed ? 'a newer sealstream' : 'an old COS Java SDK'
    throw new EnvelopeError(
      'SEALSTREAM_UNKNOWN_ALGORITHM',
      `the object was written by ${writer}, in a format that this version does not read`,
    )
  }
  if (!hasCos) throw missing(headers)
  return readKnown(headers)
}

function readKnown(headers: EnvelopeHeaders): Wrapped {
  if (!headers.has(IV_HEADER)) return readCos(headers)
  // COS Python writes none of these; with any of them it is another dialect, whose algorithms are checked.
  const isPython = [START_HEADER, WRAP_ALG_HEADER, CEK_ALG_HEADER].every((name) => !headers.has(name))
  if (isPython) return readPython(headers)
  if (headers.get(IV_HEADER) !== headers.get(START_HEADER)) {
    // RULES 4.6: two envelopes, except the bridge, whose two IV headers are the same text.
    throw new EnvelopeError(
      'SEALSTREAM_AMBIGUOUS_ENVELOPE',
      `headers ${IV_HEADER} and ${START_HEADER} name different IVs`,
      { header: START_HEADER },
    )
  }
  const wrapped = readCos(headers)
  if (wrapped.scheme === 'rsa-oaep-sha1') return wrapped
  throw new EnvelopeError(
    'SEALSTREAM_AMBIGUOUS_ENVELOPE',
    'the object carries the envelopes of two AES dialects',
  )
}

function missing(headers: EnvelopeHeaders): EnvelopeError {
  if (headers.isEmpty) {
    return new EnvelopeError('SEALSTREAM_ENVELOPE_MISSING', 'the object carries no encryption envelope', {
      hint: 'it was stored unencrypted, or its metadata was lost; read it with CosClient if that is expected',
    })
  }
  return new EnvelopeError('SEALSTREAM_ENVELOPE_MALFORMED', `the envelope lacks header ${KEY_HEADER}`, {
    header: KEY_HEADER,
    hint: 'the COS Java SDK can keep the rest in an instruction file, which this version does not read',
  })
}

function writeMetadata(wrapped: Wrapped): Metadata {
  const { format, scheme } = wrapped
  if (format === 'cos-python' && scheme !== 'aes-kw') {
    if (scheme === 'aes-ctr') warnOfWeakWrap()
    return writePython(wrapped)
  }
  if (format === 'cos' && scheme !== 'aes-ctr') return writeCos({ ...wrapped, scheme })
  throw new OptionError('masterKey', `wraps by ${scheme}, for which format ${format} has no form`)
}

/** A master key may be the user's own code: what it returns must be an envelope that readers open. */
function assertReadable(metadata: Metadata, format: Format): void {
  let found: Format | undefined
  try {
    found = readMetadata(metadata).format
  } catch (error) {
    throw new OptionError('masterKey', `wrapped the data key to something no reader opens`, { cause: error })
  }
  if (found !== format)
    throw new OptionError('masterKey', `wrapped the data key for format ${found}, not ${format}`)
}

let warned = false

/** Once per process: wire-formats C1, one leaked data key opens every object of the master key. */
function warnOfWeakWrap(): void {
  if (warned) return
  warned = true
  process.emitWarning(
    "format cos-python with an AES master key wraps every object's data key with the same keystream: one leaked data key opens them all",
    {
      code: 'SEALSTREAM_WEAK_WRAP',
      detail: 'Use format cos, or an RSA master key, unless the COS Python SDK must read the objects.',
    },
  )
}

/** @throws OptionError unless `masterKey` can wrap and unwrap. */
export function assertMasterKey(masterKey: unknown): asserts masterKey is MasterKey {
  const { wrap, unwrap } = (masterKey ?? {}) as Partial<MasterKey>
  if (typeof wrap === 'function' && typeof unwrap === 'function') return
  throw new OptionError('masterKey', 'must be a master key, such as AesMasterKey or RsaMasterKey')
}
