/** Upload Part. */
import { assertBoolean, assertInteger, assertText } from '../internal/assert.js'
import type { ProgressListener } from '../internal/progress.js'
import {
  BODY_PARAMS,
  checkMd5,
  DEFAULT_PART_SIZE,
  storedResult,
  withMd5Use,
  type Sending,
  type StoredResult,
} from './put-object.js'
import { holdErrors, sizeBody, type BodyInput } from './request-body.js'
import { sendableBody } from './sendable-body.js'
import { checkObjectCall, type ObjectParams, type Service } from './service.js'
import { CUSTOMER_KEY_PARAMS, customerKeyHeaders, type CustomerKeyParams } from './sse.js'
import { trafficLimitHeader, type TrafficLimitParams } from './traffic-limit.js'

/** Most parts of an upload (wire-formats F5). */
export const MOST_PARTS = 10_000

/** Parameters of uploadPart. */
export interface UploadPartParams extends ObjectParams, CustomerKeyParams, TrafficLimitParams {
  UploadId: string
  /** 1 to 10,000. A number sent again replaces the part. */
  PartNumber: number
  /** As for putObject. At least 1 MiB for every part but the last. */
  Body: BodyInput
  ContentLength?: number
  ContentMD5?: string
  /** As for putObject. */
  EnableMD5?: boolean
  /** Called as the body goes out. */
  onProgress?: ProgressListener | undefined
}

/** Names of {@link UploadPartParams}, for checks. */
export const UPLOAD_PART_PARAMS = ['UploadId', 'PartNumber', ...CUSTOMER_KEY_PARAMS, ...BODY_PARAMS]

/** @throws As putObject. */
export async function uploadPart(service: Service, params: UploadPartParams): Promise<StoredResult> {
  holdErrors((params as Partial<UploadPartParams> | undefined)?.Body)
  const { bucket, key, signal } = checkObjectCall(service, params, UPLOAD_PART_PARAMS)
  assertText(params.UploadId, 'UploadId')
  assertInteger(params.PartNumber, 'PartNumber', 1, MOST_PARTS)
  if (params.EnableMD5 !== undefined) assertBoolean(params.EnableMD5, 'EnableMD5')
  const headers = { ...customerKeyHeaders(service, params), ...trafficLimitHeader(params) }
  const md5 = params.ContentMD5 === undefined ? {} : { 'content-md5': checkMd5(params.ContentMD5) }
  const sized = await sizeBody(params.Body, {
    contentLength: params.ContentLength,
    mostCollected: DEFAULT_PART_SIZE,
    signal,
  })
  const sendable = await sendableBody(service, sized, params)
  return sendPart(service, {
    bucket,
    key,
    headers: { ...headers, ...sendable.headers, ...md5 },
    body: sendable.body,
    enableMd5: params.EnableMD5,
    signal,
    uploadId: params.UploadId,
    number: params.PartNumber,
  })
}

/** The request of {@link uploadPart}, for callers that have prepared everything. */
export async function sendPart(
  service: Service,
  { uploadId, number, enableMd5, ...sending }: Sending & { uploadId: string; number: number },
): Promise<StoredResult> {
  const query = { partNumber: String(number), uploadId }
  const stored = await service.http.send(
    { operation: 'uploadPart', method: 'PUT', query, ...sending },
    (answer) => storedResult(service, `${sending.bucket}/${sending.key} part ${number}`, answer),
  )
  return withMd5Use(stored, enableMd5, sending.headers)
}
