/**
 * Objects in a directory. There is no index in memory: two servers on one directory, one after another or at once,
 * see the same objects.
 *
 * A record names the segments that hold an object's bytes and is replaced by rename, so a process that dies at any
 * moment leaves the old object or the new one. What it can leave besides is segments that no record names: disk space,
 * never wrong bytes.
 */
import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { KeyedLock } from './keyed-lock.js'
import { BucketLayout } from './layout.js'
import type { StoredHeaders } from './metadata.js'
import type { ByteRange } from './range.js'
import { isMissing, readRecord, readRecords, writeRecord } from './record-file.js'
import { openSegments } from './segment-reader.js'
import { type NewSegment, removeSegments, type Segment, writeSegment } from './segment.js'

/** What is known of an object. Stored as JSON. */
export interface ObjectRecord {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  /** CRC-64 of the whole object, decimal. */
  readonly crc64: string
  /** Milliseconds since 1970. */
  readonly lastModified: number
  readonly headers: StoredHeaders
  readonly segments: readonly Segment[]
}

const RECORD_NAME = /^[0-9a-f]{64}\.json$/

/** The objects of all buckets below one directory. Knows nothing of HTTP. */
export class ObjectStore {
  readonly #directory: string
  readonly #lock = new KeyedLock()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The object now stored under the key, if any. */
  find(bucket: string, key: string): Promise<ObjectRecord | undefined> {
    return readRecord<ObjectRecord>(this.#layout(bucket).object(key))
  }

  /** All objects of a bucket, in no order; none for a bucket that nothing was written to. */
  list(bucket: string): Promise<ObjectRecord[]> {
    return readRecords<ObjectRecord>(this.#layout(bucket).objects, RECORD_NAME)
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
   * Makes `record` the object under its key, then removes the segments of the one before.
   *
   * @param check - Sees the object of before, with no other write of this server in between; throws to refuse.
   */
  async publish(
    bucket: string,
    record: ObjectRecord,
    check: (current: ObjectRecord | undefined) => void = () => undefined,
  ): Promise<void> {
    const layout = this.#layout(bucket)
    await this.#lock.run(layout.object(record.key), async () => {
      const before = await this.find(bucket, record.key)
      check(before)
      await writeRecord(layout.object(record.key), record)
      // The new object is published: what is left of the old one is dead weight, not a failure.
      if (before !== undefined) await removeSegments(layout, before.segments).catch(() => undefined)
    })
  }

  /** Removes an object. One that is not there is no error. */
  async remove(bucket: string, key: string): Promise<void> {
    const layout = this.#layout(bucket)
    await this.#lock.run(layout.object(key), async () => {
      const before = await this.find(bucket, key)
      if (before === undefined) return
      await rm(layout.object(key), { force: true })
      await removeSegments(layout, before.segments)
    })
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

  #layout(bucket: string): BucketLayout {
    return new BucketLayout(this.#directory, bucket)
  }
}
