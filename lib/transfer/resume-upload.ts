/** Going on with the upload of a checkpoint, or finding out why that cannot be (DESIGN 6). */
import { dropUpload } from '../cos/abandon-upload.js'
import { listUploadsOfKey } from '../cos/list-multipart-uploads.js'
import { listAllParts, type ListedPart } from '../cos/list-parts.js'
import { customerKeyOf } from '../cos/sse.js'
import type { DataKey } from '../crypto/data-key.js'
import { EnvelopeError, SealstreamError, ServiceError } from '../errors.js'
import { unlessAborted } from '../internal/abort.js'
import type { CheckpointFile } from './checkpoint-file.js'
import { findCompleted } from './complete-upload.js'
import { MultipartUpload, type StoredPart } from './multipart-upload.js'
import type { PartPlan } from './part-plan.js'
import { storedObject } from './stored-object.js'
import {
  asUploadState,
  differenceOf,
  finishedParts,
  UploadJournal,
  type UploadIdentity,
  type UploadState,
} from './upload-checkpoint.js'
import type { StoredObject, UploadJob } from './upload-job.js'

/** An upload with everything it needs to go on. */
export interface UploadSession {
  readonly upload: MultipartUpload
  readonly dataKey: DataKey | undefined
  readonly envelope: Readonly<Record<string, string>>
  readonly journal: UploadJournal | undefined
  /** The data key has encrypted before: bytes are compared with what was sent then. */
  readonly isResumed: boolean
}

/** The upload of a checkpoint, or the object it became; undefined where there is nothing to go on with. */
export async function resumeUpload(
  job: UploadJob,
  identity: UploadIdentity,
  plan: PartPlan,
  file: CheckpointFile,
): Promise<UploadSession | { stored: StoredObject } | undefined> {
  const found = await file.load()
  if (found.type === 'none') return undefined
  const restart = async (reason: string): Promise<undefined> => {
    job.onEvent?.({ type: 'restarted', reason })
    await file.remove()
    return undefined
  }
  if (found.type === 'unusable') return restart(found.reason)
  const { Mac, Version, ...content } = found.state
  const state = asUploadState(content)
  if (state === undefined) return restart('the checkpoint is damaged')
  const { UploadId: uploadId, Bucket: bucket, Key: key } = state
  if (uploadId === undefined) {
    await reportOrphans(job, state)
    return restart('the run before ended while it started the upload')
  }
  const name = { bucket, key, uploadId }
  const dataKey = await reopen(job, state)
  const journal = dataKey === 'failed' ? undefined : await UploadJournal.open(file, state, dataKey)
  const leave = async (reason: string, isOurs: boolean): Promise<undefined> => {
    if (dataKey !== 'failed') dataKey?.dispose()
    // Whoever can write a checkpoint must not have uploads of others dropped.
    // Dropped for good before the checkpoint goes: a run that dies in between would leave nobody who knows of it.
    if (isOurs) await unlessAborted(dropUpload(job.service, name), job.signal)
    else job.onEvent?.({ type: 'orphans', uploadIds: [uploadId] })
    return restart(reason)
  }
  const difference =
    Version !== undefined ? 'the checkpoint is of another version' : differenceOf(state, identity)
  if (dataKey === 'failed' || journal === undefined) {
    return leave(difference ?? 'the data key in the checkpoint does not unwrap', false)
  }
  if (!journal.isGenuine(Mac)) return leave('the checkpoint was altered', false)
  if (difference !== undefined) {
    return leave(difference, dataKey !== undefined || (bucket === job.bucket && key === job.key))
  }
  const envelope = state.SavedKey?.Envelope ?? {}
  const listed = await partsOf(job, name)
  if (listed === undefined) {
    dataKey?.dispose()
    const stored = await completedBefore(job, state, envelope)
    if (stored === undefined) return restart('the upload is gone')
    await file.remove()
    return { stored }
  }
  const parts = finishedParts(state, listed, plan)
  job.onEvent?.({ type: 'resumed', parts: parts.length, bytes: bytesOf(parts) })
  return { upload: new MultipartUpload(job, name, parts), dataKey, envelope, journal, isResumed: true }
}

/** Failures that another attempt would meet, too: the key in the checkpoint is not for this master key. */
const NEVER_UNWRAPS = ['SEALSTREAM_UNWRAP', 'SEALSTREAM_KEY_KIND', 'SEALSTREAM_KEY_FORMAT']

async function reopen(job: UploadJob, { SavedKey }: UploadState): Promise<DataKey | undefined | 'failed'> {
  if (job.sealer === undefined) return undefined
  // Without a key there would be no encryption, and nothing that vouches for the checkpoint.
  if (SavedKey === undefined) return 'failed'
  try {
    return await unlessAborted(job.sealer.reopen(SavedKey), job.signal)
  } catch (error) {
    const isFinal =
      error instanceof EnvelopeError ||
      (error instanceof SealstreamError && NEVER_UNWRAPS.includes(error.code))
    if (isFinal) return 'failed'
    // A key service that does not answer now is no reason to throw away what was done.
    throw error
  }
}

/** What the service has of an upload; undefined where it has no such upload. */
async function partsOf(
  { service, signal }: UploadJob,
  { bucket, key, uploadId }: { bucket: string; key: string; uploadId: string },
): Promise<ListedPart[] | undefined> {
  try {
    return await listAllParts(service, { Bucket: bucket, Key: key, UploadId: uploadId, signal })
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return undefined
    throw error
  }
}

/** The run before may have died after it completed the upload: then the object is there. */
async function completedBefore(
  job: UploadJob,
  state: UploadState,
  envelope: Readonly<Record<string, string>>,
): Promise<StoredObject | undefined> {
  const parts = Object.entries(state.Parts).map(([number, { Length, Crc64, ETag }]) => ({
    number: Number(number),
    etag: ETag ?? '',
    length: Length,
    crc64: BigInt(Crc64),
  }))
  const name = { bucket: state.Bucket, key: state.Key, uploadId: state.UploadId ?? '' }
  const { length, crc64 } = new MultipartUpload(job, name, parts).whole
  if (length !== state.Size) return undefined
  const { service, signal, params } = job
  const customerKey = customerKeyOf(params)
  const completion = { service, name, parts: [], length, crc64, envelope, customerKey, signal }
  const completed = await findCompleted(completion)
  return completed === undefined ? undefined : storedObject(job, completed, length, parts.length)
}

/** Uploads of the key that nobody is known to work on. One of them may be ours; none is touched (RULES 5.3). */
async function reportOrphans(job: UploadJob, { Bucket, Key }: UploadState): Promise<void> {
  const uploads = await listUploadsOfKey(job.service, { Bucket, Key, signal: job.signal })
  if (uploads.length === 0) return
  job.onEvent?.({ type: 'orphans', uploadIds: uploads.map(({ UploadId }) => UploadId) })
}

function bytesOf(parts: readonly StoredPart[]): number {
  return parts.reduce((bytes, { length }) => bytes + length, 0)
}
