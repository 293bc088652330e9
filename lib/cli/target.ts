/** Files that commands write. */
import { lstat, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Writable } from 'node:stream'
import { OptionError, SealstreamError } from '../errors.js'

/** Through a symbolic link to the file it names. What is no regular file must not be replaced by one. */
export async function targetPath(file: string): Promise<string> {
  const path = await realpath(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return file
    throw error
  })
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined || stats.isFile()) return path
  throw new SealstreamError('SEALSTREAM_FILE', `cannot write ${file}: it is not a regular file`, {
    hint: 'use - to write to standard output',
  })
}

/** Not an async function at the end of the pipeline: what that throws would arrive as an AbortError. */
export function sinkInto(write: (bytes: Buffer) => Promise<void>): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      write(chunk).then(() => done(), done)
    },
  })
}

/** The error for a file that cannot be written. */
export function cannotWrite(file: string, error: unknown): SealstreamError {
  return new SealstreamError('SEALSTREAM_FILE', `cannot write ${file}: ${(error as Error).message}`, {
    cause: error,
  })
}

/**
 * Makes sure that a file to be written is none of those that a command needs, however it is spelt.
 *
 * @param others - By the option that names them.
 * @throws OptionError naming the option.
 */
export async function assertNotOneOf(
  path: string,
  others: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const own = await identityOf(path)
  for (const [option, other] of Object.entries(others)) {
    if (other === undefined || (await identityOf(other)) !== own) continue
    throw new OptionError(option, 'must be another file than the output, which would replace it', {
      value: other,
    })
  }
}

/** What two spellings of one file have in common, whether it is there or not. */
async function identityOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined)
  if (stats !== undefined) return `${stats.dev}:${stats.ino}`
  const folder = await realpath(dirname(path)).catch(() => resolve(dirname(path)))
  return join(folder, basename(path))
}
