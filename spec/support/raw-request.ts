/** Signed requests to an embedded server through bare `node:http`, so that specs see what goes over the wire. */
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import {
  httpString,
  type RunningServer,
  type ServerCredentials,
  signature,
  stringToSign,
} from '../../lib/server/index.js'

/** The bucket that specs use. */
export const BUCKET = 'spec-1250000000'

/** A request; only `path` is needed. */
export interface RawRequest {
  /** Default GET. */
  readonly method?: string
  /** Encoded, without query. */
  readonly path: string
  /** Not encoded. */
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  /** Default: the server's own. */
  readonly credentials?: ServerCredentials
  /** Milliseconds since 1970 at which the signature begins. Default: now. */
  readonly now?: number
}

/** An answer, read to its end. */
export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

/** The path of an object in path style. */
export function objectPath(key: string, bucket = BUCKET): string {
  return `/${bucket}/${encode(key).replaceAll('%2F', '/')}`
}

/** Method, target and headers of a request, signed over its host, all its parameters and all its headers. */
export function sign(
  server: RunningServer,
  request: RawRequest,
): { url: string; headers: Record<string, string> } {
  const query = Object.entries(request.query ?? {})
  const headers: Record<string, string> = { host: new URL(server.endpoint).host, ...request.headers }
  const headerPairs = Object.entries(headers)
  const headerList = headerPairs.map(([name]) => encode(name).toLowerCase()).sort()
  const paramList = query.map(([name]) => encode(name).toLowerCase()).sort()
  const { secretId, secretKey } = request.credentials ?? server.credentials
  const start = Math.floor((request.now ?? Date.now()) / 1000)
  const time = `${start};${start + 600}`
  const text = httpString(
    { method: request.method ?? 'GET', path: decodeURIComponent(request.path), query, headerPairs },
    headerList,
    paramList,
  )
  headers.authorization = [
    `q-sign-algorithm=sha1&q-ak=${secretId}&q-sign-time=${time}&q-key-time=${time}`,
    `&q-header-list=${headerList.join(';')}&q-url-param-list=${paramList.join(';')}`,
    `&q-signature=${signature(secretKey, time, stringToSign(time, text))}`,
  ].join('')
  const search = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
  return { url: request.path + (search === '' ? '' : `?${search}`), headers }
}

/** Sends a signed request and reads the answer. */
export function rawRequest(server: RunningServer, request: RawRequest): Promise<RawAnswer> {
  const length =
    request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }
  const { url, headers } = sign(server, { ...request, headers: { ...length, ...request.headers } })
  return plainRequest(server, { ...request, path: url, headers })
}

/** Sends a request as it is, unsigned. */
export function plainRequest(server: RunningServer, request: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname } = new URL(server.endpoint)
    const outgoing = httpRequest({
      host: hostname.replace(/[[\]]/g, ''),
      port: server.port,
      method: request.method ?? 'GET',
      path: request.path,
      headers: request.headers ?? {},
      agent: false,
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(chunks)
        const { statusCode = 0, headers } = response
        resolve({
          status: statusCode,
          headers,
          body,
          // On demand: a large object is longer than a string can be.
          get text() {
            return body.toString('utf8')
          },
        })
      })
    })
    outgoing.end(request.body)
  })
}

/** Puts an object and expects that to work. */
export async function put(
  server: RunningServer,
  key: string,
  body: Buffer | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const answer = await rawRequest(server, { method: 'PUT', path: objectPath(key), body, headers })
  if (answer.status !== 200) throw new Error(`PUT ${key}: ${answer.status} ${answer.text}`)
  return answer
}

/** The text of the first element of that name. */
export function xmlText(document: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(document)?.[1]
}

/** The texts of all elements of that name. */
export function xmlTexts(document: string, name: string): string[] {
  return [...document.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map((match) => match[1]!)
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
