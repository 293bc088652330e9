/** A data key as headers, under each of its recipients. */
import { DataKey } from '../crypto/data-key.js'
import { isSameContext, type EncryptionContext } from '../crypto/encryption-context.js'
import type { Format } from '../crypto/format.js'
import { OptionError } from '../errors.js'
import { writersOf } from '../keys/keyring.js'
import type { MasterKey, Wrapped } from '../keys/master-key.js'
import { CONTENT_ALGORITHMS, type JavaFormat } from './content-algorithm.js'
import { isJavaScheme, writeCos, type JavaScheme } from './cos-dialect.js'
import { writePython } from './python-dialect.js'
import { readEnvelope, type ReadEnvelope } from './read-envelope.js'
import { writeRecipient, writeSealed } from './sealed-dialect.js'

/** Wire names (`x-cos-meta-...`) to values. */
export type Metadata = Record<string, string>

const PYTHON_SCHEMES = ['aes-ctr', 'rsa-oaep-sha1', 'rsa-pkcs1']

/**
 * A new data key, wrapped under a master key, or under each that a Keyring writes with.
 *
 * @throws OptionError where the key has no form in the format.
 */
export async function generateEnvelope(
  masterKey: MasterKey,
  format: Format,
  context: EncryptionContext,
): Promise<{ dataKey: DataKey; metadata: Metadata }> {
  const maker = writersOf(masterKey).find((writer) => writer.generate !== undefined)
  const made = (await maker?.generate?.(format, context)) as Partial<Generated> | null | undefined
  const dataKey =
    maker === undefined ? DataKey.generate(format, context) : await asWanted(made?.dataKey, format, context)
  try {
    return { dataKey, metadata: await writeEnvelope(masterKey, dataKey, new Map([[maker, made?.wrapped]])) }
  } catch (error) {
    dataKey.dispose()
    throw error
  }
}

/** What a master key makes in one step. */
interface Generated {
  readonly dataKey: DataKey
  readonly wrapped: Wrapped
}

/** The data key that a master key made, which may be the user's own code. */
async function asWanted(dataKey: unknown, format: Format, context: EncryptionContext): Promise<DataKey> {
  if (!(dataKey instanceof DataKey) || dataKey.format !== format) {
    throw new OptionError('masterKey', `generated something else than a data key of format ${format}`)
  }
  if (isSameContext(dataKey.context, context)) return dataKey
  try {
    return await dataKey.relabelled(format, context)
  } finally {
    dataKey.dispose()
  }
}

/** Whatever the user's own code gave as a wrapped key. */
function assertWrapped(wrapped: unknown): asserts wrapped is Wrapped {
  const { scheme, key, iv } = (wrapped ?? {}) as Partial<Record<keyof Wrapped, unknown>>
  if (typeof scheme === 'string' && key instanceof Uint8Array && iv instanceof Uint8Array) return
  throw new OptionError('masterKey', 'wrapped the data key to no { format, scheme, key, iv }')
}

/**
 * Wraps a data key.
 *
 * @param known - What some of the keys have wrapped already.
 * @throws OptionError where a key has no form in the format of the data key.
 */
export async function writeEnvelope(
  masterKey: MasterKey,
  dataKey: DataKey,
  known: ReadonlyMap<MasterKey | undefined, Wrapped | undefined> = new Map(),
): Promise<Metadata> {
  const { format } = dataKey
  const wrap = async (writer: MasterKey): Promise<Wrapped> => known.get(writer) ?? writer.wrap(dataKey)
  const writers = writersOf(masterKey)
  if (format === 'sealed') {
    const recipients = await Promise.all(
      writers.map(async (writer) => recipientOf(writer, await wrap(writer))),
    )
    return checked(writeSealed(recipients), format)
  }
  const [writer, ...more] = writers as [MasterKey, ...MasterKey[]]
  if (more.length > 0) {
    throw new OptionError('masterKey', `must be one key: only format sealed takes several recipients`, {
      value: format,
    })
  }
  return checked(writeWrapped(await wrap(writer), dataKey), format)
}

/** The value of a recipient's header of a `sealed` object. */
export function recipientOf(writer: MasterKey, wrapped: unknown): string {
  assertWrapped(wrapped)
  if (wrapped.format !== 'sealed') throw wrapsOtherwise(wrapped)
  return writeRecipient({ ...wrapped, keyId: wrapped.keyId ?? writer.id })
}

function writeWrapped(wrapped: unknown, { format, context }: DataKey): Metadata {
  assertWrapped(wrapped)
  const { scheme } = wrapped
  const hasForm =
    format === 'cos-python'
      ? PYTHON_SCHEMES.includes(scheme)
      : Object.hasOwn(CONTENT_ALGORITHMS, format) && isJavaScheme(scheme)
  if (wrapped.format !== format || !hasForm) throw wrapsOtherwise(wrapped)
  if (format !== 'cos-python') {
    return writeCos({ ...wrapped, format: format as JavaFormat, scheme: scheme as JavaScheme }, context)
  }
  if (Object.keys(context).length > 0) {
    throw new OptionError('context', 'has no place in format cos-python', { value: context })
  }
  if (scheme === 'aes-ctr') warnOfWeakWrap()
  return writePython(wrapped)
}

function wrapsOtherwise({ scheme, format }: Wrapped): OptionError {
  return new OptionError('masterKey', `wraps by ${scheme}, for which format ${format} has no form`)
}

/** A master key may be the user's own code: what it returns must be an envelope that readers open. */
function checked(metadata: Metadata, format: Format): Metadata {
  let found: ReadEnvelope
  try {
    found = readEnvelope(metadata)
  } catch (error) {
    throw new OptionError('masterKey', `wrapped the data key to something no reader opens`, { cause: error })
  }
  if (found.format === format && found.recipients.every(({ isIvPlain }) => isIvPlain !== true))
    return metadata
  throw new OptionError('masterKey', `wrapped the data key for format ${found.format}, not ${format}`)
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
