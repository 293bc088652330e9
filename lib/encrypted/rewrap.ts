/** Another envelope for the same bytes: other master keys, another dialect, other recipients (RULES 6). */
import { getObjectAcl, getObjectTagging } from '../cos/access-properties.js'
import { headObject, type HeadObjectResult } from '../cos/head-object.js'
import { metadataText } from '../cos/metadata.js'
import { OBJECT_HEADER_PARAMS, type ObjectWriteParams } from '../cos/object-headers.js'
import { checkObjectCall, present, type ObjectParams } from '../cos/service.js'
import {
  customerKeyOf,
  SSE_PARAMS,
  type CopySourceKeyParams,
  type ServerSideEncryptionParams,
} from '../cos/sse.js'
import type { DataKey } from '../crypto/data-key.js'
import type { EncryptionContext } from '../crypto/encryption-context.js'
import { FORMATS, WRITABLE_FORMATS, type Format } from '../crypto/format.js'
import type { OpenedEnvelope } from '../envelope/envelope.js'
import { EnvelopeHeaders, plaintextHeaders } from '../envelope/headers.js'
import { readEnvelope } from '../envelope/read-envelope.js'
import { recipientValues, writeSealed } from '../envelope/sealed-dialect.js'
import { recipientOf, writeEnvelope, type Metadata } from '../envelope/write-envelope.js'
import { KeyError, OptionError } from '../errors.js'
import { assertBoolean, assertOneOf, assertText } from '../internal/assert.js'
import { unlessAborted } from '../internal/abort.js'
import type { ProgressListener } from '../internal/progress.js'
import { writersOf } from '../keys/keyring.js'
import { assertMasterKey, type MasterKey } from '../keys/master-key.js'
import { copy } from '../transfer/copy.js'
import type { CopyParams } from '../transfer/copy-job.js'
import { objectChanged } from '../transfer/object-changed.js'
import type { StoredObject } from '../transfer/upload-job.js'
import { withoutEnvelope, type Encryption, type EncryptionResult } from './encryption.js'
import { openObject, type InstructionFileParams } from './open-object.js'
import { readPinnedRange } from './pinned-range.js'

/** Parameters of rewrap. */
export interface RewrapParams extends ObjectParams, ServerSideEncryptionParams, InstructionFileParams {
  /** Refuses where this is not the current version: rewrapping an older one would put it back. */
  VersionId?: string
  /** The master key, or Keyring, that alone can read the object afterwards. One of this, `add` and `remove`. */
  masterKey?: MasterKey
  /** Of `sealed`: further recipients. The others stay. */
  add?: readonly MasterKey[]
  /** Of `sealed`: ids of recipients that go. */
  remove?: readonly string[]
  /** The envelope's dialect afterwards, for the same bytes: `cos` or `cos-python`. Default: as it is. */
  format?: Format
  /** The access rule, where it is not to be asked for. A copy has none of its own. */
  ACL?: string
  /** The tags, where they are not to be asked for. */
  Tagging?: ObjectWriteParams['Tagging']
  /**
   * Goes on where nothing proves that the master key is the right one (`cos-python` with an AES key). Read the object first: with
   * a wrong key it would be lost.
   */
  acceptUnverifiedKey?: boolean
  /** See copy: above 5 GB, bytes of a part. */
  PartSize?: number
  Concurrency?: number
  MultipartThreshold?: number
  onProgress?: ProgressListener | undefined
}

/** An object with its new envelope. */
export interface RewrapResult extends StoredObject, EncryptionResult {
  /** Ids of the master keys that can read it, where the envelope names them. */
  recipients: string[]
}

const REWRAP_PARAMS = [
  ...SSE_PARAMS,
  'InstructionFile',
  'VersionId',
  'masterKey',
  'add',
  'remove',
  'format',
  'ACL',
  'Tagging',
  'acceptUnverifiedKey',
  'PartSize',
  'Concurrency',
  'MultipartThreshold',
  'onProgress',
]

/**
 * Copies an object onto itself with another envelope; its bytes stay where they are. The service exchanges old and new in one
 * step, so at every moment the object can be read, under the old keys or the new.
 *
 * @throws {@link OptionError} on a bad parameter, and where the new format has other bytes; KeyError where the client's master key
 *   does not open the object, or nothing proves that it is the right one; as copy.
 */
