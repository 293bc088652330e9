/** Downloads to files: ranges fetched by several workers, verified whole before the file has its name (RULES 4.5). */
import { CONDITION_PARAMS, type ConditionParams } from '../cos/get-object.js'
import { headObject, type HeadObjectResult } from '../cos/head-object.js'
import type { Verified } from '../cos/integrity.js'
import type { Service } from '../cos/service.js'
import { downloadJob, type DownloadFileParams, type DownloadJob } from './download-job.js'
import type { OpenedObject } from './download-plan.js'
import { fetchFile } from './fetch-file.js'
import { isObjectChanged } from './object-changed.js'

/** A file that was downloaded. */
export interface DownloadFileResult extends Omit<HeadObjectResult, '$metadata'> {
  /** Bytes of the file. */
  ContentLength: number
  DestFilePath: string
  /** The strongest check that the whole passed. */
  verified: Verified
}

/** Opens the object that HEAD describes. */
export type Opener = (head: HeadObjectResult) => Promise<OpenedObject>

/**
 * Downloads an object to a file, which appears whole and verified or not at all.
 *
 * @param open - Gets the data key of an encrypted object; without it, bytes are written as they are stored.
 * @throws SealstreamError `SEALSTREAM_OBJECT_CHANGED` where the object is overwritten over and over; IntegrityError,
 *   LengthError `SEALSTREAM_TRUNCATED`; `SEALSTREAM_FILE` where the file cannot be written; the errors of every request.
 */
export async function downloadFile(
  service: Service,
  params: DownloadFileParams,
  open?: Opener,
): Promise<DownloadFileResult> {
  const job = await downloadJob(service, params)
  try {
    return await downloadOnce(job, params, open)
  } catch (error) {
    // Nothing was released: the object as it is now will do as well.
    if (!isObjectChanged(error)) throw error
    return downloadOnce(job, params, open)
  }
}

async function downloadOnce(
  job: DownloadJob,
  params: DownloadFileParams,
  open: Opener | undefined,
): Promise<DownloadFileResult> {
  const conditions = Object.fromEntries(
    Object.entries(params).filter(([name]) => CONDITION_PARAMS.includes(name)),
  ) as ConditionParams
  const { service, bucket: Bucket, key: Key, customerKey, signal } = job
  const head = await headObject(service, { Bucket, Key, ...conditions, ...customerKey, signal })
  const opened = await open?.(head)
  try {
    const verified = await fetchFile(job, head, opened)
    const { $metadata: _, ...description } = head
    return {
      ...description,
      ContentLength: opened?.size ?? head.ContentLength,
      DestFilePath: job.destination,
      verified,
    }
  } finally {
    opened?.dataKey.dispose()
  }
}
