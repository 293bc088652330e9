/** Byte ranges as HTTP writes them. Pure. */
import { OptionError, SealstreamError } from '../errors.js'

/** First and last position, both inclusive. */
export interface Positions {
  readonly start: number
  readonly end: number
}

/**
 * @returns The range as it is.
 * @throws {@link OptionError} unless it is one range of bytes. HTTP would have the service ignore a malformed one and send
 *   everything.
 */
export function checkRange(range: unknown): string {
  const match =
    typeof range === 'string' ? /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/.exec(range) : null
  const [, first, last] = match ?? []
  if (match === null || (first !== undefined && last !== undefined && Number(first) > Number(last))) {
    throw new OptionError('Range', 'must be bytes=first-last, bytes=first- or bytes=-count', { value: range })
  }
  return match[0]
}

/**
 * What a `Range` header means for `size` bytes.
 *
 * @param range - `bytes=first-last`, `bytes=first-` or `bytes=-count`.
 * @throws {@link OptionError} on another form; SealstreamError `SEALSTREAM_RANGE` when no byte lies in it.
 */
export function resolveRange(range: string, size: number): Positions {
  const [first = '', last = ''] = checkRange(range).slice('bytes='.length).split('-')
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start <= end) return { start, end }
  throw new SealstreamError('SEALSTREAM_RANGE', `range ${range} lies outside the object of ${size} bytes`)
}

/**
 * Makes sure that an answer carries the range that was asked for.
 *
 * @param asked - The Range header of the request; undefined for a whole object.
 * @throws SealstreamError `SEALSTREAM_ANSWER` when it carries anything else.
 */
export function checkAnsweredRange(
  asked: string | undefined,
  answer: { status: number; contentRange: string | undefined; length: number },
): void {
  const { status, contentRange = '', length } = answer
  if (asked === undefined) {
    if (status === 206) throw unasked('everything', contentRange)
    return
  }
  const [, size] = /^bytes \d{1,15}-\d{1,15}\/(\d{1,15})$/.exec(contentRange) ?? []
  if (status !== 206 || size === undefined || Number(size) === 0) throw unasked(asked, contentRange)
  const { start, end } = resolveRange(asked, Number(size))
  if (contentRange !== `bytes ${start}-${end}/${size}` || length !== end - start + 1)
    throw unasked(asked, contentRange)
}

function unasked(asked: string, found: string): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_ANSWER',
    `getObject: asked for ${asked}, got ${found || 'everything'}`,
  )
}
