/** `sealstream encrypt` and `decrypt`: files and pipes of this machine, no service involved. */
import { rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { RunningCipher } from '../crypto/content-cipher.js'
import type { Format } from '../crypto/format.js'
import { createEnvelope, openEnvelope } from '../envelope/envelope.js'
import { openPending } from '../internal/atomic-file.js'
import { fileChunks } from '../internal/file-chunks.js'
import { ByteTransform } from '../stream/byte-transform.js'
import type { ProgressListener } from '../internal/progress.js'
import { progressStream } from '../stream/progress-stream.js'
import { cipherFile } from '../transfer/cipher-file.js'
import { handleSource } from '../transfer/seekable-source.js'
import type { Connection } from './connection.js'
import {
  assertNoEnvelopeFile,
  createEnvelopeFile,
  envelopePath,
  parseHeaders,
  readEnvelopeFile,
} from './envelope-file.js'
import {
  addContextOption,
  addFormatOption,
  addReadingOptions,
  contextParam,
  readingParams,
  type ReadingOptions,
} from './envelope-options.js'
import {
  addKeyOptions,
  addRecipientOption,
  addRepeatable,
  readMasterKey,
  type KeyOptions,
} from './master-key.js'
import { Output, sizeText } from './output.js'
import { cannotRead, isSystemError, openSource } from './source.js'
import { assertNotOneOf, cannotWrite, sinkInto, targetPath } from './target.js'

interface EncryptOptions extends KeyOptions {
  format: Format
  context: string[]
  recipient: string[]
  envelope?: string
  json?: boolean
}

interface DecryptOptions extends KeyOptions, ReadingOptions {
  envelope?: string
  header: string[]
  releaseUnverified?: boolean
  json?: boolean
}

/** KMS is reached as the environment says; nothing else is. */
const NO_SERVICE: Connection = {
  clientOptions: {},
  kms: process.env.COS_REGION ? { region: process.env.COS_REGION } : {},
  close: () => Promise.resolve(),
}

export function addCrypt(program: Command, signal: AbortSignal): void {
  const encrypt = program
    .command('encrypt <in> <out>')
    .description(
      'encrypt file IN (- for standard input) to OUT (- for standard output), the envelope beside it',
    )
    .option('--envelope <file>', 'where the envelope goes; default: OUT.envelope.json')
    .option('--json', 'for scripts; on standard error where standard output carries the data')
    .action((from: string, to: string, options: EncryptOptions) => runEncrypt(from, to, options, signal))
  addKeyOptions(
    addRecipientOption(addContextOption(addFormatOption(encrypt)), 'a further key that can read it'),
  )
  const decrypt = program
    .command('decrypt <in> <out>')
    .description('decrypt file IN (- for standard input) to OUT (- for standard output)')
    .option('--envelope <file>', 'the envelope; default: IN.envelope.json')
    .option('--release-unverified', 'give out plaintext of cos-java-gcm over 64 MiB before it is verified')
    .option('--json', 'for scripts; on standard error where standard output carries the data')
    .action((from: string, to: string, options: DecryptOptions) => runDecrypt(from, to, options, signal))
  addRepeatable(decrypt, '--header <name=value>', 'a header of the envelope, instead of a file')
  addKeyOptions(addReadingOptions(decrypt))
}

async function runEncrypt(
  from: string,
  to: string,
  options: EncryptOptions,
  signal: AbortSignal,
): Promise<void> {
  const path = envelopePath(options.envelope, to, '--envelope')
  if (to !== '-') await assertNotOneOf(to, { '--envelope': path, ...keyFiles(options, options.recipient) })
  await assertNoEnvelopeFile(path)
  const output = outputFor(to, options.json)
  const context = contextParam(options.context)
  const masterKey = await readMasterKey(options, NO_SERVICE, options.recipient)
  const { dataKey, metadata } = await createEnvelope(masterKey, { format: options.format, ...context })
  const undo = (): void => rmSync(path, { force: true })
  const keep = async (): Promise<void> => {
    await createEnvelopeFile(path, metadata)
    // Also where a closed pipe ends the process at once: an envelope of nothing would only be in the way.
    process.once('exit', undo)
  }
  try {
    // Without its envelope the ciphertext is lost: it is there first, before a file has its name or a pipe its first byte.
    if (to === '-') await keep()
    const bytes = await run(
      { from, to, running: dataKey.encryptor(), output, signal },
      to === '-' ? undefined : keep,
    )
    process.off('exit', undo)
    output.result(`encrypted ${sizeText(bytes)}, format ${options.format}, envelope in ${path}`, {
      format: options.format,
      bytes,
      envelope: path,
    })
  } catch (error) {
    if (process.listeners('exit').includes(undo)) undo()
    throw error
  } finally {
    dataKey.dispose()
  }
}

async function runDecrypt(
  from: string,
  to: string,
  options: DecryptOptions,
  signal: AbortSignal,
): Promise<void> {
  const output = outputFor(to, options.json)
  const reading = readingParams(options)
  const path = options.header.length > 0 ? undefined : envelopePath(options.envelope, from, '--envelope')
  if (to !== '-') await assertNotOneOf(to, { '--envelope': path, ...keyFiles(options) })
  const headers = path === undefined ? parseHeaders(options.header) : await readEnvelopeFile(path)
  const masterKey = await readMasterKey(options, NO_SERVICE)
  const { dataKey, format, keyVerified } = await openEnvelope(headers, masterKey, reading)
  const { releaseUnverified = false } = options
  try {
    const running = dataKey.decryptor({ releaseUnverified })
    const bytes = await run({ from, to, running, output, signal })
    const caution = keyVerified ? '' : ' (this format cannot tell a wrong key)'
    output.result(`decrypted ${sizeText(bytes)}, format ${format}${caution}`, { format, bytes, keyVerified })
  } finally {
    dataKey.dispose()
  }
}

/** One file or pipe through one cipher. */
interface Run {
  readonly from: string
  readonly to: string
  readonly running: RunningCipher
  readonly output: Output
  readonly signal: AbortSignal
}

/** Smaller files gain nothing from being read at known places, and some of /sys are shorter than they say. */
const LEAST_OWNED_BYTES = 1024 * 1024

/** @returns Bytes read. @param before - Done when all is written, and before the file has its name. */
async function run(job: Run, before?: () => Promise<void>): Promise<number> {
  return runOpen(job, before).finally(() => job.running.close())
}

async function runOpen(
  { from, to, running, output, signal }: Run,
  before: (() => Promise<void>) | undefined,
): Promise<number> {
  const handle = from === '-' ? undefined : await openSource(from)
  const total = await sizeOf(handle)
  const { listener, stop } = output.progress(from, total)
  let read = 0
  const onProgress: ProgressListener = (progress) => {
    read = progress.bytes
    listener(progress)
  }
  try {
    if (to !== '-' && handle !== undefined && total !== undefined && total >= LEAST_OWNED_BYTES) {
      const source = await handleSource(handle, `IN (${from})`)
      await toFile(to, (write) => cipherFile(source, running, { write, onProgress, signal }), before)
      return read
    }
    const source =
      handle === undefined ? process.stdin : Readable.from(fileChunks(handle), { objectMode: false })
    const stages = [progressStream({ onProgress }), new ByteTransform(running)] as const
    if (to === '-') await pipeline(source, ...stages, process.stdout, { end: false, signal })
    else await toFile(to, (write) => pipeline(source, ...stages, sinkInto(write), { signal }), before)
    return read
  } catch (error) {
    throw isSystemError(error) ? cannotRead(from, error) : error
  } finally {
    stop()
    await handle?.close()
  }
}

/** Bytes of a regular file. Pipes and devices have none, and files of /proc say that they are empty. */
async function sizeOf(handle: FileHandle | undefined): Promise<number | undefined> {
  const stats = await handle?.stat()
  return stats?.isFile() === true && stats.size > 0 ? stats.size : undefined
}

/** The file appears whole or not at all. */
async function toFile(
  path: string,
  fill: (write: (bytes: Buffer) => Promise<void>) => Promise<void>,
  before: (() => Promise<void>) | undefined,
): Promise<void> {
  const writing = <Value>(step: Promise<Value>): Promise<Value> =>
    step.catch((error: unknown) => {
      throw isSystemError(error) ? cannotWrite(path, error) : error
    })
  const pending = await writing(targetPath(path).then((target) => openPending(target)))
  try {
    await fill((bytes) => writing(pending.write(bytes)))
    await before?.()
    await writing(pending.commit())
  } catch (error) {
    await pending.discard()
    throw error
  }
}

function outputFor(to: string, json: boolean | undefined): Output {
  return new Output({ json: json ?? false, resultsOn: to === '-' ? 'stderr' : 'stdout' })
}

/** Files that hold keys. */
function keyFiles(
  { aesKey, rsaPublicKey, rsaPrivateKey, passphraseFile }: KeyOptions,
  recipients: readonly string[] = [],
): Record<string, string | undefined> {
  const files = recipients.map((text, index) => [
    `--recipient[${index}]`,
    /^(?:aes|rsa):(.+)$/s.exec(text)?.[1],
  ])
  return {
    '--aes-key': aesKey,
    '--rsa-public-key': rsaPublicKey,
    '--rsa-private-key': rsaPrivateKey,
    '--passphrase-file': passphraseFile,
    ...(Object.fromEntries(files) as Record<string, string | undefined>),
  }
}
