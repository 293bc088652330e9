/** Requests for objects of an embedded server, short to write: method, key, and what else there is. */
import { createHash } from 'node:crypto'
import type { RunningServer } from '../../lib/server/index.js'
import { BUCKET, objectPath, type RawAnswer, rawRequest } from './raw-request.js'

/** What else a request has. */
export interface Extras {
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  readonly bucket?: string
  /** Milliseconds since 1970. */
  readonly now?: number
}

/** Sends a request for an object. */
export function send(
  server: RunningServer,
  method: string,
  key: string,
  { bucket = BUCKET, ...extras }: Extras = {},
): Promise<RawAnswer> {
  return rawRequest(server, { method, path: objectPath(key, bucket), ...extras })
}

/** Sends a request for the bucket. */
export function sendToBucket(
  server: RunningServer,
  method: string,
  query: Readonly<Record<string, string>>,
  extras: Omit<Extras, 'query'> = {},
): Promise<RawAnswer> {
  return rawRequest(server, { method, path: `/${BUCKET}/`, query, ...extras })
}

/** The headers of a copy. Its source is addressed in path style, as the server is. */
export function copyOf(
  server: RunningServer,
  key: string,
  { version, bucket = BUCKET }: { version?: string; bucket?: string } = {},
): Record<string, string> {
  const query = version === undefined ? '' : `?versionId=${version}`
  return { 'x-cos-copy-source': `${new URL(server.endpoint).host}${objectPath(key, bucket)}${query}` }
}

/** The three headers of a customer's key. */
export function customerKey(key: Buffer, prefix = 'x-cos'): Record<string, string> {
  const name = `${prefix}-server-side-encryption-customer`
  return {
    [`${name}-algorithm`]: 'AES256',
    [`${name}-key`]: key.toString('base64'),
    [`${name}-key-MD5`]: createHash('md5').update(key).digest('base64'),
  }
}

/** The hexadecimal MD5, in quotes: the ETag of a plain object. */
export function plainEtag(bytes: Buffer | string): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}
