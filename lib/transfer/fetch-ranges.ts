/** All ranges of one version of an object, into a temporary file, and then under its name. */
import { constants } from 'node:buffer'
import { crc64Combine } from '../checksum/crc64-combine.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { requireChecksum, type Verified } from '../cos/integrity.js'
import { FORMATS } from '../crypto/format.js'
import { IntegrityError, SealstreamError } from '../errors.js'
import { linkedAbort, type LinkedAbort } from '../internal/abort.js'
import type { DownloadJob } from './download-job.js'
import { DownloadJournal } from './download-checkpoint.js'
import { DownloadPlan, type OpenedObject } from './download-plan.js'
import { fetchBytes, fetchRange } from './fetch-range.js'
import type { PartPlan } from './part-plan.js'
import { TemporaryFile } from './temporary-file.js'
import { proveWhole } from './prove-whole.js'
import { rangeOpener } from './range-threads.js'
import { ThreadCrew, threadsFor } from './thread-crew.js'
import { runWorkers } from './workers.js'

/** Threads need ranges in memory. Unless they were asked for, there are none where that is so much. */
const MOST_HELD_BYTES = 512 * 1024 * 1024

/** @returns The strongest check that the whole passed. @throws As downloadFile. */
export async function fetchRanges(
  job: DownloadJob,
  head: HeadObjectResult,
  opened: OpenedObject | undefined,
): Promise<Verified> {
  const abort = linkedAbort(job.signal)
  const dataKey = opened?.dataKey
  try {
    if (dataKey !== undefined && !dataKey.hasHead) {
      const length = FORMATS[dataKey.format].cipher.headBytes
      dataKey.readHead(await fetchBytes(job, head, { offset: 0, length }, abort.signal))
    }
    return await fetchAll(job, head, opened, abort)
  } finally {
    abort.unlink()
  }
}

async function fetchAll(
  job: DownloadJob,
  head: HeadObjectResult,
  opened: OpenedObject | undefined,
  abort: LinkedAbort,
): Promise<Verified> {
  const dataKey = opened?.dataKey
  const plan = new DownloadPlan(head.ContentLength, job.partSize, opened)
  const { parts, size } = plan
  const journal = await DownloadJournal.open(job, { head, plan, dataKey })
  const { file, done } = (await journal?.begin()) ?? {
    file: await TemporaryFile.open(job.destination),
    done: new Map<number, bigint>(),
  }
  let crew: ThreadCrew | undefined
  try {
    await file.resize(size)
    let bytes = [...done.keys()].reduce((sum, number) => sum + plan.range(number).size, 0)
    const report = (more: number): void => {
      bytes += more
      if (!abort.signal.aborted) job.onProgress?.({ bytes, total: size })
    }
    report(0)
    const missing = parts.length === 0 ? [] : [...parts].filter(({ number }) => !done.has(number))
    const workers = Math.min(job.concurrency, missing.length)
    const stored = missing.reduce((sum, { length }) => sum + length, 0)
    const threads = Math.min(threadsFor(job.threads, stored), workers)
    const mostFetched = threads > 1 ? plan.mostFetched : 0
    const canHold =
      mostFetched <= constants.MAX_LENGTH &&
      (job.threads !== undefined || workers * mostFetched <= MOST_HELD_BYTES)
    if (threads > 1 && canHold) crew = await ThreadCrew.start(threads, abort.signal)
    const { signal } = abort
    await runWorkers(missing, workers, abort, () => {
      const opener =
        crew === undefined ? undefined : rangeOpener(crew, mostFetched, { dataKey, file, signal })
      return async ({ number }) => {
        const range = plan.range(number)
        const crc64 = await fetchRange(job, { head, dataKey, range, file, opener, signal, onBytes: report })
        done.set(number, crc64)
        await journal?.finish(file, number, crc64)
      }
    })
    crew?.release()
    const verified = verifyWhole(job, head, parts, done)
    const isProven =
      dataKey !== undefined && (await proveWhole(job, { head, dataKey, file, size }, abort.signal))
    await file.commit()
    await journal?.remove()
    return isProven ? 'aead' : verified
  } catch (error) {
    // They write to the file.
    await crew?.close()
    await journal?.settle()
    if (journal === undefined || isFinal(error)) {
      await file.discard()
      await journal?.remove()
    } else {
      await file.close()
    }
    throw error
  }
}

/** What was fetched is of an object that is no more, or is not what was stored. */
function isFinal(error: unknown): boolean {
  const codes = [
    'SEALSTREAM_OBJECT_CHANGED',
    'SEALSTREAM_INTEGRITY',
    'SEALSTREAM_AUTHENTICATION',
    'SEALSTREAM_COMMITMENT',
  ]
  return error instanceof SealstreamError && codes.includes(error.code)
}

/** The CRC-64 of the whole from those of its ranges, against the one that HEAD stated. */
function verifyWhole(
  { service, bucket, key }: DownloadJob,
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
