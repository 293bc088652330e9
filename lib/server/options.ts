/** The options of `startServer`, checked once. */
import { randomBytes } from 'node:crypto'
import { OptionError } from '../errors.js'
import { assertInteger, assertKnown, assertText } from '../internal/assert.js'
import type { ServerLog } from './exchange.js'
import { checkFaults, type Fault } from './faults/fault.js'
import { checkKmsOptions, type KmsOptions } from './kms/keys.js'
import type { Observers } from './observers.js'
import type { ServerCredentials } from './verify-signature.js'

/** How to start a server. Everything has a default. */
export interface ServerOptions extends Observers {
  /** Where objects are kept; made if missing. Default: a temporary folder that `close` removes. */
  directory?: string | undefined
  /** TCP port. Default 0: any free one. */
  port?: number | undefined
  /** Address to listen on. Default `127.0.0.1`; anything else than loopback opens the store to the network. */
  host?: string | undefined
  /** The only key pair that requests may be signed with. Default: a random one. */
  credentials?: ServerCredentials | undefined
  /** Milliseconds since 1970. Default `Date.now`. */
  clock?: (() => number) | undefined
  /** Receives one line about the start and each unexpected failure. Default: nothing is logged. */
  log?: ServerLog | undefined
  /**
   * Serve HTTPS only, with a self-signed certificate made at each start: `RunningServer.certificate`. Default false.
   * Its private key is in memory alone.
   */
  https?: boolean | undefined
  /** For tests: what is to go wrong. More can be added while the server runs. */
  faults?: readonly Fault[] | undefined
  /** The master keys of the server's KMS. Default: every key that is named exists. */
  kms?: KmsOptions | undefined
}

/** Options whose absence means something of its own. */
type Absentable = 'directory' | keyof Observers

/** {@link ServerOptions} with defaults filled in; `directory` stays undefined for a temporary one. */
export type ResolvedOptions = Readonly<
  Required<Pick<ServerOptions, Absentable>> & {
    [Name in Exclude<keyof ServerOptions, Absentable>]-?: Exclude<ServerOptions[Name], undefined>
  }
>

const NAMES = [
  'directory',
  'port',
  'host',
  'credentials',
  'clock',
  'log',
  'https',
  'faults',
  'kms',
  'onRequest',
  'onBody',
] as const satisfies (keyof ServerOptions)[]

/** @throws {@link OptionError} for an unknown name or a value of the wrong kind. */
export function resolveOptions(given: ServerOptions): ResolvedOptions {
  assertKnown(given, '', NAMES)
  const { directory, port = 0, host = '127.0.0.1', clock = Date.now, log = () => undefined } = given
  const { https = false, onRequest, onBody } = given
  if (directory !== undefined) assertText(directory, 'directory')
  assertInteger(port, 'port', 0, 65_535)
  assertText(host, 'host')
  assertFunction(clock, 'clock')
  assertFunction(log, 'log')
  if (typeof https !== 'boolean') throw new OptionError('https', 'must be true or false', { value: https })
  if (onRequest !== undefined) assertFunction(onRequest, 'onRequest')
  if (onBody !== undefined) assertFunction(onBody, 'onBody')
  const faults = checkFaults(given.faults ?? [], https)
  const kms = checkKmsOptions(given.kms === undefined ? {} : given.kms)
  const credentials = given.credentials === undefined ? randomCredentials() : checked(given.credentials)
  return { directory, port, host, credentials, clock, log, https, faults, kms, onRequest, onBody }
}

function checked(given: ServerCredentials): ServerCredentials {
  assertKnown(given, 'credentials', ['secretId', 'secretKey'])
  const { secretId, secretKey } = given
  // assertText quotes what it refuses, which for a secret must not happen.
  for (const [name, text] of Object.entries({ secretId, secretKey })) {
    if (typeof text !== 'string' || text === '') {
      throw new OptionError(`credentials.${name}`, 'must be a string that is not empty')
    }
  }
  return { secretId, secretKey }
}

/** The form of Tencent Cloud's key pairs: 36 and 32 letters and digits. */
function randomCredentials(): ServerCredentials {
  return { secretId: `AKID${randomBytes(16).toString('hex')}`, secretKey: randomBytes(16).toString('hex') }
}

function assertFunction(value: unknown, option: string): void {
  if (typeof value !== 'function') throw new OptionError(option, 'must be a function', { value })
}
