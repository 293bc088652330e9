/** A file that is written in any order beside its target, and takes its name when it is whole. Mode 0600. */
import { createHash, randomBytes } from 'node:crypto'
import { constants, lstat, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
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
   * @param name - What it is called in the directory of its target.
   * @param isOld - It must be there already, as this user's own and nobody else's; undefined is returned where it is not.
   * @throws SealstreamError `SEALSTREAM_FILE` where it cannot be made, or the target is a directory.
   */
  static async open(target: string, name: string, isOld: true): Promise<TemporaryFile | undefined>
  static async open(target: string, name?: string): Promise<TemporaryFile>
  static async open(
    target: string,
    name = temporaryName(),
    isOld = false,
  ): Promise<TemporaryFile | undefined> {
    // A rename across file systems is not atomic, so it lies in the directory of its target.
    const path = join(dirname(target), name)
    try {
      const stats = await stat(target).catch(() => undefined)
      if (stats?.isDirectory() === true) throw new Error('EISDIR: is a directory')
      const handle = isOld ? await openOwn(path) : await open(path, 'wx+', 0o600)
      if (handle === undefined) return undefined
      return new TemporaryFile(name === basename(target) ? target : path, target, handle)
    } catch (error) {
      throw failed(target, error)
    }
  }

  /** Removes one that is of no use. @throws SealstreamError `SEALSTREAM_FILE` */
  static async remove(target: string, name: string): Promise<void> {
    try {
      await rm(join(dirname(target), name), { force: true })
    } catch (error) {
      throw failed(target, error)
    }
  }

  /** By what other threads of this process write to it, until it is closed. */
  get descriptor(): number {
    return this.#handle.fd
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

  /** Flushes it and gives it its name, if it is still the file that was written. */
  async commit(): Promise<void> {
    await this.#run(this.#handle.sync())
    const [written, found] = await this.#run(Promise.all([this.#handle.stat(), lstat(this.#path)]))
    if (written.ino !== found.ino || written.dev !== found.dev) {
      throw failed(this.#target, new Error('the temporary file was exchanged'))
    }
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

  /** Removes it, unless it has its name already: what stands under that is the caller's. */
  async discard(): Promise<void> {
    await this.close().catch(() => undefined)
    if (this.#path !== this.#target) await rm(this.#path, { force: true })
  }

  async #run<Value>(step: Promise<Value>): Promise<Value> {
    try {
      return await step
    } catch (error) {
      throw failed(this.#target, error)
    }
  }
}

/** A name that nobody else has, or that those have who transfer the same. */
export function temporaryName(what?: unknown): string {
  const bytes =
    what === undefined ? randomBytes(8) : createHash('sha256').update(JSON.stringify(what)).digest()
  return `.sealstream-${bytes.toString('hex').slice(0, 16)}.part`
}

/** Whether a text, out of a checkpoint, can be such a name. */
export function isTemporaryName(name: unknown): name is string {
  return typeof name === 'string' && /^\.sealstream-[0-9a-f]{16}\.part$/.test(name)
}

/** A file of this user's, which nobody else can reach by another name or through a link. */
async function openOwn(path: string): Promise<FileHandle | undefined> {
  const { O_RDWR, O_NOFOLLOW } = constants
  let handle: FileHandle
  try {
    handle = await open(path, O_RDWR | ((O_NOFOLLOW as number | undefined) ?? 0))
  } catch {
    return undefined
  }
  const stats = await handle.stat()
  const isOwn = process.getuid === undefined || stats.uid === process.getuid()
  const isPrivate = process.platform === 'win32' || (stats.mode & 0o077) === 0
  if (stats.isFile() && stats.nlink === 1 && isOwn && isPrivate) return handle
  await handle.close()
  return undefined
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
