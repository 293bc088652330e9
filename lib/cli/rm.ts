/** `sealstream rm`: deletes an object. */
import type { Command } from 'commander'
import { CosClient } from '../cos-client.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation } from './location.js'
import { Output, printable } from './output.js'

interface RmOptions extends ConnectionOptions {
  json?: boolean
}

export function addRm(program: Command, signal: AbortSignal): void {
  const rm = program
    .command('rm <object>')
    .description('delete cos://BUCKET/KEY; deleting what is not there succeeds')
    .option('--json', 'for scripts')
    .action((object: string, options: RmOptions) => runRm(object, options, signal))
  addConnectionOptions(rm)
}

async function runRm(object: string, options: RmOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const connection = await connect(options)
  try {
    const client = new CosClient(connection.clientOptions)
    await client.deleteObject({ Bucket, Key, signal })
    await client.close()
    new Output({ json: options.json ?? false }).result(`deleted cos://${Bucket}/${printable(Key)}`, {
      Bucket,
      Key,
      deleted: true,
    })
  } finally {
    await connection.close()
  }
}
