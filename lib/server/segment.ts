/** Segments: files of bytes, written once while they are measured, then only read. */
import { createHash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { Crc64 } from '../checksum/crc64.js'
import { type BucketLayout, randomName } from './layout.js'

/** Where some bytes of an object are. */
export interface Segment {
  /** Name below the bucket's `data`. */
  readonly file: string
  readonly size: number
}

/** A segment that nothing refers to yet: to be published in a record, or removed. */
export interface NewSegment extends Segment {
  readonly md5: Buffer
  readonly crc64: bigint
}

// The body arrives in chunks of 64 KiB; fewer, larger writes cost fewer trips to the thread pool.
const WRITE_BYTES = 1024 * 1024

const CONCURRENT_REMOVALS = 64

/**
 * Writes a body into a new segment, mode 0600. When the body or the disk fails, the file is removed and the failure
 * thrown on.
 */
export async function writeSegment(layout: BucketLayout, body: AsyncIterable<Buffer>): Promise<NewSegment> {
  await layout.create()
  const file = randomName()
  const handle = await open(layout.segment(file), 'wx', 0o600)
  try {
    const measured = await writeBody(handle, body)
    await handle.close()
    return { file, ...measured }
  } catch (error) {
    await handle.close().catch(() => undefined)
    await removeSegments(layout, [{ file }])
    throw error
  }
}

/** Removes segments. Those already gone are no error; open descriptors stay readable. */
export async function removeSegments(
  layout: BucketLayout,
  segments: readonly Pick<Segment, 'file'>[],
): Promise<void> {
  for (let i = 0; i < segments.length; i += CONCURRENT_REMOVALS) {
    const batch = segments.slice(i, i + CONCURRENT_REMOVALS)
    await Promise.all(batch.map(({ file }) => rm(layout.segment(file), { force: true })))
  }
}

async function writeBody(handle: FileHandle, body: AsyncIterable<Buffer>): Promise<Omit<NewSegment, 'file'>> {
  const md5 = createHash('md5')
  const crc = new Crc64()
  let size = 0
  let gathered: Buffer[] = []
  let gatheredBytes = 0
  // One write is under way while the next bytes arrive and are hashed.
  let writing: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of body) {
      md5.update(chunk)
      crc.update(chunk)
      size += chunk.length
      gathered.push(chunk)
      gatheredBytes += chunk.length
      if (gatheredBytes < WRITE_BYTES) continue
      await writing
      writing = writeAll(handle, gathered, gatheredBytes)
      writing.catch(() => undefined) // Awaited above or below; this only keeps it from counting as unhandled.
      gathered = []
      gatheredBytes = 0
    }
    await writing
    await writeAll(handle, gathered, gatheredBytes)
  } finally {
    // The caller closes the file, which must not happen under a running write.
    await writing.catch(() => undefined)
  }
  return { size, md5: md5.digest(), crc64: crc.value }
}

async function writeAll(handle: FileHandle, chunks: readonly Buffer[], bytes: number): Promise<void> {
  if (bytes === 0) return
  const { bytesWritten } = await handle.writev(chunks)
  if (bytesWritten !== bytes) throw new Error(`only ${bytesWritten} of ${bytes} bytes were written`)
}
