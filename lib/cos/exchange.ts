/** One HTTP exchange through got: the body out, the head of the answer back, errors in our terms. */
import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import { finished, pipeline, Readable } from 'node:stream'
import { RequestError, type Request, type Response } from 'got'
import { digestOf, type Digest } from '../checksum/body-digest.js'
import { SealstreamError } from '../errors.js'
import type { ProgressListener } from '../internal/progress.js'
import { mapBodyError } from './http-error.js'
import { OutgoingBody } from './outgoing-body.js'

/** Longest answer that is read whole: a listing page is under 1 MiB. */
const MOST_ANSWER_BYTES = 32 * 1024 * 1024

/** A body that is sent, with the checksums that what was stored will be compared with. */
export type RequestBody = BytesBody | StreamBody

/** Bytes at hand. Their checksums are taken before the first byte leaves. */
export interface BytesBody {
  readonly bytes: Buffer
  readonly digest: Digest
  /** Called as the body goes out, each time it goes out. */
  readonly onProgress?: ProgressListener | undefined
}

/** A stream of known length; its checksums are computed as it goes out. */
export interface StreamBody {
  readonly stream: Readable
  readonly length: number
  /** Whether to compute MD5 beside CRC-64. */
  readonly md5: boolean
  /** What an earlier pass over the same source gave. Where this one differs, the request is not completed. */
  readonly expected?: Digest | undefined
  /** Called as the body goes out. */
  readonly onProgress?: ProgressListener | undefined
}

/** The service has this long to say that it wants the body; then it gets it unasked (RFC 9110, 10.1.1). */
const MOST_CONTINUE_MS = 1000

/** How much of a body goes out between two reports. */
const PIECE_BYTES = 256 * 1024

/** A {@link BytesBody}, digested here and now. */
export function bytesBody(
  bytes: Buffer,
  options: { md5: boolean; onProgress?: ProgressListener | undefined },
): BytesBody {
  return { bytes, digest: digestOf(bytes, options), onProgress: options.onProgress }
}

/** An answer whose head has arrived; its body waits in `stream`, which the caller must read or destroy. */
export interface OpenAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly stream: Readable
  /** Checksums of the request's body; undefined when it had none or was not taken whole. */
  readonly sent: Digest | undefined
  /** Waits until the request is out; false when the connection closed, or so many milliseconds passed, before that. */
  isSent(mostMs: number): Promise<boolean>
  readonly mapError: (error: unknown) => SealstreamError
}

/** A keep-alive connection that the service had closed meanwhile: the request never reached it. */
export class StaleConnection extends Error {
  readonly mapped: SealstreamError

  constructor(mapped: SealstreamError) {
    super(mapped.message)
    this.mapped = mapped
  }
}

/**
 * Sends the body and waits for the head of the answer.
 *
 * @param exchange - A got stream that was just made.
 * @throws {@link StaleConnection} when a reused connection broke before any byte of an answer; otherwise what `mapError`
 *   makes of the failure.
 */
export function startExchange(
  exchange: Request,
  {
    method,
    body,
    expectContinue,
  }: { method: string; body: RequestBody | undefined; expectContinue: boolean },
  mapError: (error: unknown) => SealstreamError,
): Promise<OpenAnswer> {
  return new Promise((resolve, reject) => {
    const source = openSource(body, (error) => {
      if (answered || exchange.destroyed) return
      reject(error)
      exchange.destroy()
    })
    let answered = false
    exchange.on('response', (response: Response) => {
      answered = true
      const sent = source === undefined ? (body as BytesBody | undefined)?.digest : source.digest()
      // The service refused before the body had ended: stop reading the source (RULES 9.3).
      if (source !== undefined && sent === undefined) source.stop(exchange)
      resolve({
        status: response.statusCode,
        headers: flatten(response.headers),
        stream: exchange,
        sent,
        mapError,
        isSent: (mostMs) => isSent(exchange, mostMs),
      })
    })
    exchange.on('error', (error) => {
      source?.stop(exchange)
      if (answered) return
      const mapped = mapError(error)
      reject(isReset(error) && exchange.reusedSocket === true ? new StaleConnection(mapped) : mapped)
    })
    if (source === undefined && (method === 'GET' || method === 'HEAD')) return
    const start = (): void => {
      if (source === undefined) exchange.end((body as BytesBody | undefined)?.bytes)
      else source.stream.pipe(exchange)
    }
    if (expectContinue) onContinue(exchange, start)
    else start()
  })
}

