/** Conditional requests, in the order of precedence of RFC 9110, section 13.2.2. */
import type { IncomingHttpHeaders } from 'node:http'

/** What conditions are compared with. */
export interface Validators {
  /** Without quotes. */
  readonly etag: string
  /** Milliseconds since 1970. */
  readonly lastModified: number
}

/** `unmodified` is 304, `failed` 412. */
export type Verdict = 'proceed' | 'unmodified' | 'failed'

/** Judges the conditions of a GET or HEAD. Dates that cannot be read are ignored, as HTTP asks. */
export function judgeRead(headers: IncomingHttpHeaders, current: Validators): Verdict {
  const seconds = Math.floor(current.lastModified / 1000)
  const unmodifiedSince = parseDate(headers['if-unmodified-since'])
  const modifiedSince = parseDate(headers['if-modified-since'])
  if (headers['if-match'] !== undefined) {
    if (!matches(headers['if-match'], current, 'strong')) return 'failed'
  } else if (unmodifiedSince !== undefined && seconds > unmodifiedSince) return 'failed'
  if (headers['if-none-match'] !== undefined) {
    return matches(headers['if-none-match'], current, 'weak') ? 'unmodified' : 'proceed'
  }
  return modifiedSince !== undefined && seconds <= modifiedSince ? 'unmodified' : 'proceed'
}

/**
 * Judges the conditions of a write.
 *
 * @param current - The object there is now, if any.
 */
export function judgeWrite(headers: IncomingHttpHeaders, current: Validators | undefined): Verdict {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined && !(current !== undefined && matches(ifMatch, current, 'strong'))) {
    return 'failed'
  }
  if (ifNoneMatch !== undefined && current !== undefined && matches(ifNoneMatch, current, 'weak')) {
    return 'failed'
  }
  return 'proceed'
}

/** ETags are taken with or without quotes. A weak one never matches strongly. */
function matches(list: string, current: Validators, comparison: 'strong' | 'weak'): boolean {
  return list.split(',').some((item) => {
    const tag = item.trim()
    if (tag === '*') return true
    if (tag.startsWith('W/') && comparison === 'strong') return false
    return tag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1') === current.etag
  })
}

/** Whole seconds since 1970; undefined when absent or not a date. */
function parseDate(text: string | undefined): number | undefined {
  const milliseconds = Date.parse(text ?? '')
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000)
}
