/** Envelopes of local files: a JSON document of headers beside the ciphertext. */
import { lstat, open, readFile, rm } from 'node:fs/promises'
import { OptionError, SealstreamError } from '../errors.js'

/** Larger than all the headers an object can have. */
const MOST_BYTES = 64 * 1024

/** Where the envelope of a file is kept unless named. @throws OptionError where there is no file to be beside. */
export function envelopePath(named: string | undefined, beside: string, option: string): string {
  if (named === '-') throw new OptionError(option, 'must be a file', { value: named })
  if (named !== undefined) return named
  if (beside !== '-') return `${beside}.envelope.json`
  throw new OptionError(option, 'must name a file where the ciphertext has none')
}

/** @throws SealstreamError `SEALSTREAM_FILE` where it cannot be read, or is none. */
export async function readEnvelopeFile(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new SealstreamError(
      'SEALSTREAM_FILE',
      `cannot read envelope ${path}: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  })
  let headers: unknown
  try {
    headers = text.length > MOST_BYTES ? undefined : JSON.parse(text)
  } catch {
    headers = undefined
  }
  const isHeaders =
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every((value) => typeof value === 'string')
  if (isHeaders) return headers as Record<string, string>
  throw new SealstreamError('SEALSTREAM_FILE', `${path} is not an envelope: a JSON object of headers`)
}

/** Finds out before anything is encrypted that there is one. @throws SealstreamError `SEALSTREAM_FILE` */
export async function assertNoEnvelopeFile(path: string): Promise<void> {
  const exists = await lstat(path).then(
    () => true,
    () => false,
  )
  if (exists) throw failed(path, EXISTS, undefined)
}

const EXISTS = 'it exists, and envelopes are never overwritten'

/**
 * Writes a new one, mode 0600. One that is there belongs to other bytes, which nobody could read without it.
 *
 * @throws SealstreamError `SEALSTREAM_FILE` where it is there, or cannot be written; nothing is left behind then.
 */
export async function createEnvelopeFile(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw failed(path, exists ? EXISTS : (error as Error).message, error)
  })
  try {
    await handle.writeFile(`${JSON.stringify(headers, null, 2)}\n`)
    await handle.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw failed(path, (error as Error).message, error)
  } finally {
    await handle.close()
  }
}

function failed(path: string, why: string, cause: unknown): SealstreamError {
  return new SealstreamError('SEALSTREAM_FILE', `cannot write envelope ${path}: ${why}`, { cause })
}

/** Headers as they are given by arguments, `name=value` or `name: value`. @throws OptionError */
export function parseHeaders(texts: readonly string[]): Record<string, string> {
  const headers = texts.map((text): [string, string] => {
    const match = /^([A-Za-z0-9-]+)(?:=|:\s*)(.*)$/s.exec(text)
    if (match?.[1] !== undefined && match[2] !== undefined) return [match[1].toLowerCase(), match[2]]
    throw new OptionError('--header', 'must be NAME=VALUE', { value: text })
  })
  if (new Set(headers.map(([name]) => name)).size < headers.length) {
    throw new OptionError('--header', 'must not name a header twice')
  }
  return Object.fromEntries(headers)
}
