/** PUT Object, encrypted on the way. */
import { pipeline, type Readable } from 'node:stream'
import { objectHeaders } from '../cos/object-headers.js'
import {
  checkMd5,
  DEFAULT_PART_SIZE,
  MOST_PUT_BYTES,
  PUT_PARAMS,
  sendObject,
  type PutObjectParams,
  type StoredResult,
} from '../cos/put-object.js'
import { holdErrors, sizeBody, type SizedBody } from '../cos/request-body.js'
import { checkObjectCall } from '../cos/service.js'
import type { DataKey } from '../crypto/data-key.js'
import { createEnvelope } from '../envelope/envelope.js'
import { OptionError } from '../errors.js'
import { unlessAborted } from '../internal/abort.js'
import { md5Stream } from '../stream/checksum-stream.js'
import { encryptStream } from '../stream/cipher-stream.js'
import { assertUserMetadata, type Encryption, type EncryptionResult } from './encryption.js'

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
  objectHeaders(params)
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
  { service, masterKey, format }: Encryption,
  {
    md5,
    ...place
  }: { bucket: string; key: string; signal: AbortSignal | undefined; md5: string | undefined },
  sized: SizedBody,
  params: PutObjectParams,
): Promise<EncryptedStoredResult> {
  const { dataKey, metadata } = await unlessAborted(createEnvelope(masterKey, { format }), place.signal)
  try {
    const headers = objectHeaders({ ...params, Metadata: { ...params.Metadata, ...metadata } })
    const length = dataKey.ciphertextSize(sized.length)
    if (length > MOST_PUT_BYTES) throw tooLong(sized.length)
    const stream = encrypted(sized.open(), dataKey, md5)
    const body = { stream, length, md5: service.md5, onProgress: params.onProgress }
    const stored = await sendObject(service, { ...place, headers, body })
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

/** Errors of the source reach whoever reads the ciphertext, and giving up the ciphertext destroys the source. */
function encrypted(plaintext: Readable, dataKey: DataKey, md5: string | undefined): Readable {
  const encrypt = encryptStream(dataKey)
  const done = (): void => undefined
  if (md5 === undefined) pipeline(plaintext, encrypt, done)
  else pipeline(plaintext, md5Stream({ expected: md5 }), encrypt, done)
  return encrypt
}

function tooLong(length: number): OptionError {
  return new OptionError('Body', `must have at most ${MOST_PUT_BYTES} bytes for one PUT`, {
    value: length,
    hint: 'write it to createWriteStream(), which sends it in parts',
  })
}
