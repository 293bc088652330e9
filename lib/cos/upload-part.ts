/** Upload Part. */
import { assertInteger, assertText } from '../internal/assert.js'
import type { ProgressListener } from '../internal/progress.js'
import {
  checkMd5,
  DEFAULT_PART_SIZE,
  requestBody,
  storedResult,
  type Sending,
  type StoredResult,
} from './put-object.js'
import { holdErrors, sizeBody, type BodyInput } from './request-body.js'
import { checkObjectCall, type ObjectParams, type Service } from './service.js'

/** Most parts of an upload (wire-formats F5). */
export const MOST_PARTS = 10_000

/** Parameters of uploadPart. */
export interface UploadPartParams extends ObjectParams {
  UploadId: string
  /** 1 to 10,000. A number sent again replaces the part. */
  PartNumber: number
  /** As for putObject. At least 1 MiB for every part but the last. */
  Body: BodyInput
  ContentLength?: number
  ContentMD5?: string
  /** Called as the body goes out. */
  onProgress?: ProgressListener | undefined
}

/** Names of {@link UploadPartParams}, for checks. */
export const UPLOAD_PART_PARAMS = [
  'UploadId',
  'PartNumber',
  'Body',
  'ContentLength',
  'ContentMD5',
  'onProgress',
]

/** @throws As putObject. */
export async function uploadPart(service: Service, params: UploadPartParams): Promise<StoredResult> {
  holdErrors((params as Partial<UploadPartParams> | undefined)?.Body)
  const { bucket, key, signal } = checkObjectCall(service, params, UPLOAD_PART_PARAMS)
  assertText(params.UploadId, 'UploadId')
  assertInteger(params.PartNumber, 'PartNumber', 1, MOST_PARTS)
  const headers = params.ContentMD5 === undefined ? {} : { 'content-md5': checkMd5(params.ContentMD5) }
  const sized = await sizeBody(params.Body, {
    contentLength: params.ContentLength,
    mostCollected: DEFAULT_PART_SIZE,
    signal,
  })
  const place = { bucket, key, headers, signal, uploadId: params.UploadId, number: params.PartNumber }
  return sendPart(service, { ...place, body: requestBody(service, sized, params.onProgress) })
}

/** The request of {@link uploadPart}, for callers that have prepared everything. */
export async function sendPart(
  service: Service,
  { uploadId, number, ...sending }: Sending & { uploadId: string; number: number },
): Promise<StoredResult> {
  const query = { partNumber: String(number), uploadId }
  const answer = await service.http.send({ operation: 'uploadPart', method: 'PUT', query, ...sending })
  return storedResult(service, `${sending.bucket}/${sending.key} part ${number}`, answer)
}
