/** All ranges of one version of an object, fetched by several workers. */
import { constants } from 'node:buffer'
import { crc64Combine } from '../checksum/crc64-combine.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { requireChecksum, type Verified } from '../cos/integrity.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { IntegrityError } from '../errors.js'
import type { LinkedAbort } from '../internal/abort.js'
import { HeldMemory } from '../internal/transfer-memory.js'
import type { ReadRangesJob } from './download-job.js'
import type { DownloadPlan } from './download-plan.js'
import { fetchBytes, fetchRange } from './fetch-range.js'
import type { PartPlan } from './part-plan.js'
import { rangeOpener, type RangeTarget } from './range-threads.js'
import { ThreadCrew, threadsFor } from './thread-crew.js'
import { runWorkers } from './workers.js'

/** Threads need ranges in memory. Unless they were asked for, there are none where that is so much. */
const MOST_HELD_BYTES = 512 * 1024 * 1024

/** Ranges on their way. */
export interface RangesTask {
  readonly head: HeadObjectResult
  /** It has read its head. */
  readonly dataKey: DataKey | undefined
  readonly plan: DownloadPlan
  readonly target: RangeTarget
  /** The CRC-64 of the stored bytes of each range that is done. */
  readonly done: Map<number, bigint>
  /** Called when a range is done and written. */
  readonly onDone?: (number: number, crc64: bigint) => Promise<void>
}

/** Has a data key read the head of its object, if it needs one. */
export async function readHead(
  job: ReadRangesJob,
  head: HeadObjectResult,
  dataKey: DataKey | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (dataKey === undefined || dataKey.hasHead) return
  const length = FORMATS[dataKey.format].cipher.headBytes
  dataKey.readHead(await fetchBytes(job, head, { offset: 0, length }, signal))
}

/**
 * Fetches what is not done. When it ends, however it does, nothing is written any more.
 *
 * @returns The strongest check that the checksums of the whole passed. @throws As downloadFile.
 */
export async function fetchRanges(
  job: ReadRangesJob,
  abort: LinkedAbort,
  { head, dataKey, plan, target, done, onDone }: RangesTask,
): Promise<Verified> {
  const { parts, size } = plan
  const { signal } = abort
  let bytes = [...done.keys()].reduce((sum, number) => sum + plan.range(number).size, 0)
  const onBytes = (more: number): void => {
    bytes += more
    if (!signal.aborted) job.onProgress?.({ bytes, total: size })
  }
  onBytes(0)
  const missing = parts.length === 0 ? [] : [...parts].filter(({ number }) => !done.has(number))
  const workers = Math.min(job.concurrency, missing.length)
  const stored = missing.reduce((sum, { length }) => sum + length, 0)
  const threads = Math.min(threadsFor(job.threads, stored), workers)
  const mostFetched = threads > 1 ? plan.mostFetched : 0
  const canHold =
    mostFetched <= constants.MAX_LENGTH &&
    (job.threads !== undefined || workers * mostFetched <= MOST_HELD_BYTES)
  const memory = new HeldMemory()
  const crew = threads > 1 && canHold ? await ThreadCrew.start(threads, signal) : undefined
  try {
    await runWorkers(missing, workers, abort, () => {
      const opener = crew && rangeOpener(crew, memory.take(mostFetched), { dataKey, target, signal })
      return async ({ number }) => {
        const range = plan.range(number)
        const crc64 = await fetchRange(job, { head, dataKey, range, target, opener, signal, onBytes })
        done.set(number, crc64)
        await onDone?.(number, crc64)
      }
    })
    crew?.release()
    memory.leave()
  } finally {
    await crew?.close()
    memory.drop()
  }
  return verifyWhole(job, head, parts, done)
}

/** The CRC-64 of the whole from those of its ranges, against the one that HEAD stated. */
function verifyWhole(
  { service, bucket, key }: ReadRangesJob,
  { HashCrc64ecma: stated }: HeadObjectResult,
  plan: PartPlan,
  done: ReadonlyMap<number, bigint>,
): Verified {
  if (stated === undefined) {
    requireChecksum(service, `${bucket}/${key}`)
    return 'length'
  }
  let crc64 = 0n
  for (const { number, length } of plan) crc64 = crc64Combine(crc64, done.get(number) ?? 0n, length)
  if (String(crc64) === stated) return 'crc64'
  throw new IntegrityError(`${bucket}/${key}`, {
    algorithm: 'crc64',
    expected: stated,
    found: String(crc64),
  })
}
