/** Uploads from sources that can be read anywhere: workers that each read, encrypt, digest and send a part. */
import type { ListedPart } from '../cos/list-parts.js'
import { listAllParts } from '../cos/list-parts.js'
import { listUploadsOfKey } from '../cos/list-multipart-uploads.js'
import { customerKeyOf } from '../cos/sse.js'
import type { DataKey } from '../crypto/data-key.js'
import { SealstreamError, ServiceError } from '../errors.js'
import { linkedAbort, unlessAborted } from '../internal/abort.js'
import { abandonUpload } from './abandon-upload.js'
import type { CheckpointFile } from './checkpoint-file.js'
import { findCompleted } from './complete-upload.js'
import { MultipartUpload, startUpload, type StoredPart } from './multipart-upload.js'
import { PartPlan } from './part-plan.js'
import { readPart } from './part-reader.js'
import { putWhole } from './part-writer.js'
import type { Sealed } from './seal.js'
import type { SeekableSource } from './seekable-source.js'
import { storedObject } from './stored-object.js'
import {
  asUploadState,
  differenceOf,
  finishedParts,
  identityOf,
  UploadJournal,
  type UploadState,
} from './upload-checkpoint.js'
import type { StoredObject, UploadJob } from './upload-job.js'
import { runWorkers } from './workers.js'

/** An upload with everything it needs to go on. */
interface Session {
  readonly upload: MultipartUpload
  readonly dataKey: DataKey | undefined
  readonly envelope: Readonly<Record<string, string>>
  readonly journal: UploadJournal | undefined
  /** The data key has encrypted before: bytes are compared with what was sent then. */
  readonly isResumed: boolean
}

/**
 * Uploads `source`; the caller closes it.
 *
 * Without a checkpoint, an upload that fails is dropped. With one it is kept, and the next call goes on with it; but not
 * where the source changed, or where the service stored other bytes.
 */
export async function uploadSeekable(
  job: UploadJob,
  source: SeekableSource,
  checkpoint?: CheckpointFile,
): Promise<StoredObject> {
  const plan = new PartPlan(storedSize(job, source), job.partSize)
  const identity = identityOf(job, source, plan)
  const found = checkpoint === undefined ? undefined : await resume(job, identity, checkpoint)
  if (found !== undefined && 'stored' in found) return found.stored
  if (found === undefined && plan.count === 1) return putSource(job, source, plan)
  const session = found ?? (await start(job, { ...identity, Parts: {} }, checkpoint))
  try {
    return await run(job, source, plan, session)
  } catch (error) {
    await giveUp(session, error)
    throw error
  } finally {
    session.dataKey?.dispose()
  }
}

function storedSize(job: UploadJob, { size }: SeekableSource): number {
  return job.sealer === undefined ? size : job.sealer.storedSize(size)
}

/** What fits one part needs no upload. */
async function putSource(job: UploadJob, source: SeekableSource, plan: PartPlan): Promise<StoredObject> {
  const sealed = await seal(job)
  try {
    const bytes = Buffer.allocUnsafeSlow(plan.length)
    await readPart(source, plan.part(1), bytes, { dataKey: sealed?.dataKey, sameBytes: false })
    const stored = await putWhole(job, bytes, sealed?.envelope ?? {}, job.signal)
    job.onProgress?.({ bytes: plan.length, total: plan.length })
    return stored
  } finally {
    sealed?.dataKey.dispose()
  }
}

async function seal({ sealer, signal }: UploadJob): Promise<Sealed | undefined> {
  return sealer === undefined ? undefined : unlessAborted(sealer.seal(), signal)
}

async function start(
  job: UploadJob,
  state: UploadState,
  checkpoint: CheckpointFile | undefined,
): Promise<Session> {
  const sealed = await seal(job)
  try {
    const saved = sealed === undefined ? state : { ...state, SavedKey: sealed.saved }
    const journal =
      checkpoint === undefined ? undefined : await UploadJournal.open(checkpoint, saved, sealed?.dataKey)
    // A run that dies from here on has started an upload, or not: the next one must know that it may have.
    await journal?.start()
    const envelope = sealed?.envelope ?? {}
    const name = await startUpload(job, envelope).catch(async (error: unknown) => {
      await journal?.remove()
      throw error
    })
    const upload = new MultipartUpload(job, name)
    try {
      await journal?.start(name.uploadId)
    } catch (error) {
      await upload.abandon()
      throw error
    }
    return { upload, dataKey: sealed?.dataKey, envelope, journal, isResumed: false }
  } catch (error) {
    sealed?.dataKey.dispose()
    throw error
  }
}

