/** HEAD Object. */
import { CONDITION_PARAMS, conditionParts, contentLength, type ConditionParams } from './get-object.js'
import { describeObject, type ObjectDescription } from './object-headers.js'
import {
  checkObjectCall,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'

/** Parameters of headObject. */
export interface HeadObjectParams extends ObjectParams, ConditionParams {}

/** What the service knows of an object. */
export interface HeadObjectResult extends ObjectDescription, ResultMetadata {
  /** Bytes stored. */
  ContentLength: number
}

/** @throws ServiceError of status 404 where there is no such object, and the errors of every request. */
export async function headObject(service: Service, params: HeadObjectParams): Promise<HeadObjectResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, CONDITION_PARAMS)
  const parts = conditionParts(params)
  const answer = await service.http.send({
    operation: 'headObject',
    method: 'HEAD',
    bucket,
    key,
    ...parts,
    signal,
  })
  return {
    ContentLength: contentLength(answer.headers),
    ...describeObject(answer.headers),
    ...resultMetadata(answer),
  }
}