export async function rewrap(encryption: Encryption, params: RewrapParams): Promise<RewrapResult> {
  const { service } = encryption
  const { bucket: Bucket, key: Key, signal } = checkObjectCall(service, params, REWRAP_PARAMS)
  checkChange(params)
  const { VersionId } = params
  const head = await headObject(service, { Bucket, Key, ...customerKeyOf(params), signal })
  if (VersionId !== undefined && VersionId !== head.VersionId) {
    throw new OptionError(
      'VersionId',
      'must be the current version: rewrapping an older one would put it back',
      {
        value: VersionId,
      },
    )
  }
  const { headers } = head.$metadata
  const opened = await openObject(encryption, { ...params, Bucket, Key }, headers)
  const format = params.format ?? opened.format
  try {
    assertSameBytes(opened.format, format)
    if (!opened.keyVerified && params.acceptUnverifiedKey !== true) {
      throw new KeyError(
        'SEALSTREAM_UNWRAP',
        'nothing proves that the master key is the right one, or the IV unaltered',
        {
          hint: 'read the object first; then pass acceptUnverifiedKey: true',
        },
      )
    }
    await proveKey(encryption, params, head, opened.dataKey)
    const wrapping = newEnvelope(encryption, params, { headers, opened, format })
    const envelope = await unlessAborted(wrapping, signal)
    const stored = await copy(
      service,
      { ...(await asItWas(encryption, params, head)), signal },
      {
        isOntoItself: true,
        envelopeOf(source) {
          // Metadata is no part of an ETag: another rewrap may have come in between.
          if (metadataText(source.$metadata.headers) === metadataText(headers)) return envelope
          throw objectChanged(Key, 'copied')
        },
      },
    )
    const recipients = readEnvelope(envelope).recipients.flatMap(({ keyId }) =>
      keyId === undefined ? [] : [keyId],
    )
    return { ...stored, format, authenticated: FORMATS[format].authenticated, recipients }
  } finally {
    opened.dataKey.dispose()
  }
}

function checkChange({ masterKey, add, remove, format, acceptUnverifiedKey }: RewrapParams): void {
  if (masterKey !== undefined) assertMasterKey(masterKey)
  assertList(add, 'add', assertMasterKey)
  assertList(remove, 'remove', assertText)
  if (acceptUnverifiedKey !== undefined) assertBoolean(acceptUnverifiedKey, 'acceptUnverifiedKey')
  if (format !== undefined) assertOneOf(format, 'format', WRITABLE_FORMATS)
  if (masterKey !== undefined && (add ?? remove) !== undefined) {
    throw new OptionError('masterKey', 'replaces all recipients: give it, or add and remove')
  }
  if (masterKey === undefined && add === undefined && remove === undefined && format === undefined) {
    throw new OptionError('masterKey', 'must be given, or add, remove or format')
  }
}

/** @throws OptionError unless it is a list of one thing or more, none of them twice; or absent. */
function assertList(list: unknown, option: string, assert: (item: unknown, option: string) => void): void {
  if (list === undefined) return
  if (!Array.isArray(list) || list.length === 0)
    throw new OptionError(option, 'must be a list that is not empty')
  for (const [index, item] of list.entries()) assert(item, `${option}[${index}]`)
  if (new Set(list).size < list.length) throw new OptionError(option, 'must not name one twice')
}

function assertSameBytes(from: Format, to: Format): void {
  if (FORMATS[from].cipher === FORMATS[to].cipher && FORMATS[to].isWritable) return
  throw new OptionError('format', `cannot become ${to}: an object of ${from} holds other bytes`, {
    hint: 'download the object and upload it again',
  })
}

/** Of `sealed`: the key is proven to be this object's before anything is written. */
async function proveKey(
  { service }: Encryption,
  params: RewrapParams,
  head: HeadObjectResult,
  dataKey: DataKey,
): Promise<void> {
  if (dataKey.hasHead) return
  const { Bucket, Key, signal } = params
  const object = { ...head, StoredLength: head.ContentLength }
  const range = { start: 0, end: FORMATS[dataKey.format].cipher.headBytes - 1 }
  const get = { Key, ...(Bucket === undefined ? {} : { Bucket }), ...customerKeyOf(params), signal }
  dataKey.readHead(await readPinnedRange(service, get, object, range))
}

