/** `sealstream get`: an object, decrypted, to a file or standard output. */
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import type { EncryptedGetParams, EncryptedGetResult } from '../encrypted/get-object.js'
import type { EncryptedDownloadFileParams } from '../encrypted/transfers.js'
import { OptionError, SealstreamError } from '../errors.js'
import { openPending, type PendingFile } from '../internal/atomic-file.js'
import { progressStream } from '../stream/progress-stream.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation, rangeHeader } from './location.js'
import {
  addInstructionFileOption,
  addReadingOptions,
  instructionFileParam,
  readingParams,
  type InstructionFileOptions,
  type ReadingOptions,
} from './envelope-options.js'
import { addKeyOptions, readMasterKey, type KeyOptions } from './master-key.js'
import { Output, printable, sizeText } from './output.js'
import { isSystemError } from './source.js'
import { cannotWrite, sinkInto, targetPath } from './target.js'
import {
  addCustomerKeyOption,
  addMoveOptions,
  addResumeOption,
  addThreadsOption,
  customerKeyParams,
  eventNotes,
  moveParams,
  threadsParam,
  withAdvice,
  type MoveOptions,
  type ResumeOptions,
  type ThreadsOptions,
} from './transfer-options.js'

interface GetOptions
  extends
    ConnectionOptions,
    KeyOptions,
    MoveOptions,
    ThreadsOptions,
    ResumeOptions,
    ReadingOptions,
    InstructionFileOptions {
  releaseUnverified?: boolean
  range?: string
  versionId?: string
  sseCKeyFile?: string
  json?: boolean
}

/** What was read, without its body. */
type Read = Omit<EncryptedGetResult, 'Body' | '$metadata'>

export function addGet(program: Command, signal: AbortSignal): void {
  const get = program
    .command('get <object> <file>')
    .description(
      'decrypt cos://BUCKET/KEY into FILE (- for standard output); FILE appears whole or not at all',
    )
    .option('--range <range>', 'plaintext bytes: FIRST-LAST, FIRST- or -COUNT')
    .option('--version-id <id>', 'this version')
    .option(
      '--release-unverified',
      'give out plaintext of cos-java-gcm before it is verified, to standard output or of a range',
    )
    .option('--json', 'for scripts; on standard error where standard output carries the object')
    .action((object: string, file: string, options: GetOptions) => runGet(object, file, options, signal))
  const threaded = addThreadsOption(
    addMoveOptions(addCustomerKeyOption(get), '8MiB'),
    'decrypt and write a file',
  )
  const moved = addResumeOption(threaded)
  addConnectionOptions(addKeyOptions(addInstructionFileOption(addReadingOptions(moved))))
}

async function runGet(object: string, file: string, options: GetOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const output = new Output({ json: options.json ?? false, resultsOn: file === '-' ? 'stderr' : 'stdout' })
  const { range, versionId, resume } = options
  const isWholeFile = file !== '-' && range === undefined
  for (const option of ['resume', 'threads'] as const) {
    if (options[option] !== undefined && !isWholeFile) {
      throw new OptionError(`--${option}`, 'needs a whole object that goes to a file')
    }
  }
  const move = moveParams(options)
  const call = {
    Bucket,
    Key,
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...(await customerKeyParams(options.sseCKeyFile)),
    ...instructionFileParam(options),
    signal,
  }
  const reading = readingParams(options)
  const connection = await connect(options)
  try {
    const masterKey = await readMasterKey(options, connection)
    const client = new CosEncryptionClient({
      ...connection.clientOptions,
      masterKey,
      format: 'sealed',
      ...reading,
    })
    const started = performance.now()
    const got = await (
      isWholeFile
        ? toWholeFile(
            client,
            { ...call, ...move, ...threadsParam(options), checkpoint: resume ?? false },
            file,
            output,
          )
        : toSink(
            client,
            {
              ...call,
              ...(range === undefined ? {} : { Range: rangeHeader(range) }),
              releaseUnverified: options.releaseUnverified ?? false,
            },
            file,
            output,
          )
    ).finally(() => client.close())
    const rate = sizeText(got.ContentLength / ((performance.now() - started) / 1000))
    const caution = got.keyVerified ? '' : ' (this format cannot tell a wrong key)'
    output.result(
      `read ${sizeText(got.ContentLength)} of cos://${Bucket}/${printable(Key)}, format ${got.format}, verified by ${got.verified}, ${rate}/s${caution}`,
      { Bucket, Key, ...got },
    )
  } catch (error) {
    throw isWholeFile ? withAdvice(error, resume !== undefined) : error
  } finally {
    await connection.close()
  }
}

/** By several ranges at a time. */
async function toWholeFile(
  client: CosEncryptionClient,
  call: Omit<EncryptedDownloadFileParams, 'DestFilePath'>,
  file: string,
  output: Output,
): Promise<Read> {
  let watch: ReturnType<Output['progress']> | undefined
  try {
    const { DestFilePath, ...got } = await client.downloadFile({
      ...call,
      DestFilePath: await targetPath(file),
      onEvent: eventNotes(output),
      onProgress: (progress) => {
        watch ??= output.progress(`get ${file}`, progress.total)
        watch.listener(progress)
      },
    })
    return got
  } catch (error) {
    const cause = error instanceof SealstreamError && error.code === 'SEALSTREAM_FILE' ? error.cause : error
    throw isSystemError(cause) ? cannotWrite(file, cause) : error
  } finally {
    watch?.stop()
  }
}

/** A range, or to standard output: in order, as it comes. */
async function toSink(
  client: CosEncryptionClient,
  call: EncryptedGetParams,
  file: string,
  output: Output,
): Promise<Read> {
  const { Body, $metadata, ...got } = await client.getObject(call)
  await (file === '-'
    ? toStdout(Body, call.signal)
    : toFile(Body, got.ContentLength, file, output, call.signal))
  return got
}

async function toStdout(Body: Readable, signal: AbortSignal | undefined): Promise<void> {
  await pipeline(Body, process.stdout, { end: false, ...(signal === undefined ? {} : { signal }) })
}

/** Into a temporary file beside the target, which takes its name when all of it has arrived and been checked. */
async function toFile(
  Body: Readable,
  total: number,
  file: string,
  output: Output,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pending = await openTarget(file).catch((error: unknown) => {
    Body.destroy()
    throw isSystemError(error) ? cannotWrite(file, error) : error
  })
  const { listener, stop } = output.progress(`get ${file}`, total)
  try {
    const progress = progressStream({ total, onProgress: listener })
    await pipeline(
      Body,
      progress,
      sinkInto((bytes) => pending.write(bytes)),
      signal === undefined ? {} : { signal },
    ).finally(stop)
    await commit(pending, file)
  } catch (error) {
    await pending.discard()
    throw isSystemError(error) ? cannotWrite(file, error) : error
  }
}

async function openTarget(file: string): Promise<PendingFile> {
  return openPending(await targetPath(file))
}

async function commit(pending: PendingFile, file: string): Promise<void> {
  try {
    await pending.commit()
  } catch (error) {
    throw cannotWrite(file, error)
  }
}
