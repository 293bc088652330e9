/** GET Object, decrypted on the way: whole, or any range of the plaintext (RULES 4.4). */
import { pipeline } from 'node:stream'
import { CONDITION_PARAMS, getObject, type GetObjectParams, type GetObjectResult } from '../cos/get-object.js'
import { metadataText } from '../cos/metadata.js'
import { checkRange, resolveRange } from '../cos/range.js'
import { headObject, type HeadObjectParams, type HeadObjectResult } from '../cos/head-object.js'
import { RESPONSE_HEADER_PARAMS } from '../cos/response-headers.js'
import type { ByteRange } from '../crypto/content-cipher.js'
import type { DecryptorOptions } from '../crypto/data-key.js'
import { openEnvelope, type OpenedEnvelope } from '../envelope/envelope.js'
import { SealstreamError, ServiceError } from '../errors.js'
import { unlessAborted } from '../internal/abort.js'
import { isObjectChanged, objectChanged } from '../transfer/object-changed.js'
import { asBody, type Body } from '../stream/body.js'
import { decryptStream } from '../stream/cipher-stream.js'
import { withoutEnvelope, type Encryption, type EncryptionResult } from './encryption.js'

const GET_ONLY: readonly string[] = [...RESPONSE_HEADER_PARAMS, 'Range', 'TrafficLimit', 'onProgress']

/** A decrypted object, its body still to be read. */
export interface EncryptedGetResult extends Omit<GetObjectResult, 'Body'>, EncryptionResult {
  /** Plaintext. Fails, instead of ending, when the ciphertext is not what the service announced. */
  Body: Body
  /** Ciphertext bytes of the whole object; `ContentLength` is the plaintext of the body. */
  StoredLength: number
  /** False where a wrong master key gives wrong bytes and no error: `cos-python` with an AES master key. */
  keyVerified: boolean
}

/**
 * Fetches and decrypts an object or a range of its plaintext, exact to the byte.
 *
 * @throws EnvelopeError, KeyError `SEALSTREAM_UNWRAP` or `_KEY_KIND`, SealstreamError `SEALSTREAM_RANGE` past the end,
 *   `SEALSTREAM_OBJECT_CHANGED` when the object is overwritten over and over; otherwise as the plain getObject.
 */
export async function getEncryptedObject(
  encryption: Encryption,
  params: GetObjectParams,
): Promise<EncryptedGetResult> {
  const { Range, ...whole } = (params as GetObjectParams | undefined) ?? ({} as GetObjectParams)
  if (Range === undefined) return getWhole(encryption, whole)
  checkRange(Range)
  try {
    return await getRange(encryption, whole, Range)
  } catch (error) {
    // The object was overwritten between HEAD and GET, and nothing of it was released: once more, from the start.
    if (!isObjectChanged(error)) throw error
    return getRange(encryption, whole, Range)
  }
}

/** The envelope comes from the very answer that carries the body, so nothing can come in between. */
async function getWhole(encryption: Encryption, params: GetObjectParams): Promise<EncryptedGetResult> {
  const { service, masterKey, policy } = encryption
  const answer = await getObject(service, params)
  try {
    const opened = await unlessAborted(
      openEnvelope(answer.$metadata.headers, masterKey, { policy }),
      params.signal,
    )
    const size = opened.dataKey.plaintextSize(answer.ContentLength)
    const result = describe(answer, opened, answer.ContentLength)
    return {
      ...result,
      ContentLength: size,
      Body: decrypted(answer, opened, size === 0 ? {} : { end: size - 1 }),
    }
  } catch (error) {
    answer.Body.destroy()
    throw error
  }
}

async function getRange(
  { service, masterKey, policy }: Encryption,
  params: GetObjectParams,
  Range: string,
): Promise<EncryptedGetResult> {
  const head = await headObject(service, headParams(params))
  const opened = await unlessAborted(
    openEnvelope(head.$metadata.headers, masterKey, { policy }),
    params.signal,
  )
  try {
    const size = opened.dataKey.plaintextSize(head.ContentLength)
    const { start, end } = resolveRange(Range, size)
    const stored = opened.dataKey.ciphertextRange(start, end)
    const answer = await getSameRange(params, head, stored, () =>
      getObject(service, { ...sameVersion(params, head), Range: rangeText(stored) }),
    )
    return {
      ...describe(answer, opened, head.ContentLength),
      ContentLength: end - start + 1,
      ContentRange: `bytes ${start}-${end}/${size}`,
      Body: decrypted(answer, opened, { start, end }),
    }
  } finally {
    opened.dataKey.dispose()
  }
}

/** The parameters without what only GET takes; what neither takes is refused by HEAD already. */
function headParams(params: GetObjectParams): HeadObjectParams {
  const taken = Object.entries(params).filter(([name]) => !GET_ONLY.includes(name))
  return { ...(Object.fromEntries(taken) as object), Key: params.Key }
}

/** The request parameters that pin the version which HEAD described. */
function sameVersion(params: GetObjectParams, head: HeadObjectResult): GetObjectParams {
  const conditions = [...CONDITION_PARAMS, 'Range']
  const rest = Object.fromEntries(Object.entries(params).filter(([name]) => !conditions.includes(name)))
  const VersionId = head.VersionId ?? params.VersionId
  return {
    ...rest,
    Key: params.Key,
    IfMatch: head.ETag,
    ...(VersionId === undefined ? {} : { VersionId }),
  }
}

/** Fetches a range and makes sure that it is of the object HEAD described, envelope included. */
async function getSameRange(
  { Key }: GetObjectParams,
  head: HeadObjectResult,
  stored: ByteRange,
  get: () => Promise<GetObjectResult>,
): Promise<GetObjectResult> {
  let answer: GetObjectResult
  try {
    answer = await get()
  } catch (error) {
    if (error instanceof ServiceError && error.status === 412) throw objectChanged(Key, 'read', error)
    throw error
  }
  const expected = `bytes ${stored.start}-${stored.end}/${head.ContentLength}`
  const isSame =
    answer.ETag === head.ETag &&
    metadataText(answer.$metadata.headers) === metadataText(head.$metadata.headers)
  if (isSame && answer.ContentRange === expected) return answer
  answer.Body.destroy()
  if (!isSame) throw objectChanged(Key, 'read')
  throw new SealstreamError(
    'SEALSTREAM_ANSWER',
    `getObject: asked for ${expected}, got ${answer.ContentRange ?? 'everything'}`,
  )
}

function rangeText({ start, end }: ByteRange): string {
  return `bytes=${start}-${end}`
}

/** The answer in plaintext terms, but for its body and that body's length. */
function describe(
  answer: GetObjectResult,
  { format, authenticated, keyVerified }: OpenedEnvelope,
  storedLength: number,
): GetObjectResult & Omit<EncryptedGetResult, keyof GetObjectResult> {
  const Metadata = withoutEnvelope(answer.Metadata)
  return { ...answer, Metadata, StoredLength: storedLength, format, authenticated, keyVerified }
}

/** The stream has its own reference to the key; ours goes at once. */
function decrypted(answer: GetObjectResult, { dataKey }: OpenedEnvelope, options: DecryptorOptions): Body {
  const decrypt = decryptStream(dataKey, options)
  dataKey.dispose()
  pipeline(answer.Body, decrypt, () => undefined)
  return asBody(decrypt)
}