/** The upload of a checkpoint, or the object it became; undefined where there is nothing to go on with. */
async function resume(
  job: UploadJob,
  identity: ReturnType<typeof identityOf>,
  file: CheckpointFile,
): Promise<Session | { stored: StoredObject } | undefined> {
  const found = await file.load()
  if (found.type === 'none') return undefined
  const restart = async (reason: string): Promise<undefined> => {
    job.onEvent?.({ type: 'restarted', reason })
    await file.remove()
    return undefined
  }
  if (found.type === 'unusable') return restart(found.reason)
  const { Mac, ...content } = found.state
  const state = asUploadState(content)
  if (state === undefined) return restart('the checkpoint is damaged')
  const { UploadId: uploadId, Bucket: bucket, Key: key } = state
  const difference =
    'Version' in content ? 'the checkpoint is of another version' : differenceOf(state, identity)
  if (uploadId === undefined) {
    await reportOrphans(job, state)
    return restart('the run before ended while it started the upload')
  }
  const name = { bucket, key, uploadId }
  if (difference !== undefined) {
    await abandonUpload(job.service, name)
    return restart(difference)
  }
  const dataKey = await reopen(job, state)
  if (dataKey === 'failed') return restart('the data key in the checkpoint does not unwrap')
  const journal = await UploadJournal.open(file, state, dataKey)
  if (!journal.isGenuine(Mac)) {
    dataKey?.dispose()
    return restart('the checkpoint was altered; the upload it names is left alone')
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
  const parts = finishedParts(state, listed)
  job.onEvent?.({ type: 'resumed', parts: parts.length, bytes: bytesOf(parts) })
  return { upload: new MultipartUpload(job, name, parts), dataKey, envelope, journal, isResumed: true }
}

async function reopen(job: UploadJob, { SavedKey }: UploadState): Promise<DataKey | undefined | 'failed'> {
  if (job.sealer === undefined || SavedKey === undefined) return undefined
  try {
    return await unlessAborted(job.sealer.reopen(SavedKey), job.signal)
  } catch (error) {
    if (error instanceof SealstreamError && error.code === 'SEALSTREAM_ABORTED') throw error
    return 'failed'
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

async function run(
  job: UploadJob,
  source: SeekableSource,
  plan: PartPlan,
  { upload, dataKey, envelope, journal, isResumed }: Session,
): Promise<StoredObject> {
  const abort = linkedAbort(job.signal)
  const report = (): void => job.onProgress?.({ bytes: upload.storedBytes, total: plan.length })
  try {
    report()
    const missing = [...plan].filter(({ number }) => !upload.has(number))
    // What workers hold is bounded twice over; one always works.
    const byMemory = Math.max(1, Math.floor(job.maxBuffer / plan.partSize))
    const workers = Math.min(job.concurrency, byMemory, missing.length)
    await runWorkers(missing, workers, abort, () => {
      const held = Buffer.allocUnsafeSlow(plan.partSize)
      return async (planned) => {
        const bytes = held.subarray(0, planned.length)
        await readPart(source, planned, bytes, { dataKey, sameBytes: isResumed })
        const begin =
          journal === undefined
            ? undefined
            : (digest: Parameters<UploadJournal['begin']>[1]) => journal.begin(planned.number, digest)
        const stored = await upload.send(planned.number, bytes, abort.signal, begin)
        await journal?.finish(stored)
        if (!abort.signal.aborted) report()
      }
    })
    await source.check()
    const completed = await upload.complete(envelope, abort.signal)
    await journal?.remove()
    return storedObject(job, completed, plan.length, plan.count)
  } finally {
    abort.unlink()
  }
}

/** After these, going on would be wrong: the bytes that were sent are not, or no longer, those of the source. */
const FATAL = ['SEALSTREAM_SOURCE_CHANGED', 'SEALSTREAM_INTEGRITY', 'SEALSTREAM_DATA_KEY_REUSED']

async function giveUp({ upload, journal }: Session, error: unknown): Promise<void> {
  const isFatal = error instanceof SealstreamError && FATAL.includes(error.code)
  if (journal !== undefined && !isFatal) {
    await journal.settle()
    return
  }
  await journal?.remove()
  await upload.abandon()
}

function bytesOf(parts: readonly StoredPart[]): number {
  return parts.reduce((bytes, { length }) => bytes + length, 0)
}
