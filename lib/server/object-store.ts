/**
 * Objects in a directory. There is no index in memory: two servers on one directory, one after another or at once,
 * see the same objects.
 *
 * A record names the segments that hold an object's bytes and is replaced by rename, so a process that dies at any
 * moment leaves the old object or the new one. What it can leave besides is segments that no record names: disk space,
 * never wrong bytes. Two processes that change one key at the same moment can lose one of the two changes, as if it had
 * come just before the other.
 */
import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import {
  currentOf,
  foldHistory,
  type History,
  segmentsOf,
  type StoredHistory,
  unfoldHistory,
  withNewest,
} from './history.js'
import { KeyedLock } from './keyed-lock.js'
import { BucketLayout, randomName } from './layout.js'
import { type DeleteMarker, type ObjectRecord, type Version, versionName } from './object-record.js'
import type { ByteRange } from './range.js'
import { isMissing, readRecord, readRecords, writeRecord } from './record-file.js'
import { openSegments } from './segment-reader.js'
import { type NewSegment, removeSegments, type Segment, writeSegment } from './segment.js'

export type { ObjectRecord } from './object-record.js'

/** Whether a bucket keeps versions; undefined: it never did. Suspended, it keeps those it has. */
export type Versioning = 'Enabled' | 'Suspended' | undefined

const RECORD_NAME = /^[0-9a-f]{64}\.json$/

/** The objects of all buckets below one directory. Knows nothing of HTTP. */
export class ObjectStore {
  readonly #directory: string
  readonly #lock = new KeyedLock()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The object now stored under the key, if any. */
  async find(bucket: string, key: string): Promise<ObjectRecord | undefined> {
    return currentOf(await this.history(bucket, key))
  }

  /** All versions of the key, newest first. */
  async history(bucket: string, key: string): Promise<History> {
    return unfoldHistory(await readRecord<StoredHistory>(this.#layout(bucket).object(key)))
  }

  /** All objects of a bucket, in no order; none for a bucket that nothing was written to. */
  async list(bucket: string): Promise<ObjectRecord[]> {
    return (await this.histories(bucket)).map(currentOf).filter((record) => record !== undefined)
  }

  /** The histories of all keys of a bucket, in no order. */
  async histories(bucket: string): Promise<History[]> {
    const stored = await readRecords<StoredHistory>(this.#layout(bucket).objects, RECORD_NAME)
    return stored.map(unfoldHistory)
  }

  /** Writes bytes that no object refers to yet. Removes them when `body` fails. */
  write(bucket: string, body: AsyncIterable<Buffer>): Promise<NewSegment> {
    return writeSegment(this.#layout(bucket), body)
  }

  /** Removes what {@link ObjectStore.write} wrote. */
  discard(bucket: string, segments: readonly Pick<Segment, 'file'>[]): Promise<void> {
    return removeSegments(this.#layout(bucket), segments)
  }

  /**
   * Makes `record` the object under its key. Where the bucket keeps versions it becomes the newest of them; otherwise
   * the segments of the one before are removed.
   *
   * @param check - Sees the object of before, with no other write of this server in between; throws to refuse.
   * @returns The record as stored, with its version id where it got one.
   */
  async publish(
    bucket: string,
    record: ObjectRecord,
    check: (current: ObjectRecord | undefined) => void = () => undefined,
  ): Promise<ObjectRecord> {
    const published = { ...record, ...(await this.#newVersionId(bucket)) }
    await this.#change(bucket, record.key, (history) => {
      check(currentOf(history))
      return withNewest(history, published)
    })
    return published
  }

  /**
   * Removes an object; one that is not there is no error. Where the bucket keeps versions, or did, a delete marker hides
   * them.
   *
   * @param now - Time of the marker, milliseconds since 1970.
   * @returns The marker, if there is one.
   */
  async remove(bucket: string, key: string, now = Date.now()): Promise<DeleteMarker | undefined> {
    if ((await this.versioning(bucket)) === undefined) {
      await this.#change(bucket, key, () => [])
      return undefined
    }
    const id = await this.#newVersionId(bucket)
    const marker: DeleteMarker = { key, isDeleteMarker: true, lastModified: now, ...id }
    await this.#change(bucket, key, (history) => withNewest(history, marker))
    return marker
  }

  /** Removes one version, and returns it; undefined when there is none of that name. The next older one takes over. */
  async removeVersion(bucket: string, key: string, name: string): Promise<Version | undefined> {
    let removed: Version | undefined
    await this.#change(bucket, key, (history) => {
      removed = history.find((version) => versionName(version) === name)
      return history.filter((version) => version !== removed)
    })
    return removed
  }

  /** Notes until when an archived object can be read. Does nothing if that object is no longer there. */
  async setRestored(bucket: string, record: ObjectRecord, restoredUntil: number): Promise<void> {
    // No two objects share a segment, so its name tells whether it is still the same object.
    const file = record.segments[0]?.file
    await this.#change(bucket, record.key, (history) =>
      history.map((version) =>
        file !== undefined && segmentsOf([version])[0]?.file === file
          ? { ...version, restoredUntil }
          : version,
      ),
    )
  }

  /**
   * Opens a range of an object for reading. The stream owns its descriptors and closes them when it ends or is
   * destroyed.
   *
   * @returns undefined when the object was overwritten or deleted since `record` was read.
   */
  async read(bucket: string, record: ObjectRecord, range: ByteRange): Promise<Readable | undefined> {
    try {
      return await openSegments(this.#layout(bucket), record.segments, range)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** Whether the bucket keeps versions. */
  async versioning(bucket: string): Promise<Versioning> {
    return (await readRecord<{ status: Versioning }>(this.#layout(bucket).versioning))?.status
  }

  /** Makes the bucket keep versions, or no new ones. */
  async setVersioning(bucket: string, status: Versioning): Promise<void> {
    const layout = this.#layout(bucket)
    await layout.create()
    await writeRecord(layout.versioning, { status })
  }

  async #newVersionId(bucket: string): Promise<{ versionId?: string }> {
    return (await this.versioning(bucket)) === 'Enabled' ? { versionId: randomName() } : {}
  }

  /** Puts another history in place of a key's, at once, then removes the segments of what is no longer in it. */
  async #change(bucket: string, key: string, edit: (history: History) => History): Promise<void> {
    const layout = this.#layout(bucket)
    const path = layout.object(key)
    await this.#lock.run(path, async () => {
      const before = await this.history(bucket, key)
      const after = edit(before)
      const [newest, ...older] = after
      if (newest !== undefined) await writeRecord(path, foldHistory(newest, older))
      else await rm(path, { force: true })
      const kept = new Set(segmentsOf(after).map(({ file }) => file))
      const dropped = segmentsOf(before).filter(({ file }) => !kept.has(file))
      // The change is made: what is left of the old bytes is dead weight, not a failure.
      await removeSegments(layout, dropped).catch(() => undefined)
    })
  }

  #layout(bucket: string): BucketLayout {
    return new BucketLayout(this.#directory, bucket)
  }
}
