/** Complete Multipart Upload. */
import { OptionError, SealstreamError } from '../errors.js'
import { assertInteger, assertText } from '../internal/assert.js'
import { bytesBody } from './exchange.js'
import {
  checkObjectCall,
  present,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { describeEncryption, type ServerSideEncryptionResult } from './sse.js'
import { MOST_PARTS } from './upload-part.js'
import { readXml, text, writeXml } from './xml.js'

/** A part by number and ETag. */
export interface CompletedPart {
  PartNumber: number
  /** With or without quotes. */
  ETag: string
}

/** Parameters of completeMultipartUpload. */
export interface CompleteMultipartUploadParams extends ObjectParams {
  UploadId: string
  /** All parts, in any order; the `Part` of listParts will do. */
  MultipartUpload: { Part: readonly CompletedPart[] }
}

/** The object that the parts became. */
export interface CompleteMultipartUploadResult extends ServerSideEncryptionResult, ResultMetadata {
  Location: string
  Bucket: string
  Key: string
  /** `"...-N"` for N parts; not an MD5. */
  ETag: string
  VersionId?: string
  /** CRC-64/XZ of the whole stored object, decimal. */
  HashCrc64ecma?: string
}

/**
 * Joins the parts.
 *
 * The service answers 200 before it has merged anything and may send an error after all: that is a ServiceError of
 * status 200, never success.
 *
 * @throws {@link OptionError} on a bad list of parts, ServiceError, and the errors of every request.
 */
export async function completeMultipartUpload(
  service: Service,
  params: CompleteMultipartUploadParams,
  // Once more after it was done finds no upload: only a service that surely did nothing is asked again.
  { repeat = 'refused' }: { repeat?: 'refused' | 'never' } = {},
): Promise<CompleteMultipartUploadResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, ['UploadId', 'MultipartUpload'])
  assertText(params.UploadId, 'UploadId')
  const parts = checkParts(params.MultipartUpload)
  const document = Buffer.from(writeXml('CompleteMultipartUpload', { Part: parts }), 'utf8')
  const request = {
    operation: 'completeMultipartUpload',
    method: 'POST' as const,
    bucket,
    key,
    query: { uploadId: params.UploadId },
    headers: { 'content-type': 'application/xml' },
    body: bytesBody(document, { md5: false }),
    repeat,
    signal,
  }
  return service.http.send(request, async (answer) => {
    const { node } = await readXml(answer.body, ['CompleteMultipartUploadResult'])
    const etag = text(node, 'ETag')
    if (etag === '')
      throw new SealstreamError('SEALSTREAM_ANSWER', 'completeMultipartUpload: the answer has no ETag')
    return {
      Location: text(node, 'Location'),
      Bucket: bucket,
      Key: key,
      ETag: etag,
      ...present({
        VersionId: answer.headers['x-cos-version-id'],
        HashCrc64ecma: answer.headers['x-cos-hash-crc64ecma'],
      }),
      ...describeEncryption(answer.headers),
      ...resultMetadata(answer),
    }
  })
}

/** The parts ascending, numbers distinct, nothing but number and ETag. @throws {@link OptionError} */
export function checkParts(upload: unknown): CompletedPart[] {
  const given = (upload as { Part?: unknown } | undefined)?.Part
  if (!Array.isArray(given) || given.length === 0) {
    throw new OptionError(
      'MultipartUpload',
      'must be { Part: [{ PartNumber, ETag }, ...] } with at least one part',
      {
        value: upload,
      },
    )
  }
  const parts = (given as (CompletedPart | null)[]).map((part, index) => {
    if (typeof part !== 'object' || part === null) {
      throw new OptionError(`MultipartUpload.Part[${index}]`, 'must be { PartNumber, ETag }', { value: part })
    }
    const { PartNumber, ETag } = part
    assertInteger(PartNumber, `MultipartUpload.Part[${index}].PartNumber`, 1, MOST_PARTS)
    assertText(ETag, `MultipartUpload.Part[${index}].ETag`)
    return { PartNumber, ETag }
  })
  parts.sort((a, b) => a.PartNumber - b.PartNumber)
  for (const [index, { PartNumber }] of parts.entries()) {
    if (parts[index + 1]?.PartNumber !== PartNumber) continue
    throw new OptionError('MultipartUpload.Part', 'must not name a part twice', { value: PartNumber })
  }
  return parts
}
