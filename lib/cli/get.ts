/** `sealstream get`: an object, decrypted, to a file or standard output. */
import { lstat, realpath } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import type { EncryptedGetResult } from '../encrypted/get-object.js'
import { SealstreamError } from '../errors.js'
import { openPending, type PendingFile } from '../internal/atomic-file.js'
import { progressStream } from '../stream/progress-stream.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation, rangeHeader } from './location.js'
import { addKeyOptions, readMasterKey, type KeyOptions } from './master-key.js'
import { Output, printable, sizeText } from './output.js'
import { isSystemError } from './source.js'

interface GetOptions extends ConnectionOptions, KeyOptions {
  range?: string
  json?: boolean
}

export function addGet(program: Command, signal: AbortSignal): void {
  const get = program
    .command('get <object> <file>')
    .description(
      'decrypt cos://BUCKET/KEY into FILE (- for standard output); FILE appears whole or not at all',
    )
    .option('--range <range>', 'plaintext bytes: FIRST-LAST, FIRST- or -COUNT')
    .option('--json', 'for scripts; on standard error where standard output carries the object')
    .action((object: string, file: string, options: GetOptions) => runGet(object, file, options, signal))
  addConnectionOptions(addKeyOptions(get))
}

async function runGet(object: string, file: string, options: GetOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const output = new Output({ json: options.json ?? false, resultsOn: file === '-' ? 'stderr' : 'stdout' })
  const range = options.range === undefined ? {} : { Range: rangeHeader(options.range) }
  const masterKey = await readMasterKey(options)
  const connection = await connect(options)
  try {
    const client = new CosEncryptionClient({ ...connection.clientOptions, masterKey, format: 'cos' })
    const started = performance.now()
    const got = await client.getObject({ Bucket, Key, signal, ...range })
    await (file === '-' ? toStdout(got, signal) : toFile(got, file, output, signal))
    await client.close()
    const rate = sizeText(got.ContentLength / ((performance.now() - started) / 1000))
    const caution = got.keyVerified ? '' : ' (this format cannot tell a wrong key)'
    output.result(
      `read ${sizeText(got.ContentLength)} of cos://${Bucket}/${printable(Key)}, format ${got.format}, verified by ${got.verified}, ${rate}/s${caution}`,
      { Bucket, Key, ...describe(got) },
    )
  } finally {
    await connection.close()
  }
}

async function toStdout({ Body }: EncryptedGetResult, signal: AbortSignal): Promise<void> {
  await pipeline(Body, process.stdout, { end: false, signal })
}

/** Into a temporary file beside the target, which takes its name when all of it has arrived and been checked. */
async function toFile(
  got: EncryptedGetResult,
  file: string,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const { Body, ContentLength: total } = got
  const pending = await openTarget(file).catch((error: unknown) => {
    Body.destroy()
    throw isSystemError(error) ? cannotWrite(file, error) : error
  })
  const { listener, stop } = output.progress(`get ${file}`, total)
  try {
    const progress = progressStream({ total, onProgress: listener })
    await pipeline(Body, progress, sinkInto(pending), { signal }).finally(stop)
    await commit(pending, file)
  } catch (error) {
    await pending.discard()
    throw isSystemError(error) ? cannotWrite(file, error) : error
  }
}

/** Not an async function at the end of the pipeline: what that throws would arrive as an AbortError. */
function sinkInto(pending: PendingFile): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      pending.write(chunk).then(() => done(), done)
    },
  })
}

/** Through a symbolic link to the file it names. What is no regular file must not be replaced by one. */
async function openTarget(file: string): Promise<PendingFile> {
  const path = await realpath(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return file
    throw error
  })
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined || stats.isFile()) return openPending(path)
  throw new SealstreamError('SEALSTREAM_FILE', `cannot write ${file}: it is not a regular file`, {
    hint: 'use - to write to standard output',
  })
}

async function commit(pending: PendingFile, file: string): Promise<void> {
  try {
    await pending.commit()
  } catch (error) {
    throw cannotWrite(file, error)
  }
}

function cannotWrite(file: string, error: unknown): SealstreamError {
  return new SealstreamError('SEALSTREAM_FILE', `cannot write ${file}: ${(error as Error).message}`, {
    cause: error,
  })
}

function describe(got: EncryptedGetResult): object {
  const { Body, $metadata, ...rest } = got
  return rest
}
