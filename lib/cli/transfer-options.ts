/** Options that several commands share: how bytes are moved, and how the service encrypts them. */
import type { Command } from 'commander'
import type { CustomerKeyParams, ServerSideEncryptionParams } from '../cos/sse.js'
import { OptionError, SealstreamError } from '../errors.js'
import { readKeyFile } from '../keys/key-file.js'
import { MOST_THREADS, type TransferEvent } from '../transfer/upload-job.js'
import { parseSize } from './location.js'
import type { Output } from './output.js'

/** How bytes are moved. */
export interface MoveOptions {
  partSize?: string
  concurrency: string
}

/** How the service encrypts what it stores. */
export interface SseOptions {
  sse?: string
  sseKmsKeyId?: string
  sseCKeyFile?: string
}

/** How many threads work on a file. */
export interface ThreadsOptions {
  threads?: string
}

/** A checkpoint: true for the usual place, or a path. */
export interface ResumeOptions {
  resume?: boolean | string | undefined
}

/** Adds the options that say how bytes are moved. */
export function addMoveOptions(command: Command, defaultPartSize: string): Command {
  return command
    .option('--part-size <size>', 'bytes of a part, or with KiB, MiB, GiB', defaultPartSize)
    .option('--concurrency <n>', 'parts in flight, 1 to 256', '4')
}

/** Adds `--threads`. @param work - What they do. */
export function addThreadsOption(command: Command, work: string): Command {
  return command.option('--threads <n>', `threads that ${work}, 1 to ${MOST_THREADS} (default: by its size)`)
}

/** Adds `--resume`. */
export function addResumeOption(command: Command): Command {
  return command.option(
    '--resume [checkpoint]',
    'keep what is done, and go on with what an earlier run kept; in a hidden file beside FILE unless named',
  )
}

/** Adds the options of an object that is made. */
export function addSseOptions(command: Command): Command {
  return addCustomerKeyOption(
    command
      .option('--sse <mode>', 'have the service encrypt, too: AES256, SM4 or cos/kms')
      .option('--sse-kms-key-id <id>', 'with --sse cos/kms: the key; default: the service’s own'),
  )
}

/** Adds the key of an object that the service encrypts by it (SSE-C). */
export function addCustomerKeyOption(command: Command): Command {
  return command.option(
    '--sse-c-key-file <file>',
    'SSE-C: Base64 of the 32 bytes that the service encrypts by',
  )
}

/** @throws OptionError */
export function moveParams({ partSize, concurrency }: MoveOptions): {
  PartSize?: number
  Concurrency: number
} {
  const Concurrency = parseCount(concurrency, '--concurrency', 256)
  return { Concurrency, ...(partSize === undefined ? {} : { PartSize: parseSize(partSize, '--part-size') }) }
}

/** @throws OptionError */
export function threadsParam({ threads }: ThreadsOptions): { threads?: number } {
  return threads === undefined ? {} : { threads: parseCount(threads, '--threads', MOST_THREADS) }
}

/** A number from 1 to `most`. @throws OptionError */
export function parseCount(text: string, option: string, most: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= most) return count
  throw new OptionError(option, `must be 1 to ${most}`, { value: text })
}

/** @throws OptionError; KeyError where the key file cannot be read. */
export async function sseParams(options: SseOptions): Promise<ServerSideEncryptionParams> {
  const { sse, sseKmsKeyId } = options
  if (sse !== undefined && !['AES256', 'SM4', 'cos/kms'].includes(sse)) {
    throw new OptionError('--sse', 'must be AES256, SM4 or cos/kms', { value: sse })
  }
  return {
    ...(sse === undefined
      ? {}
      : { ServerSideEncryption: sse as NonNullable<ServerSideEncryptionParams['ServerSideEncryption']> }),
    ...(sseKmsKeyId === undefined ? {} : { SSEKMSKeyId: sseKmsKeyId }),
    ...(await customerKeyParams(options.sseCKeyFile)),
  }
}

/** @throws KeyError where the key file cannot be read. */
export async function customerKeyParams(
  file: string | undefined,
  option = '--sse-c-key-file',
): Promise<CustomerKeyParams> {
  if (file === undefined) return {}
  const text = await readKeyFile(file, option, 'the Base64 text of 32 bytes')
  return { SSECustomerKey: text.trim() }
}

/** Tells people what became of a checkpoint. */
export function eventNotes(output: Output): (event: TransferEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'resumed':
        output.note(`going on: ${event.parts} parts (${event.bytes} bytes) are there already`)
        break
      case 'restarted':
        output.note(`beginning afresh: ${event.reason}`)
        break
      case 'orphans':
        output.note(
          `uploads of this key that may have been left behind: ${event.uploadIds.join(', ')} (see sealstream uploads)`,
        )
        break
    }
  }
}

/**
 * What a transfer that did not end well leaves people to do.
 *
 * @param kept - Whether a checkpoint was asked for.
 */
export function withAdvice(error: unknown, kept: boolean): unknown {
  if (!(error instanceof SealstreamError) || error.hint !== undefined) return error
  if (!['SEALSTREAM_ABORTED', 'SEALSTREAM_CONNECTION', 'SEALSTREAM_TIMEOUT'].includes(error.code))
    return error
  const hint = kept
    ? 'what is done is kept: the same command goes on where this one ended'
    : 'with --resume, the next run goes on where this one ended'
  return new SealstreamError(error.code, error.message, { cause: error.cause, hint })
}
