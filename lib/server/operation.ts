/** Names of the operations, as clients call their methods. */
import { isKmsRequest, KMS_OPERATION_NAMES, kmsActionOf, type KmsOperationName } from './kms/actions.js'
import { type CosRequest, queryValue } from './request.js'
import { operationName } from './router.js'

/** The router's name of an operation → ours. */
const NAMES = {
  'HEAD bucket': 'headBucket',
  'GET bucket': 'listObjects',
  'GET bucket?uploads': 'listMultipartUploads',
  'GET bucket?versioning': 'getBucketVersioning',
  'PUT bucket?versioning': 'putBucketVersioning',
  'GET bucket?versions': 'listObjectVersions',
  'POST bucket?delete': 'deleteObjects',
  'PUT object': 'putObject',
  'PUT object with copy': 'copyObject',
  'GET object': 'getObject',
  'GET object?versionId': 'getObject',
  'HEAD object': 'headObject',
  'HEAD object?versionId': 'headObject',
  'GET object?acl': 'getObjectAcl',
  'GET object?tagging': 'getObjectTagging',
  'DELETE object': 'deleteObject',
  'DELETE object?versionId': 'deleteObject',
  'POST object?restore': 'restoreObject',
  'POST object?uploads': 'createMultipartUpload',
  'PUT object?uploadId': 'uploadPart',
  'PUT object?uploadId with copy': 'uploadPartCopy',
  'GET object?uploadId': 'listParts',
  'POST object?uploadId': 'completeMultipartUpload',
  'DELETE object?uploadId': 'abortMultipartUpload',
} as const

/** An operation that this server has: of the COS API, or of KMS. */
export type OperationName = (typeof NAMES)[keyof typeof NAMES] | KmsOperationName

/** All of them. */
export const OPERATION_NAMES: readonly OperationName[] = [
  ...new Set(Object.values(NAMES)),
  ...KMS_OPERATION_NAMES,
]

/** What a request asks for. */
export interface CallTarget {
  /** `unknown` for what has no name here, and for a request that could not be read. */
  readonly operation: OperationName | 'unknown'
  /** Empty where the request addresses the service, or could not be read. */
  readonly bucket: string
  /** Empty where the request addresses a bucket. */
  readonly key: string
  readonly uploadId?: string
  /** Of `uploadPart` and `uploadPartCopy`. */
  readonly partNumber?: number
}

/** @param request - Undefined for one that could not be read. */
export function targetOfCall(request: CosRequest | undefined): CallTarget {
  if (request === undefined) return { operation: 'unknown', bucket: '', key: '' }
  const operation = nameOf(request)
  const uploadId = queryValue(request, 'uploadId')
  const partNumber = Number(queryValue(request, 'partNumber') ?? '')
  return {
    operation,
    bucket: request.bucket,
    key: request.key,
    ...(uploadId === undefined ? {} : { uploadId }),
    ...(hasPartNumber(operation) && partNumber > 0 ? { partNumber } : {}),
  }
}

/** Whether calls of an operation are about one part. */
export function hasPartNumber(operation: string): boolean {
  return operation === 'uploadPart' || operation === 'uploadPartCopy'
}

function nameOf(request: CosRequest): CallTarget['operation'] {
  if (isKmsRequest(request)) {
    const action = kmsActionOf(request)
    return action === undefined ? 'unknown' : `kms:${action}`
  }
  const name = operationName(request)
  return Object.hasOwn(NAMES, name) ? NAMES[name as keyof typeof NAMES] : 'unknown'
}