async function newEnvelope(
  { masterKey, context }: Encryption,
  { masterKey: wanted, add = [], remove = [] }: RewrapParams,
  {
    headers,
    opened: { dataKey, description = {} },
    format,
  }: { headers: Readonly<Record<string, string>>; opened: OpenedEnvelope; format: Format },
): Promise<Metadata> {
  if (format === 'sealed' && wanted === undefined) {
    const added = await Promise.all(
      add.flatMap(writersOf).map(async (writer) => recipientOf(writer, await writer.wrap(dataKey))),
    )
    return writeSealed(changeRecipients(recipientValues(new EnvelopeHeaders(headers)), added, remove))
  }
  if (add.length > 0 || remove.length > 0) {
    throw new OptionError('add', `and remove are for format sealed, not ${format}`)
  }
  const relabelled = await relabel(dataKey, format, context ?? description)
  try {
    return await writeEnvelope(wanted ?? masterKey, relabelled)
  } finally {
    relabelled.dispose()
  }
}

/** @throws OptionError where a recipient that is to go is not there, or one that is to come is. */
function changeRecipients(
  known: readonly string[],
  added: readonly string[],
  remove: readonly string[],
): string[] {
  const idOf = (value: string): string => value.split('.')[1] ?? ''
  const missing = remove.find((id) => !known.some((value) => idOf(value) === id))
  if (missing !== undefined)
    throw new OptionError('remove', 'names no recipient of the object', { value: missing })
  const kept = known.filter((value) => !remove.includes(idOf(value)))
  const twice = added.find((value, at) =>
    [...kept, ...added.slice(0, at)].some((other) => idOf(other) === idOf(value)),
  )
  if (twice !== undefined)
    throw new OptionError('add', 'names a recipient of the object', { value: idOf(twice) })
  return [...kept, ...added]
}

/** The same key as one of another dialect. Its positions are not used again: nothing is encrypted. */
async function relabel(dataKey: DataKey, format: Format, context: EncryptionContext): Promise<DataKey> {
  const relabelled = await dataKey.relabelled(format, format === 'cos-python' ? {} : context)
  relabelled.markUsed()
  return relabelled
}

/** The copy's parameters by which nothing changes but the envelope (RULES 6.1). */
async function asItWas(
  { service }: Encryption,
  params: RewrapParams,
  head: HeadObjectResult,
): Promise<CopyParams> {
  const { Bucket: bucket, Key, signal } = params
  const place = { Key, ...(bucket === undefined ? {} : { Bucket: bucket }) }
  const VersionId = head.VersionId ?? params.VersionId
  const version = VersionId === undefined ? {} : { VersionId }
  const ask = { ...place, ...version, signal }
  const { ACL = await getObjectAcl(service, ask), Tagging = await getObjectTagging(service, ask) } = params
  const known = OBJECT_HEADER_PARAMS.map((name) => [name, head[name as keyof HeadObjectResult]] as const)
  const given = Object.entries(params).filter(([name]) => (SSE_PARAMS as readonly string[]).includes(name))
  // As it was, unless another is asked for.
  const { ServerSideEncryption, SSEKMSKeyId } = given.length === 0 ? head : ({} as Partial<HeadObjectResult>)
  const customerKey = customerKeyOf(params)
  const source = Object.entries(customerKey).map(
    ([name, value]) => [`CopySource${name}`, value as unknown] as const,
  )
  const { PartSize, Concurrency, MultipartThreshold, onProgress } = params
  return {
    ...place,
    ...present(Object.fromEntries(known) as ObjectWriteParams),
    ...(present({ ServerSideEncryption, SSEKMSKeyId }) as ServerSideEncryptionParams),
    ...(Object.fromEntries(given) as ServerSideEncryptionParams),
    ...(Object.fromEntries(source) as CopySourceKeyParams),
    ...(present({
      ACL,
      Tagging,
      PartSize,
      Concurrency,
      MultipartThreshold,
      onProgress,
    }) as Partial<CopyParams>),
    Metadata: { ...withoutEnvelope(head.Metadata), ...plaintextHeaders(head.$metadata.headers) },
    MetadataDirective: 'Replaced',
    CopySource: { ...place, ...version, Bucket: bucket ?? (service.bucket as string) },
  }
}
