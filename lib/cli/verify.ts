/** `sealstream verify`: read an object, check all there is to check, keep nothing. */
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import { OptionError } from '../errors.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import {
  addInstructionFileOption,
  addReadingOptions,
  instructionFileParam,
  readingParams,
  type InstructionFileOptions,
  type ReadingOptions,
} from './envelope-options.js'
import { parseLocation } from './location.js'
import { addKeyOptions, readMasterKey, type KeyOptions } from './master-key.js'
import { Output, printable, sizeText } from './output.js'
import {
  addCustomerKeyOption,
  addMoveOptions,
  addThreadsOption,
  customerKeyParams,
  moveParams,
  threadsParam,
  type MoveOptions,
  type ThreadsOptions,
} from './transfer-options.js'

interface VerifyOptions
  extends ConnectionOptions, KeyOptions, MoveOptions, ThreadsOptions, ReadingOptions, InstructionFileOptions {
  sample?: string
  versionId?: string
  sseCKeyFile?: string
  json?: boolean
}

export function addVerify(program: Command, signal: AbortSignal): void {
  const verify = program
    .command('verify <object>')
    .description('read cos://BUCKET/KEY and check all there is to check; keeps no plaintext')
    .option('--sample <n>', 'format sealed: only n pieces of 1 MiB at random, the first and the last')
    .option('--version-id <id>', 'this version')
    .option('--json', 'for scripts')
    .action((object: string, options: VerifyOptions) => runVerify(object, options, signal))
  const moved = addThreadsOption(addMoveOptions(addCustomerKeyOption(verify), '8MiB'), 'decrypt and check')
  addConnectionOptions(addKeyOptions(addInstructionFileOption(addReadingOptions(moved))))
}

async function runVerify(object: string, options: VerifyOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const output = new Output({ json: options.json ?? false })
  const { sample, versionId } = options
  const call = {
    Bucket,
    Key,
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...moveParams(options),
    ...threadsParam(options),
    ...(sample === undefined ? {} : { sample: countOf(sample) }),
    ...(await customerKeyParams(options.sseCKeyFile)),
    ...instructionFileParam(options),
    signal,
  }
  const reading = readingParams(options)
  const connection = await connect(options)
  let watch: ReturnType<Output['progress']> | undefined
  try {
    const masterKey = await readMasterKey(options, connection)
    const clientOptions = { ...connection.clientOptions, masterKey, format: 'sealed' as const, ...reading }
    const client = new CosEncryptionClient(clientOptions)
    const found = await client
      .verify({
        ...call,
        onProgress: (progress) => {
          watch ??= output.progress(`verify ${printable(Key)}`, progress.total)
          watch.listener(progress)
        },
      })
      .finally(async () => {
        watch?.stop()
        await client.close()
      })
    const proof =
      found.verified === 'aead'
        ? 'it is what was encrypted under its data key'
        : `it is what was uploaded (${found.verified}); format ${found.format} cannot prove more`
    const part = found.CheckedLength === found.ContentLength ? 'all' : sizeText(found.CheckedLength)
    output.result(`verified ${part} of cos://${Bucket}/${printable(Key)}: ${proof}`, {
      Bucket,
      Key,
      ...found,
    })
  } finally {
    await connection.close()
  }
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new OptionError('--sample', 'must be a number from 1', { value: text })
}
