/**
 * The COS request signature (wire-formats F1). Each intermediate string is a function of its own, so that a mismatch can
 * be located; time is an argument.
 */
import { createHash, createHmac } from 'node:crypto'
import type { Credentials } from './credentials.js'
import { encodeQuery, percentEncode } from './encode.js'

/** What of a request is signed. */
export interface SignedRequest {
  /** In any case. */
  readonly method: string
  /** Decoded path with its leading slash; in path style it begins with the bucket. */
  readonly path: string
  /** Query parameters, decoded. All of them are signed. */
  readonly query: Readonly<Record<string, string>>
  /** Headers by name in any case. All that are passed here are signed. */
  readonly headers: Readonly<Record<string, string>>
}

/** The two seconds of a signature's validity. */
export interface KeyTime {
  readonly start: number
  readonly end: number
}

/** `name=value` pairs and the list of names, sorted, in the signature's encoding. */
interface EncodedPairs {
  readonly pairs: string
  readonly names: string
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
const hmacSha1 = (key: string, text: string): string => createHmac('sha1', key).update(text).digest('hex')

/** `<start>;<end>` in Unix seconds. */
export function keyTimeText({ start, end }: KeyTime): string {
  return `${start};${end}`
}

/** SignKey: lower-case hex text, which is itself the key of the signature. */
export function signKey(secretKey: string, keyTime: string): string {
  return hmacSha1(secretKey, keyTime)
}

/** HttpString: method, path, parameters and headers, each line ended by a line feed. */
export function httpString(request: SignedRequest): string {
  const { method, path, query, headers } = request
  return `${method.toLowerCase()}\n${path}\n${encodePairs(query).pairs}\n${encodePairs(headers).pairs}\n`
}

/** StringToSign. */
export function stringToSign(keyTime: string, http: string): string {
  return `sha1\n${keyTime}\n${sha1(http)}\n`
}

/** The signature of a request: lower-case hex. */
export function signature(request: SignedRequest, secretKey: string, keyTime: KeyTime): string {
  const time = keyTimeText(keyTime)
  return hmacSha1(signKey(secretKey, time), stringToSign(time, httpString(request)))
}

/** The seven fields of an authorization, in order. */
export function signatureFields(
  request: SignedRequest,
  credentials: Credentials,
  keyTime: KeyTime,
): Record<string, string> {
  const time = keyTimeText(keyTime)
  return {
    'q-sign-algorithm': 'sha1',
    'q-ak': credentials.secretId,
    'q-sign-time': time,
    'q-key-time': time,
    'q-header-list': encodePairs(request.headers).names,
    'q-url-param-list': encodePairs(request.query).names,
    'q-signature': signature(request, credentials.secretKey, keyTime),
  }
}

/** The value of the Authorization header. Its fields are not encoded further. */
export function authorization(request: SignedRequest, credentials: Credentials, keyTime: KeyTime): string {
  return Object.entries(signatureFields(request, credentials, keyTime))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** The query string of a presigned URL: the request's own parameters, then the signature's. */
export function presignedQuery(request: SignedRequest, credentials: Credentials, keyTime: KeyTime): string {
  return encodeQuery({ ...request.query, ...signatureFields(request, credentials, keyTime) })
}

/** Names are lower-cased after encoding, which lowers their escapes too; values keep theirs in upper case. */
function encodePairs(values: Readonly<Record<string, string>>): EncodedPairs {
  const encoded = Object.entries(values)
    .map(([name, value]): [string, string] => [percentEncode(name).toLowerCase(), percentEncode(value)])
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return {
    pairs: encoded.map(([name, value]) => `${name}=${value}`).join('&'),
    names: encoded.map(([name]) => name).join(';'),
  }
}
