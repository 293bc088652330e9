/** GET Object, decrypted on the way: whole, or any range of the plaintext (RULES 4.4). */
import { pipeline } from 'node:stream'
import { getObject, type GetObjectParams, type GetObjectResult } from '../cos/get-object.js'
import { checkRange, resolveRange, type Positions } from '../cos/range.js'
import { headObject, type HeadObjectParams } from '../cos/head-object.js'
import { RESPONSE_HEADER_PARAMS } from '../cos/response-headers.js'
import { MOST_HELD_BYTES, unverified } from '../crypto/aes-gcm.js'
import type { ByteRange } from '../crypto/content-cipher.js'
import type { DataKey } from '../crypto/data-key.js'
import type { DecryptorOptions } from '../crypto/data-key-options.js'
import { FORMATS } from '../crypto/format.js'
import type { OpenedEnvelope } from '../envelope/envelope.js'
import { unlessAborted } from '../internal/abort.js'
import { assertBoolean, assertInteger } from '../internal/assert.js'
import { isObjectChanged } from '../transfer/object-changed.js'
import { asBody, type Body } from '../stream/body.js'
import { decryptStream } from '../stream/cipher-stream.js'
import { withoutEnvelope, type Encryption, type EncryptionResult } from './encryption.js'
import { openObject, withoutInstructionFile, type InstructionFileParams } from './open-object.js'
import { getPinned, readPinnedRange, type Described } from './pinned-range.js'
import { plaintextSize } from './plaintext-size.js'

/** What only GET takes. */
const GET_ONLY: readonly string[] = [...RESPONSE_HEADER_PARAMS, 'Range', 'TrafficLimit', 'onProgress']

/** Parameters of the encrypting getObject. */
export interface EncryptedGetParams extends GetObjectParams, InstructionFileParams {
  /**
   * Gives out plaintext of `cos-java-gcm` before its tag, at the object's end, is verified: objects of over `mostHeld` bytes, and
   * ranges, which are never verified. Default false: SealstreamError `SEALSTREAM_UNVERIFIED`.
   */
  releaseUnverified?: boolean
  /** Most bytes of `cos-java-gcm` that are held in memory until they are verified. Default 64 MiB. */
  mostHeld?: number
}

/** A decrypted object, its body still to be read. */
export interface EncryptedGetResult extends Omit<GetObjectResult, 'Body'>, EncryptionResult {
  /** Plaintext. Fails, instead of ending, when the ciphertext is not what the service announced, or not what was encrypted. */
  Body: Body
  /** Ciphertext bytes of the whole object; `ContentLength` is the plaintext of the body. */
  StoredLength: number
  /** See {@link OpenedEnvelope}. */
  keyVerified: boolean
}

/** How an answer is decrypted. */
type Release = Pick<EncryptedGetParams, 'releaseUnverified' | 'mostHeld'>

/**
 * Fetches and decrypts an object or a range of its plaintext, exact to the byte.
 *
 * @throws EnvelopeError, KeyError `SEALSTREAM_UNWRAP` or `_KEY_KIND`, SealstreamError `SEALSTREAM_RANGE` past the end,
 *   `SEALSTREAM_UNVERIFIED`, `SEALSTREAM_OBJECT_CHANGED` when the object is overwritten over and over; otherwise as the plain
 *   getObject.
 */
export async function getEncryptedObject(
  encryption: Encryption,
  params: EncryptedGetParams,
): Promise<EncryptedGetResult> {
  const {
    releaseUnverified = false,
    mostHeld,
    ...call
  } = (params as EncryptedGetParams | undefined) ?? {
    Key: '',
  }
  if (mostHeld !== undefined) assertInteger(mostHeld, 'mostHeld', 0)
  assertBoolean(releaseUnverified, 'releaseUnverified')
  const release = { releaseUnverified, ...(mostHeld === undefined ? {} : { mostHeld }) }
  const { Range, ...whole } = call
  if (Range !== undefined) checkRange(Range)
  const get = (): Promise<EncryptedGetResult> =>
    Range === undefined ? getWhole(encryption, whole, release) : getRange(encryption, whole, Range, release)
  try {
    return await get()
  } catch (error) {
    // The object was overwritten between HEAD and GET, and nothing of it was released: once more, from the start.
    if (!isObjectChanged(error)) throw error
    return get()
  }
}

/**
 * The envelope comes from the very answer that carries the body, so nothing can come in between; but where more has to be asked for
 * before it is read, which must not wait for a connection that the body holds.
 */
async function getWhole(
  encryption: Encryption,
  params: GetObjectParams & InstructionFileParams,
  release: Release,
): Promise<EncryptedGetResult> {
  const plain = withoutInstructionFile(params)
  const isApart = params.InstructionFile !== undefined && params.InstructionFile !== false
  if (isApart) return getDescribed(encryption, params, release)
  const answer = await getObject(encryption.service, plain)
  try {
    const opened = await openObject(encryption, params, answer.$metadata.headers)
    if (FORMATS[opened.format].cipher.isSizeExact) return given(answer, opened, release)
    opened.dataKey.dispose()
  } catch (error) {
    answer.Body.destroy()
    throw error
  }
  answer.Body.destroy()
  return getDescribed(encryption, params, release)
}

/** HEAD first, then the very object that it described. */
async function getDescribed(
  encryption: Encryption,
  params: GetObjectParams & InstructionFileParams,
  release: Release,
): Promise<EncryptedGetResult> {
  const { service } = encryption
  const plain = withoutInstructionFile(params)
  const head = await headObject(service, headParams(plain))
  const object = { ...head, StoredLength: head.ContentLength }
  const opened = await openObject(encryption, params, head.$metadata.headers)
  try {
    const size = await plaintextSize(service, plain, object, opened.dataKey)
    const answer = await getPinned(service, plain, object)
    return given(answer, opened, release, size)
  } finally {
    opened.dataKey.dispose()
  }
}

