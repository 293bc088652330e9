/** `sealstream ls`: the objects of a bucket. */
import type { Command } from 'commander'
import { CosClient } from '../cos-client.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parsePrefix } from './location.js'
import { Output, printable } from './output.js'

interface LsOptions extends ConnectionOptions {
  json?: boolean
}

export function addLs(program: Command, signal: AbortSignal): void {
  const ls = program
    .command('ls <location>')
    .description('list cos://BUCKET or cos://BUCKET/PREFIX: stored bytes, date, key')
    .option('--json', 'for scripts: one document per object')
    .action((location: string, options: LsOptions) => runLs(location, options, signal))
  addConnectionOptions(ls)
}

async function runLs(location: string, options: LsOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Prefix } = parsePrefix(location)
  const output = new Output({ json: options.json ?? false })
  const connection = await connect(options)
  try {
    const client = new CosClient(connection.clientOptions)
    let Marker: string | undefined = ''
    while (Marker !== undefined) {
      const page: Awaited<ReturnType<CosClient['listObjects']>> = await client.listObjects({
        Bucket,
        Prefix,
        Marker,
        signal,
      })
      for (const object of page.Contents) {
        const { Size, LastModified, Key } = object
        output.result(
          `${String(Size).padStart(14)}  ${LastModified.toISOString()}  ${printable(Key)}`,
          object,
        )
      }
      Marker = page.NextMarker
    }
    await client.close()
  } finally {
    await connection.close()
  }
}
