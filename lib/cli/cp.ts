/** `sealstream cp`: a copy within the service. No byte passes through here, and no master key is needed. */
import type { Command } from 'commander'
import { CosClient } from '../cos-client.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation } from './location.js'
import { Output, printable, sizeText } from './output.js'
import {
  addMoveOptions,
  addSseOptions,
  customerKeyParams,
  moveParams,
  sseParams,
  type MoveOptions,
  type SseOptions,
} from './transfer-options.js'

interface CpOptions extends ConnectionOptions, MoveOptions, SseOptions {
  sourceRegion?: string
  sourceVersionId?: string
  sourceSseCKeyFile?: string
  storageClass?: string
  json?: boolean
}

export function addCp(program: Command, signal: AbortSignal): void {
  const cp = program
    .command('cp <source> <object>')
    .description('copy cos://BUCKET/KEY within the service, envelope and all; needs no master key')
    .option('--source-region <region>', 'region of the source, where it is another')
    .option('--source-version-id <id>', 'this version of the source')
    .option('--source-sse-c-key-file <file>', 'SSE-C key of the source')
    .option('--storage-class <class>', 'of the copy; default: that of the source')
    .option('--json', 'for scripts')
    .action((source: string, object: string, options: CpOptions) => runCp(source, object, options, signal))
  addConnectionOptions(addSseOptions(addMoveOptions(cp, '512MiB')))
}

async function runCp(source: string, object: string, options: CpOptions, signal: AbortSignal): Promise<void> {
  const from = parseLocation(source)
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const output = new Output({ json: options.json ?? false })
  const move = moveParams(options)
  const sse = await sseParams(options)
  const { SSECustomerKey } = await customerKeyParams(options.sourceSseCKeyFile, '--source-sse-c-key-file')
  const { sourceRegion, sourceVersionId, storageClass } = options
  const connection = await connect(options)
  const client = new CosClient(connection.clientOptions)
  const { listener, stop } = output.progress(`cp ${printable(Key)}`, undefined)
  try {
    const stored = await client.copy({
      Bucket,
      Key,
      CopySource: {
        Bucket: from.bucket,
        Key: from.key,
        ...(sourceRegion === undefined ? {} : { Region: sourceRegion }),
        ...(sourceVersionId === undefined ? {} : { VersionId: sourceVersionId }),
      },
      ...(SSECustomerKey === undefined ? {} : { CopySourceSSECustomerKey: SSECustomerKey }),
      ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
      ...move,
      ...sse,
      onProgress: listener,
      signal,
    })
    output.result(
      `copied ${sizeText(stored.StoredLength)} to cos://${Bucket}/${printable(Key)}, verified by ${stored.verified}`,
      stored,
    )
  } finally {
    stop()
    await client.close()
    await connection.close()
  }
}