/** The whole object, as it is decrypted. The stream has its own reference to the key. */
function given(
  answer: GetObjectResult,
  opened: OpenedEnvelope,
  release: Release,
  size = opened.dataKey.plaintextSize(answer.ContentLength),
): EncryptedGetResult {
  const { dataKey, format } = opened
  const { cipher } = FORMATS[format]
  try {
    assertHeld(dataKey, size, release)
    // A cipher that proves its end finds it there; of the others it is where the plaintext ends.
    const isBounded = size > 0 && (cipher.ciphertextSize(0) === 0 || !cipher.isSizeExact)
    const decrypt = decryptStream(dataKey, isBounded ? { end: size - 1 } : release)
    const Body = piped(answer.Body, decrypt)
    return { ...describe(answer, opened, answer.ContentLength), ContentLength: size, Body }
  } catch (error) {
    answer.Body.destroy()
    throw error
  } finally {
    dataKey.dispose()
  }
}

async function getRange(
  encryption: Encryption,
  call: GetObjectParams & InstructionFileParams,
  Range: string,
  release: Release,
): Promise<EncryptedGetResult> {
  const { service } = encryption
  const params = withoutInstructionFile(call)
  const head = await headObject(service, headParams(params))
  const object = { ...head, StoredLength: head.ContentLength }
  const opened = await openObject(encryption, call, head.$metadata.headers)
  const { dataKey } = opened
  try {
    const size = await plaintextSize(service, params, object, dataKey)
    const positions = resolveRange(Range, size)
    const { stored, options } = await planRange(encryption, params, object, opened, {
      ...positions,
      size,
      isFromEnd: Range.startsWith('bytes=-'),
      release,
    })
    const decrypt = decryptStream(dataKey, { ...options, ...release })
    const answering = getPinned(service, params, object, stored)
    const answer = await unlessAborted(answering, params.signal).catch((error: unknown) => {
      decrypt.destroy()
      throw error
    })
    const { start, end } = positions
    return {
      ...describe(answer, opened, head.ContentLength),
      ContentLength: end - start + 1,
      ContentRange: `bytes ${start}-${end}/${size}`,
      Body: piped(answer.Body, decrypt),
    }
  } finally {
    dataKey.dispose()
  }
}

/** Which stored bytes are fetched for a range, and how they are decrypted. Fetches what has to be known before. */
async function planRange(
  { service }: Encryption,
  params: GetObjectParams,
  object: Described,
  { dataKey }: OpenedEnvelope,
  {
    start,
    end,
    size,
    isFromEnd,
    release,
  }: Positions & { size: number; isFromEnd: boolean; release: Release },
): Promise<{ stored: ByteRange; options: DecryptorOptions }> {
  const { cipher } = FORMATS[dataKey.format]
  const last = object.StoredLength - 1
  const range = dataKey.ciphertextRange(start, end)
  const isToEnd = end === size - 1
  if (isToEnd && start === 0 && !cipher.provesPieces) {
    // All of it: what is proven at its end, or padded there, is decrypted as a whole.
    assertHeld(dataKey, size, release)
    const isBounded = cipher.ciphertextSize(0) === 0 || !cipher.isSizeExact
    return { stored: { start: 0, end: last }, options: isBounded ? { end } : {} }
  }
  if (!cipher.provesPieces)
    return { stored: { ...range, end: Math.min(range.end, last) }, options: { start, end } }
  const final = dataKey.ciphertextRange(size, size)
  const isFinalFirst = isFromEnd && range.start < final.start
  if (range.start > 0 || isFinalFirst) {
    const head = await readPinnedRange(service, params, object, { start: 0, end: cipher.headBytes - 1 })
    dataKey.readHead(head)
  }
  if (isFinalFirst) {
    // Where the end is decides which bytes these are: it is proven before the first of them is given out (C2SP).
    const chunk = await readPinnedRange(service, params, object, { start: final.start, end: last })
    const decryptor = dataKey.decryptor({ start: size - (size % cipher.unit.plaintext) })
    decryptor.update(chunk)
    decryptor.final()
    decryptor.close()
  }
  // Up to the end, the piece that ends the object is read, too, and proves that it does.
  if (isToEnd) return { stored: { start: range.start, end: last }, options: { start } }
  return { stored: { ...range, end: Math.min(range.end, last) }, options: { start, end } }
}

/** Says so now, instead of when as much has been held for nothing. */
function assertHeld(
  dataKey: DataKey,
  size: number,
  { releaseUnverified, mostHeld = MOST_HELD_BYTES }: Release,
): void {
  const { cipher } = FORMATS[dataKey.format]
  const isHeld = cipher.isSerial && cipher.isSizeExact && releaseUnverified !== true
  if (isHeld && size > mostHeld) throw unverified(`over ${mostHeld} bytes`)
}

/** The parameters without what only GET takes; what neither takes is refused by HEAD already. */
function headParams(params: GetObjectParams): HeadObjectParams {
  const taken = Object.entries(params).filter(([name]) => !GET_ONLY.includes(name))
  return { ...(Object.fromEntries(taken) as object), Key: params.Key }
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

/** The stream has its own reference to the key. */
function piped(ciphertext: GetObjectResult['Body'], decrypt: ReturnType<typeof decryptStream>): Body {
  pipeline(ciphertext, decrypt, () => undefined)
  return asBody(decrypt)
}
