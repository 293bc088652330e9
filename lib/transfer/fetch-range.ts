/** One range of one version of an object, decrypted into its place in a file. */
import { Crc64 } from '../checksum/crc64.js'
import { getObject, type GetObjectResult } from '../cos/get-object.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import type { DataKey } from '../crypto/data-key.js'
import { metadataText } from '../cos/metadata.js'
import { ServiceError } from '../errors.js'
import type { DownloadJob } from './download-job.js'
import { objectChanged } from './object-changed.js'
import type { PlannedPart } from './part-plan.js'
import type { TemporaryFile } from './temporary-file.js'

/** A range on its way. */
export interface RangeJob {
  readonly head: HeadObjectResult
  readonly dataKey: DataKey | undefined
  /** In stored bytes. */
  readonly part: PlannedPart
  readonly file: TemporaryFile
  readonly signal: AbortSignal
  /** Told of bytes as they arrive; of fewer than none where a range is begun again. */
  readonly onBytes: (bytes: number) => void
}

/**
 * Fetches a range as often as it takes.
 *
 * @returns The CRC-64 of its stored bytes.
 * @throws SealstreamError `SEALSTREAM_OBJECT_CHANGED` where the object is no longer the one HEAD described.
 */
export async function fetchRange(job: DownloadJob, range: RangeJob): Promise<bigint> {
  const { signal } = range
  return job.service.http.retry({ operation: 'getObject', repeat: 'always', signal }, async () => {
    let arrived = 0
    try {
      const crc64 = await fetchOnce(job, range, (bytes) => {
        arrived += bytes
        range.onBytes(bytes)
      })
      return crc64
    } catch (error) {
      range.onBytes(-arrived)
      throw error
    }
  })
}

async function fetchOnce(
  job: DownloadJob,
  { head, dataKey, part, file, signal }: RangeJob,
  onBytes: (bytes: number) => void,
): Promise<bigint> {
  const answer = await request(job, head, part, signal)
  const crc64 = new Crc64()
  const decryptor = dataKey?.decryptor({ start: part.offset, end: part.offset + part.length - 1 })
  let position = part.offset
  try {
    for await (const chunk of answer.Body as AsyncIterable<Buffer>) {
      crc64.update(chunk)
      const bytes = decryptor?.update(chunk) ?? chunk
      await file.write(bytes, position)
      position += bytes.length
      onBytes(bytes.length)
    }
    const rest = decryptor?.final()
    if (rest !== undefined && rest.length > 0) await file.write(rest, position)
  } finally {
    decryptor?.close()
    answer.Body.destroy()
  }
  return crc64.value
}

/** The answer to a ranged GET that is pinned to what HEAD described, envelope included (RULES 4.4). */
async function request(
  job: DownloadJob,
  head: HeadObjectResult,
  { offset, length }: PlannedPart,
  signal: AbortSignal,
): Promise<GetObjectResult> {
  const range = `bytes=${offset}-${offset + length - 1}`
  const versionId = head.VersionId ?? job.versionId
  const params = {
    Bucket: job.bucket,
    Key: job.key,
    IfMatch: head.ETag,
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...job.customerKey,
    ...job.trafficLimit,
    Range: range,
    signal,
  }
  let answer: GetObjectResult
  try {
    // Once: whoever called tries again, body and all.
    answer = await getObject(job.service, params, { repeat: 'never', isPart: true })
  } catch (error) {
    if (
      error instanceof ServiceError &&
      (error.status === 412 || error.status === 404 || error.status === 416)
    ) {
      throw objectChanged(job.key, 'read', error)
    }
    throw error
  }
  const isSame =
    answer.ETag === head.ETag &&
    metadataText(answer.$metadata.headers) === metadataText(head.$metadata.headers)
  if (isSame && answer.ContentRange === `bytes ${offset}-${offset + length - 1}/${head.ContentLength}`)
    return answer
  answer.Body.destroy()
  throw objectChanged(job.key, 'read')
}
