/** From a request to the operation it asks for. To add an operation, add a line to the table. */
import type { Handler } from './handler.js'
import { abortMultipartUpload } from './handlers/abort-multipart-upload.js'
import { completeMultipartUpload } from './handlers/complete-multipart-upload.js'
import { copyObject } from './handlers/copy-object.js'
import { createMultipartUpload } from './handlers/create-multipart-upload.js'
import { deleteObject } from './handlers/delete-object.js'
import { deleteObjects } from './handlers/delete-objects.js'
import { getBucketVersioning } from './handlers/get-bucket-versioning.js'
import { getObjectAcl } from './handlers/get-object-acl.js'
import { getObjectTagging } from './handlers/get-object-tagging.js'
import { getObject } from './handlers/get-object.js'
import { headBucket } from './handlers/head-bucket.js'
import { listMultipartUploads } from './handlers/list-multipart-uploads.js'
import { listObjectVersions } from './handlers/list-object-versions.js'
import { listObjects } from './handlers/list-objects.js'
import { listParts } from './handlers/list-parts.js'
import { putBucketVersioning } from './handlers/put-bucket-versioning.js'
import { putObject } from './handlers/put-object.js'
import { restoreObject } from './handlers/restore-object.js'
import { uploadPartCopy } from './handlers/upload-part-copy.js'
import { uploadPart } from './handlers/upload-part.js'
import { Refusal } from './refusal.js'
import type { CosRequest } from './request.js'

/** What the server can do, by {@link operationName}. */
export const OPERATIONS: ReadonlyMap<string, Handler> = new Map([
  ['HEAD bucket', headBucket],
  ['GET bucket', listObjects],
  ['GET bucket?uploads', listMultipartUploads],
  ['GET bucket?versioning', getBucketVersioning],
  ['PUT bucket?versioning', putBucketVersioning],
  ['GET bucket?versions', listObjectVersions],
  ['POST bucket?delete', deleteObjects],
  ['PUT object', putObject],
  ['PUT object with copy', copyObject],
  ['GET object', getObject],
  ['GET object?versionId', getObject],
  ['HEAD object', getObject],
  ['HEAD object?versionId', getObject],
  ['GET object?acl', getObjectAcl],
  ['GET object?tagging', getObjectTagging],
  ['POST object?restore', restoreObject],
  ['DELETE object', deleteObject],
  ['DELETE object?versionId', deleteObject],
  ['POST object?uploads', createMultipartUpload],
  ['PUT object?uploadId', uploadPart],
  ['PUT object?uploadId with copy', uploadPartCopy],
  ['GET object?uploadId', listParts],
  ['POST object?uploadId', completeMultipartUpload],
  ['DELETE object?uploadId', abortMultipartUpload],
])

/** Query parameters that make a request another operation. The first one present decides. */
const SUBRESOURCES = [
  'uploadId',
  'uploads',
  'accelerate',
  'acl',
  'append',
  'ci-process',
  'cors',
  'delete',
  'domain',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'lifecycle',
  'location',
  'logging',
  'notification',
  'object-lock',
  'origin',
  'policy',
  'referer',
  'replication',
  'restore',
  'retention',
  'select',
  'symlink',
  'tagging',
  'versionId',
  'versioning',
  'versions',
  'website',
] as const

/**
 * Request headers that make another operation of a request. Passing over one in silence would claim, say, that an object
 * was copied.
 */
const FEATURE_HEADERS: readonly (readonly [prefix: string, feature: string])[] = [
  ['x-cos-copy-source', 'copy'],
]

const SOURCE_KEY_PREFIX = 'x-cos-copy-source-server-side-encryption-customer-'

/** @throws `NotImplemented`, naming the operation, when the table has none for this request. */
export function findHandler(request: CosRequest): Handler {
  const name = operationName(request)
  const handler = OPERATIONS.get(name)
  if (handler === undefined) {
    throw new Refusal('NotImplemented', `The embedded server does not implement "${name}".`)
  }
  return handler
}

/** For example `GET bucket?uploads`, `PUT object with copy`: what the table is keyed by. */
export function operationName(request: CosRequest): string {
  const level = request.bucket === '' ? 'service' : request.key === '' ? 'bucket' : 'object'
  const names = new Set(request.query.map(([name]) => name))
  const subresource = SUBRESOURCES.find((name) => names.has(name))
  // The Python SDK says the key of the source when it starts an upload that will be copied into, too.
  const given = Object.keys(request.headers).filter(
    (name) => subresource !== 'uploads' || !name.startsWith(SOURCE_KEY_PREFIX),
  )
  const features = FEATURE_HEADERS.filter(([prefix]) => given.some((name) => name.startsWith(prefix))).map(
    ([, feature]) => ` with ${feature}`,
  )
  return `${request.method} ${level}${subresource === undefined ? '' : `?${subresource}`}${features.join('')}`
}
