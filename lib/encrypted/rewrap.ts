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
import { parseDescription } from '../envelope/description.js'
import { EnvelopeHeaders } from '../envelope/headers.js'
import { readEnvelope } from '../envelope/read-envelope.js'
import { recipientValues, writeSealed } from '../envelope/sealed-dialect.js'
import { recipientOf, writeEnvelope, type Metadata } from '../envelope/write-envelope.js'
import { KeyError, OptionError } from '../errors.js'
import { assertBoolean, assertOneOf } from '../internal/assert.js'
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
  const version = VersionId === undefined ? {} : { VersionId }
  const head = await headObject(service, { Bucket, Key, ...version, ...customerKeyOf(params), signal })
  const { headers } = head.$metadata
  const opened = await openObject(encryption, { ...params, Bucket, Key }, headers)
  const format = params.format ?? opened.format
  try {
    assertSameBytes(opened.format, format)
    if (
      !opened.keyVerified &&
      opened.dataKey.format === 'cos-python' &&
      params.acceptUnverifiedKey !== true
    ) {
      throw new KeyError('SEALSTREAM_UNWRAP', 'nothing proves that the master key is the right one', {
        hint: 'read the object first; then pass acceptUnverifiedKey: true',
      })
    }
    await proveKey(encryption, params, head, opened.dataKey)
    const envelope = await newEnvelope(encryption, params, { headers, dataKey: opened.dataKey, format })
    const stored = await copy(
      service,
      { ...(await asItWas(encryption, params, head)), signal },
      {
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
  for (const [index, key] of (add ?? []).entries()) assertMasterKey(key, `add[${index}]`)
  if (acceptUnverifiedKey !== undefined) assertBoolean(acceptUnverifiedKey, 'acceptUnverifiedKey')
  if (format !== undefined) assertOneOf(format, 'format', WRITABLE_FORMATS)
  if (masterKey !== undefined && (add ?? remove) !== undefined) {
    throw new OptionError('masterKey', 'replaces all recipients: give it, or add and remove')
  }
  if (masterKey === undefined && add === undefined && remove === undefined && format === undefined) {
    throw new OptionError('masterKey', 'must be given, or add, remove or format')
  }
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
    dataKey,
    format,
  }: { headers: Readonly<Record<string, string>>; dataKey: DataKey; format: Format },
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
  const relabelled = await relabel(dataKey, format, context ?? describedContext(headers))
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
  const twice = added.find((value) => kept.some((other) => idOf(other) === idOf(value)))
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

/** What the object says of itself goes on being said. */
function describedContext(headers: Readonly<Record<string, string>>): EncryptionContext {
  const [wrapped] = hasEnvelope(headers) ? readEnvelope(headers).recipients : []
  return wrapped?.description === undefined ? {} : parseDescription('matdesc', wrapped.description)
}

function hasEnvelope(headers: Readonly<Record<string, string>>): boolean {
  return !new EnvelopeHeaders(headers).isEmpty
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
  const { ServerSideEncryption, SSEKMSKeyId } = head
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
    Metadata: withoutEnvelope(head.Metadata),
    MetadataDirective: 'Replaced',
    CopySource: { ...place, ...version, Bucket: bucket ?? (service.bucket as string) },
  }
}
