/** The secret that all keys of the KMS come from: a file in the server's directory, made when it is first needed. */
import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SealstreamError } from '../../errors.js'
import { randomName } from '../layout.js'
import { isMissing } from '../record-file.js'

/** Beside the buckets, whose names cannot begin with a dot. */
export const KMS_SECRET_FILE = '.kms-secret'

const SECRET_BYTES = 32

/** The secret of one directory. Servers that share the directory share it. */
export class KmsSecret {
  readonly #path: string
  #bytes: Promise<Buffer> | undefined

  constructor(directory: string) {
    this.#path = join(directory, KMS_SECRET_FILE)
  }

  /**
   * The secret; makes it if there is none.
   *
   * @throws The file system's own error, or {@link SealstreamError} `SEALSTREAM_FILE` when the file holds something else.
   * It is not replaced: what was wrapped under it would be lost.
   */
  bytes(): Promise<Buffer> {
    this.#bytes ??= readOrMake(this.#path).catch((error: unknown) => {
      // The next request tries again.
      this.#bytes = undefined
      throw error
    })
    return this.#bytes
  }
}

async function readOrMake(path: string): Promise<Buffer> {
  const found = await read(path)
  if (found !== undefined) return found
  await make(path)
  // What is there now may be another process's.
  return (await read(path)) ?? readOrMake(path)
}

async function read(path: string): Promise<Buffer | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  const secret = Buffer.from(text.trim(), 'hex')
  if (secret.length === SECRET_BYTES && secret.toString('hex') === text.trim()) return secret
  throw new SealstreamError('SEALSTREAM_FILE', `${path} does not hold the secret of a KMS`)
}

/** Puts a whole file there, unless there is one by then: renaming would replace what another process has just used. */
async function make(path: string): Promise<void> {
  const temporary = `${path}-${randomName()}.part`
  try {
    const text = `${randomBytes(SECRET_BYTES).toString('hex')}\n`
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600, flush: true })
    await link(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(temporary, { force: true })
  }
}
