/** A file that is written in any order beside its target, and takes its name when it is whole. Mode 0600. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SealstreamError } from '../errors.js'
import { syncDirectory } from '../internal/atomic-file.js'

/** One such file. End it with `commit`, `discard`, or `close`, which leaves it for another time. */
export class TemporaryFile {
  readonly #path: string
  readonly #target: string
  readonly #handle: FileHandle
  #isClosed = false

  private constructor(path: string, target: string, handle: FileHandle) {
    this.#path = path
    this.#target = target
    this.#handle = handle
  }

  /**
   * @param path - Where it is, if another run is to find it again; it may be there already.
   * @throws SealstreamError `SEALSTREAM_FILE` where it cannot be made, or the target is a directory.
   */
  static async open(target: string, path?: string): Promise<TemporaryFile> {
    // A rename across file systems is not atomic, so it lies in the directory of its target.
    const temporary = path ?? join(dirname(target), `.sealstream-${randomBytes(8).toString('hex')}.part`)
    try {
      const stats = await stat(target).catch(() => undefined)
      if (stats?.isDirectory() === true) throw new Error('EISDIR: is a directory')
      const handle = await open(temporary, path === undefined ? 'wx+' : await flagsFor(temporary), 0o600)
      return new TemporaryFile(temporary, target, handle)
    } catch (error) {
      throw failed(target, error)
    }
  }

  /** Its bytes, 0 when it is new. */
  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  /** Makes it exactly so long. What is not written yet reads as zeros. */
  async resize(size: number): Promise<void> {
    await this.#run(this.#handle.truncate(size))
  }

  /** Writes bytes at a position. */
  async write(bytes: Buffer, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#run(
        this.#handle.write(bytes, at, bytes.length - at, position + at),
      )
      at += bytesWritten
    }
  }

  /** Fills `into` from a position; false where there are not as many bytes. */
  async read(into: Buffer, position: number): Promise<boolean> {
    for (let at = 0; at < into.length;) {
      const { bytesRead } = await this.#run(this.#handle.read(into, at, into.length - at, position + at))
      if (bytesRead === 0) return false
      at += bytesRead
    }
    return true
  }

  /** Has the bytes written so far reach the disk. */
  async flush(): Promise<void> {
    await this.#run(this.#handle.datasync())
  }

  /** Flushes it and gives it its name. */
  async commit(): Promise<void> {
    await this.#run(this.#handle.sync())
    await this.close()
    await this.#run(rename(this.#path, this.#target))
    await syncDirectory(dirname(this.#target))
  }

  /** Leaves it where it is. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#handle.close()
  }

  /** Removes it. */
  async discard(): Promise<void> {
    await this.close().catch(() => undefined)
    await rm(this.#path, { force: true })
  }

  async #run<Value>(step: Promise<Value>): Promise<Value> {
    try {
      return await step
    } catch (error) {
      throw failed(this.#target, error)
    }
  }
}

/** An existing file is gone on with, but never one that others can read or that is no file. */
async function flagsFor(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined)
  if (stats === undefined) return 'wx+'
  if (!stats.isFile() || (stats.mode & 0o077) !== 0) {
    await rm(path, { force: true })
    return 'wx+'
  }
  return 'r+'
}

function failed(target: string, cause: unknown): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_FILE',
    `option DestFilePath: ${target}: ${(cause as Error).message}`,
    {
      cause,
    },
  )
}
