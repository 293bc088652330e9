/** Uploads from sources that can be read anywhere: workers that each read, encrypt, digest and send a part. */
import { SealstreamError } from '../errors.js'
import { linkedAbort, unlessAborted } from '../internal/abort.js'
import { HeldMemory, ownMemory } from '../internal/transfer-memory.js'
import type { CheckpointFile } from './checkpoint-file.js'
import { MultipartUpload, startUpload } from './multipart-upload.js'
import { PartPlan } from './part-plan.js'
import { isMadeInOrder, partMaker, type PartMakerOptions } from './part-maker.js'
import { prepareThreads } from './kept-threads.js'
import { startThreads, type ThreadedMaker } from './part-threads.js'
import { putWhole } from './part-writer.js'
import { resumeUpload, type UploadSession } from './resume-upload.js'
import type { Sealed } from './seal.js'
import type { SeekableSource, SharedFile } from './seekable-source.js'
import { storedObject } from './stored-object.js'
import { crewFor } from './upload-crew.js'
import { identityOf, UploadJournal, type UploadState } from './upload-checkpoint.js'
import type { StoredObject, UploadJob } from './upload-job.js'
import { runWorkers } from './workers.js'

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
  const found = checkpoint === undefined ? undefined : await resumeUpload(job, identity, plan, checkpoint)
  if (found !== undefined && 'stored' in found) return found.stored
  if (found === undefined && plan.count === 1) return putSource(job, source, plan)
  const session = found ?? (await start(job, source, plan, { ...identity, Parts: {} }, checkpoint))
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
    const make = partMaker(source, {
      dataKey: sealed?.dataKey,
      sameBytes: false,
      md5: job.service.md5 || job.enableMd5,
      peers: 1,
      signal: job.signal,
    })
    const made = await make(plan.part(1), ownMemory(plan.length))
    const stored = await putWhole(job, made, sealed?.envelope ?? {}, job.signal)
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
  source: SeekableSource,
  plan: PartPlan,
  state: UploadState,
  checkpoint: CheckpointFile | undefined,
): Promise<UploadSession> {
  const sealed = await seal(job)
  try {
    // While the service answers.
    prepareThreads(
      crewFor(job, { source, dataKey: sealed?.dataKey, parts: [...plan], partSize: plan.partSize }).threads,
    )
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

async function run(
  job: UploadJob,
  source: SeekableSource,
  plan: PartPlan,
  { upload, dataKey, envelope, journal, isResumed }: UploadSession,
): Promise<StoredObject> {
  const abort = linkedAbort(job.signal)
  const report = (): void => job.onProgress?.({ bytes: upload.storedBytes, total: plan.length })
  const held = new HeldMemory()
  let threaded: ThreadedMaker | undefined
  try {
    report()
    const isInOrder = isMadeInOrder(dataKey)
    const wanted = [...plan].filter(({ number }) => isInOrder || !upload.has(number))
    const { workers, threads } = crewFor(job, { source, dataKey, parts: wanted, partSize: plan.partSize })
    const options: PartMakerOptions = {
      dataKey,
      sameBytes: isResumed,
      md5: job.service.md5 || job.enableMd5,
      peers: workers,
      signal: abort.signal,
    }
    if (threads > 0) threaded = await startThreads(source.shared as SharedFile, threads, options)
    const make = threaded?.make ?? partMaker(source, options)
    await runWorkers(wanted, workers, abort, () => {
      const memory = held.take(plan.partSize)
      return async (planned) => {
        const made = await make(planned, memory)
        await journal?.begin(planned.number, made.digest)
        // Made only because what follows hangs on it, and compared with what was stored.
        if (upload.has(planned.number)) return
        const stored = await upload.send(planned.number, made, abort.signal)
        await journal?.finish(stored)
        if (!abort.signal.aborted) report()
      }
    })
    threaded?.crew.release()
    held.leave()
    await source.check()
    assertWhole(upload, plan)
    const completed = await upload.complete(envelope, abort.signal)
    await journal?.remove()
    return storedObject(job, completed, plan.length, plan.count)
  } finally {
    abort.unlink()
    await threaded?.crew.close()
    held.drop()
  }
}

/** What is joined is exactly what was planned: a part too many or too few makes another object. */
function assertWhole({ parts, whole }: MultipartUpload, plan: PartPlan): void {
  if (parts.length === plan.count && whole.length === plan.length) return
  throw new SealstreamError(
    'SEALSTREAM_PART_LIST',
    `the upload has ${parts.length} parts of ${whole.length} bytes, not ${plan.count} of ${plan.length}`,
  )
}

/** After these, going on would be wrong: the bytes that were sent are not, or no longer, those of the source. */
const FATAL = ['SEALSTREAM_SOURCE_CHANGED', 'SEALSTREAM_INTEGRITY', 'SEALSTREAM_DATA_KEY_REUSED']

async function giveUp({ upload, journal }: UploadSession, error: unknown): Promise<void> {
  const isFatal = error instanceof SealstreamError && FATAL.includes(error.code)
  if (journal !== undefined && !isFatal) {
    await journal.leave()
    return
  }
  if (journal === undefined) {
    await upload.abandon()
    return
  }
  // Dropped for good before the checkpoint goes: a run that dies in between would leave nobody who knows of it.
  await upload.drop()
  await journal.remove()
}
