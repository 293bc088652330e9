/** One range of one version of an object, decrypted into its place in a file. */
import { Crc64 } from '../checksum/crc64.js'
import { getObject, type GetObjectResult } from '../cos/get-object.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import type { DataKey } from '../crypto/data-key.js'
import { metadataText } from '../cos/metadata.js'
import { ServiceError } from '../errors.js'
import { breathe } from '../internal/breathe.js'
import { reclaim } from '../internal/reclaim.js'
import { fillShared } from '../internal/transfer-memory.js'
import { useChunks } from '../internal/use-chunks.js'
import { WriteBehind } from '../internal/write-behind.js'
import type { ReadRangesJob } from './download-job.js'
import { objectChanged } from './object-changed.js'
import type { PlannedRange } from './download-plan.js'
import type { RangeOpener, RangeTarget } from './range-threads.js'

/** Bytes of a write, and so between two reports of progress. */
const WRITE_BYTES = 256 * 1024

/** A range on its way. */
export interface RangeJob {
  readonly head: HeadObjectResult
  readonly dataKey: DataKey | undefined
  readonly range: PlannedRange
  readonly target: RangeTarget
  /** Who decrypts and writes it; without one, that is done as it comes. */
  readonly opener: RangeOpener | undefined
  readonly signal: AbortSignal
  /** Told of bytes of the file as they are written; of fewer than none where a range is begun again. */
  readonly onBytes: (bytes: number) => void
}

/**
 * Fetches a range as often as it takes.
 *
 * @returns The CRC-64 of its stored bytes.
 * @throws SealstreamError `SEALSTREAM_OBJECT_CHANGED` where the object is no longer the one HEAD described; AuthenticationError
 *   where it is not what was encrypted.
 */
export async function fetchRange(job: ReadRangesJob, range: RangeJob): Promise<bigint> {
  const { signal } = range
  return job.service.http.retry({ operation: 'getObject', repeat: 'always', signal }, async () => {
    let written = 0
    try {
      const onBytes = (bytes: number): void => {
        written += bytes
        range.onBytes(bytes)
      }
      const { opener } = range
      // What holds nothing to write is not worth the way.
      if (opener === undefined || range.range.size === 0) return await fetchThrough(job, range, onBytes)
      return await fetchWhole(job, range, opener, onBytes)
    } catch (error) {
      range.onBytes(-written)
      throw error
    }
  })
}

/** All of it to memory, from where others take it on. */
async function fetchWhole(
  job: ReadRangesJob,
  { head, range, signal }: RangeJob,
  opener: RangeOpener,
  onBytes: (bytes: number) => void,
): Promise<bigint> {
  const { memory } = opener
  const { offset, length, from, size } = range
  const total = offset + length - from
  const answer = await request(job, head, { offset: from, length: total }, signal)
  let filled = 0
  let told = 0
  try {
    await useChunks(answer.Body, async (chunk) => {
      // As long as it was asked for; the answer's body sees to that.
      fillShared(memory, chunk.subarray(0, total - filled), filled)
      filled += chunk.length
      reclaim(chunk)
      const more = (filled >= total ? size : Math.floor((size * filled) / total)) - told
      if (more >= WRITE_BYTES || filled >= total) {
        told += more
        onBytes(more)
      }
      await breathe()
    })
  } finally {
    answer.Body.destroy()
  }
  return opener.open(range)
}

/** Decrypted and written as it comes. */
async function fetchThrough(
  job: ReadRangesJob,
  { head, dataKey, range, target, signal }: RangeJob,
  onBytes: (bytes: number) => void,
): Promise<bigint> {
  const { offset, length, from } = range
  const answer = await request(job, head, { offset: from, length: offset + length - from }, signal)
  const crc64 = new Crc64()
  const decryptor = range.decrypt === undefined ? undefined : dataKey?.decryptor(range.decrypt)
  let position = range.start
  // What comes before the range is another one's, and only helps to decrypt this one.
  let before = offset - from
  const output = new WriteBehind(
    async (bytes) => {
      await target.write(bytes, position)
      position += bytes.length
      onBytes(bytes.length)
    },
    Math.min(WRITE_BYTES, Math.max(1, range.size)),
  )
  const take = async (plain: Buffer): Promise<void> => {
    await output.put(plain)
    reclaim(plain)
  }
  try {
    await useChunks(answer.Body, async (chunk) => {
      crc64.update(chunk.subarray(Math.min(before, chunk.length)))
      before -= Math.min(before, chunk.length)
      if (dataKey === undefined) await output.put(chunk)
      else if (decryptor !== undefined) await take(decryptor.update(chunk))
      // Nobody else has it. Left to V8, what arrives has it collect garbage every 14 MiB.
      reclaim(chunk)
      await breathe()
    })
    if (decryptor !== undefined) await take(decryptor.final())
    await output.end()
  } finally {
    decryptor?.close()
    answer.Body.destroy()
    // Nothing is written any more when this range is begun again.
    await output.settle()
  }
  return crc64.value
}

/** A few stored bytes of the version that HEAD described, as often as it takes. */
export async function fetchBytes(
  job: ReadRangesJob,
  head: HeadObjectResult,
  place: StoredPlace,
  signal: AbortSignal,
): Promise<Buffer> {
  return job.service.http.retry({ operation: 'getObject', repeat: 'always', signal }, async () => {
    const answer = await request(job, head, place, signal)
    const chunks: Buffer[] = []
    for await (const chunk of answer.Body) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  })
}

/** A stretch of the stored object. */
interface StoredPlace {
  readonly offset: number
  readonly length: number
}

/** The answer to a ranged GET that is pinned to what HEAD described, envelope included (RULES 4.4). */
async function request(
  job: ReadRangesJob,
  head: HeadObjectResult,
  { offset, length }: StoredPlace,
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
