/** GET Object. */
import type { Readable } from 'node:stream'
import { SealstreamError } from '../errors.js'
import { queryText } from '../internal/assert.js'
import type { ProgressListener } from '../internal/progress.js'
import { AnswerBody } from './answer-body.js'
import { checkAnsweredRange, checkRange } from './range.js'
import { expectWhole, requireChecksum, type Verified } from './integrity.js'
import { describeObject, headerText, type ObjectDescription } from './object-headers.js'
import {
  checkObjectCall,
  present,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { RESPONSE_HEADER_PARAMS, responseHeaderQuery, type ResponseHeaderParams } from './response-headers.js'
import { CUSTOMER_KEY_PARAMS, customerKeyHeaders, type CustomerKeyParams } from './sse.js'
import { trafficLimitHeader, type TrafficLimitParams } from './traffic-limit.js'

/** Conditions on the object as it is. A condition that fails is a ServiceError of status 412, or 304. */
export interface ConditionParams {
  /** Only if the ETag is this one, with or without quotes. */
  IfMatch?: string
  /** Only if the ETag is another. */
  IfNoneMatch?: string
  /** A Date, or the header's text. */
  IfModifiedSince?: Date | string
  IfUnmodifiedSince?: Date | string
  VersionId?: string
}

/** Names of {@link ConditionParams}, for checks. */
export const CONDITION_PARAMS = [
  'IfMatch',
  'IfNoneMatch',
  'IfModifiedSince',
  'IfUnmodifiedSince',
  'VersionId',
]

/** Parameters of getObject. */
export interface GetObjectParams
  extends ObjectParams, ConditionParams, CustomerKeyParams, ResponseHeaderParams, TrafficLimitParams {
  /** `bytes=first-last` (both inclusive), `bytes=first-` or `bytes=-count`. */
  Range?: string
  /** Called as the body is read. */
  onProgress?: ProgressListener | undefined
}

/** Names of {@link GetObjectParams}, for checks. */
const GET_PARAMS = [
  ...CONDITION_PARAMS,
  ...CUSTOMER_KEY_PARAMS,
  ...RESPONSE_HEADER_PARAMS,
  'Range',
  'TrafficLimit',
  'onProgress',
]

/** An object, its body still to be read. */
export interface GetObjectResult extends ObjectDescription, ResultMetadata {
  /** Fails, instead of ending, when it is not what the service announced. Read it or destroy it. */
  Body: Readable
  /** Bytes of the body, not of the whole object. */
  ContentLength: number
  /** `bytes first-last/size` for a range. */
  ContentRange?: string
  /** The check that reading the body to its end amounts to. */
  verified: Verified
}

const CONDITION_HEADERS = {
  IfMatch: 'if-match',
  IfNoneMatch: 'if-none-match',
  IfModifiedSince: 'if-modified-since',
  IfUnmodifiedSince: 'if-unmodified-since',
} as const

/** The headers and query parameters of {@link ConditionParams}. */
export function conditionParts(params: ConditionParams): {
  headers: Record<string, string>
  query: Record<string, string>
} {
  const headers: Record<string, string> = {}
  for (const [name, header] of Object.entries(CONDITION_HEADERS)) {
    const value = params[name as keyof typeof CONDITION_HEADERS]
    if (value === undefined) continue
    const text = headerText(value, name)
    const bareEtag = header.endsWith('-match') && text !== '*' && !text.includes('"')
    headers[header] = bareEtag ? `"${text}"` : text
  }
  return {
    headers,
    query: params.VersionId === undefined ? {} : { versionId: queryText(params.VersionId, 'VersionId') },
  }
}

/**
 * Fetches an object or a range of it.
 *
 * @param options - `repeat: 'never'` leaves trying again to the caller; `isPart` says that a range is part of a whole that
 *   will be verified.
 * @throws ServiceError with the service's code (`NoSuchKey`, `InvalidRange`, ...) and the errors of every request. What
 *   goes wrong while the body is read comes from the body: LengthError `SEALSTREAM_TRUNCATED`, IntegrityError,
 *   `SEALSTREAM_CONNECTION`, `_TIMEOUT`, `_ABORTED`.
 */
export async function getObject(
  service: Service,
  params: GetObjectParams,
  { repeat = 'always', isPart = false }: { repeat?: 'always' | 'never'; isPart?: boolean } = {},
): Promise<GetObjectResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, GET_PARAMS)
  const conditions = conditionParts(params)
  const query = { ...conditions.query, ...responseHeaderQuery(params) }
  const headers: Record<string, string> = {
    ...conditions.headers,
    ...customerKeyHeaders(service, params),
    ...trafficLimitHeader(params),
  }
  if (params.Range !== undefined) headers.range = checkRange(params.Range)
  const subject = `${bucket}/${key}`
  const answer = await service.http.open({
    operation: 'getObject',
    method: 'GET',
    bucket,
    key,
    query,
    headers,
    repeat,
    signal,
  })
  try {
    if (!answer.headers.etag) {
      // An error document under status 200 has none, and must not pass for the object.
      throw new SealstreamError('SEALSTREAM_ANSWER', `${subject}: the answer has no ETag: is it the object?`)
    }
    const length = contentLength(answer.headers)
    const contentRange = answer.headers['content-range']
    checkAnsweredRange(params.Range, { status: answer.status, contentRange, length })
    const { expected, verified } =
      params.Range !== undefined
        ? expectRange(isPart ? undefined : service, subject, length)
        : expectWhole(service, subject, answer.headers, length)
    return {
      Body: new AnswerBody(answer.stream, {
        subject,
        expected,
        mapError: answer.mapError,
        onProgress: params.onProgress,
      }),
      ContentLength: length,
      ...present({ ContentRange: contentRange }),
      ...describeObject(answer.headers),
      verified,
      ...resultMetadata(answer),
    }
  } catch (error) {
    answer.stream.destroy()
    throw error
  }
}

/** The checksum an answer states is that of the whole object: never compare it with a range (RULES 5.2). */
function expectRange(
  service: Service | undefined,
  subject: string,
  length: number,
): { expected: { length: number }; verified: Verified } {
  if (service !== undefined) requireChecksum(service, subject)
  return { expected: { length }, verified: 'length' }
}

/** @throws SealstreamError `SEALSTREAM_ANSWER` where the service does not say how much it sends. */
export function contentLength(headers: Readonly<Record<string, string>>): number {
  const text = headers['content-length'] ?? ''
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new SealstreamError(
    'SEALSTREAM_ANSWER',
    'the answer has no Content-Length, so that its end cannot be known',
  )
}
