/** HEAD Object. */
import { CONDITION_PARAMS, conditionParts, contentLength, type ConditionParams } from './get-object.js'
import { SealstreamError } from '../errors.js'
import { describeObject, type ObjectDescription } from './object-headers.js'
import {
  checkObjectCall,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { CUSTOMER_KEY_PARAMS, customerKeyHeaders, type CustomerKeyParams } from './sse.js'

/** Parameters of headObject. */
export interface HeadObjectParams extends ObjectParams, ConditionParams, CustomerKeyParams {}

/** What the service knows of an object. */
export interface HeadObjectResult extends ObjectDescription, ResultMetadata {
  /** Bytes stored. */
  ContentLength: number
}

/**
 * @param region - Of a bucket in another region than the client's.
 * @throws ServiceError of status 404 where there is no such object, and the errors of every request.
 */
export async function headObject(
  service: Service,
  params: HeadObjectParams,
  region?: string,
): Promise<HeadObjectResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, [
    ...CONDITION_PARAMS,
    ...CUSTOMER_KEY_PARAMS,
  ])
  const { headers, query } = conditionParts(params)
  const answer = await service.http.send({
    operation: 'headObject',
    method: 'HEAD',
    bucket,
    key,
    region,
    headers: { ...headers, ...customerKeyHeaders(service, params) },
    query,
    signal,
  })
  if (!answer.headers.etag) {
    throw new SealstreamError(
      'SEALSTREAM_ANSWER',
      `${bucket}/${key}: the answer has no ETag: is it the object?`,
    )
  }
  return {
    ContentLength: contentLength(answer.headers),
    ...describeObject(answer.headers),
    ...resultMetadata(answer),
  }
}
