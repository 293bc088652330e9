/** Key files: read with errors that say what was expected, created 0600 and never overwritten (RULES, promise 6). */
import { open, rm, type FileHandle } from 'node:fs/promises'
import { KeyError } from '../errors.js'
import { assertText } from '../internal/assert.js'

/** Larger than any key file; keeps a wrong path (a disk image, /dev/zero) from being read whole. */
const MOST_BYTES = 64 * 1024

/**
 * Reads a key file.
 *
 * @param expected - What the file should hold, for the error: `Base64 text of 16, 24 or 32 bytes`.
 * @throws KeyError `SEALSTREAM_KEY_FILE` naming the path and what was expected there.
 */
export async function readKeyFile(path: string, option: string, expected: string): Promise<string> {
  assertText(path, option)
  let text: string
  try {
    const bytes = await readFileUpTo(path, MOST_BYTES)
    text = bytes.toString('utf8')
  } catch (error) {
    throw new KeyError('SEALSTREAM_KEY_FILE', `cannot read key file ${path}: expected ${expected}`, {
      path,
      cause: error,
      hint: 'no key is ever made in its place; make one with sealstream keygen',
    })
  }
  if (text.trim() === '') throw malformedKeyFile(path, expected)
  return text
}

/** The error for a key file whose content is not what it should be. Never quotes the content. */
export function malformedKeyFile(path: string, expected: string, cause?: unknown): KeyError {
  const why = cause instanceof KeyError ? ` (${cause.message})` : ''
  return new KeyError('SEALSTREAM_KEY_FILE', `malformed key file ${path}: expected ${expected}${why}`, {
    path,
    cause,
  })
}

/**
 * Creates a key file that only its owner can read, flushed to disk.
 *
 * @throws KeyError `SEALSTREAM_KEY_FILE` when the path exists (it is left untouched) or cannot be written.
 */
export async function createKeyFile(path: string, option: string, content: string): Promise<void> {
  assertText(path, option)
  let handle: FileHandle
  try {
    handle = await open(path, 'wx', 0o600)
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    const why = exists ? 'it exists, and key files are never overwritten' : 'it cannot be created'
    throw new KeyError('SEALSTREAM_KEY_FILE', `cannot write key file ${path}: ${why}`, { path, cause: error })
  }
  try {
    await handle.writeFile(content)
    await handle.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw new KeyError('SEALSTREAM_KEY_FILE', `cannot write key file ${path}`, { path, cause: error })
  } finally {
    await handle.close()
  }
}

/** Reads a file, pipe or device to its end, unless that is further than a key could be. */
async function readFileUpTo(path: string, most: number): Promise<Buffer> {
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(most + 1)
    let filled = 0
    for (let read = 1; read > 0 && filled < buffer.length; filled += read) {
      read = (await handle.read(buffer, filled, buffer.length - filled, null)).bytesRead
    }
    if (filled > most) throw new RangeError(`over ${most} bytes are too many for a key`)
    return buffer.subarray(0, filled)
  } finally {
    await handle.close()
  }
}