/** A body that goes out in pieces. */
interface Source {
  readonly stream: Readable
  /** Undefined until all of it has gone out. */
  digest(): Digest | undefined
  stop(exchange: Request): void
}

/** Bytes without a listener need none: they go out as one piece, which is fastest. */
function openSource(body: RequestBody | undefined, fail: (error: Error) => void): Source | undefined {
  if (body === undefined) return undefined
  if ('stream' in body) {
    const outgoing = new OutgoingBody(body.length, body)
    pipeline(body.stream, outgoing, (error) => {
      if (error) fail(outgoing.listenerError ?? mapBodyError(error))
    })
    return { stream: outgoing, digest: () => outgoing.digest, stop: (exchange) => stop(outgoing, exchange) }
  }
  const { bytes, digest, onProgress } = body
  if (onProgress === undefined) return undefined
  const stream = Readable.from(reported(bytes, onProgress), { objectMode: false })
  stream.on('error', fail)
  return {
    stream,
    digest: () => (stream.readableEnded ? digest : undefined),
    stop: (exchange) => stop(stream, exchange),
  }
}

function stop(stream: Readable, exchange: Request): void {
  stream.unpipe(exchange)
  stream.destroy()
}

/** Pieces of `bytes`, each reported when it is taken. */
function* reported(bytes: Buffer, onProgress: ProgressListener): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES)
    onProgress({ bytes: at + piece.length, total: bytes.length })
    yield piece
  }
  if (bytes.length === 0) onProgress({ bytes: 0, total: 0 })
}

/** Sends the head alone and calls `start` when the service wants the body, or keeps silent about it. */
function onContinue(exchange: Request, start: () => void): void {
  exchange.once('request', (request: ClientRequest) => {
    const timer = setTimeout(go, MOST_CONTINUE_MS)
    let isDone = false
    function go(): void {
      clearTimeout(timer)
      if (!isDone && !exchange.destroyed) start()
      isDone = true
    }
    request.once('continue', go)
    // Refused: the body stays here.
    const stop = (): void => {
      clearTimeout(timer)
      isDone = true
    }
    request.once('response', stop)
    request.once('close', stop)
    request.flushHeaders()
  })
}

/** The whole body of an answer as text. */
export function readWhole({ stream, mapError }: Pick<OpenAnswer, 'stream' | 'mapError'>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  // Not `for await`: that would destroy the stream, and with it what is left of the request.
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= MOST_ANSWER_BYTES) {
        chunks.push(chunk)
        return
      }
      reject(new SealstreamError('SEALSTREAM_ANSWER', `the answer is longer than ${MOST_ANSWER_BYTES} bytes`))
      stream.destroy()
    })
    finished(stream, { writable: false }, (error) => {
      if (error) reject(mapError(error))
      else resolve(Buffer.concat(chunks).toString('utf8'))
    })
  })
}

/** Whether all of a request went out; an answer can overtake the last of it, and a hasty service need not read it. */
function isSent(exchange: Request, mostMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Once the answer has ended, Node no longer watches the socket for a stall.
    const timer = setTimeout(() => resolve(false), mostMs)
    finished(exchange, { readable: false }, (error) => {
      clearTimeout(timer)
      resolve(!error)
    })
  })
}

function isReset(error: unknown): boolean {
  return error instanceof RequestError && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}

/** Repeated headers are joined as HTTP has it; cookies mean nothing here. */
function flatten(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
}
