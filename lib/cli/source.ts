/** Files that commands read. */
import { open, type FileHandle } from 'node:fs/promises'
import { SealstreamError } from '../errors.js'

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
  return (
    !(error instanceof SealstreamError) &&
    typeof (error as NodeJS.ErrnoException | undefined)?.errno === 'number'
  )
}

/** The error for a file that cannot be read. */
export function cannotRead(file: string, error: unknown): SealstreamError {
  return new SealstreamError('SEALSTREAM_FILE', `cannot read ${file}: ${(error as Error).message}`, {
    cause: error,
  })
}
