/**
 * A proxy before an embedded server that stops at one moment of one call, so that the client can be killed just then. It
 * sees every byte that leaves the client, also of calls that it never passes on.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunningServer } from '../../lib/server/index.js'
import type { WireBytes } from './keystream-audit.js'

/** A moment in the life of a call, as the service sees it. */
export type Moment =
  /** The head of the request is there; nothing is passed on. */
  | 'arrives'
  /** Half of its body is passed on. */
  | 'is half sent'
  /** The service has done it; nothing of the answer is delivered. */
  | 'is carried out'
  /** Half of the answer's body is delivered. */
  | 'is half answered'

/** Where to stop: the first call that this fits. */
export interface GateStop {
  readonly operation: string
  /** Number of the part, or of the range. */
  readonly part?: number | undefined
  readonly moment: Moment
}

interface Stop extends GateStop {
  readonly fire: () => void
}

/** A call that came. */
export interface GateCall {
  readonly operation: string
  /** Number of the part, or of the range; 0 where it has none. */
  readonly part: number
  /** For the call that starts it, as soon as it is answered; for an object that is put whole, a name of its own. */
  uploadId: string | undefined
  /** As they came; the envelope is among them. */
  readonly headers: IncomingMessage['headers']
}

export class KillGate {
  /** In the order of their coming. */
  calls: GateCall[] = []
  /** Whether to hide the CRC-64 of completed uploads, so that a client asks for it. */
  hidesCrc64 = false
  /** Told of every chunk of a part, and of an object that is put whole. */
  onBytes: (bytes: WireBytes) => void = () => undefined
  readonly #target: RunningServer
  readonly #partSize: number
  readonly #server: Server
  readonly #active = new Set<Promise<void>>()
  #puts = 0
  #stop: Stop | undefined

  private constructor(target: RunningServer, partSize: number) {
    this.#target = target
    this.#partSize = partSize
    this.#server = createServer((incoming, response) => {
      const serving = this.#serve(incoming, response)
        .catch(() => void response.destroy())
        .finally(() => this.#active.delete(serving))
      this.#active.add(serving)
    })
  }

  static async open(target: RunningServer, partSize: number): Promise<KillGate> {
    const gate = new KillGate(target, partSize)
    gate.#server.listen(0, '127.0.0.1')
    await once(gate.#server, 'listening')
    return gate
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when the moment has come. The call is held until its client is gone. */
  reached(stop: GateStop): Promise<void> {
    return new Promise((resolve) => (this.#stop = { ...stop, fire: resolve }))
  }

  /** Resolves when nothing of a client that is gone is under way any more. A stop that was not reached is forgotten. */
  async idle(): Promise<void> {
    this.#stop = undefined
    while (this.#active.size > 0) await Promise.all(this.#active)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new Promise((resolve) => response.once('close', resolve))
    const call = this.#describe(incoming)
    this.calls.push(call)
    const stop = this.#take(call)
    const outgoing = request({
      host: '127.0.0.1',
      port: this.#target.port,
      method: incoming.method,
      path: incoming.url,
      // The signature covers the host, so it goes on as it came.
      headers: incoming.headers,
      agent: false,
    })
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
    answered.catch(() => undefined)
    outgoing.on('error', () => undefined)
    if (stop?.moment === 'arrives') stop.fire()
    const isWhole = await this.#passOn(incoming, call, outgoing, stop)
    if (!isWhole || stop?.moment === 'arrives' || stop?.moment === 'is half sent') {
      outgoing.destroy()
      await gone
      return
    }
    outgoing.end()
    const [answer] = await answered
    await this.#answer(call, answer, response, stop)
    await gone
  }

  /** The stop for this call, which is then no longer waited for. */
  #take({ operation, part }: GateCall): Stop | undefined {
    const stop = this.#stop
    if (stop?.operation !== operation || (stop.part !== undefined && stop.part !== part)) return undefined
    this.#stop = undefined
    return stop
  }

  /** Reads the body of a request; true when it has come whole. In flowing mode: a reset would swallow what waits. */
  #passOn(
    incoming: IncomingMessage,
    { operation, part, uploadId }: GateCall,
    outgoing: NodeJS.WritableStream,
    stop: Stop | undefined,
  ): Promise<boolean> {
    const half = Math.floor(Number(incoming.headers['content-length'] ?? 0) / 2)
    let offset = 0
    return new Promise((resolve) => {
      incoming.on('error', () => undefined)
      incoming.once('close', () => resolve(incoming.complete))
      incoming.once('end', () => resolve(true))
      incoming.on('data', (bytes: Buffer) => {
        if (operation === 'uploadPart') this.onBytes({ uploadId: uploadId!, partNumber: part, offset, bytes })
        if (operation === 'putObject') this.onBytes({ uploadId: uploadId!, offset, bytes })
        const before = offset
        offset += bytes.length
        if (stop?.moment === 'arrives') return
        if (stop?.moment !== 'is half sent') outgoing.write(bytes)
        else if (before < half) {
          outgoing.write(bytes.subarray(0, half - before))
          if (offset >= half) stop.fire()
        }
      })
    })
  }

  async #answer(
    call: GateCall,
    answer: IncomingMessage,
    response: ServerResponse,
    stop: Stop | undefined,
  ): Promise<void> {
    const { statusCode = 0, headers } = answer
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    if (call.operation === 'createMultipartUpload') {
      call.uploadId = /<UploadId>([^<]+)</.exec(body.toString())?.[1]
    }
    if (stop?.moment === 'is carried out') {
      stop.fire()
      return
    }
    const hidden = ['connection', 'transfer-encoding', 'keep-alive']
    if (this.hidesCrc64 && call.operation === 'completeMultipartUpload') hidden.push('x-cos-hash-crc64ecma')
    response.writeHead(
      statusCode,
      Object.fromEntries(Object.entries(headers).filter(([name]) => !hidden.includes(name))),
    )
    if (stop?.moment !== 'is half answered') response.end(body)
    else response.write(body.subarray(0, Math.floor(body.length / 2)), () => stop.fire())
  }

  #describe({ method = '', url = '', headers }: IncomingMessage): GateCall {
    const query = new URL(url, 'http://gate').searchParams
    const operation = operationOf(method, query)
    const uploadId = query.get('uploadId') ?? (operation === 'putObject' ? `put ${++this.#puts}` : undefined)
    const start = /^bytes=(\d+)-/.exec(headers.range ?? '')?.[1]
    const range = start === undefined ? 0 : Number(start) / this.#partSize + 1
    const part = Number(query.get('partNumber') ?? range)
    return { operation, part, uploadId, headers }
  }
}

function operationOf(method: string, query: URLSearchParams): string {
  const kind = query.has('uploadId') ? '?uploadId' : query.has('uploads') ? '?uploads' : ''
  const names: Record<string, string> = {
    'POST?uploads': 'createMultipartUpload',
    'GET?uploads': 'listMultipartUploads',
    'PUT?uploadId': 'uploadPart',
    'GET?uploadId': 'listParts',
    'POST?uploadId': 'completeMultipartUpload',
    'DELETE?uploadId': 'abortMultipartUpload',
    PUT: 'putObject',
    GET: 'getObject',
    HEAD: 'headObject',
  }
  return names[method + kind] ?? `${method}${kind}`
}
