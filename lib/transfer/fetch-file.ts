/** All ranges of one version of an object, into a temporary file, and then under its name. */
import type { HeadObjectResult } from '../cos/head-object.js'
import type { Verified } from '../cos/integrity.js'
import { SealstreamError } from '../errors.js'
import { linkedAbort, type LinkedAbort } from '../internal/abort.js'
import { DownloadJournal } from './download-checkpoint.js'
import type { DownloadJob } from './download-job.js'
import { DownloadPlan, type OpenedObject } from './download-plan.js'
import { fetchRanges, readHead } from './fetch-ranges.js'
import { proveWhole } from './prove-whole.js'
import { TemporaryFile } from './temporary-file.js'

/** @returns The strongest check that the whole passed. @throws As downloadFile. */
export async function fetchFile(
  job: DownloadJob,
  head: HeadObjectResult,
  opened: OpenedObject | undefined,
): Promise<Verified> {
  const abort = linkedAbort(job.signal)
  try {
    await readHead(job, head, opened?.dataKey, abort.signal)
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
  const { size } = plan
  const journal = await DownloadJournal.open(job, { head, plan, dataKey })
  const { file, done } = (await journal?.begin()) ?? {
    file: await TemporaryFile.open(job.destination),
    done: new Map<number, bigint>(),
  }
  try {
    await file.resize(size)
    const verified = await fetchRanges(job, abort, {
      head,
      dataKey,
      plan,
      target: file,
      done,
      onDone: async (number, crc64) => journal?.finish(file, number, crc64),
    })
    const isProven =
      dataKey !== undefined && (await proveWhole(job, { head, dataKey, file, size }, abort.signal))
    await file.commit()
    await journal?.remove()
    return isProven ? 'aead' : verified
  } catch (error) {
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
