/** PUT Object, encrypted on the way. */
import { createHash } from 'node:crypto'
import { pipeline, type Readable } from 'node:stream'
import { objectWriteHeaders } from '../cos/object-headers.js'
import {
  checkMd5,
  DEFAULT_PART_SIZE,
  MOST_PUT_BYTES,
  PUT_PARAMS,
  sendObject,
  type PutObjectParams,
  type StoredResult,
} from '../cos/put-object.js'
import { holdErrors, openBytes, sizeBody, type SizedBody } from '../cos/request-body.js'
import { sendableBody } from '../cos/sendable-body.js'
import { checkObjectCall } from '../cos/service.js'
import { trafficLimitHeader } from '../cos/traffic-limit.js'
import type { DataKey } from '../crypto/data-key.js'
import { ciphertextSizeOf } from '../crypto/format.js'
import { createEnvelope } from '../envelope/envelope.js'
import { IntegrityError, OptionError } from '../errors.js'
import { unlessAborted } from '../internal/abort.js'
import { assertBoolean } from '../internal/assert.js'
import { md5Stream } from '../stream/checksum-stream.js'
import { encryptStream } from '../stream/cipher-stream.js'
import { assertUserMetadata, contextOption, type Encryption, type EncryptionResult } from './encryption.js'

/** An encrypted object that was stored. */
export interface EncryptedStoredResult extends StoredResult, EncryptionResult {
  /** Plaintext bytes. */
  ContentLength: number
  /** Ciphertext bytes. */
  StoredLength: number
}

/**
 * Encrypts and stores an object in one request. `ContentLength` and `ContentMD5` describe the plaintext: they are checked
 * while it is read and never sent (RULES 7.2).
 *
 * @throws As the plain putObject; SealstreamError `SEALSTREAM_METADATA` when envelope and user metadata do not fit.
 */
export async function putEncryptedObject(
  encryption: Encryption,
  params: PutObjectParams,
): Promise<EncryptedStoredResult> {
  holdErrors((params as Partial<PutObjectParams> | undefined)?.Body)
  const { bucket, key, signal } = checkObjectCall(encryption.service, params, PUT_PARAMS)
  assertUserMetadata(params.Metadata)
  const md5 = params.ContentMD5 === undefined ? undefined : checkMd5(params.ContentMD5)
  if (params.EnableMD5 !== undefined) assertBoolean(params.EnableMD5, 'EnableMD5')
  objectWriteHeaders(encryption.service, params)
  const sized = await sizeBody(params.Body, {
    contentLength: params.ContentLength,
    mostCollected: DEFAULT_PART_SIZE,
    signal,
  })
  try {
    return await putSized(encryption, { bucket, key, signal, md5 }, sized, params)
  } catch (error) {
    sized.discard()
    throw error
  }
}

async function putSized(
  { service, masterKey, format, context }: Encryption,
  {
    md5,
    ...place
  }: { bucket: string; key: string; signal: AbortSignal | undefined; md5: string | undefined },
  sized: SizedBody,
  params: PutObjectParams,
): Promise<EncryptedStoredResult> {
  // Before a key service is asked for a key of no use.
  ciphertextSizeOf(format, sized.length)
  const creating = createEnvelope(masterKey, { format, ...contextOption(context) })
  const { dataKey, metadata } = await unlessAborted(creating, place.signal)
  try {
    const headers = {
      ...objectWriteHeaders(service, { ...params, Metadata: { ...params.Metadata, ...metadata } }),
      ...trafficLimitHeader(params),
    }
    const length = dataKey.ciphertextSize(sized.length)
    if (length > MOST_PUT_BYTES) throw tooLong(sized.length)
    const sendable = await sendableBody(service, encryptedBody(sized, dataKey, md5), params)
    const stored = await sendObject(service, {
      ...place,
      headers: { ...headers, ...sendable.headers },
      body: sendable.body,
      enableMd5: params.EnableMD5,
    })
    return {
      ...stored,
      ContentLength: sized.length,
      StoredLength: length,
      format,
      authenticated: dataKey.authenticated,
    }
  } finally {
    dataKey.dispose()
  }
}

/** Bodies in memory up to this are encrypted in memory, so that a failed request is sent again. */
const MOST_HELD_BYTES = 64 * 1024 * 1024

/** The body as ciphertext. Where it is read twice, the second pass must give the same bytes, or nothing is stored. */
function encryptedBody(sized: SizedBody, dataKey: DataKey, md5: string | undefined): SizedBody {
  const length = dataKey.ciphertextSize(sized.length)
  if (sized.bytes !== undefined && sized.length <= MOST_HELD_BYTES) {
    const bytes = encryptBytes(sized.bytes, dataKey, md5)
    return { length, bytes, isReopenable: true, open: () => openBytes(bytes), discard: () => undefined }
  }
  let isAgain = false
  const open = (): Readable => {
    const stream = encrypted(sized.open(), dataKey, md5, isAgain)
    isAgain = true
    return stream
  }
  return { length, bytes: undefined, isReopenable: sized.isReopenable, open, discard: () => sized.discard() }
}

function encryptBytes(plaintext: Buffer, dataKey: DataKey, md5: string | undefined): Buffer {
  const found = md5 === undefined ? undefined : createHash('md5').update(plaintext).digest('base64')
  if (found !== md5) {
    throw new IntegrityError('option Body', { algorithm: 'md5', expected: md5 ?? '', found: found ?? '' })
  }
  const encryptor = dataKey.encryptor()
  try {
    return Buffer.concat([encryptor.update(plaintext), encryptor.final()])
  } finally {
    encryptor.close()
  }
}

/** Errors of the source reach whoever reads the ciphertext, and giving up the ciphertext destroys the source. */
function encrypted(
  plaintext: Readable,
  dataKey: DataKey,
  md5: string | undefined,
  sameBytes: boolean,
): Readable {
  const encrypt = encryptStream(dataKey, { sameBytes })
  const done = (): void => undefined
  if (md5 === undefined) pipeline(plaintext, encrypt, done)
  else pipeline(plaintext, md5Stream({ expected: md5 }), encrypt, done)
  return encrypt
}

function tooLong(length: number): OptionError {
  return new OptionError('Body', `must have at most ${MOST_PUT_BYTES} bytes for one PUT`, {
    value: length,
    hint: 'give it to upload(), which sends it in parts',
  })
}
