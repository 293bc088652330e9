/** The process of cli-batch.ts: runs `lib/cli/main` once for each of the commands in its arguments, and prints what came of them. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import type { BatchedRun } from './cli-batch.js'

/** After the interpreter's arguments: what ends each run's, the interpreter again, and what it would run. */
const [, , end = '', , main = '', ...args] = process.argv
void runAll()

async function runAll(): Promise<void> {
  const source = absoluteImports(readFileSync(main, 'utf8'))
  const input = await buffer(process.stdin)
  const print = process.stdout.write.bind(process.stdout)
  const results: BatchedRun[] = []
  // A stream that is piped into it leaves its listeners behind.
  process.stdout.setMaxListeners(0)
  for (const command of commandsOf()) {
    const printed = { stdout: capture('stdout'), stderr: capture('stderr') }
    const stdin = Readable.from([input], { objectMode: false })
    Object.defineProperty(process, 'stdin', { value: stdin, configurable: true })
    process.argv.splice(1, Infinity, main, ...command)
    // Not by its own address: each run has to begin anew.
    await import(`data:text/javascript,${encodeURIComponent(`${source}\n// run ${results.length}`)}`)
    // A process ends when nothing is left to do.
    await new Promise((resolve) => process.once('beforeExit', resolve))
    results.push({
      code: Number(process.exitCode ?? 0),
      stdout: Buffer.concat(printed.stdout).toString('latin1'),
      stderr: Buffer.concat(printed.stderr).toString(),
    })
    process.exitCode = 0
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
    process.stdout.removeAllListeners('error')
  }
  print(JSON.stringify(results))
}

function commandsOf(): string[][] {
  const commands: string[][] = [[]]
  for (const arg of args) {
    if (arg === end) commands.push([])
    else commands.at(-1)?.push(arg)
  }
  return commands.slice(0, -1)
}

/** A module has no place of its own in a data URL. */
function absoluteImports(source: string): string {
  const commander = pathToFileURL(createRequire(main).resolve('commander')).href
  return source
    .replace(`from 'commander'`, `from '${commander}'`)
    .replace(
      /from '(\.\.?\/[^']+)'/g,
      (_, name: string) => `from '${new URL(name, pathToFileURL(main)).href}'`,
    )
}

/** All that is written from now on. */
function capture(name: 'stdout' | 'stderr'): Buffer[] {
  const chunks: Buffer[] = []
  process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    chunks.push(Buffer.from(chunk as Uint8Array))
    const done = rest.find((value) => typeof value === 'function')
    if (done !== undefined) process.nextTick(done)
    return true
  }
  return chunks
}
