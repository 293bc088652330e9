/** Finds the seven `q-` fields of a signature: in the Authorization header, in the query, or packed as `sign=`. */
import { Refusal } from './refusal.js'
import type { CosRequest } from './request.js'

/** What a client says about its signature. Unix seconds throughout. */
export interface Authorization {
  readonly accessKeyId: string
  /** `<start>;<end>` as sent; goes into the string to sign. */
  readonly signTime: string
  /** `<start>;<end>` as sent; makes the signing key. */
  readonly keyTime: string
  /** Names of signed headers, lower-case and percent-encoded. */
  readonly headerList: readonly string[]
  /** Names of signed query parameters, lower-case and percent-encoded. */
  readonly paramList: readonly string[]
  /** Lower-case hexadecimal. */
  readonly signature: string
}

/**
 * Reads the signature of a request.
 *
 * @throws `AccessDenied` when there is none, a field is missing, or the algorithm is another than `sha1`.
 */
export function readAuthorization(request: Pick<CosRequest, 'headers' | 'query'>): Authorization {
  const fields = fieldsOf(request)
  const field = (name: string): string => {
    const value = fields.get(name)
    if (value === undefined) throw new Refusal('AccessDenied', `The signature lacks ${name}.`)
    return value
  }
  if (field('q-sign-algorithm') !== 'sha1') {
    throw new Refusal('AccessDenied', 'The signature algorithm must be sha1.')
  }
  return {
    accessKeyId: field('q-ak'),
    signTime: field('q-sign-time'),
    keyTime: field('q-key-time'),
    headerList: splitList(field('q-header-list')),
    paramList: splitList(field('q-url-param-list')),
    signature: field('q-signature').toLowerCase(),
  }
}

function fieldsOf(request: Pick<CosRequest, 'headers' | 'query'>): ReadonlyMap<string, string> {
  const header = request.headers.authorization?.trim()
  if (header !== undefined && header !== '') return splitFields(header)
  const query = new Map(request.query)
  if (query.has('q-sign-algorithm') || query.has('q-signature')) {
    return new Map([...query].map(([name, value]) => [name, undoEscapes(name, value)]))
  }
  // The Go and Java SDKs can put the whole Authorization text into one parameter.
  const packed = query.get('sign')
  if (packed !== undefined) return splitFields(packed)
  throw new Refusal('AccessDenied', 'The request is not signed.')
}

/** Values of the Authorization text are not encoded further; `;` and `=` occur in them. */
function splitFields(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('&').map((pair) => {
      const equals = pair.indexOf('=')
      return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
    }),
  )
}

/**
 * Presigned URLs of the Node SDK have `q-url-param-list` encoded once more than the rest, and code that encodes a whole
 * URL does so to all: `;` is then still `%3B` after decoding. These fields hold no other use of that escape.
 */
function undoEscapes(name: string, value: string): string {
  return /^q-.*-(?:list|time)$/.test(name) ? value.replace(/%3b/gi, ';') : value
}

function splitList(text: string): string[] {
  return text.split(';').filter((name) => name !== '')
}
