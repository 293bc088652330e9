/** Options about envelopes that several commands share: formats, policy, context. */
import type { Command } from 'commander'
import type { EncryptionContext } from '../crypto/encryption-context.js'
import { WRITABLE_FORMATS, type Format } from '../crypto/format.js'
import type { Policy } from '../envelope/policy.js'
import { OptionError } from '../errors.js'
import { addRepeatable } from './master-key.js'

/** Which objects are read, and what they are about. */
export interface ReadingOptions {
  policy?: string
  context: string[]
}

/** Adds `--context`. */
export function addContextOption(command: Command): Command {
  return addRepeatable(
    command,
    '--context <name=value>',
    'what the object is about: bound to it in format sealed',
  )
}

/** Adds the options of a command that reads encrypted objects. */
export function addReadingOptions(command: Command): Command {
  return addContextOption(command).option(
    '--policy <policy>',
    'what to accept: authenticated, any, or formats such as sealed,cos',
    'authenticated',
  )
}

/** @throws OptionError */
export function readingParams({ policy = 'authenticated', context }: ReadingOptions): {
  policy: Policy
  context?: EncryptionContext
} {
  const accepted = policy === 'authenticated' || policy === 'any' ? policy : (policy.split(',') as Format[])
  return { policy: accepted, ...contextParam(context) }
}

/** @throws OptionError unless each is `name=value`. */
export function contextParam(pairs: readonly string[]): { context?: EncryptionContext } {
  if (pairs.length === 0) return {}
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=')
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)] as const
    throw new OptionError('--context', 'must be NAME=VALUE', { value: pair })
  })
  if (new Set(entries.map(([name]) => name)).size < entries.length) {
    throw new OptionError('--context', 'must not name a thing twice')
  }
  return { context: Object.fromEntries(entries) }
}

/** Adds `--format`, with the authenticated one as default. */
export function addFormatOption(command: Command): Command {
  return command.option(
    '--format <format>',
    `${WRITABLE_FORMATS.join(', ')}; sealed is authenticated, the others are what COS SDKs read`,
    'sealed',
  )
}

/** Where the envelope is looked for. */
export interface InstructionFileOptions {
  instructionFile?: boolean | string
}

/** Adds `--instruction-file`. */
export function addInstructionFileOption(command: Command): Command {
  return command.option(
    '--instruction-file [suffix]',
    'take the envelope from the object’s instruction file (COS Java SDK), which nothing authenticates',
  )
}

/** The parameter that it stands for. */
export function instructionFileParam({ instructionFile }: InstructionFileOptions): {
  InstructionFile?: boolean | string
} {
  return instructionFile === undefined ? {} : { InstructionFile: instructionFile }
}
