/** Percent-encoding, done here and strictly: URL parsers rewrite `//`, `..` and `+`, which are ordinary parts of keys. */
import { Refusal } from './refusal.js'

/**
 * Decodes `%XX` escapes of UTF-8 text. A `+` stays a plus.
 *
 * @throws `InvalidURI` when an escape is incomplete or the bytes are not UTF-8.
 */
export function percentDecode(text: string): string {
  // decodeURIComponent refuses both faults; only raw bytes above 127 (Latin-1 here) need to become escapes first.
  const ascii = text.replace(/[^\u0000-\u007f]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
  try {
    return decodeURIComponent(ascii)
  } catch {
    throw new Refusal('InvalidURI', 'The URI holds an invalid percent-encoding.')
  }
}

/** Encodes as RFC 3986 does: all but `A-Z a-z 0-9 - _ . ~` becomes upper-case `%XX` of UTF-8. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/**
 * Splits and decodes a query string, in its order. A name without `=` has an empty value.
 *
 * A `+` is a space, as in HTML forms: the COS Go SDK writes spaces so, and encodes a plus as `%2B`.
 */
export function parseQuery(query: string): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = equals === -1 ? pair : pair.slice(0, equals)
    const value = equals === -1 ? '' : pair.slice(equals + 1)
    pairs.push([decodeField(name), decodeField(value)])
  }
  return pairs
}

function decodeField(text: string): string {
  return percentDecode(text.replaceAll('+', ' '))
}
