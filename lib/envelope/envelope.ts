/** Envelopes: a data key under one or more master keys, in an object's headers and back. */
import { DataKey } from '../crypto/data-key.js'
import { assertContext, type EncryptionContext } from '../crypto/encryption-context.js'
import { FORMATS, WRITABLE_FORMATS, type Format } from '../crypto/format.js'
import { OptionError } from '../errors.js'
import { assertKnown, assertOneOf } from '../internal/assert.js'
import { readersOf } from '../keys/keyring.js'
import { assertMasterKey, type MasterKey } from '../keys/master-key.js'
import { unwrapAny } from '../keys/unwrap-any.js'
import { assertSameDescription, parseDescription } from './description.js'
import { assertPolicy, enforcePolicy, type Policy } from './policy.js'
import { readEnvelope, type ForeignMetadata } from './read-envelope.js'
import { generateEnvelope, type Metadata } from './write-envelope.js'

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
  /** Whether the format proves, piece by piece, that the content is what was encrypted. */
  readonly authenticated: boolean
  /**
   * Whether unwrapping proved that the master key is the right one and the wrapped key and IV are unaltered. False for
   * `cos-python` with an AES master key, where a wrong key gives wrong bytes and no error; and where the IV stands in the
   * headers as it is: objects of Android and old Java SDKs, and instruction files.
   */
  readonly keyVerified: boolean
  /** What the headers of the COS dialects say the object is about: the material description. Authenticated by KMS at most. */
  readonly description?: EncryptionContext
}

/**
 * Makes a data key for one object and wraps it.
 *
 * @param options - `format` is required: which objects to write is the caller's decision. `context`: what the object is
 *   about. `sealed` binds it to the bytes and does not store it; the reader gives it, too. In the COS Java and Go dialects it
 *   is the material description, stored for everyone to read, and bound only by KMS.
 * @throws {@link OptionError} when `format` is missing or unknown, or the master key has no form in it.
 */
export async function createEnvelope(
  masterKey: MasterKey,
  options: { format: Format; context?: EncryptionContext },
): Promise<CreatedEnvelope> {
  assertMasterKey(masterKey)
  assertKnown(options, 'options', ['format', 'context'])
  const { format, context = {} } = options
  assertOneOf(format, 'format', WRITABLE_FORMATS)
  assertContext(context)
  return generateEnvelope(masterKey, format, context)
}

/**
 * Unwraps the data key of an object.
 *
 * @param metadata - The object's headers by wire name, in any case; headers that are not part of an envelope are
 *   ignored.
 * @param options - `policy` is required: which formats to accept is the reader's decision, never the object's. `context`: that
 *   which the object was written with. For `sealed` none means an empty one, and another is noticed when the object's first
 *   bytes are read (`SEALSTREAM_COMMITMENT`); for the COS dialects none means that any is accepted.
 * @throws EnvelopeError when there is no envelope, when it is contradictory, malformed, unknown, against the policy, or says
 *   another context; KeyError when the master key does not open it.
 */
export async function openEnvelope(
  metadata: ForeignMetadata,
  masterKey: MasterKey,
  options: { policy: Policy; context?: EncryptionContext },
): Promise<OpenedEnvelope> {
  assertMasterKey(masterKey)
  assertKnown(options, 'options', ['policy', 'context'])
  const { policy, context } = options
  assertPolicy(policy)
  if (context !== undefined) assertContext(context)
  const { format, recipients } = readEnvelope(metadata)
  enforcePolicy(policy, format)
  if (format !== 'sealed' && context !== undefined) {
    assertSameDescription(recipients[0]?.description, context)
  }
  const dataKey = await inContext(await unwrapAny(recipients, readersOf(masterKey)), format, context)
  // Its object exists: encrypting other bytes under this key would give both away.
  dataKey.markUsed()
  const keyVerified = recipients.every(
    ({ scheme, isIvPlain }) => scheme !== 'aes-ctr' && scheme !== 'aes-ecb' && isIvPlain !== true,
  )
  const text = recipients[0]?.description
  return {
    dataKey,
    format,
    authenticated: FORMATS[format].authenticated,
    keyVerified,
    ...(text === undefined ? {} : { description: parseDescription('matdesc', text) }),
  }
}

/** The key as the reader sees the object. A master key may be the user's own code, which knows nothing of contexts. */
async function inContext(
  dataKey: DataKey,
  format: Format,
  context: EncryptionContext | undefined,
): Promise<DataKey> {
  if (!(dataKey instanceof DataKey) || dataKey.format !== format) {
    throw new OptionError('masterKey', `unwrapped something else than a data key of format ${format}`)
  }
  if (context === undefined || format !== 'sealed') return dataKey
  try {
    return await dataKey.relabelled(format, context)
  } finally {
    dataKey.dispose()
  }
}
