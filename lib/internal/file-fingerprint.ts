/** Whether a file is still the file it was (RULES 1.3). */
import type { FileHandle } from 'node:fs/promises'

/** Device, inode, size and times in nanoseconds, as one text to compare. */
export async function fileFingerprint(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true })
  return [dev, ino, size, mtimeNs, ctimeNs].join('-')
}
