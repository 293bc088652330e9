/**
 * Runs the `sealstream` command as a user does: as a process of its own, from an environment without settings of ours.
 * Every run is checked for secrets in what it printed, and nothing that was started outlives its test.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import { cliModules, ROOT } from './cli-modules.js'
import { expectNoTrace } from './secrecy.js'

export { ROOT }

/** How to run the command. */
export interface CliOptions {
  /** What standard input carries. Default: nothing. */
  readonly stdin?: Buffer | string | Readable
  /** Added to the cleaned environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Default: that of the tests. */
  readonly umask?: number
  /** A command that runs the rest of its arguments, such as `['sh', '-c', 'exec "$@"', 'sh']`. */
  readonly wrap?: readonly string[]
  /** Texts that must not be printed, besides those that the arguments and the environment name. */
  readonly secrets?: readonly string[]
  /** Milliseconds after which a run counts as hanging. It is killed, and the test fails. Default 30,000. */
  readonly deadline?: number
  /** Through which modules of `lib` are loaded. Default: the same as `ts-blank-space/register`, done beforehand. */
  readonly register?: string
}

/** A run that has ended. */
export interface CliResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly bytes: Buffer
  readonly stdout: string
  readonly stderr: string
}

/** A run under way. */
export interface CliProcess {
  readonly child: ChildProcessWithoutNullStreams
  readonly result: Promise<CliResult>
  /** Resolves with all that was printed on `stream` as soon as it matches; rejects when the process ends before. */
  printed(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<string>
}

/** Runs the command to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result
}

/** Runs the command several times, a few at once, for tests that look at one run each. */
export async function runEach(
  runs: readonly (readonly string[])[],
  options?: CliOptions,
): Promise<CliResult[]> {
  const results: CliResult[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < runs.length; at = next++) results[at] = await runCli(runs[at] ?? [], options)
  }
  await Promise.all([worker(), worker(), worker()])
  return results
}

/** Runs the command to its end and parses what it printed: one JSON document per line. */
export async function runJson(
  args: readonly string[],
  options: CliOptions = {},
): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await runCli([...args, '--json'], options)
  expect(code, stderr).to.equal(0)
  return jsonLines(stdout)
}

/** One JSON document per line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  if (text === '') return []
  expect(text.endsWith('\n'), 'ends with a newline').to.equal(true)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The line `sealstream: error: ...`, without its beginning; fails where there is not exactly one. */
export function errorOf({ stderr }: CliResult): string {
  return only(stderr, 'error')
}

/** The line `sealstream: hint: ...`, without its beginning. */
export function hintOf({ stderr }: CliResult): string {
  return only(stderr, 'hint')
}

function only(stderr: string, kind: string): string {
  const found = [...stderr.matchAll(new RegExp(`^sealstream: ${kind}: (.*)$`, 'gm'))]
  expect(found, stderr).to.have.lengthOf(1)
  const text = found[0]?.[1] ?? ''
  // What a service says is quoted as it is.
  if (!/: HTTP \d{3}/.test(text)) expect(text, 'no full stop').not.to.match(/\.$/)
  expect(stderr, 'no stack trace').not.to.match(/^\s+at /m)
  return text
}

const running = new Set<ChildProcessWithoutNullStreams>()
// For a run of the tests that is broken off; every process ends by itself or at its deadline.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts the command. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const { stdin = '', wrap = [], umask } = options
  const { register } = options
  const modules = cliModules()
  const masked = umask === undefined ? [] : ['sh', '-c', `umask ${umask.toString(8)}; exec "$@"`, 'sh']
  const main = register === undefined ? [modules.main] : ['--import', register, join('lib', 'cli', 'main.ts')]
  const coverage =
    process.env.NODE_V8_COVERAGE === undefined || register !== undefined
      ? undefined
      : modules.coverageFolder()
  const [command = '', ...rest] = [...masked, ...wrap, process.execPath, ...main, ...args]
  const env = environment({
    ...options.env,
    ...(coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }),
  })
  const child = spawn(command, rest, { cwd: ROOT, env, stdio: 'pipe' })
  running.add(child)
  child.once('close', () => running.delete(child))
  const source = stdin instanceof Readable ? stdin : Readable.from([stdin])
  // A process that ends without reading all of its input is no failure of the test.
  const fed = pipeline(source, child.stdin).catch(() => undefined)

  const printed = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => printed[name].push(chunk))
  }
  const hung = new AbortController()
  const deadline = setTimeout(() => {
    hung.abort()
    child.kill('SIGKILL')
  }, options.deadline ?? 30_000)
  const result = (async (): Promise<CliResult> => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    clearTimeout(deadline)
    if (coverage !== undefined) modules.passOn(coverage)
    source.destroy()
    await fed
    const bytes = Buffer.concat(printed.stdout)
    const stderr = Buffer.concat(printed.stderr).toString()
    if (hung.signal.aborted) throw new Error(`sealstream ${args.join(' ')} hangs; it has printed: ${stderr}`)
    await expectNoSecrets(`${bytes.toString('latin1')}\n${bytes.toString()}\n${stderr}`, args, options)
    return { code, signal, bytes, stdout: bytes.toString(), stderr }
  })()
  result.catch(() => undefined)
  return {
    child,
    result,
    async printed(name, pattern) {
      for (;;) {
        const text = Buffer.concat(printed[name]).toString()
        if (pattern.test(text)) return text
        const ended = await Promise.race([once(child[name], 'data').then(() => undefined), result])
        if (ended !== undefined) throw new Error(`ended with ${String(ended.code)}: ${ended.stderr}`)
      }
    },
  }
}

/** Ours without the settings of the command; coverage of child processes goes on. */
function environment(added: CliOptions['env'] = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(COS|SEALSTREAM)_/.test(name) && name !== 'NODE_OPTIONS',
  )
  return { ...Object.fromEntries(kept), ...added }
}

/** Options and positions that name a file with a secret in it. */
const SECRET_FILE_OPTIONS = ['--aes-key', '--rsa-private-key', '--passphrase-file']
const SECRET_VARIABLES = ['COS_SECRET_KEY', 'COS_TOKEN', 'SEALSTREAM_AES_KEY', 'SEALSTREAM_PASSPHRASE']

/** Looks for every secret that the run had in hand, and for keys that it made. */
async function expectNoSecrets(
  output: string,
  args: readonly string[],
  { env = {}, secrets = [] }: CliOptions,
): Promise<void> {
  const files = args.flatMap((arg, at) => {
    const next = args[at + 1]
    if (next === undefined) return []
    if (SECRET_FILE_OPTIONS.includes(arg)) return [next]
    return arg === '--local' ? [join(next, '.credentials.env')] : []
  })
  if (args[0] === 'keygen') files.push(args[2] ?? '')
  const contents = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  const texts = [
    ...secrets,
    ...SECRET_VARIABLES.map((name) => env[name] ?? ''),
    ...contents.filter((text) => !text.includes('PUBLIC KEY')).flatMap((text) => text.split(/\r?\n/)),
  ].map((text) => text.replace(/^COS_SECRET_KEY=/, ''))
  for (const text of texts) {
    if (text.length < 8 || text.startsWith('-----') || text.startsWith('COS_SECRET_ID=')) continue
    expect(output.includes(text), `the output of sealstream ${args.join(' ')} shows a secret`).to.equal(false)
    const bytes = Buffer.from(text, 'base64')
    if (bytes.length >= 16) expectNoTrace(output, bytes, `the output of sealstream ${args.join(' ')}`)
  }
}
