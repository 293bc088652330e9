/**
 * Unfinished multipart uploads in a directory.
 *
 * Whoever completes or aborts an upload first claims it by renaming its folder, which only one process can do. From
 * then on it exists for nobody else, so no part can join an object that is already published, and no abort can remove
 * bytes that belong to an object.
 */
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KeyedLock } from './keyed-lock.js'
import { BucketLayout, isUploadId, randomName } from './layout.js'
import type { ObjectProperties } from './object-properties.js'
import { isMissing, listNames, readRecord, readRecords, writeRecord } from './record-file.js'
import { removeSegments, type Segment } from './segment.js'

/** What was said when the upload began. Stored as JSON. */
export interface UploadRecord extends ObjectProperties {
  readonly uploadId: string
  readonly key: string
  /** Milliseconds since 1970. */
  readonly initiated: number
  /** The upload may not replace an object. */
  readonly forbidsOverwrite?: true
}

/** An uploaded part. Stored as JSON. */
export interface PartRecord extends Segment {
  readonly number: number
  /** Without quotes. */
  readonly etag: string
  /** Decimal. */
  readonly crc64: string
  /** Milliseconds since 1970. */
  readonly lastModified: number
}

/** An upload that nobody else can see any more. End it with `release` or `remove`. */
export interface ClaimedUpload {
  readonly upload: UploadRecord
  /** Ascending. */
  readonly parts: readonly PartRecord[]
  /** Gives the upload back as it was. */
  release(): Promise<void>
  /** Removes the upload, and the bytes of all its parts but those whose segment is in `kept`. */
  remove(kept: ReadonlySet<string>): Promise<void>
}

const UPLOAD_RECORD = 'upload.json'
const PART_NAME = /^[0-9]{1,5}\.json$/

/** The uploads of all buckets below one directory. Knows nothing of HTTP. */
export class UploadStore {
  readonly #directory: string
  readonly #lock = new KeyedLock()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Begins an upload and returns its id. */
  async create(bucket: string, upload: Omit<UploadRecord, 'uploadId'>): Promise<string> {
    const layout = this.#layout(bucket)
    await layout.create()
    const uploadId = randomName()
    await mkdir(layout.upload(uploadId), { mode: 0o700 })
    await writeRecord(join(layout.upload(uploadId), UPLOAD_RECORD), { uploadId, ...upload })
    return uploadId
  }

  /** The upload of that id for that key, if there is one. */
  async find(bucket: string, key: string, uploadId: string): Promise<UploadRecord | undefined> {
    if (!isUploadId(uploadId)) return undefined
    const path = join(this.#layout(bucket).upload(uploadId), UPLOAD_RECORD)
    const upload = await readRecord<UploadRecord>(path)
    return upload?.key === key ? upload : undefined
  }

  /** All unfinished uploads of a bucket, in no order. */
  async list(bucket: string): Promise<UploadRecord[]> {
    const layout = this.#layout(bucket)
    const found: UploadRecord[] = []
    for (const uploadId of (await listNames(layout.uploads)).filter(isUploadId)) {
      const upload = await readRecord<UploadRecord>(join(layout.upload(uploadId), UPLOAD_RECORD))
      if (upload !== undefined) found.push(upload)
    }
    return found
  }

  /** The parts of an upload, ascending; none when there is no such upload. */
  parts(bucket: string, uploadId: string): Promise<PartRecord[]> {
    return readParts(this.#layout(bucket).upload(uploadId))
  }

  /**
   * Adds a part, in place of an earlier one of that number.
   *
   * @returns false when the upload is gone; the part's segment then still belongs to the caller.
   */
  async addPart(bucket: string, uploadId: string, part: PartRecord): Promise<boolean> {
    const layout = this.#layout(bucket)
    const path = join(layout.upload(uploadId), `${part.number}.json`)
    return this.#lock.run(path, async () => {
      const before = await readRecord<PartRecord>(path)
      try {
        await writeRecord(path, part)
      } catch (error) {
        if (isMissing(error)) return false
        throw error
      }
      if (before !== undefined) await removeSegments(layout, [before])
      return true
    })
  }

  /** Takes an upload away from everyone else; undefined when there is none of that id for that key. */
  async claim(bucket: string, key: string, uploadId: string): Promise<ClaimedUpload | undefined> {
    const layout = this.#layout(bucket)
    const upload = await this.find(bucket, key, uploadId)
    if (upload === undefined) return undefined
    const folder = layout.closing(uploadId)
    try {
      await rename(layout.upload(uploadId), folder)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
    const parts = await readParts(folder)
    return {
      upload,
      parts,
      release: () => rename(folder, layout.upload(uploadId)),
      async remove(kept) {
        await rm(folder, { recursive: true, force: true })
        await removeSegments(
          layout,
          parts.filter(({ file }) => !kept.has(file)),
        )
      },
    }
  }

  #layout(bucket: string): BucketLayout {
    return new BucketLayout(this.#directory, bucket)
  }
}

async function readParts(folder: string): Promise<PartRecord[]> {
  const parts = await readRecords<PartRecord>(folder, PART_NAME)
  return parts.sort((a, b) => a.number - b.number)
}
