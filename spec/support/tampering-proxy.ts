/** A reverse proxy before an embedded server: records every exchange, and alters those that a spec wants altered. */
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunningServer } from '../../lib/server/index.js'

/** A request as it came. It is recorded before its body has been read. */
export interface Exchange {
  readonly method: string
  readonly url: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Complete once the tamperer runs. */
  body: Buffer
}

/** An answer on its way back. */
export interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  /** Breaks the connection after so many bytes of the body. */
  cutAt?: number
  /** Breaks the connection before any byte of the answer. */
  cutHead?: boolean
}

/** Decides what becomes of an exchange; `forward` asks the real server. */
export type Tamper = (exchange: Exchange, forward: () => Promise<Reply>) => Promise<Reply>

export interface Proxy {
  readonly endpoint: string
  readonly exchanges: Exchange[]
  /** Connections that clients hold open. */
  connections(): Promise<number>
  close(): Promise<void>
}

const HOP_HEADERS = ['transfer-encoding', 'connection', 'keep-alive']

/** An answer with an error document. */
export function errorReply(status: number, code: string): Reply {
  const body = Buffer.from(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>scripted</Message></Error>`,
  )
  return {
    status,
    headers: { 'content-length': String(body.length), 'content-type': 'application/xml' },
    body,
  }
}

/** The same answer with another body, and a Content-Length that agrees with it. */
export function withBody(reply: Reply, body: Buffer): Reply {
  return { ...reply, body, headers: { ...reply.headers, 'content-length': String(body.length) } }
}

/** The same answer with other headers; undefined removes one. */
export function withHeaders(reply: Reply, headers: Reply['headers']): Reply {
  return { ...reply, headers: { ...reply.headers, ...headers } }
}

export async function startProxy(
  target: RunningServer,
  tamper: Tamper = (_exchange, forward) => forward(),
): Promise<Proxy> {
  const exchanges: Exchange[] = []
  const server = createServer((incoming, response) => {
    const { method = '', url = '', headers } = incoming
    const query = new URL(url, 'http://proxy').searchParams
    const exchange: Exchange = { method, url, query, headers, body: Buffer.alloc(0) }
    exchanges.push(exchange)
    const run = async (): Promise<void> => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      exchange.body = Buffer.concat(chunks)
      send(response, exchange, await tamper(exchange, () => forward(target, exchange)))
    }
    // A client that goes away in the middle of its request, or while it is answered.
    run().catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    exchanges,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => {
          if (error) reject(error)
          else resolve(count)
        })
      }),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** The signature covers the Host header, so it goes on as it came. */
function forward(target: RunningServer, { method, url, headers, body }: Exchange): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: target.port,
      method,
      path: url,
      headers,
      agent: false,
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const kept = Object.entries(response.headers).filter(([name]) => !HOP_HEADERS.includes(name))
        const answer = { status: response.statusCode ?? 0, headers: Object.fromEntries(kept) }
        resolve({ ...answer, body: Buffer.concat(chunks) })
      })
    })
    outgoing.end(body)
  })
}

function send(response: ServerResponse, { method }: Exchange, reply: Reply): void {
  const { status, headers, body, cutAt, cutHead } = reply
  if (cutHead === true) {
    response.destroy()
    return
  }
  const given = Object.entries(headers).filter(([, value]) => value !== undefined)
  response.writeHead(status, Object.fromEntries(given) as Record<string, string | string[]>)
  if (method === 'HEAD' || cutAt === undefined) {
    response.end(method === 'HEAD' ? undefined : body)
    return
  }
  const cut = (): void => void response.socket?.end(() => response.destroy())
  if (cutAt > 0) response.write(body.subarray(0, cutAt), cut)
  else {
    response.flushHeaders()
    cut()
  }
}
