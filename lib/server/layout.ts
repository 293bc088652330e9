/**
 * Where things lie below the server's directory:
 *
 * ```
 * <bucket>/objects/<sha256 of key>.json        one record per key, with all its versions; names their segments
 * <bucket>/data/<random>                       segments: bytes of objects and of parts, never changed once written
 * <bucket>/versioning.json                     whether the bucket keeps versions; absent when it never did
 * <bucket>/uploads/<upload id>/upload.json     an unfinished multipart upload
 * <bucket>/uploads/<upload id>/<number>.json   one record per part; names its segment
 * <bucket>/uploads/<upload id>.closing/        the same, while it is being completed or aborted
 * .kms-secret                                  what the keys of the KMS are made from; absent while nobody used it
 * ```
 *
 * A key never becomes a path: only its hash does. Bucket names are checked by `addressing.ts`, upload ids here.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The paths of one bucket. */
export class BucketLayout {
  readonly objects: string
  readonly data: string
  readonly uploads: string
  readonly versioning: string

  constructor(directory: string, bucket: string) {
    this.objects = join(directory, bucket, 'objects')
    this.data = join(directory, bucket, 'data')
    this.uploads = join(directory, bucket, 'uploads')
    this.versioning = join(directory, bucket, 'versioning.json')
  }

  /** Makes the bucket's folders, private to the owner, if they are not there yet. */
  async create(): Promise<void> {
    for (const path of [this.objects, this.data, this.uploads]) {
      await mkdir(path, { recursive: true, mode: 0o700 })
    }
  }

  object(key: string): string {
    return join(this.objects, `${createHash('sha256').update(key, 'utf8').digest('hex')}.json`)
  }

  segment(name: string): string {
    return join(this.data, name)
  }

  upload(uploadId: string): string {
    return join(this.uploads, uploadId)
  }

  closing(uploadId: string): string {
    return join(this.uploads, `${uploadId}.closing`)
  }
}

/** A name for a segment or an upload. */
export function randomName(): string {
  return randomBytes(16).toString('hex')
}

/** Whether `text` can be an upload id; nothing else may be joined to a path. */
export function isUploadId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}
