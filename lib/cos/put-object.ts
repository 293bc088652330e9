/** PUT Object. */
import type { ProgressListener } from '../internal/progress.js'
import { bytesBody, type RequestBody } from './exchange.js'
import { verifyStored, type Verified } from './integrity.js'
import { OBJECT_HEADER_PARAMS, objectHeaders, type ObjectHeaderParams } from './object-headers.js'
import { holdErrors, sizeBody, type BodyInput, type SizedBody } from './request-body.js'
import {
  checkObjectCall,
  present,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { OptionError, SealstreamError } from '../errors.js'
import { serviceError } from './service-error.js'

/** Bodies up to this size are collected where their length is unknown; longer ones go to createWriteStream. */
export const DEFAULT_PART_SIZE = 8 * 1024 * 1024

/** Largest object of one PUT (wire-formats F5). */
export const MOST_PUT_BYTES = 5 * 1024 ** 3

/** Parameters of putObject. */
export interface PutObjectParams extends ObjectParams, ObjectHeaderParams {
  /** Text (sent as UTF-8), bytes, a Blob, a file handle, a stream or an iterable of bytes. */
  Body: BodyInput
  /** In bytes; needed for streams over 8 MiB that do not know their length. */
  ContentLength?: number
  /** Base64 of the body's MD5; the service refuses other bytes. */
  ContentMD5?: string
  /** Called as the body goes out. */
  onProgress?: ProgressListener | undefined
}

/** What a stored object or part came to be. */
export interface StoredResult extends ResultMetadata {
  /** In quotes, as the service sends it. */
  ETag: string
  VersionId?: string
  /** CRC-64/XZ of what is stored, decimal. */
  HashCrc64ecma?: string
  /** The strongest check by which what is stored was compared with what was sent. */
  verified: Verified
}

/** Names of {@link PutObjectParams}, for checks. */
export const PUT_PARAMS = [...OBJECT_HEADER_PARAMS, 'Body', 'ContentLength', 'ContentMD5', 'onProgress']

/**
 * Stores an object in one request of at most 5 GiB.
 *
 * @throws {@link OptionError} on a bad parameter, LengthError `SEALSTREAM_BODY_LENGTH` when the body is shorter or longer
 *   than declared, IntegrityError when the service stored other bytes, and the errors of every request.
 */
export async function putObject(service: Service, params: PutObjectParams): Promise<StoredResult> {
  holdErrors((params as Partial<PutObjectParams> | undefined)?.Body)
  const { bucket, key, signal } = checkObjectCall(service, params, PUT_PARAMS)
  const headers = objectHeaders(params)
  if (params.ContentMD5 !== undefined) headers['content-md5'] = checkMd5(params.ContentMD5)
  const sized = await sizeBody(params.Body, {
    contentLength: params.ContentLength,
    mostCollected: DEFAULT_PART_SIZE,
    signal,
  })
  if (sized.length > MOST_PUT_BYTES) {
    sized.discard()
    throw new OptionError('Body', `must have at most ${MOST_PUT_BYTES} bytes for one PUT`, {
      value: sized.length,
      hint: 'write it to createWriteStream(), which sends it in parts',
    })
  }
  return sendObject(service, {
    bucket,
    key,
    headers,
    body: requestBody(service, sized, params.onProgress),
    signal,
  })
}

/** A body on its way to a place, all of it checked. */
export interface Sending {
  readonly bucket: string
  readonly key: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: RequestBody
  readonly signal?: AbortSignal | undefined
}

/** The request of {@link putObject}, for callers that have prepared everything. */
export async function sendObject(service: Service, sending: Sending): Promise<StoredResult> {
  const answer = await service.http.send({ operation: 'putObject', method: 'PUT', ...sending })
  return storedResult(service, `${sending.bucket}/${sending.key}`, answer)
}

/** How a body of known length is sent. */
export function requestBody(service: Service, sized: SizedBody, onProgress?: ProgressListener): RequestBody {
  // Bytes go out as one piece, which is fastest; progress needs pieces.
  if (sized.bytes !== undefined && onProgress === undefined) return bytesBody(sized.bytes, service)
  return { stream: sized.open(), length: sized.length, md5: service.md5, onProgress }
}

/** The result of storing an object or part, after comparing what is stored with what was sent. */
export async function storedResult(
  service: Service,
  subject: string,
  answer: Awaited<ReturnType<Service['http']['send']>>,
): Promise<StoredResult> {
  const { headers, sent } = answer
  if (sent === undefined) throw new TypeError('a request that stores something has a body')
  // Success has no document. One that is there says otherwise, whatever the status says.
  if (/^\s*(<\?xml[^>]*>\s*)?<Error[\s>]/.test(answer.body)) {
    throw await serviceError(subject, answer.status, headers, answer.body)
  }
  if (!headers.etag)
    throw new SealstreamError(
      'SEALSTREAM_ANSWER',
      `${subject}: the answer has no ETag: is it from the service?`,
    )
  return {
    ETag: headers.etag,
    ...present({ VersionId: headers['x-cos-version-id'], HashCrc64ecma: headers['x-cos-hash-crc64ecma'] }),
    verified: verifyStored(service, subject, sent, headers),
    ...resultMetadata(answer),
  }
}

/** @throws {@link OptionError} unless `text` is the Base64 of 16 bytes. */
export function checkMd5(text: unknown): string {
  if (typeof text === 'string' && /^[A-Za-z0-9+/]{22}==$/.test(text)) return text
  throw new OptionError('ContentMD5', 'must be the Base64 of an MD5: 24 characters', { value: text })
}
