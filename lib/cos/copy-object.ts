/** PUT Object - Copy. */
import { OptionError, SealstreamError } from '../errors.js'
import { assertOneOf } from '../internal/assert.js'
import { COPY_SOURCE_PARAMS, copySourceHeaders, type CopySourceParams } from './copy-source.js'
import type { Answer } from './service-request.js'
import {
  OBJECT_HEADER_PARAMS,
  OBJECT_WRITE_PARAMS,
  objectWriteHeaders,
  type ObjectWriteParams,
} from './object-headers.js'
import {
  checkObjectCall,
  present,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { describeEncryption, type ServerSideEncryptionResult } from './sse.js'
import { readXml, text } from './xml.js'

/** Parameters of copyObject. */
export interface CopyObjectParams extends ObjectParams, ObjectWriteParams, CopySourceParams {
  /**
   * `Copy` (default): headers and metadata of the source. `Replaced`: those given here, and nothing of the source's.
   * Storage class, ACL and server-side encryption are never those of the source.
   */
  MetadataDirective?: 'Copy' | 'Replaced'
}

/** The copy. */
export interface CopyObjectResult extends ServerSideEncryptionResult, ResultMetadata {
  ETag: string
  LastModified?: Date
  /** CRC-64/XZ of the copy, decimal. */
  HashCrc64ecma?: string
  VersionId?: string
}

/** Names of {@link CopyObjectParams}, for checks. */
export const COPY_PARAMS = [...OBJECT_WRITE_PARAMS, ...COPY_SOURCE_PARAMS, 'MetadataDirective']

/** What only counts with `Replaced`; the storage class counts always. */
const REPLACED_ONLY = OBJECT_HEADER_PARAMS.filter((name) => name !== 'StorageClass')

/**
 * Copies an object of at most 5 GB within the service, in one request.
 *
 * @throws {@link OptionError} on a bad parameter; ServiceError (of status 200 where the service fails after all, 412 where
 *   a condition does), and the errors of every request.
 */
export async function copyObject(service: Service, params: CopyObjectParams): Promise<CopyObjectResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, COPY_PARAMS)
  const request = {
    operation: 'copyObject',
    method: 'PUT' as const,
    bucket,
    key,
    headers: copyHeaders(service, params),
    signal,
  }
  return service.http.send(request, async (answer) => {
    const node = await readCopyResult('copyObject', 'CopyObjectResult', answer)
    const { headers } = answer
    const modified = new Date(text(node, 'LastModified'))
    return {
      ETag: text(node, 'ETag'),
      ...present({
        LastModified: Number.isNaN(modified.getTime()) ? undefined : modified,
        HashCrc64ecma: headers['x-cos-hash-crc64ecma'] ?? (text(node, 'CRC64') || undefined),
        VersionId: headers['x-cos-version-id'] ?? (text(node, 'VersionId') || undefined),
      }),
      ...describeEncryption(headers),
      ...resultMetadata(answer),
    }
  })
}

/** @throws {@link OptionError} on another directive, and for fields that only count with `Replaced`. */
export function checkDirective(params: Pick<CopyObjectParams, 'MetadataDirective'>): 'Copy' | 'Replaced' {
  const { MetadataDirective = 'Copy' } = params
  assertOneOf(MetadataDirective, 'MetadataDirective', ['Copy', 'Replaced'])
  const unused =
    MetadataDirective === 'Copy'
      ? REPLACED_ONLY.find((name) => (params as Record<string, unknown>)[name] !== undefined)
      : undefined
  if (unused !== undefined) throw new OptionError(unused, "needs MetadataDirective: 'Replaced'")
  return MetadataDirective
}

function copyHeaders(service: Service, params: CopyObjectParams): Record<string, string> {
  const MetadataDirective = checkDirective(params)
  const { 'content-type': type, ...headers } = objectWriteHeaders(service, params)
  return {
    ...headers,
    ...(MetadataDirective === 'Replaced' && type !== undefined ? { 'content-type': type } : {}),
    ...copySourceHeaders(service, params),
    'x-cos-metadata-directive': MetadataDirective,
    // Without it, a copy has the tags of its source, whatever is given.
    ...(params.Tagging === undefined ? {} : { 'x-cos-tagging-directive': 'Replaced' }),
  }
}

/** The document of a copy; one that names no ETag is none (wire-formats F2). */
export async function readCopyResult(
  operation: string,
  root: string,
  answer: Answer,
): Promise<Awaited<ReturnType<typeof readXml>>['node']> {
  const { node } = await readXml(answer.body, [root])
  if (text(node, 'ETag') !== '') return node
  throw new SealstreamError('SEALSTREAM_ANSWER', `${operation}: the answer has no ETag`)
}
