/** `sealstream rewrap`: another envelope for an object that stays where it is. */
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import type { Format } from '../crypto/format.js'
import { Keyring } from '../keys/keyring.js'
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
import { addKeyOptions, addRepeatable, readMasterKey, readRecipients, type KeyOptions } from './master-key.js'
import { Output, printable } from './output.js'
import {
  addMoveOptions,
  addSseOptions,
  moveParams,
  sseParams,
  type MoveOptions,
  type SseOptions,
} from './transfer-options.js'

interface RewrapOptions
  extends ConnectionOptions, KeyOptions, MoveOptions, SseOptions, ReadingOptions, InstructionFileOptions {
  to: string[]
  add: string[]
  remove: string[]
  format?: Format
  versionId?: string
  acceptUnverifiedKey?: boolean
  json?: boolean
}

export function addRewrap(program: Command, signal: AbortSignal): void {
  const rewrap = program
    .command('rewrap <object>')
    .description(
      'give cos://BUCKET/KEY another envelope: other master keys or recipients, its bytes untouched',
    )
    .option('--format <format>', 'the other dialect of the same bytes: cos or cos-python')
    .option('--version-id <id>', 'this version')
    .option(
      '--accept-unverified-key',
      'where nothing proves that the master key is right: the object was read before',
    )
    .option('--json', 'for scripts')
    .action((object: string, options: RewrapOptions) => runRewrap(object, options, signal))
  addRepeatable(
    rewrap,
    '--to <key>',
    'only these can read it then: aes:FILE, rsa:PUBLIC-KEY-FILE or kms:KEY-ID',
  )
  addRepeatable(rewrap, '--add <key>', 'format sealed: a further recipient')
  addRepeatable(rewrap, '--remove <id>', 'format sealed: a recipient that goes, by its key id')
  const read = addInstructionFileOption(addReadingOptions(rewrap))
  addConnectionOptions(addKeyOptions(addSseOptions(addMoveOptions(read, '512MiB'))))
}

async function runRewrap(object: string, options: RewrapOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const output = new Output({ json: options.json ?? false })
  const { format, versionId, acceptUnverifiedKey = false } = options
  const call = {
    Bucket,
    Key,
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...(format === undefined ? {} : { format }),
    ...instructionFileParam(options),
    ...moveParams(options),
    ...(await sseParams(options)),
    acceptUnverifiedKey,
    signal,
  }
  const reading = readingParams(options)
  const connection = await connect(options)
  try {
    const masterKey = await readMasterKey(options, connection)
    const [to, add] = await Promise.all([
      readRecipients(options.to, options, connection),
      readRecipients(options.add, options, connection),
    ])
    const client = new CosEncryptionClient({
      ...connection.clientOptions,
      masterKey,
      format: 'sealed',
      ...reading,
    })
    const [first, ...more] = to
    const stored = await client
      .rewrap({
        ...call,
        ...(first === undefined ? {} : { masterKey: more.length === 0 ? first : new Keyring({ write: to }) }),
        ...(add.length === 0 ? {} : { add }),
        ...(options.remove.length === 0 ? {} : { remove: options.remove }),
      })
      .finally(() => client.close())
    const readers = stored.recipients.length === 0 ? '' : `, readable by ${stored.recipients.join(', ')}`
    output.result(
      `rewrapped cos://${Bucket}/${printable(Key)}, format ${stored.format}, verified by ${stored.verified}${readers}`,
      stored,
    )
  } finally {
    await connection.close()
  }
}
