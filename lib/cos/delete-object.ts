/** DELETE Object. */
import { queryText } from '../internal/assert.js'
import {
  checkObjectCall,
  present,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'

/** Parameters of deleteObject. */
export interface DeleteObjectParams extends ObjectParams {
  VersionId?: string
}

/** Deleting what is not there succeeds too. */
export interface DeleteObjectResult extends ResultMetadata {
  VersionId?: string
}

/** @throws The errors of every request. */
export async function deleteObject(
  service: Service,
  params: DeleteObjectParams,
): Promise<DeleteObjectResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, ['VersionId'])
  const query = params.VersionId === undefined ? {} : { versionId: queryText(params.VersionId, 'VersionId') }
  const answer = await service.http.send({
    operation: 'deleteObject',
    method: 'DELETE',
    bucket,
    key,
    query,
    signal,
  })
  return { ...present({ VersionId: answer.headers['x-cos-version-id'] }), ...resultMetadata(answer) }
}
