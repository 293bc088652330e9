/** The headers that a store keeps with an object, and the limits on user metadata. */
import type { CosRequest } from './request.js'
import { headerValue, queryValue } from './request.js'
import { Refusal } from './refusal.js'

/** Headers kept with an object: lower-case names, values as they came. */
export type StoredHeaders = Readonly<Record<string, string>>

const USER_PREFIX = 'x-cos-meta-'
const MAX_HEADER_BYTES = 2048
const MAX_TOTAL_BYTES = 4096

const CONTENT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
] as const

/** Values that Node writes into a header without complaint. */
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

/**
 * Takes from a request what is stored with its object.
 *
 * @throws `MetadataTooLarge` over 2 KB for one user header or 4 KB for all, names with prefix plus values;
 * `InvalidArgument` for a storage class that cannot be one.
 */
export function headersToStore(request: CosRequest): StoredHeaders {
  const stored: Record<string, string> = {
    'content-type': headerValue(request, 'content-type') ?? 'application/octet-stream',
  }
  for (const name of CONTENT_HEADERS) {
    const value = headerValue(request, name)
    if (value !== undefined) stored[name] = value
  }
  const storageClass = headerValue(request, 'x-cos-storage-class')
  if (storageClass !== undefined) {
    if (!/^[A-Z_]{1,40}$/.test(storageClass)) {
      throw new Refusal('InvalidArgument', 'x-cos-storage-class must name a storage class.')
    }
    stored['x-cos-storage-class'] = storageClass
  }
  return { ...stored, ...userMetadata(request) }
}

/** The storage class as listings show it. */
export function storageClassOf(stored: StoredHeaders): string {
  return stored['x-cos-storage-class'] ?? 'STANDARD'
}

/** The headers that `response-*` query parameters put in place of the stored ones. */
export function overridingHeaders(request: CosRequest): StoredHeaders {
  const headers: Record<string, string> = {}
  for (const name of ['content-type', ...CONTENT_HEADERS]) {
    const text = queryValue(request, `response-${name}`)
    if (text === undefined || text === '') continue
    // Node writes Latin-1, so UTF-8 bytes go through it one character each.
    const value = Buffer.from(text, 'utf8').toString('latin1')
    if (!HEADER_VALUE.test(value)) {
      throw new Refusal('InvalidArgument', `response-${name} holds a control character.`)
    }
    headers[name] = value
  }
  return headers
}

function userMetadata(request: CosRequest): StoredHeaders {
  const found: Record<string, string> = {}
  let total = 0
  for (const [name, value] of Object.entries(request.headers)) {
    if (!name.startsWith(USER_PREFIX) || typeof value !== 'string') continue
    const bytes = name.length + value.length
    total += bytes
    if (bytes > MAX_HEADER_BYTES || total > MAX_TOTAL_BYTES) throw new Refusal('MetadataTooLarge')
    found[name] = value
  }
  return found
}
