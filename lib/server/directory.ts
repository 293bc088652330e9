/** The folder that a server keeps its objects in. */
import { access, constants, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SealstreamError } from '../errors.js'

/** A folder in use. */
export interface ServerDirectory {
  /** Absolute. */
  readonly path: string
  /** Removes the folder if it is temporary. */
  release(): Promise<void>
}

/**
 * Makes the folder ready: the given one, or a temporary one.
 *
 * @throws {@link SealstreamError} `SEALSTREAM_SERVER` when it cannot be made or written to.
 */
export async function openDirectory(directory: string | undefined): Promise<ServerDirectory> {
  try {
    return directory === undefined ? await temporaryDirectory() : await givenDirectory(resolve(directory))
  } catch (cause) {
    const which = directory === undefined ? 'a temporary directory' : `option directory: ${directory}`
    const problem = (cause as NodeJS.ErrnoException).code ?? 'error'
    throw new SealstreamError('SEALSTREAM_SERVER', `${which} cannot be used (${problem})`, { cause })
  }
}

async function temporaryDirectory(): Promise<ServerDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'sealstream-server-')) // Mode 0700.
  return { path, release: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

async function givenDirectory(path: string): Promise<ServerDirectory> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
  return { path, release: () => Promise.resolve() }
}
