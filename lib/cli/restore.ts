/** `sealstream restore`: has an archived object made readable. */
import type { Command } from 'commander'
import { CosClient } from '../cos-client.js'
import type { RestoreObjectParams } from '../cos/restore-object.js'
import { OptionError } from '../errors.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation } from './location.js'
import { Output, printable } from './output.js'
import { addCustomerKeyOption, customerKeyParams } from './transfer-options.js'

interface RestoreOptions extends ConnectionOptions {
  days: string
  tier: string
  versionId?: string
  sseCKeyFile?: string
  json?: boolean
}

const TIERS = ['Expedited', 'Standard', 'Bulk'] as const

export function addRestore(program: Command, signal: AbortSignal): void {
  const restore = program
    .command('restore <object>')
    .description('make the archived cos://BUCKET/KEY readable for some days; `head` tells how far it is')
    .option('--days <n>', 'how long, 1 to 365', '1')
    .option('--tier <tier>', 'how soon: Expedited, Standard or Bulk', 'Standard')
    .option('--version-id <id>', 'this version')
    .option('--json', 'for scripts')
    .action((object: string, options: RestoreOptions) => runRestore(object, options, signal))
  addConnectionOptions(addCustomerKeyOption(restore))
}

async function runRestore(object: string, options: RestoreOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const RestoreRequest = restoreRequest(options)
  const version = options.versionId === undefined ? {} : { VersionId: options.versionId }
  const customerKey = await customerKeyParams(options.sseCKeyFile)
  const connection = await connect(options)
  const client = new CosClient(connection.clientOptions)
  try {
    const { $metadata } = await client.restoreObject({
      Bucket,
      Key,
      RestoreRequest,
      ...version,
      ...customerKey,
      signal,
    })
    const state = $metadata.status === 202 ? 'is being restored' : 'is restored already; its time was renewed'
    new Output({ json: options.json ?? false }).result(`cos://${Bucket}/${printable(Key)} ${state}`, {
      Bucket,
      Key,
      status: $metadata.status,
    })
  } finally {
    await client.close()
    await connection.close()
  }
}

function restoreRequest({ days, tier }: RestoreOptions): RestoreObjectParams['RestoreRequest'] {
  const Days = /^\d{1,3}$/.test(days) ? Number(days) : 0
  if (Days < 1 || Days > 365) throw new OptionError('--days', 'must be 1 to 365', { value: days })
  const Tier = TIERS.find((name) => name.toLowerCase() === tier.toLowerCase())
  if (Tier === undefined)
    throw new OptionError('--tier', `must be one of ${TIERS.join(', ')}`, { value: tier })
  return { Days, CASJobParameters: { Tier } }
}
