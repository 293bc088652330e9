/** A file's bytes from its beginning, and the certainty that they are the bytes of one and the same file (RULES 1.3). */
import type { FileHandle } from 'node:fs/promises'
import { SealstreamError } from '../errors.js'

/** Large reads are what makes reading cheap; each is a buffer of its own, which belongs to whoever gets it. */
const CHUNK_BYTES = 1024 * 1024

/** Device, inode, size and times in nanoseconds, as one text to compare. */
export async function fileFingerprint(stat: () => Promise<FileFacts>): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat()
  return [dev, ino, size, mtimeNs, ctimeNs].join('-')
}

/** What of a file's `stat` tells it from another, or from its former self. */
export interface FileFacts {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/**
 * Reads an open file to its end, wherever its own position is, and leaves it open: it is the caller's. A pipe or device is
 * read from where it is.
 *
 * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` at the end, when the file is no longer what it was at the beginning.
 */
export async function* fileChunks(handle: FileHandle): AsyncGenerator<Buffer> {
  const isFile = (await handle.stat()).isFile()
  const stat = (): Promise<FileFacts> => handle.stat({ bigint: true })
  const before = isFile ? await fileFingerprint(stat) : ''
  for (let position = 0; ;) {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, isFile ? position : null)
    if (bytesRead === 0) break
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
  if (isFile && (await fileFingerprint(stat)) !== before) throw sourceChanged()
}

/** The error for a file that changed while it was being read. */
export function sourceChanged(): SealstreamError {
  return new SealstreamError('SEALSTREAM_SOURCE_CHANGED', 'the file changed while it was being read')
}
