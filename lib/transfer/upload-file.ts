/** Uploads of files, with checkpoint restart. */
import type { Service } from '../cos/service.js'
import { SealstreamError } from '../errors.js'
import { CheckpointFile, checkpointPath } from './checkpoint-file.js'
import type { Sealer } from './seal.js'
import { checkLocalPath, openFileSource } from './seekable-source.js'
import type { UploadFileParams } from './upload.js'
import { uploadJob, type StoredObject } from './upload-job.js'
import { uploadSeekable } from './upload-seekable.js'

/**
 * Stores a file: parts read, encrypted, digested and sent by several workers.
 *
 * @throws As upload; SealstreamError `SEALSTREAM_FILE` where the file cannot be read, `SEALSTREAM_CHECKPOINT` where the
 *   checkpoint cannot be written or is somebody else's file, `SEALSTREAM_CHECKPOINT_NEEDS_KEY`. With a checkpoint, what
 *   was started is kept for the next call.
 */
export async function uploadFile(
  service: Service,
  params: UploadFileParams,
  sealer?: Sealer,
): Promise<StoredObject> {
  const job = uploadJob(service, params, ['LocalFilePath', 'checkpoint'], sealer)
  const { LocalFilePath: path } = params
  checkLocalPath(path, 'LocalFilePath')
  const at = await checkpointPath(params.checkpoint, path, 'upload', job)
  if (at !== undefined && sealer?.canReopen === false) throw checkpointNeedsKey()
  const source = await openFileSource(path, 'LocalFilePath')
  try {
    return await uploadSeekable(job, source, at === undefined ? undefined : new CheckpointFile(at, 'upload'))
  } finally {
    await source.close()
  }
}

/** RULES 1.4: found out before the first byte, not when it is too late. */
function checkpointNeedsKey(): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_CHECKPOINT_NEEDS_KEY',
    'option checkpoint: going on with an upload needs its data key, which this master key can wrap but not unwrap',
    { hint: 'give checkpointKey: an AesMasterKey that wraps the data key inside the checkpoint' },
  )
}
