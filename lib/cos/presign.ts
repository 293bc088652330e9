/** Presigned URLs. */
import { assertInteger, assertOneOf, queryText } from '../internal/assert.js'
import { unlessAborted } from '../internal/abort.js'
import { RESPONSE_HEADER_PARAMS, responseHeaderQuery, type ResponseHeaderParams } from './response-headers.js'
import { checkObjectCall, type ObjectParams, type Service } from './service.js'

const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE'] as const

/** Parameters of presign. */
export interface PresignParams extends ObjectParams, ResponseHeaderParams {
  /** Defaults to GET. */
  Method?: (typeof METHODS)[number]
  /** Seconds that the URL is good for, from 1. Defaults to 900. */
  Expires?: number
  VersionId?: string
}

/**
 * A URL that lets whoever has it make one kind of request to one object until it expires. Its host is signed. No request
 * is made.
 *
 * @throws {@link OptionError} on a bad parameter; `SEALSTREAM_CREDENTIALS`.
 */
export async function presign(service: Service, params: PresignParams): Promise<string> {
  const { bucket, key, signal } = checkObjectCall(service, params, [
    ...RESPONSE_HEADER_PARAMS,
    'Method',
    'Expires',
    'VersionId',
  ])
  const { Method = 'GET', Expires = 900 } = params
  assertOneOf(Method, 'Method', METHODS)
  assertInteger(Expires, 'Expires', 1, 10 * 365 * 24 * 3600)
  const version =
    params.VersionId === undefined ? {} : { versionId: queryText(params.VersionId, 'VersionId') }
  const query = { ...version, ...responseHeaderQuery(params) }
  return unlessAborted(service.http.presign({ method: Method, bucket, key, query, expires: Expires }), signal)
}
