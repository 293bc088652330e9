/** `sealstream put`: a file or standard input, encrypted, to an object. */
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import { ciphertextSizeOf, type Format } from '../crypto/format.js'
import type { EncryptedStoredObject } from '../encrypted/transfers.js'
import { OptionError } from '../errors.js'
import { fileChunks } from '../internal/file-chunks.js'
import type { UploadOptions } from '../transfer/upload-job.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation, parseMetadata } from './location.js'
import { addContextOption, addFormatOption, contextParam } from './envelope-options.js'
import {
  addKeyOptions,
  addRecipientOption,
  addRepeatable,
  readMasterKey,
  type KeyOptions,
} from './master-key.js'
import { Output, printable, sizeText } from './output.js'
import { isSystemError, cannotRead, openSource } from './source.js'
import {
  addMoveOptions,
  addResumeOption,
  addSseOptions,
  addThreadsOption,
  eventNotes,
  moveParams,
  sseParams,
  threadsParam,
  withAdvice,
  type MoveOptions,
  type ResumeOptions,
  type SseOptions,
  type ThreadsOptions,
} from './transfer-options.js'

interface PutOptions
  extends ConnectionOptions, KeyOptions, MoveOptions, ThreadsOptions, SseOptions, ResumeOptions {
  format: Format
  context: string[]
  recipient: string[]
  contentType?: string
  storageClass?: string
  metadata: string[]
  json?: boolean
}

export function addPut(program: Command, signal: AbortSignal): void {
  const put = program
    .command('put <file> <object>')
    .description('encrypt FILE (- for standard input) and store it as cos://BUCKET/KEY')
    .option('--content-type <type>', 'stored with the object')
    .option('--storage-class <class>', 'for example STANDARD_IA')
    .option('--json', 'for scripts')
    .action((file: string, object: string, options: PutOptions) => runPut(file, object, options, signal))
  addRepeatable(put, '--metadata <name=value>', 'user metadata')
  addRecipientOption(addContextOption(addFormatOption(put)), 'a further key that can read it')
  const moved = addThreadsOption(addMoveOptions(put, '8MiB'), 'encrypt parts of a file')
  addConnectionOptions(addKeyOptions(addSseOptions(addResumeOption(moved))))
}

async function runPut(file: string, object: string, options: PutOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const output = new Output({ json: options.json ?? false })
  const { contentType, storageClass, resume } = options
  const target = {
    Bucket,
    Key,
    ...moveParams(options),
    ...threadsParam(options),
    ...(await sseParams(options)),
    ...(contentType === undefined ? {} : { ContentType: contentType }),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
    Metadata: parseMetadata(options.metadata),
    onEvent: eventNotes(output),
    signal,
  }
  const context = contextParam(options.context)
  const connection = await connect(options)
  try {
    const masterKey = await readMasterKey(options, connection, options.recipient)
    const { format } = options
    const client = new CosEncryptionClient({ ...connection.clientOptions, masterKey, format, ...context })
    const started = performance.now()
    const stored = await store(client, file, target, { resume, output, format }).finally(() => client.close())
    const rate = sizeText(stored.StoredLength / ((performance.now() - started) / 1000))
    output.result(
      `stored ${sizeText(stored.StoredLength)} as cos://${Bucket}/${printable(Key)}, format ${options.format}, verified by ${stored.verified}, ${rate}/s`,
      stored,
    )
  } catch (error) {
    throw withAdvice(error, resume !== undefined)
  } finally {
    await connection.close()
  }
}

async function store(
  client: CosEncryptionClient,
  file: string,
  target: UploadOptions,
  { resume, output, format }: ResumeOptions & { output: Output; format: Format },
): Promise<EncryptedStoredObject> {
  const size = file === '-' ? undefined : await sizeOf(file)
  const total = size === undefined || size === 0 ? undefined : ciphertextSizeOf(format, size)
  const { listener, stop } = output.progress(`put ${printable(target.Key)}`, total)
  const params = { ...target, onProgress: listener }
  try {
    if (size !== undefined && size > 0) {
      return await client.uploadFile({ ...params, LocalFilePath: file, checkpoint: resume ?? false })
    }
    if (resume !== undefined && size === undefined) {
      throw new OptionError('--resume', 'needs a file that can be read again', { value: file })
    }
    return await storeStream(client, file, params)
  } finally {
    stop()
  }
}

/** Standard input, pipes and devices, and files of /proc, which say that they are empty. */
async function storeStream(
  client: CosEncryptionClient,
  file: string,
  params: UploadOptions,
): Promise<EncryptedStoredObject> {
  if (file === '-') return client.upload({ ...params, Body: process.stdin })
  const handle = await openSource(file)
  try {
    const Body = Readable.from(fileChunks(handle), { objectMode: false })
    return await client.upload({ ...params, Body })
  } catch (error) {
    const cause = (error as Error).cause
    throw isSystemError(cause) ? cannotRead(file, cause) : error
  } finally {
    await handle.close()
  }
}

/** Bytes of a regular file; undefined for everything else. Nothing is opened: a pipe can be opened only once. */
async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const stats = await stat(file)
    return stats.isFile() ? stats.size : undefined
  } catch (error) {
    throw cannotRead(file, error)
  }
}
