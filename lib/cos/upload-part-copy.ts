/** Upload Part - Copy. */
import { OptionError } from '../errors.js'
import { assertInteger, assertText } from '../internal/assert.js'
import { COPY_SOURCE_PARAMS, copySourceHeaders, type CopySourceParams } from './copy-source.js'
import { readCopyResult } from './copy-object.js'
import {
  checkObjectCall,
  present,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import {
  CUSTOMER_KEY_PARAMS,
  customerKeyHeaders,
  describeEncryption,
  type CustomerKeyParams,
  type ServerSideEncryptionResult,
} from './sse.js'
import { MOST_PARTS } from './upload-part.js'
import { text } from './xml.js'

/** Parameters of uploadPartCopy. */
export interface UploadPartCopyParams extends ObjectParams, CopySourceParams, CustomerKeyParams {
  UploadId: string
  /** 1 to 10,000. */
  PartNumber: number
  /** `bytes=first-last`, both inclusive. Defaults to the whole source. */
  CopySourceRange?: string
}

/** The part. */
export interface UploadPartCopyResult extends ServerSideEncryptionResult, ResultMetadata {
  ETag: string
  /** CRC-64/XZ of the part, decimal, where the service tells. */
  HashCrc64ecma?: string
}

/** Stores a stretch of an existing object as a part. @throws As copyObject. */
export async function uploadPartCopy(
  service: Service,
  params: UploadPartCopyParams,
): Promise<UploadPartCopyResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, [
    ...COPY_SOURCE_PARAMS,
    ...CUSTOMER_KEY_PARAMS,
    'UploadId',
    'PartNumber',
    'CopySourceRange',
  ])
  const { UploadId, PartNumber, CopySourceRange } = params
  assertText(UploadId, 'UploadId')
  assertInteger(PartNumber, 'PartNumber', 1, MOST_PARTS)
  const request = {
    operation: 'uploadPartCopy',
    method: 'PUT' as const,
    bucket,
    key,
    query: { partNumber: String(PartNumber), uploadId: UploadId },
    headers: {
      ...customerKeyHeaders(service, params),
      ...copySourceHeaders(service, params),
      ...(CopySourceRange === undefined ? {} : { 'x-cos-copy-source-range': checkSpan(CopySourceRange) }),
    },
    signal,
  }
  return service.http.send(request, async (answer) => {
    const node = await readCopyResult('uploadPartCopy', 'CopyPartResult', answer)
    return {
      ETag: text(node, 'ETag'),
      ...present({
        HashCrc64ecma: answer.headers['x-cos-hash-crc64ecma'] ?? (text(node, 'CRC64') || undefined),
      }),
      ...describeEncryption(answer.headers),
      ...resultMetadata(answer),
    }
  })
}

function checkSpan(range: unknown): string {
  const [, first, last] =
    (typeof range === 'string' ? /^bytes=(\d{1,15})-(\d{1,15})$/.exec(range) : null) ?? []
  if (first !== undefined && last !== undefined && Number(first) <= Number(last)) return range as string
  throw new OptionError('CopySourceRange', 'must be bytes=first-last', { value: range })
}
