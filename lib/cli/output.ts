/** What the command line says: results on stdout, everything else on stderr. */
import { SingleBar } from 'cli-progress'
import { CommanderError } from 'commander'
import { SealstreamError } from '../errors.js'
import type { ProgressListener } from '../internal/progress.js'

/** Between two plain progress lines. */
const LINES_PER_TRANSFER = 4
const LINE_EVERY_BYTES = 256 * 1024 * 1024

/** Where and how a run writes. Lower case, no full stop: `sealstream: error: ...`. */
export class Output {
  readonly #json: boolean
  readonly #stdout: NodeJS.WritableStream
  readonly #stderr: NodeJS.WritableStream & { isTTY?: boolean }

  /**
   * @param options - `json`: one JSON document per result, no progress. `resultsOn`: `stderr` where stdout carries an
   *   object's bytes.
   */
  constructor(options: { json: boolean; resultsOn?: 'stdout' | 'stderr' }) {
    this.#json = options.json
    this.#stderr = process.stderr
    this.#stdout = options.resultsOn === 'stderr' ? process.stderr : process.stdout
  }

  /** A result: `text` for people, `data` for scripts. */
  result(text: string, data: object): void {
    this.#stdout.write(`${this.#json ? JSON.stringify(data) : printableLines(text)}\n`)
  }

  /** A remark on the way; not for scripts. */
  note(text: string): void {
    if (!this.#json) this.#stderr.write(`${printableLines(text)}\n`)
  }

  /** Shows a transfer; `stop` ends the bar. */
  progress(label: string, total: number | undefined): { listener: ProgressListener; stop: () => void } {
    if (this.#json) return { listener: () => undefined, stop: () => undefined }
    return this.#stderr.isTTY === true && total !== undefined && total > 0
      ? bar(label, total)
      : { listener: lines(label, total, (line) => this.note(line)), stop: () => undefined }
  }
}

/** An error and its hint, each on a line of its own; as JSON where the run is for scripts. */
export function reportError(error: unknown, json: boolean): void {
  const { code, message, hint } = describe(error)
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: { code, message, hint } })}\n`)
    return
  }
  process.stderr.write(`sealstream: error: ${printable(message)}\n`)
  if (hint !== undefined) process.stderr.write(`sealstream: hint: ${printable(hint)}\n`)
}

function describe(error: unknown): { code: string; message: string; hint?: string | undefined } {
  if (error instanceof SealstreamError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof CommanderError)) return { code: 'UNEXPECTED', message }
  // `error: unknown option '--x'` and a possible `(Did you mean --y?)` on a line of its own.
  const [problem = '', suggestion] = message.replace(/^error: /, '').split('\n')
  const hint = suggestion?.replace(/^\((.*)\)$/, '$1') ?? 'see sealstream --help'
  return { code: 'SEALSTREAM_OPTION', message: problem.replace(/\.$/, ''), hint }
}

/** `1,234,567` bytes as `1.2 MB`: powers of ten, like the MB/s beside it. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3))
  const value = bytes / 1000 ** power
  return `${value.toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`
}

function bar(label: string, total: number): { listener: ProgressListener; stop: () => void } {
  const shown = new SingleBar({
    format: `${label} {bar} {percentage}% {done} of ${sizeText(total)}, {rate}/s, {eta_formatted} left`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: false,
  })
  const rate = meter()
  shown.start(total, 0, { done: sizeText(0), rate: sizeText(0) })
  return {
    listener: ({ bytes }) => shown.update(bytes, { done: sizeText(bytes), rate: sizeText(rate(bytes)) }),
    stop: () => shown.stop(),
  }
}

/** Bytes per second since it was made; what the first report counts was there before. */
function meter(): (bytes: number) => number {
  const began = performance.now()
  let before: number | undefined
  return (bytes) => {
    before ??= bytes
    return ((bytes - before) * 1000) / Math.max(1, performance.now() - began)
  }
}

/** A line now and then: by quarters where the total is known. */
function lines(label: string, total: number | undefined, write: (line: string) => void): ProgressListener {
  const step = total === undefined ? LINE_EVERY_BYTES : Math.max(total / LINES_PER_TRANSFER, 1)
  const rate = meter()
  let next = step
  return ({ bytes }) => {
    const speed = rate(bytes)
    if (bytes < next) return
    next = (Math.floor(bytes / step) + 1) * step
    const share = total === undefined ? '' : ` of ${sizeText(total)} (${Math.floor((bytes / total) * 100)} %)`
    write(`${label}: ${sizeText(bytes)}${share}, ${sizeText(speed)}/s`)
  }
}

/** A key, or a service's message, may hold control characters; a terminal must not obey them. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0')
    return `\\u${code}`
  })
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
