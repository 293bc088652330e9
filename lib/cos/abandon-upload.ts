/** Dropping an upload that will not be completed, without keeping anybody waiting for it. */
import { abortMultipartUpload } from './abort-multipart-upload.js'
import type { Service } from './service.js'
import { ServiceError } from '../errors.js'

/** An upload by its name. */
export interface UploadName {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
}

/** A caller that gives up hears of it within 100 ms; what is not done by then goes on behind its back. */
const MOST_WAIT_MS = 50

/** {@link dropUpload}, but resolves a moment later when that takes long; it then goes on alone. */
export async function abandonUpload(service: Service, upload: UploadName): Promise<void> {
  await patiently(dropUpload(service, upload))
}

/**
 * Aborts an upload on the service. Never rejects: what cannot be dropped is reported as the process warning
 * `SEALSTREAM_UPLOAD_LEFT`.
 */
export async function dropUpload(service: Service, upload: UploadName): Promise<void> {
  const { bucket: Bucket, key: Key, uploadId: UploadId } = upload
  await abortMultipartUpload(service, { Bucket, Key, UploadId }, { outlives: true }).then(
    () => undefined,
    (reason: unknown) => {
      const isGone = reason instanceof ServiceError && reason.serviceCode === 'NoSuchUpload'
      if (!isGone) warnOfUpload(upload, reason)
    },
  )
}

/** Waits for something, but not for long: then it goes on alone. */
export async function patiently(done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, MOST_WAIT_MS)))
  await Promise.race([done, patience])
  clearTimeout(timer)
}

/** Parts left on the service cost money until somebody drops them. */
function warnOfUpload({ bucket, key, uploadId }: UploadName, reason: unknown): void {
  process.emitWarning('a multipart upload could not be aborted, its parts are still on the service', {
    code: 'SEALSTREAM_UPLOAD_LEFT',
    detail: `${bucket}/${key}, upload ${uploadId}: ${reason instanceof Error ? reason.message : String(reason)}`,
  })
}
