/** The service of a run: COS by region, any endpoint, or the embedded server on a directory. */
import type { Command } from 'commander'
import type { CosClientOptions } from '../cos-client.js'
import { OptionError } from '../errors.js'
import type { KmsClientOptions } from '../keys/kms-client.js'
import { startServer } from '../server/index.js'

/** Options that name a service. */
export interface ConnectionOptions {
  region?: string
  endpoint?: string
  local?: string
}

/** Adds the options that name a service. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option('--local <dir>', 'use the embedded server on this directory: no account, no network')
    .option('--region <region>', 'COS region, such as ap-beijing (or COS_REGION)')
    .option('--endpoint <url>', 'another endpoint, such as http://127.0.0.1:9000 (or COS_ENDPOINT)')
}

/** A service while a command runs. */
export interface Connection {
  readonly clientOptions: Pick<CosClientOptions, 'region' | 'endpoint' | 'credentials'>
  /** How KMS is reached, as far as the service says. */
  readonly kms: Partial<Pick<KmsClientOptions, 'region' | 'endpoint' | 'credentials'>>
  /** Stops what was started for the run. */
  close(): Promise<void>
}

/** @throws OptionError where no service is named; SealstreamError `SEALSTREAM_SERVER` where the local one cannot start. */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  if (options.local !== undefined) {
    const server = await startServer({ directory: options.local })
    const { endpoint, credentials, kmsEndpoint } = server
    return {
      clientOptions: { endpoint, credentials },
      kms: { region: 'local', endpoint: kmsEndpoint, credentials },
      close: () => server.close(),
    }
  }
  const endpoint = options.endpoint ?? process.env.COS_ENDPOINT
  const region = options.region ?? process.env.COS_REGION
  if (!endpoint && !region) {
    throw new OptionError('--region', '(or --endpoint, or --local DIR) must name a service', {
      hint: 'to try without an account: --local ./store',
    })
  }
  const clientOptions = endpoint ? { endpoint } : region ? { region } : {}
  return { clientOptions, kms: region ? { region } : {}, close: () => Promise.resolve() }
}
