/** The folder of a running test of `encrypt` or `decrypt`, pipes that fall silent, and runs that are refused. */
import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { type CliResult, errorOf } from './run-cli.js'
import { at } from './side-by-side.js'

/** Names of all that is in the folder of the running test, hidden files as well. */
export async function here(): Promise<string[]> {
  return (await readdir(dirname(at('x')))).sort()
}

/** A pipe that has begun and says nothing more. */
export function silent(beginning: Buffer): Readable {
  const pipe = new Readable({ read: () => undefined })
  pipe.push(beginning)
  return pipe
}

/** All of them ended with `code`, one error in words, and nothing on standard output. */
export function expectRefused(runs: readonly CliResult[], code: number): void {
  for (const run of runs) {
    expect(run, run.stderr).to.include({ code, stdout: '' })
    errorOf(run)
  }
}
