/** A request line and its headers, read once and never normalised. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { targetOf } from './addressing.js'
import { Refusal } from './refusal.js'
import { parseQuery, percentDecode } from './uri.js'

/** One request, without its body. */
export interface CosRequest {
  /** Upper case. */
  readonly method: string
  /** Host the client addressed, with its port if it gave one. */
  readonly host: string
  /** Path as sent, percent-encoded. */
  readonly rawPath: string
  /** Path decoded, from its leading slash; what is signed. */
  readonly path: string
  /** Decoded pairs in their order; repeated names stay. */
  readonly query: readonly (readonly [name: string, value: string])[]
  /** Lower-case names; repeated headers joined by Node's rules. */
  readonly headers: IncomingHttpHeaders
  /** Pairs as sent, for the signature. */
  readonly headerPairs: readonly (readonly [name: string, value: string])[]
  /** Empty where the request addresses the service. */
  readonly bucket: string
  /** Empty where the request addresses a bucket. */
  readonly key: string
  /** Over TLS, or from this machine: nobody else can have read it. */
  readonly isPrivate: boolean
}

/** @throws `InvalidURI`, `InvalidBucketName`, `KeyTooLong` */
export function readRequest(incoming: IncomingMessage): CosRequest {
  const { host, rawPath, rawQuery } = splitRequestTarget(incoming.url ?? '', incoming.headers.host ?? '')
  const path = percentDecode(rawPath)
  return {
    method: incoming.method ?? '',
    host,
    rawPath,
    path,
    query: parseQuery(rawQuery),
    headers: incoming.headers,
    headerPairs: pairsOf(incoming.rawHeaders),
    ...targetOf(host, path),
    isPrivate: isPrivate(incoming),
  }
}

/** The first value of a query parameter (names are case-sensitive), or undefined. */
export function queryValue(request: CosRequest, name: string): string | undefined {
  return request.query.find(([given]) => given === name)?.[1]
}

/** A header's value; undefined where it is absent or empty, which SDKs send to mean absent. */
export function headerValue(request: CosRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/**
 * Reads a whole number from a query parameter.
 *
 * @throws `InvalidArgument` when it is not an integer from `least` to `most`.
 */
export function queryInteger(
  request: CosRequest,
  name: string,
  range: { least: number; most: number; otherwise: number },
): number {
  const text = queryValue(request, name) ?? ''
  if (text === '') return range.otherwise
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : -1
  if (value >= range.least && value <= range.most) return value
  throw new Refusal('InvalidArgument', `${name} must be an integer from ${range.least} to ${range.most}.`)
}

function isPrivate({ socket }: IncomingMessage): boolean {
  const address = socket.remoteAddress ?? ''
  return 'encrypted' in socket || /^(?:::1|(?:::ffff:)?127\.[0-9.]+)$/.test(address)
}

/** Takes a request target apart. Clients behind a proxy setting send it in absolute form (RFC 9112, 3.2.2). */
function splitRequestTarget(
  url: string,
  hostHeader: string,
): { host: string; rawPath: string; rawQuery: string } {
  const absolute = /^https?:\/\/([^/?]*)(.*)$/is.exec(url)
  const host = absolute?.[1] ?? hostHeader
  const rest = absolute?.[2] ?? url
  const mark = rest.indexOf('?')
  const rawPath = (mark === -1 ? rest : rest.slice(0, mark)) || (absolute === null ? '' : '/')
  if (!rawPath.startsWith('/')) throw new Refusal('InvalidURI', 'The path must begin with a slash.')
  return { host, rawPath, rawQuery: mark === -1 ? '' : rest.slice(mark + 1) }
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    pairs.push([rawHeaders[i] as string, rawHeaders[i + 1] as string])
  }
  return pairs
}
