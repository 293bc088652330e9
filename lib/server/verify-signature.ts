/**
 * COS's request signature, `q-sign-algorithm=sha1`, one function per step. The client has its own (`lib/cos`) and
 * neither imports the other, so that one misreading of the rules cannot hide in both.
 *
 * Tencent COS API document 436/7778.
 */
import { createHash, createHmac } from 'node:crypto'
import { equalBytes } from '../internal/bytes.js'
import { type Authorization, readAuthorization } from './authorization.js'
import { Refusal } from './refusal.js'
import type { CosRequest } from './request.js'
import { percentEncode } from './uri.js'

/** An account's key pair. */
export interface ServerCredentials {
  readonly secretId: string
  readonly secretKey: string
}

/** The parts of a request that a signature can cover. */
export type SignedRequest = Pick<CosRequest, 'method' | 'path' | 'query' | 'headers' | 'headerPairs'>

/**
 * Step 1: the request as text. Only listed names take part; one that the request has not is left out.
 *
 * @param headerList - Lower-case percent-encoded names, in any order.
 * @param paramList - The same for query parameters.
 */
export function httpString(
  request: Pick<SignedRequest, 'method' | 'path' | 'query' | 'headerPairs'>,
  headerList: readonly string[],
  paramList: readonly string[],
): string {
  const params = canonicalPairs(request.query, paramList)
  const headers = canonicalPairs(
    request.headerPairs.map(([name, value]) => [name, headerText(value)]),
    headerList,
  )
  return `${request.method.toLowerCase()}\n${request.path}\n${params}\n${headers}\n`
}

/**
 * Step 2.
 *
 * @param signTime - `<start>;<end>` in Unix seconds, as sent.
 */
export function stringToSign(signTime: string, httpText: string): string {
  return `sha1\n${signTime}\n${createHash('sha1').update(httpText, 'utf8').digest('hex')}\n`
}

/**
 * Step 3.
 *
 * @param keyTime - `<start>;<end>` in Unix seconds, as sent.
 * @returns Lower-case hexadecimal.
 */
export function signature(secretKey: string, keyTime: string, textToSign: string): string {
  const signKey = createHmac('sha1', secretKey).update(keyTime).digest('hex')
  return createHmac('sha1', signKey).update(textToSign).digest('hex')
}

/**
 * Accepts or refuses a request by its signature.
 *
 * @param now - Milliseconds since 1970.
 * @throws `AccessDenied` (no or incomplete signature, expired), `InvalidAccessKeyId`, `RequestTimeTooSkewed` (not yet
 * valid), `SignatureDoesNotMatch`.
 */
export function verifySignature(request: SignedRequest, credentials: ServerCredentials, now: number): void {
  const given = readAuthorization(request)
  if (!sameText(given.accessKeyId, credentials.secretId)) throw new Refusal('InvalidAccessKeyId')
  assertTimely(given, now)
  const headers = knownNames(request.headerPairs, given.headerList)
  const params = knownNames(request.query, given.paramList)
  const textToSign = stringToSign(given.signTime, httpString(request, headers, params))
  if (!sameText(signature(credentials.secretKey, given.keyTime, textToSign), given.signature)) {
    throw new Refusal('SignatureDoesNotMatch')
  }
}

function assertTimely(given: Authorization, now: number): void {
  for (const time of [given.keyTime, given.signTime]) {
    const [, start, end] = /^([0-9]{1,12});([0-9]{1,12})$/.exec(time) ?? []
    if (start === undefined || end === undefined) {
      throw new Refusal('AccessDenied', 'q-sign-time and q-key-time must be <start>;<end> in Unix seconds.')
    }
    const seconds = Math.floor(now / 1000)
    // The Node SDK corrects its clock and retries on exactly this message, and on the code below.
    if (seconds > Number(end)) throw new Refusal('AccessDenied', 'Request has expired')
    if (seconds < Number(start)) {
      throw new Refusal('RequestTimeTooSkewed', undefined, {
        elements: { ServerTime: new Date(now).toISOString() },
      })
    }
  }
}

function canonicalPairs(
  pairs: readonly (readonly [name: string, value: string])[],
  list: readonly string[],
): string {
  const listed = new Set(list)
  return pairs
    .map(([name, value]): [string, string] => [canonicalName(name), percentEncode(value)])
    .filter(([name]) => listed.has(name))
    .sort(([a, x], [b, y]) => compareText(a, b) || compareText(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/**
 * Brings listed names to their canonical form. In a presigned URL of the Node SDK the lists lost one layer of encoding
 * when the query was decoded; a name that matches nothing as it stands is therefore tried encoded.
 */
function knownNames(
  pairs: readonly (readonly [name: string, value: string])[],
  list: readonly string[],
): string[] {
  const present = new Set(pairs.map(([name]) => canonicalName(name)))
  return list.map((name) => (present.has(name) ? name : canonicalName(name)))
}

/** Lower-cased after encoding, which lower-cases the escapes too. */
function canonicalName(name: string): string {
  return percentEncode(name).toLowerCase()
}

/** Node reads header bytes as Latin-1; clients sign what they meant, which is UTF-8 where the bytes are that. */
function headerText(value: string): string {
  const trimmed = value.trim()
  const bytes = Buffer.from(trimmed, 'latin1')
  const text = bytes.toString('utf8')
  return bytes.equals(Buffer.from(text, 'utf8')) ? text : trimmed
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sameText(a: string, b: string): boolean {
  return equalBytes(Buffer.from(a), Buffer.from(b))
}
