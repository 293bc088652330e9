/** Files that appear whole or not at all. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A file being written under a temporary name beside its target. End it with `commit` or `discard`. */
export interface PendingFile {
  readonly temporaryPath: string
  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void>
  /**
   * Flushes to disk and renames onto the target.
   *
   * @param options - `durable: false` leaves out the flushing: after a power failure the file may be the one before, or empty.
   */
  commit(options?: { durable?: boolean }): Promise<void>
  /** Closes and removes the temporary file. Safe to call at any time, also after `commit`. */
  discard(): Promise<void>
}

/**
 * Opens a temporary file in the directory of `path` (a rename across file systems is not atomic), mode 0600.
 *
 * @throws The file system's own error; the caller knows what the file was for.
 */
export async function openPending(path: string, temporaryPath = temporaryBeside(path)): Promise<PendingFile> {
  const handle = await open(temporaryPath, 'wx', 0o600)
  let settled = false
  return {
    temporaryPath,
    async write(bytes) {
      // Not through a WriteStream: closing the handle would wait for it for ever (Node 20.20, autoClose: false).
      for (let at = 0; at < bytes.length;) {
        at += (await handle.write(bytes, at)).bytesWritten
      }
    },
    async commit({ durable = true } = {}) {
      if (durable) await handle.sync()
      await handle.close()
      await rename(temporaryPath, path)
      settled = true
      if (durable) await syncDirectory(dirname(path))
    },
    async discard() {
      if (settled) return
      settled = true
      await handle.close().catch(() => undefined)
      await rm(temporaryPath, { force: true })
    },
  }
}

/** Not named after the target: its name may be as long as names can be. */
function temporaryBeside(path: string): string {
  return join(dirname(path), `.sealstream-${randomBytes(8).toString('hex')}.part`)
}

/** Makes a rename durable. Directories cannot be opened everywhere (Windows); there the rename is all there is. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined)
  try {
    await handle?.sync()
  } catch {
    // EINVAL or EPERM on file systems without directory sync.
  } finally {
    await handle?.close()
  }
}
