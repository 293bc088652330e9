/** PUT Object. */
import { assertBoolean } from '../internal/assert.js'
import type { ProgressListener } from '../internal/progress.js'
import type { BytesBody, RequestBody } from './exchange.js'
import type { Answer } from './service-request.js'
import { statedMd5, verifyStored, type Verified } from './integrity.js'
import { OBJECT_WRITE_PARAMS, objectWriteHeaders, type ObjectWriteParams } from './object-headers.js'
import { holdErrors, sizeBody, type BodyInput } from './request-body.js'
import { sendableBody, type Md5Use } from './sendable-body.js'
import {
  checkObjectCall,
  present,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { OptionError, SealstreamError, ServiceError } from '../errors.js'
import { describeEncryption, type ServerSideEncryptionResult } from './sse.js'
import { trafficLimitHeader, type TrafficLimitParams } from './traffic-limit.js'

/** Bodies up to this size are collected where their length is unknown; longer ones go to createWriteStream. */
export const DEFAULT_PART_SIZE = 8 * 1024 * 1024

/** Largest object of one PUT (wire-formats F5). */
export const MOST_PUT_BYTES = 5 * 1024 ** 3

/** Parameters of putObject. */
export interface PutObjectParams extends ObjectParams, ObjectWriteParams, TrafficLimitParams {
  /** Text (sent as UTF-8), bytes, a Blob, a file handle, a stream or an iterable of bytes. */
  Body: BodyInput
  /** In bytes; needed for streams over 8 MiB that do not know their length. */
  ContentLength?: number
  /** Base64 of the body's MD5; the service refuses other bytes. */
  ContentMD5?: string
  /**
   * Sends Content-MD5, so that the service stores nothing else. A body from memory, a Blob or a file handle is read twice
   * for it; a stream cannot be, so its MD5 is compared with the ETag afterwards. The result's `md5` says which.
   */
  EnableMD5?: boolean
  /** Called as the body goes out. */
  onProgress?: ProgressListener | undefined
}

/** What a stored object or part came to be. */
export interface StoredResult extends ServerSideEncryptionResult, ResultMetadata {
  /** In quotes, as the service sends it. */
  ETag: string
  VersionId?: string
  /** CRC-64/XZ of what is stored, decimal. */
  HashCrc64ecma?: string
  /** The strongest check by which what is stored was compared with what was sent. */
  verified: Verified
  /** Where `EnableMD5` was set: how. */
  md5?: Md5Use
}

/** Names of what a body's parameters add, for checks. */
export const BODY_PARAMS = ['Body', 'ContentLength', 'ContentMD5', 'EnableMD5', 'TrafficLimit', 'onProgress']

/** Names of {@link PutObjectParams}, for checks. */
export const PUT_PARAMS = [...OBJECT_WRITE_PARAMS, ...BODY_PARAMS]

/**
 * Stores an object in one request of at most 5 GiB.
 *
 * @throws {@link OptionError} on a bad parameter, LengthError `SEALSTREAM_BODY_LENGTH` when the body is shorter or longer
 *   than declared, IntegrityError when the service stored other bytes, and the errors of every request.
 */
export async function putObject(service: Service, params: PutObjectParams): Promise<StoredResult> {
  holdErrors((params as Partial<PutObjectParams> | undefined)?.Body)
  const { bucket, key, signal } = checkObjectCall(service, params, PUT_PARAMS)
  const headers = { ...objectWriteHeaders(service, params), ...trafficLimitHeader(params) }
  if (params.EnableMD5 !== undefined) assertBoolean(params.EnableMD5, 'EnableMD5')
  const md5 = params.ContentMD5 === undefined ? {} : { 'content-md5': checkMd5(params.ContentMD5) }
  const sized = await sizeBody(params.Body, {
    contentLength: params.ContentLength,
    mostCollected: DEFAULT_PART_SIZE,
    signal,
  })
  if (sized.length > MOST_PUT_BYTES) {
    sized.discard()
    throw new OptionError('Body', `must have at most ${MOST_PUT_BYTES} bytes for one PUT`, {
      value: sized.length,
      hint: 'give it to upload(), which sends it in parts',
    })
  }
  const sendable = await sendableBody(service, sized, params)
  return sendObject(service, {
    bucket,
    key,
    headers: { ...headers, ...sendable.headers, ...md5 },
    body: sendable.body,
    enableMd5: params.EnableMD5,
    signal,
  })
}

/** A body on its way to a place, all of it checked. */
export interface Sending {
  readonly bucket: string
  readonly key: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: RequestBody
  /** Whether the result says how the MD5 was used. */
  readonly enableMd5?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The request of {@link putObject}, for callers that have prepared everything. */
export async function sendObject(
  service: Service,
  { enableMd5, ...sending }: Sending,
): Promise<StoredResult> {
  const earlier = { isUncertain: false }
  const onUncertain = (): void => void (earlier.isUncertain = true)
  const request = { operation: 'putObject', method: 'PUT' as const, ...sending, onUncertain }
  const subject = `${sending.bucket}/${sending.key}`
  const stored = await service.http
    .send(request, (answer) => storedResult(service, subject, answer))
    .catch((error: unknown) => {
      const isThere = error instanceof ServiceError && error.status === 409
      if (!earlier.isUncertain || !isThere) throw error
      // The answer to an earlier attempt was lost: what is in the way may be our own object.
      return findStored(service, sending, error)
    })
  return withMd5Use(stored, enableMd5, sending.headers)
}

/** The object, if it is the one that was sent. @throws SealstreamError `SEALSTREAM_OUTCOME_UNKNOWN` */
async function findStored(service: Service, sending: Sending, cause: unknown): Promise<StoredResult> {
  const { bucket, key, body, headers = {}, signal } = sending
  const keyHeaders = Object.entries(headers).filter(([name]) =>
    /-customer-(algorithm|key|key-MD5)$/.test(name),
  )
  const request = { operation: 'headObject', method: 'HEAD' as const, bucket, key, signal }
  const answer = await service.http.send({ ...request, headers: Object.fromEntries(keyHeaders) })
  const { digest } = body as BytesBody
  const isOurs =
    answer.headers['content-length'] === String(digest.length) &&
    answer.headers['x-cos-hash-crc64ecma'] === String(digest.crc64)
  if (isOurs) return storedResult(service, `${bucket}/${key}`, { ...answer, sent: digest })
  throw new SealstreamError(
    'SEALSTREAM_OUTCOME_UNKNOWN',
    `${bucket}/${key}: the answer to storing it was lost, and the object there now is another`,
    { cause },
  )
}

/** The result, with how the MD5 was used where the caller asked for it. */
export function withMd5Use(
  stored: StoredResult,
  enableMd5: boolean | undefined,
  sentHeaders: Readonly<Record<string, string>> = {},
): StoredResult {
  if (enableMd5 !== true) return stored
  const isCompared = statedMd5(stored.$metadata.headers) !== undefined
  return { ...stored, md5: 'content-md5' in sentHeaders ? 'sent' : isCompared ? 'etag' : 'none' }
}

/** The result of storing an object or part, after comparing what is stored with what was sent. */
export async function storedResult(service: Service, subject: string, answer: Answer): Promise<StoredResult> {
  const { headers, sent } = answer
  if (sent === undefined) throw new TypeError('a request that stores something has a body')
  if (!headers.etag)
    throw new SealstreamError(
      'SEALSTREAM_ANSWER',
      `${subject}: the answer has no ETag: is it from the service?`,
    )
  return {
    ETag: headers.etag,
    ...present({ VersionId: headers['x-cos-version-id'], HashCrc64ecma: headers['x-cos-hash-crc64ecma'] }),
    ...describeEncryption(headers),
    verified: verifyStored(service, subject, sent, headers),
    ...resultMetadata(answer),
  }
}

/** @throws {@link OptionError} unless `text` is the Base64 of 16 bytes. */
export function checkMd5(text: unknown): string {
  if (typeof text === 'string' && /^[A-Za-z0-9+/]{22}==$/.test(text)) return text
  throw new OptionError('ContentMD5', 'must be the Base64 of an MD5: 24 characters', { value: text })
}
