/** What a command reads: a file, or standard input. */
import { open, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { SealstreamError } from '../errors.js'
import { fileChunks } from '../internal/file-chunks.js'

/**
 * Opens the file (`-` for standard input) and hands its bytes on, with how many there are where that is known.
 *
 * @throws SealstreamError `SEALSTREAM_FILE` when it cannot be opened or read; `SEALSTREAM_SOURCE_CHANGED` from the bytes'
 *   end when the file changed meanwhile.
 */
export async function withSource<Result>(
  file: string,
  use: (source: Readable, total: number | undefined) => Promise<Result>,
): Promise<Result> {
  if (file === '-') return use(process.stdin, undefined)
  const handle = await openSource(file)
  try {
    const { size } = await handle.stat()
    // Files of /proc say that they are empty.
    return await use(Readable.from(fileChunks(handle), { objectMode: false }), size === 0 ? undefined : size)
  } catch (error) {
    throw isSystemError(error) ? cannotRead(file, error) : error
  } finally {
    await handle.close()
  }
}

/** @throws SealstreamError `SEALSTREAM_FILE` when the file cannot be opened, or is a directory. */
export async function openSource(file: string): Promise<FileHandle> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    if (!(await handle.stat()).isDirectory()) return handle
  } catch (error) {
    await handle?.close()
    throw cannotRead(file, error)
  }
  await handle.close()
  throw new SealstreamError('SEALSTREAM_FILE', `cannot read ${file}: it is a directory`)
}

/** What the operating system said; everything else that fails arrives as one of our own errors. */
export function isSystemError(error: unknown): boolean {
  return !(error instanceof SealstreamError) && typeof (error as NodeJS.ErrnoException).errno === 'number'
}

function cannotRead(file: string, error: unknown): SealstreamError {
  return new SealstreamError('SEALSTREAM_FILE', `cannot read ${file}: ${(error as Error).message}`, {
    cause: error,
  })
}
