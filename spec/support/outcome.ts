/** Signed requests whose connection may fail at any point: what of the answer came, and how it ended. */
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { RunningServer } from '../../lib/server/index.js'
import { type RawRequest, sign, xmlText } from './raw-request.js'

/** What became of a request. */
export interface Outcome {
  /** 0 when no headers came. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** As far as it came. */
  readonly body: Buffer
  /** Code of the error that ended it; undefined when the answer was whole. */
  readonly error: string | undefined
  /** The `Code` element of the body. */
  readonly code: string | undefined
}

/** How to send. */
export interface Sending {
  /** Default: the server's certificate. */
  readonly ca?: string
  readonly host?: string
  readonly lookup?: LookupFunction
  /** Ends the request. */
  readonly signal?: AbortSignal
  /** Is told of each chunk of the answer. */
  readonly onChunk?: (chunk: Buffer) => void
}

/** Sends a signed request on a connection of its own. Never rejects. */
export function outcomeOf(server: RunningServer, given: RawRequest, sending: Sending = {}): Promise<Outcome> {
  const { method = 'GET', body } = given
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const { url, headers } = sign(server, { ...given, headers: { ...length, ...given.headers } })
  const { protocol, hostname } = new URL(server.endpoint)
  const { host = hostname.replace(/[[\]]/g, ''), ca = server.certificate, onChunk, ...rest } = sending
  const options = { ...rest, host, port: server.port, method, path: url, headers, agent: false as const }
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let answered: { status: number; headers: IncomingHttpHeaders } = { status: 0, headers: {} }
    const end = (error?: NodeJS.ErrnoException): void => {
      const received = Buffer.concat(chunks)
      const problem = error === undefined ? undefined : (error.code ?? error.message)
      const code =
        answered.headers['content-type'] === 'application/xml'
          ? xmlText(received.toString(), 'Code')
          : undefined
      resolve({ ...answered, body: received, error: problem, code })
    }
    const outgoing =
      protocol === 'https:'
        ? httpsRequest({ ...options, ca, rejectUnauthorized: true })
        : httpRequest(options)
    outgoing.on('error', end)
    outgoing.on('response', (response) => {
      answered = { status: response.statusCode ?? 0, headers: response.headers }
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        onChunk?.(chunk)
      })
      response.on('error', end)
      response.on('end', () => end())
    })
    outgoing.end(body)
  })
}
