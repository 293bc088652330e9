/** Clients and services for specs of requests: the embedded server, and small servers that misbehave on purpose. */
import { createHash } from 'node:crypto'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net'
import { crc64 } from '../../lib/checksum/crc64.js'
import { CosClient, type CosClientOptions } from '../../lib/cos-client.js'
import { type RunningServer, type ServerOptions, startServer } from '../../lib/server/index.js'
import { BUCKET } from './raw-request.js'

/** Keys for services that check no signature. */
export const KEYS = { secretId: 'AKIDofthespec', secretKey: 'the-secret-key-of-the-spec' }

/** A server of ours that is not the embedded one. */
export interface FakeService {
  readonly endpoint: string
  /** Connections accepted so far. */
  readonly accepted: number
  /** Connections that stand. */
  readonly standing: number
  /** Stops accepting, for specs of refused connections. */
  close(): Promise<void>
}

/** What {@link cosSpec} gives; everything it starts is closed after each test. */
export interface CosSpec {
  server(options?: ServerOptions): Promise<RunningServer>
  /** A client of `service`, with {@link BUCKET} as its bucket. */
  client(
    service: { endpoint: string; credentials?: { secretId: string; secretKey: string } },
    options?: CosClientOptions,
  ): CosClient
  /** A service that speaks HTTP. */
  http(handler: RequestListener): Promise<FakeService>
  /** A service below HTTP. */
  net(handler: (socket: Socket) => void): Promise<FakeService>
}

/** Call inside `describe`. */
export function cosSpec(): CosSpec {
  const closers: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })
  return {
    async server(options) {
      const server = await startServer(options)
      closers.push(() => server.close())
      return server
    },
    client(service, options = {}) {
      const client = new CosClient({
        endpoint: service.endpoint,
        credentials: service.credentials ?? KEYS,
        bucket: BUCKET,
        // What goes wrong shows at once; specs of retries say so.
        retry: { attempts: 1 },
        ...options,
      })
      closers.push(() => client.close())
      return client
    },
    async http(handler) {
      const service = await listen(createHttpServer(handler))
      closers.push(() => service.close())
      return service
    },
    async net(handler) {
      const service = await listen(createNetServer(handler))
      closers.push(() => service.close())
      return service
    },
  }
}

async function listen(server: Server): Promise<FakeService> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket) => {
    accepted += 1
    sockets.add(socket)
    // What the other side breaks off is what these specs are about.
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get accepted() {
      return accepted
    },
    get standing() {
      return sockets.size
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** A handler that reads the request whole and then answers. */
export function answering(
  answer: (body: Buffer, request: IncomingMessage, response: ServerResponse) => unknown,
): RequestListener {
  return (request, response) => {
    bodyOf(request).then(
      (body) => answer(body, request, response),
      // The client broke off: there is nobody to answer.
      () => undefined,
    )
  }
}

/** ETag and CRC-64 of some bytes, as the service states them. */
export function checksumsOf(bytes: Buffer): { etag: string; 'x-cos-hash-crc64ecma': string } {
  return {
    etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
    'x-cos-hash-crc64ecma': String(crc64(bytes)),
  }
}

/** An answer below HTTP; Content-Length is that of `body` unless given. */
export function rawAnswer(status: string, headers: Record<string, string | number>, body = ''): string {
  const all = { 'Content-Length': Buffer.byteLength(body), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`
}

/** Calls `onHead` with each request head that comes in; what follows a head is left to whoever reads the socket. */
export function onHeads(socket: Socket, onHead: (head: string, index: number) => void): void {
  let text = ''
  let index = 0
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, end)
      text = text.slice(end + 4)
      if (/^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(head)) onHead(head, index++)
    }
  })
}
