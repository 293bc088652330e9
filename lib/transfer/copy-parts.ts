/** Copies in parts side by side, for objects that are too large for one request. */
import { customerKeyOf } from '../cos/sse.js'
import { uploadPartCopy } from '../cos/upload-part-copy.js'
import { linkedAbort } from '../internal/abort.js'
import { abandonUpload, type UploadName } from '../cos/abandon-upload.js'
import { completeUpload, type CompletedObject } from './complete-upload.js'
import { assertUnchanged, unlessChanged } from './copied-source.js'
import { restatedHeaders, type CopyJob } from './copy-job.js'
import { startUpload } from './multipart-upload.js'
import type { PartPlan } from './part-plan.js'
import { runWorkers } from './workers.js'

/** @throws As copy. What was copied is dropped when it fails. */
export async function copyInParts(
  job: CopyJob,
  plan: PartPlan,
  concurrency: number,
): Promise<CompletedObject> {
  const { service, params, bucket, key, pinned, source, envelope } = job
  const customerKey = customerKeyOf(params)
  const etags = new Map<number, string>()
  const abort = linkedAbort(job.signal)
  let upload: UploadName | undefined
  let bytes = 0
  try {
    const written = restatedHeaders(job)
    const name = await startUpload({ service, bucket, key, params: written, signal: abort.signal }, {})
    upload = name
    await runWorkers(plan, Math.min(concurrency, plan.count), abort, () => async (part) => {
      const copying = uploadPartCopy(service, {
        Bucket: bucket,
        Key: key,
        UploadId: name.uploadId,
        PartNumber: part.number,
        CopySourceRange: `bytes=${part.offset}-${part.offset + part.length - 1}`,
        ...pinned,
        ...customerKey,
        signal: abort.signal,
      })
      etags.set(part.number, (await unlessChanged(pinned.CopySource.Key, copying)).ETag)
      bytes += part.length
      params.onProgress?.({ bytes, total: plan.length })
    })
    // As late as can be: between this and the next request nothing can be noticed.
    if (job.isOntoItself) await assertUnchanged(job)
    return await completeUpload({
      service,
      name,
      parts: [...plan].map(({ number }) => ({ PartNumber: number, ETag: etags.get(number) ?? '' })),
      length: plan.length,
      crc64: source.HashCrc64ecma === undefined ? undefined : BigInt(source.HashCrc64ecma),
      envelope,
      customerKey,
      onJoined: () => (upload = undefined),
      signal: abort.signal,
    })
  } catch (error) {
    if (upload !== undefined) await abandonUpload(service, upload)
    throw error
  } finally {
    abort.unlink()
  }
}
