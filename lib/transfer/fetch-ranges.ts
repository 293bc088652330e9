/** All ranges of one version of an object, into a temporary file, and then under its name. */
import { crc64Combine } from '../checksum/crc64-combine.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { requireChecksum, type Verified } from '../cos/integrity.js'
import type { DataKey } from '../crypto/data-key.js'
import { IntegrityError, SealstreamError } from '../errors.js'
import { linkedAbort } from '../internal/abort.js'
import type { DownloadJob } from './download-job.js'
import { DownloadJournal } from './download-checkpoint.js'
import { fetchRange } from './fetch-range.js'
import { PartPlan } from './part-plan.js'
import { TemporaryFile } from './temporary-file.js'
import { runWorkers } from './workers.js'

/** @returns The check that the whole passed. @throws As downloadFile. */
export async function fetchRanges(
  job: DownloadJob,
  head: HeadObjectResult,
  dataKey: DataKey | undefined,
): Promise<Verified> {
  const plan = new PartPlan(head.ContentLength, job.partSize)
  const size = dataKey === undefined ? head.ContentLength : dataKey.plaintextSize(head.ContentLength)
  const journal = await DownloadJournal.open(job, { head, plan, dataKey })
  const { file, done } = (await journal?.begin()) ?? {
    file: await TemporaryFile.open(job.destination),
    done: new Map<number, bigint>(),
  }
  const abort = linkedAbort(job.signal)
  try {
    await file.resize(size)
    let bytes = [...done.keys()].reduce((sum, number) => sum + plan.part(number).length, 0)
    const report = (more: number): void => {
      bytes += more
      if (!abort.signal.aborted) job.onProgress?.({ bytes, total: size })
    }
    report(0)
    const missing = plan.length === 0 ? [] : [...plan].filter(({ number }) => !done.has(number))
    await runWorkers(missing, Math.min(job.concurrency, missing.length), abort, () => async (part) => {
      const crc64 = await fetchRange(job, {
        head,
        dataKey,
        part,
        file,
        signal: abort.signal,
        onBytes: report,
      })
      done.set(part.number, crc64)
      await journal?.finish(file, part.number, crc64)
    })
    const verified = verifyWhole(job, head, plan, done)
    await file.commit()
    await journal?.remove()
    return verified
  } catch (error) {
    await journal?.settle()
    if (journal === undefined || isFinal(error)) {
      await file.discard()
      await journal?.remove()
    } else {
      await file.close()
    }
    throw error
  } finally {
    abort.unlink()
  }
}

/** What was fetched is of an object that is no more, or is not what was stored. */
function isFinal(error: unknown): boolean {
  const codes = ['SEALSTREAM_OBJECT_CHANGED', 'SEALSTREAM_INTEGRITY']
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
