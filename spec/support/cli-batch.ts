/** Several runs of the `sealstream` command in one process, one after the other: for tests that look at many small runs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import tsBlankSpace from 'ts-blank-space'
import { type CliOptions, type CliResult, jsonLines, runCli } from './run-cli.js'

/** Ends the arguments of each run. */
const END_OF_RUN = '\u001e'

/** A run that has ended, as the process says it. */
export interface BatchedRun {
  readonly code: number
  /** One character for each byte. */
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs commands as `runCli` does, each from its beginning to its end, for the price of one start.
 *
 * @param options - Of the process; each run that asks for it gets the same standard input.
 */
export async function runBatch(
  commands: readonly (readonly string[])[],
  options: CliOptions = {},
): Promise<CliResult[]> {
  const args = commands.flatMap((command) => [...command, END_OF_RUN])
  const secrets = [...(options.secrets ?? []), ...(await recipientKeys(args))]
  const wrap = [process.execPath, batchProcess(), END_OF_RUN]
  const { code, stdout, stderr } = await runCli(args, { deadline: 55_000, ...options, secrets, wrap })
  expect(code, stderr).to.equal(0)
  return (JSON.parse(stdout) as BatchedRun[]).map(({ code, stdout, stderr }) => {
    const bytes = Buffer.from(stdout, 'latin1')
    return { code, signal: null, bytes, stdout: bytes.toString(), stderr }
  })
}

/** Runs commands that succeed, with `--json`, and gives what the last of them printed. */
export async function batchJson(
  commands: readonly (readonly string[])[],
  options?: CliOptions,
): Promise<Record<string, unknown>> {
  const runs = await runBatch(
    commands.map((command) => [...command, '--json']),
    options,
  )
  for (const { code, stderr } of runs) expect(code, stderr).to.equal(0)
  const [said, ...more] = jsonLines(runs.at(-1)?.stdout ?? '')
  expect(more).to.deep.equal([])
  return said!
}

/** The keys that options such as `--recipient aes:FILE` name. */
async function recipientKeys(args: readonly string[]): Promise<string[]> {
  const files = args.flatMap((arg) => (arg.startsWith('aes:') ? [arg.slice('aes:'.length)] : []))
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  return texts.map((text) => text.trim()).filter((text) => text !== '')
}

let made: string | undefined

/** The module that runs them, as Node takes it. */
function batchProcess(): string {
  if (made !== undefined) return made
  const folder = mkdtempSync(join(tmpdir(), 'sealstream-cli-batch-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const source = fileURLToPath(new URL('cli-batch-process.ts', import.meta.url))
  const path = join(folder, 'cli-batch-process.mjs')
  writeFileSync(path, tsBlankSpace(readFileSync(source, 'utf8')))
  return (made = path)
}
