/** Completing an upload, and finding out what came of it when the answer was lost (RULES 5.3). */
import {
  completeMultipartUpload,
  type CompletedPart,
  type CompleteMultipartUploadResult,
} from '../cos/complete-multipart-upload.js'
import { headObject, type HeadObjectResult } from '../cos/head-object.js'
import { listParts } from '../cos/list-parts.js'
import { judge } from '../cos/retry-judgement.js'
import type { Service } from '../cos/service.js'
import type { CustomerKeyParams } from '../cos/sse.js'
import type { Verified } from '../cos/integrity.js'
import { IntegrityError, SealstreamError, ServiceError } from '../errors.js'
import type { UploadName } from '../cos/abandon-upload.js'
import { verifyObject } from './verify-object.js'

/** An upload whose parts are all there. */
export interface Completion {
  readonly service: Service
  readonly name: UploadName
  readonly parts: readonly CompletedPart[]
  /** What the object must come to. */
  readonly length: number
  readonly crc64: bigint | undefined
  /** The envelope's headers, which no other object has; empty where it is not encrypted. */
  readonly envelope: Readonly<Record<string, string>>
  readonly customerKey: CustomerKeyParams
  readonly signal: AbortSignal | undefined
  /** Called as soon as there is no upload any more, whatever the object turns out to be. */
  readonly onJoined?: () => void
}

/** The object that the parts became, verified. */
export type CompletedObject = Omit<CompleteMultipartUploadResult, 'Location'> & {
  /** Absent where the answer that had it was lost. */
  Location?: string
  verified: Verified
}

/**
 * Joins the parts and verifies the whole. Where the answer is lost, the service is asked what came of it, and, where it still
 * has the upload, asked to join it again, within the client's options and budget.
 *
 * @throws ServiceError where the service refuses; IntegrityError where it holds other bytes; SealstreamError
 *   `SEALSTREAM_OUTCOME_UNKNOWN` where the answer was lost and the object is not to be found.
 */
export async function completeUpload(completion: Completion): Promise<CompletedObject> {
  const { service, signal } = completion
  const repeatable = { operation: 'completeMultipartUpload', repeat: 'always', signal } as const
  const outcome = await service.http.retry(repeatable, async () => {
    try {
      return await completeOnce(completion)
    } catch (error) {
      // Wrong bytes were joined: asking again would join nothing.
      if (error instanceof IntegrityError) return { error }
      if (!mayHaveHappened(error)) throw error
      const state = await stateOf(completion).catch((asking: unknown) => {
        if (asking instanceof SealstreamError && asking.code === 'SEALSTREAM_ABORTED') throw asking
        // What the service itself said tells more than that asking about it failed, too.
        throw isAnswer(error) ? error : unknownOutcome(completion, error)
      })
      if (state === 'open') throw error
      completion.onJoined?.()
      if (state === 'gone') throw unknownOutcome(completion, error)
      return state
    }
  })
  if ('error' in outcome) throw outcome.error
  return outcome
}

async function stateOf(completion: Completion): Promise<CompletedObject | 'open' | 'gone'> {
  // Without an envelope, the same bytes may have been there before: then what is still open was not completed.
  const isNamed = Object.keys(completion.envelope).length > 0
  if (!isNamed && (await isStillOpen(completion))) return 'open'
  const found = await findCompleted(completion)
  if (found !== undefined) return found
  return isNamed && (await isStillOpen(completion)) ? 'open' : 'gone'
}

/**
 * The object, if it is there and is what this upload makes: same envelope, length and CRC-64.
 *
 * Without an envelope and without CRC-64 nothing tells it from another, and it does not count as found.
 */
export async function findCompleted(completion: Completion): Promise<CompletedObject | undefined> {
  const { service, name, length, crc64, envelope, customerKey, signal } = completion
  const place = { Bucket: name.bucket, Key: name.key }
  let head: HeadObjectResult
  try {
    head = await headObject(service, { ...place, ...customerKey, signal })
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return undefined
    throw error
  }
  const entries = Object.entries(envelope)
  const stated = head.HashCrc64ecma
  const isKnown = entries.length > 0 || (stated !== undefined && crc64 !== undefined)
  const isSame =
    head.ContentLength === length &&
    (stated === undefined || crc64 === undefined || stated === String(crc64)) &&
    entries.every(([header, value]) => head.$metadata.headers[header] === value)
  if (!isKnown || !isSame) return undefined
  const { ETag, $metadata, VersionId, HashCrc64ecma } = head
  return {
    ...place,
    ETag,
    ...(VersionId === undefined ? {} : { VersionId }),
    ...(HashCrc64ecma === undefined ? {} : { HashCrc64ecma }),
    verified: stated === undefined || crc64 === undefined ? 'length' : 'crc64',
    $metadata,
  }
}

async function completeOnce({
  service,
  name,
  parts,
  length,
  crc64,
  customerKey,
  signal,
  onJoined,
}: Completion): Promise<CompletedObject> {
  const { bucket, key, uploadId } = name
  const call = { Bucket: bucket, Key: key, UploadId: uploadId, signal }
  const request = { ...call, MultipartUpload: { Part: parts } }
  const stored = await completeMultipartUpload(service, request, { repeat: 'never' })
  onJoined?.()
  const whole = { bucket, key, length, crc64, customerKey }
  return { ...stored, verified: await verifyObject(service, whole, stored, signal) }
}

/** The answer was lost, or cannot be understood, or says that there is no upload any more: an earlier attempt may be why. */
function mayHaveHappened(error: unknown): boolean {
  if (!(error instanceof SealstreamError)) return false
  if (error instanceof ServiceError && error.serviceCode === 'NoSuchUpload') return true
  return error.code === 'SEALSTREAM_ANSWER' || judge(error).isUncertain
}

/** Whether the service answered, other than that there is no upload any more. */
function isAnswer(error: unknown): boolean {
  return error instanceof ServiceError && error.serviceCode !== 'NoSuchUpload'
}

async function isStillOpen({ service, name, signal }: Completion): Promise<boolean> {
  const { bucket: Bucket, key: Key, uploadId: UploadId } = name
  try {
    await listParts(service, { Bucket, Key, UploadId, MaxParts: 1, signal })
    return true
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return false
    throw error
  }
}

function unknownOutcome({ name }: Completion, cause: unknown): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_OUTCOME_UNKNOWN',
    `${name.bucket}/${name.key}: the answer to completing the upload was lost, and no object that it makes is there`,
    {
      cause,
      hint: 'the upload is gone: it was completed and overwritten, or dropped. Look before sending it again',
    },
  )
}
