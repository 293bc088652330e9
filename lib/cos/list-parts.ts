/** List Parts. */
import { SealstreamError } from '../errors.js'
import { assertInteger, assertText } from '../internal/assert.js'
import {
  checkObjectCall,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { MOST_PARTS } from './upload-part.js'
import { date, integer, list, readXml, text } from './xml.js'

/** Parameters of listParts. */
export interface ListPartsParams extends ObjectParams {
  UploadId: string
  /** 1 to 1000, the default. */
  MaxParts?: number
  /** Only parts after this number: the `NextPartNumberMarker` of the page before. */
  PartNumberMarker?: number
}

/** A part as the service has it. */
export interface ListedPart {
  PartNumber: number
  ETag: string
  /** Bytes stored. */
  Size: number
  LastModified: Date
}

/** One page of parts, ascending. */
export interface ListPartsResult extends ResultMetadata {
  UploadId: string
  /** Always an array; completeMultipartUpload takes it as it is. */
  Part: ListedPart[]
  IsTruncated: boolean
  NextPartNumberMarker?: number
}

/** Names of {@link ListPartsParams}, for checks. */
const LIST_PARTS_PARAMS = ['UploadId', 'MaxParts', 'PartNumberMarker']

/** @throws ServiceError `NoSuchUpload` where there is no such upload, and the errors of every request. */
export async function listParts(service: Service, params: ListPartsParams): Promise<ListPartsResult> {
  const { bucket, key, signal } = checkObjectCall(service, params, LIST_PARTS_PARAMS)
  const { UploadId, MaxParts = 1000, PartNumberMarker = 0 } = params
  assertText(UploadId, 'UploadId')
  assertInteger(MaxParts, 'MaxParts', 1, 1000)
  assertInteger(PartNumberMarker, 'PartNumberMarker', 0, MOST_PARTS)
  const query = {
    uploadId: UploadId,
    'max-parts': String(MaxParts),
    'part-number-marker': String(PartNumberMarker),
  }
  const answer = await service.http.send({
    operation: 'listParts',
    method: 'GET',
    bucket,
    key,
    query,
    signal,
  })
  const { node } = await readXml(answer.body, ['ListPartsResult'])
  const parts = list(node, 'Part').map((entry) => ({
    PartNumber: integer(entry, 'PartNumber'),
    ETag: text(entry, 'ETag'),
    Size: integer(entry, 'Size'),
    LastModified: date(entry, 'LastModified'),
  }))
  const isTruncated = text(node, 'IsTruncated') === 'true'
  return {
    UploadId,
    Part: parts,
    IsTruncated: isTruncated,
    ...(isTruncated ? { NextPartNumberMarker: integer(node, 'NextPartNumberMarker') } : {}),
    ...resultMetadata(answer),
  }
}

/** Every part of an upload, over all pages. */
export async function listAllParts(
  service: Service,
  params: Omit<ListPartsParams, 'MaxParts' | 'PartNumberMarker'>,
): Promise<ListedPart[]> {
  const all: ListedPart[] = []
  let marker: number | undefined = 0
  while (marker !== undefined) {
    const page: ListPartsResult = await listParts(service, { ...params, PartNumberMarker: marker })
    all.push(...page.Part)
    const next: number | undefined = page.NextPartNumberMarker
    if (next !== undefined && next <= marker) {
      // It would have us ask for ever, and stopping would hide parts.
      throw new SealstreamError(
        'SEALSTREAM_ANSWER',
        'listParts: the marker of the next page does not advance',
      )
    }
    marker = next
  }
  return all
}
