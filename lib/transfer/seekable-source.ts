/** Sources that can be read anywhere, in any order, by several readers: files and bytes in memory. */
import { fstatSync, read, readSync } from 'node:fs'
import { constants, open, type FileHandle } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { OptionError, SealstreamError } from '../errors.js'
import { assertText } from '../internal/assert.js'
import { fileFingerprint, sourceChanged, type FileFacts } from '../internal/file-chunks.js'
import { fillShared } from '../internal/transfer-memory.js'

/** Bytes of known length that stay the same, or say that they did not. */
export interface SeekableSource {
  /** Bytes. */
  readonly size: number
  /** Tells these bytes from others across runs; undefined where nothing does. */
  readonly fingerprint: string | undefined
  /** The bytes themselves, where they are in memory: what is only looked at need not be copied. */
  readonly bytes?: Buffer
  /** By what other threads of this process read the same bytes, until `close`; absent where they cannot. */
  readonly shared?: SharedFile
  /**
   * Fills `into` from `position` on.
   *
   * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` where there are not as many bytes.
   */
  read(into: Buffer, position: number): Promise<void>
  /** The same, while the thread waits; absent where others would have to wait along. */
  readonly readNow?: (into: Buffer, position: number) => void
  /** @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` unless it is still what it was when it was opened. */
  check(): Promise<void>
  close(): Promise<void>
}

/** A file by its path. @throws SealstreamError `SEALSTREAM_FILE` where it cannot be read; {@link OptionError} unless it is a regular file. */
export async function openFileSource(path: string, option: string): Promise<SeekableSource> {
  let handle: FileHandle
  try {
    // Without waiting for the other end, which opening a pipe would do.
    handle = await open(path, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0))
  } catch (error) {
    throw unreadable(option, error)
  }
  try {
    const source = await handleSource(handle, option)
    return { ...source, close: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** A file that the caller has open, and closes. */
export async function handleSource(handle: FileHandle, option: string): Promise<SeekableSource> {
  const stats = await handle.stat({ bigint: true })
  if (!stats.isFile()) {
    throw new OptionError(option, 'must be a regular file', { hint: 'give a stream of it to upload()' })
  }
  const access: FileAccess = {
    stat: () => handle.stat({ bigint: true }),
    read: async (into, at, length, position) => (await handle.read(into, at, length, position)).bytesRead,
  }
  // At open, and again around every read: what is sent must be one and the same file (RULES 1.3).
  const fingerprint = await fileFingerprint(access.stat)
  return fileSource(access, { size: Number(stats.size), fingerprint, descriptor: handle.fd, option })
}

/** What another thread needs to read a file that this one has open. */
export interface SharedFile {
  readonly descriptor: number
  readonly size: number
  readonly fingerprint: string
  readonly option: string
}

/** A file that another thread has open, and keeps open as long as this source is used. For threads that have nothing else to do. */
export function sharedSource(file: SharedFile): SeekableSource {
  const { descriptor, option } = file
  const access: FileAccess = {
    stat: async () => fstatSync(descriptor, { bigint: true }),
    read: (into, at, length, position) =>
      new Promise((resolve, reject) => {
        read(descriptor, into, at, length, position, (error, bytesRead) => {
          if (error === null) resolve(bytesRead)
          else reject(error)
        })
      }),
  }
  return {
    ...fileSource(access, file),
    readNow(into, position) {
      for (let filled = 0; filled < into.length;) {
        const bytesRead = readableNow(option, () =>
          readSync(descriptor, into, filled, into.length - filled, position + filled),
        )
        if (bytesRead === 0) throw sourceChanged()
        filled += bytesRead
      }
    },
  }
}

interface FileAccess {
  readonly stat: () => Promise<FileFacts>
  /** Gives how many bytes were read. */
  readonly read: (into: Buffer, at: number, length: number, position: number) => Promise<number>
}

function fileSource(access: FileAccess, file: SharedFile): SeekableSource {
  const { size, fingerprint, option } = file
  return {
    size,
    fingerprint,
    shared: file,
    async read(into, position) {
      for (let filled = 0; filled < into.length;) {
        const left = into.length - filled
        const bytesRead = await readable(option, access.read(into, filled, left, position + filled))
        if (bytesRead === 0) throw sourceChanged()
        filled += bytesRead
      }
    },
    async check() {
      if ((await readable(option, fileFingerprint(access.stat))) !== fingerprint) throw sourceChanged()
    },
    close: async () => undefined,
  }
}

/** Bytes in memory. Nobody may change them before the upload is done. */
export function bytesSource(bytes: Buffer): SeekableSource {
  return {
    size: bytes.length,
    bytes,
    fingerprint: undefined,
    async read(into, position) {
      // Others get their turn, an abort among them.
      await setImmediate()
      fillShared(into, bytes.subarray(position, position + into.length), 0)
    },
    check: async () => undefined,
    close: async () => undefined,
  }
}

/** Checks the parameter that only files have. @throws {@link OptionError} */
export function checkLocalPath(path: unknown, option: string): asserts path is string {
  assertText(path, option)
  if (path.includes('\0')) throw new OptionError(option, 'must not hold a NUL character', { value: path })
}

async function readable<Value>(option: string, reading: Promise<Value>): Promise<Value> {
  try {
    return await reading
  } catch (error) {
    throw unreadable(option, error)
  }
}

function readableNow<Value>(option: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw unreadable(option, error)
  }
}

function unreadable(option: string, error: unknown): SealstreamError {
  return new SealstreamError('SEALSTREAM_FILE', `option ${option}: ${(error as Error).message}`, {
    cause: error,
  })
}
