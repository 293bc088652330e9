/** `sealstream inspect`: an envelope in words. No master key is needed, and no secret is shown. */
import type { Command } from 'commander'
import { makeService } from '../cos-client.js'
import { headObject } from '../cos/head-object.js'
import { FORMATS } from '../crypto/format.js'
import { envelopeOf } from '../encrypted/open-object.js'
import { envelopeHeaders } from '../envelope/headers.js'
import { readEnvelope, type ForeignMetadata } from '../envelope/read-envelope.js'
import { LengthError } from '../errors.js'
import { kindOf, type Wrapped } from '../keys/master-key.js'
import { addConnectionOptions, connect, type Connection, type ConnectionOptions } from './connection.js'
import { readEnvelopeFile } from './envelope-file.js'
import {
  addInstructionFileOption,
  instructionFileParam,
  type InstructionFileOptions,
} from './envelope-options.js'
import { parseLocation } from './location.js'
import { Output } from './output.js'
import { addCustomerKeyOption, customerKeyParams } from './transfer-options.js'

interface InspectOptions extends ConnectionOptions, InstructionFileOptions {
  versionId?: string
  sseCKeyFile?: string
  json?: boolean
}

/** Headers, and the stored size where an object has them. */
interface Found {
  readonly headers: ForeignMetadata
  readonly storedLength?: number
}

export function addInspect(program: Command, signal: AbortSignal): void {
  const inspect = program
    .command('inspect <object>')
    .description(
      'the envelope of cos://BUCKET/KEY, or of an envelope FILE: format, recipients, sizes; shows no secrets',
    )
    .option('--version-id <id>', 'this version')
    .option('--json', 'for scripts')
    .action((object: string, options: InspectOptions) => runInspect(object, options, signal))
  addConnectionOptions(addInstructionFileOption(addCustomerKeyOption(inspect)))
}

async function runInspect(object: string, options: InspectOptions, signal: AbortSignal): Promise<void> {
  const output = new Output({ json: options.json ?? false })
  const isStored = object.startsWith('cos://')
  const found = isStored
    ? await withConnection(options, (connection) => fromService(object, options, connection, signal))
    : { headers: await readEnvelopeFile(object) }
  const facts = describe(found)
  const width = Math.max(...Object.keys(facts).map((name) => name.length))
  const lines = Object.entries(facts).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (each, index) => `${(index === 0 ? name : '').padEnd(width)}  ${show(each)}`,
    ),
  )
  output.result(lines.join('\n'), facts)
}

async function withConnection<Result>(
  options: ConnectionOptions,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await connect(options)
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

async function fromService(
  object: string,
  options: InspectOptions,
  { clientOptions }: Connection,
  signal: AbortSignal,
): Promise<Found> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const version = options.versionId === undefined ? {} : { VersionId: options.versionId }
  const customerKey = await customerKeyParams(options.sseCKeyFile)
  const service = makeService(clientOptions)
  try {
    const head = await headObject(service, { Bucket, Key, ...version, ...customerKey, signal })
    const place = { Bucket, Key, ...customerKey, ...instructionFileParam(options), signal }
    const headers = await envelopeOf({ service }, place, head.$metadata.headers)
    return { headers, storedLength: head.ContentLength }
  } finally {
    await service.http.close()
  }
}

function describe({ headers, storedLength }: Found): Record<string, unknown> {
  const { format, dialect, recipients } = readEnvelope(headers)
  const { cipher, authenticated } = FORMATS[format]
  const texts = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  const envelope = envelopeHeaders(
    Object.fromEntries(texts.map(([name, value]) => [name.toLowerCase(), value])),
  )
  const bytes = Object.entries(envelope).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  const description = recipients[0]?.description
  return {
    format,
    dialect,
    authenticated,
    recipients: recipients.map(describeRecipient),
    ...(description === undefined ? {} : { description: JSON.parse(description) as unknown }),
    envelopeBytes: bytes,
    ...(storedLength === undefined
      ? {}
      : sizes(storedLength, (length) => cipher.plaintextSize(length), cipher.isSizeExact)),
  }
}

function describeRecipient({
  scheme,
  alternatives = [],
  key,
  keyId,
  isIvPlain,
}: Wrapped): Record<string, unknown> {
  return {
    kind: kindOf(scheme),
    ...(keyId === undefined ? {} : { keyId }),
    wrappedBy: [scheme, ...alternatives].join(' or '),
    wrappedKeyBytes: key.length,
    ...(isIvPlain === true ? { iv: 'in the clear' } : {}),
  }
}

function sizes(
  stored: number,
  plaintextSize: (stored: number) => number,
  isExact: boolean,
): Record<string, unknown> {
  try {
    const size = plaintextSize(stored)
    return isExact
      ? { ContentLength: size, StoredLength: stored }
      : { mostContentLength: size, StoredLength: stored }
  } catch (error) {
    if (error instanceof LengthError) return { StoredLength: stored, problem: error.message }
    throw error
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
