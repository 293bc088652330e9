/** All ranges of an object, read and checked, and kept by nobody. */
import type { HeadObjectResult } from '../cos/head-object.js'
import type { Verified } from '../cos/integrity.js'
import { linkedAbort } from '../internal/abort.js'
import type { ReadRangesJob } from './download-job.js'
import { DownloadPlan, type OpenedObject } from './download-plan.js'
import { fetchRanges, readHead } from './fetch-ranges.js'
import { NOWHERE } from './range-threads.js'

/**
 * Reads an object to its end, pieces side by side. Of a format that proves its pieces, each of them is proven.
 *
 * @returns The strongest check that the checksums of its stored bytes passed.
 * @throws As downloadFile, but for what has to do with a file.
 */
export async function verifyRanges(
  job: ReadRangesJob,
  head: HeadObjectResult,
  opened: OpenedObject,
): Promise<Verified> {
  const { dataKey } = opened
  const abort = linkedAbort(job.signal)
  try {
    await readHead(job, head, dataKey, abort.signal)
    const plan = new DownloadPlan(head.ContentLength, job.partSize, opened)
    return await fetchRanges(job, abort, { head, dataKey, plan, target: NOWHERE, done: new Map() })
  } finally {
    abort.unlink()
  }
}
