/** An HTTP proxy: tunnels by CONNECT, forwards requests in absolute form, asks for Basic credentials if told to. */
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

/** A request as the proxy saw it. */
export interface ProxiedRequest {
  readonly method: string
  /** `host:port` of a CONNECT, else the absolute URL. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

/** A proxy that runs. */
export interface HttpProxy {
  readonly port: number
  readonly seen: ProxiedRequest[]
  /** Connections that clients hold. */
  readonly standing: number
  close(): Promise<void>
}

/** @param basic - `user:password`; whoever does not say so gets a 407. */
export async function startHttpProxy(basic?: string): Promise<HttpProxy> {
  const seen: ProxiedRequest[] = []
  const sockets = new Set<Socket>()
  const wanted = basic === undefined ? undefined : `Basic ${Buffer.from(basic).toString('base64')}`
  const isWelcome = (headers: IncomingHttpHeaders): boolean =>
    wanted === undefined || headers['proxy-authorization'] === wanted

  const server = createServer((incoming, response) => {
    const { method = '', url = '', headers } = incoming
    seen.push({ method, target: url, headers })
    if (!isWelcome(headers)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="spec"', 'content-length': 0 }).end()
      return
    }
    const { hostname, port, pathname, search } = new URL(url)
    const { 'proxy-authorization': _, 'proxy-connection': __, ...kept } = headers
    const options = { host: hostname, port, method, path: pathname + search, headers: kept, agent: false }
    const outgoing = httpRequest({ ...options, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  server.on('connect', ({ url = '', headers }, socket: Socket) => {
    seen.push({ method: 'CONNECT', target: url, headers })
    socket.on('error', () => undefined)
    if (!isWelcome(headers)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const { hostname, port } = new URL(`http://${url}`)
    const upstream = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on('error', () => socket.destroy())
    upstream.on('close', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    get standing() {
      return sockets.size
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
