/** What a run's exit status says; `sealstream help` and docs/cli.md list the same table. */
import { CommanderError } from 'commander'
import {
  EnvelopeError,
  IntegrityError,
  KeyError,
  OptionError,
  SealstreamError,
  ServiceError,
} from '../errors.js'

/** Exit statuses by meaning. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  key: 3,
  notFound: 4,
  refused: 5,
  service: 6,
  file: 7,
  interrupted: 130,
  /** What a shell reports for a program that a closed pipe ended. */
  pipeClosed: 141,
} as const

/** For help texts. */
export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    something unexpected
  2    a bad argument or option
  3    a key file or master key: missing, malformed, wrong
  4    no such object
  5    refused: not encrypted, altered, truncated, or against the policy
  6    the service: unreachable, answered with an error, or no credentials
  7    a local file could not be read or written
  130  interrupted
  141  the reader of standard output closed it`

const SERVICE_CODES = [
  'SEALSTREAM_ANSWER',
  'SEALSTREAM_CONNECTION',
  'SEALSTREAM_TIMEOUT',
  'SEALSTREAM_CREDENTIALS',
  'SEALSTREAM_SERVER',
  'SEALSTREAM_OUTCOME_UNKNOWN',
]

const FILE_CODES = ['SEALSTREAM_FILE', 'SEALSTREAM_CHECKPOINT']

/** The exit status for what a command failed with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return EXIT.pipeClosed
  // Node's own, where a pipeline was aborted between two of our streams.
  if ((error as Error | undefined)?.name === 'AbortError') return EXIT.interrupted
  if (!(error instanceof SealstreamError)) return EXIT.unexpected
  if (error instanceof OptionError || error.code === 'SEALSTREAM_METADATA') return EXIT.usage
  if (error instanceof KeyError || error.code === 'SEALSTREAM_CHECKPOINT_NEEDS_KEY') return EXIT.key
  if (error instanceof ServiceError) return error.status === 404 ? EXIT.notFound : EXIT.service
  if (error instanceof EnvelopeError || error instanceof IntegrityError) return EXIT.refused
  if (error.code === 'SEALSTREAM_ABORTED') return EXIT.interrupted
  if (error.code === 'SEALSTREAM_MEMORY' || error.code === 'SEALSTREAM_THREAD') return EXIT.unexpected
  if (FILE_CODES.includes(error.code)) return EXIT.file
  if (SERVICE_CODES.includes(error.code)) return EXIT.service
  return EXIT.refused
}
