#!/usr/bin/env node
/** The `sealstream` command. */
import { Command, CommanderError } from 'commander'
import { VERSION } from '../internal/version.js'
import { addCp } from './cp.js'
import { addCrypt } from './crypt.js'
import { addDemo } from './demo.js'
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from './exit-code.js'
import { addGet } from './get.js'
import { addHead } from './head.js'
import { addInspect } from './inspect.js'
import { addKeygen } from './keygen.js'
import { addLs } from './ls.js'
import { reportError } from './output.js'
import { addPut } from './put.js'
import { addRestore } from './restore.js'
import { addRewrap } from './rewrap.js'
import { addRm } from './rm.js'
import { addServe } from './serve.js'
import { addUploads } from './uploads.js'
import { addVerify } from './verify.js'

/** The commands; each adds itself. */
function makeProgram(signal: AbortSignal): Command {
  const program = new Command('sealstream')
    .description(
      'Client-side encryption for Tencent COS: objects are encrypted before they leave and decrypted after they arrive.',
    )
    .version(VERSION)
    // Reported with all other errors, at the end.
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .addHelpText(
      'after',
      `
Credentials come from COS_SECRET_ID, COS_SECRET_KEY and, for temporary ones, COS_TOKEN.
${EXIT_CODES_HELP}`,
    )
  addKeygen(program)
  addPut(program, signal)
  addGet(program, signal)
  addHead(program, signal)
  addInspect(program, signal)
  addVerify(program, signal)
  addRewrap(program, signal)
  addLs(program, signal)
  addRm(program, signal)
  addCp(program, signal)
  addRestore(program, signal)
  addUploads(program, signal)
  addCrypt(program, signal)
  addServe(program, signal)
  addDemo(program, signal)
  return program
}

/** Ctrl-C ends what is under way in good order; a second one ends the process. */
function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new Error(`interrupted by ${name}`)))
  }
  return controller.signal
}

async function main(): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Nobody reads any more: end as a shell would have a program end, without a word.
    process.exit(error.code === 'EPIPE' ? EXIT.pipeClosed : EXIT.unexpected)
  })
  try {
    await makeProgram(abortOnInterrupt()).parseAsync()
  } catch (error) {
    const code = exitCodeOf(error)
    if (!isQuiet(error)) reportError(error, process.argv.includes('--json'))
    process.exitCode = code
  }
}

/** Help was shown, or nobody is left to read anything. */
function isQuiet(error: unknown): boolean {
  const { code, exitCode } = error as { code?: string; exitCode?: number }
  return (
    code === 'EPIPE' || (error instanceof CommanderError && (exitCode === 0 || code === 'commander.help'))
  )
}

void main()
