/** `sealstream head`: what the service knows of an object. No master key is needed. */
import type { Command } from 'commander'
import { CosClient } from '../cos-client.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { FORMATS, type Format } from '../crypto/format.js'
import { withoutEnvelope } from '../encrypted/encryption.js'
import { readEnvelope } from '../envelope/read-envelope.js'
import { EnvelopeError } from '../errors.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation } from './location.js'
import { Output } from './output.js'
import { addCustomerKeyOption, customerKeyParams } from './transfer-options.js'

interface HeadOptions extends ConnectionOptions {
  versionId?: string
  sseCKeyFile?: string
  json?: boolean
}

export function addHead(program: Command, signal: AbortSignal): void {
  const head = program
    .command('head <object>')
    .description('sizes, format and metadata of cos://BUCKET/KEY; needs no master key')
    .option('--version-id <id>', 'this version')
    .option('--json', 'for scripts')
    .action((object: string, options: HeadOptions) => runHead(object, options, signal))
  addConnectionOptions(addCustomerKeyOption(head))
}

async function runHead(object: string, options: HeadOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const version = options.versionId === undefined ? {} : { VersionId: options.versionId }
  const customerKey = await customerKeyParams(options.sseCKeyFile)
  const connection = await connect(options)
  try {
    const client = new CosClient(connection.clientOptions)
    const head = await client.headObject({ Bucket, Key, ...version, ...customerKey, signal })
    await client.close()
    const facts = describe(head)
    const width = Math.max(...Object.keys(facts).map((name) => name.length))
    const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(width)}  ${show(value)}`)
    new Output({ json: options.json ?? false }).result(lines.join('\n'), { Bucket, Key, ...facts })
  } finally {
    await connection.close()
  }
}

function describe(head: HeadObjectResult): Record<string, unknown> {
  const { $metadata, Metadata, ContentLength: StoredLength, ...rest } = head
  const { format, problem } = detect(head)
  const size =
    format === undefined ? {} : { ContentLength: FORMATS[format].cipher.plaintextSize(StoredLength) }
  return {
    format: format ?? `none (${problem ?? ''})`,
    ...size,
    StoredLength,
    ...rest,
    Metadata: withoutEnvelope(Metadata),
  }
}

/** An object that is not encrypted, or in a way this version does not read, still has a size and a date. */
function detect(head: HeadObjectResult): { format?: Format; problem?: string } {
  try {
    return { format: readEnvelope(head.$metadata.headers).format }
  } catch (error) {
    if (error instanceof EnvelopeError) return { problem: error.message }
    throw error
  }
}

function show(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'string' ? value : JSON.stringify(value)
}
