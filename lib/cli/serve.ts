/** `sealstream serve`: the embedded server, until it is interrupted. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { OptionError, SealstreamError } from '../errors.js'
import { startServer, type ServerCredentials } from '../server/index.js'
import { Output } from './output.js'

interface ServeOptions {
  local: string
  port: string
  host: string
  json?: boolean
}

/** Beside the buckets, whose names cannot begin with a dot. */
const CREDENTIALS_FILE = '.credentials.env'

export function addServe(program: Command, signal: AbortSignal): void {
  program
    .command('serve')
    .description('run the embedded server: for development, demos and tests')
    .requiredOption('--local <dir>', 'where the objects are kept')
    .option('--port <port>', '0 takes any free port', '9000')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--json', 'for scripts')
    .addHelpText(
      'after',
      `
The server takes its key pair from COS_SECRET_ID and COS_SECRET_KEY, or makes one and
keeps it in DIR/${CREDENTIALS_FILE} (mode 0600). In another shell:

  set -a; . DIR/${CREDENTIALS_FILE}; set +a`,
    )
    .action((options: ServeOptions) => runServe(options, signal))
}

async function runServe(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const output = new Output({ json: options.json ?? false })
  if (!/^\d{1,5}$/.test(options.port))
    throw new OptionError('--port', 'must be a port number', { value: options.port })
  const fromEnvironment = environmentCredentials()
  const file = join(options.local, CREDENTIALS_FILE)
  const credentials = fromEnvironment ?? (await storedCredentials(options.local, file))
  const server = await startServer({
    directory: options.local,
    port: Number(options.port),
    host: options.host,
    credentials,
  })
  const { endpoint, directory } = server
  output.note(
    'for development, demos and tests only: one key pair, plain HTTP, no durability against power failure',
  )
  const where = fromEnvironment === undefined ? `key pair in ${file}` : 'key pair from the environment'
  output.result(`serving ${directory} at ${endpoint}, ${where}; stop with Ctrl-C`, { endpoint, directory })
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await server.close()
  output.note('stopped')
}

function environmentCredentials(): ServerCredentials | undefined {
  const { COS_SECRET_ID: secretId, COS_SECRET_KEY: secretKey } = process.env
  return secretId && secretKey ? { secretId, secretKey } : undefined
}

/** The pair of the last run, or a new one. Written before it is used, for its owner alone. */
async function storedCredentials(directory: string, file: string): Promise<ServerCredentials> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const made = {
      secretId: `local-${randomBytes(9).toString('hex')}`,
      secretKey: randomBytes(24).toString('hex'),
    }
    const text = `COS_SECRET_ID=${made.secretId}\nCOS_SECRET_KEY=${made.secretKey}\n`
    await writeFile(file, text, { flag: 'wx', mode: 0o600 })
    return made
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readCredentials(file)
    throw new SealstreamError('SEALSTREAM_FILE', `cannot write ${file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

async function readCredentials(file: string): Promise<ServerCredentials> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new SealstreamError('SEALSTREAM_FILE', `cannot read ${file}`, { cause: error })
  })
  const value = (name: string): string | undefined => new RegExp(`^${name}=(\\S+)$`, 'm').exec(text)?.[1]
  const [secretId, secretKey] = [value('COS_SECRET_ID'), value('COS_SECRET_KEY')]
  if (secretId !== undefined && secretKey !== undefined) return { secretId, secretKey }
  throw new SealstreamError('SEALSTREAM_FILE', `${file} does not hold COS_SECRET_ID= and COS_SECRET_KEY=`)
}
