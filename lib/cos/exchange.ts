/** One HTTP exchange through got: the body out, the head of the answer back, errors in our terms. */
import type { IncomingHttpHeaders } from 'node:http'
import { finished, pipeline, type Readable } from 'node:stream'
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
}

/** A stream of known length; its checksums are computed as it goes out. */
export interface StreamBody {
  readonly stream: Readable
  readonly length: number
  /** Whether to compute MD5 beside CRC-64. */
  readonly md5: boolean
  /** Called as the body goes out. */
  readonly onProgress?: ProgressListener | undefined
}

/** A {@link BytesBody}, digested here and now. */
export function bytesBody(bytes: Buffer, options: { md5: boolean }): BytesBody {
  return { bytes, digest: digestOf(bytes, options) }
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
  method: string,
  body: RequestBody | undefined,
  mapError: (error: unknown) => SealstreamError,
): Promise<OpenAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = body !== undefined && 'stream' in body ? new OutgoingBody(body.length, body) : undefined
    let answered = false
    exchange.on('response', (response: Response) => {
      answered = true
      const sent = outgoing === undefined ? (body as BytesBody | undefined)?.digest : outgoing.digest
      if (outgoing !== undefined && sent === undefined) {
        // The service refused before the body had ended: stop reading the source (RULES 9.3).
        outgoing.unpipe(exchange)
        outgoing.destroy()
      }
      const headers = flatten(response.headers)
      resolve({
        status: response.statusCode,
        headers,
        stream: exchange,
        sent,
        mapError,
        isSent: (mostMs) => isSent(exchange, mostMs),
      })
    })
    exchange.on('error', (error) => {
      outgoing?.destroy()
      if (answered) return
      const mapped = mapError(error)
      reject(isReset(error) && exchange.reusedSocket === true ? new StaleConnection(mapped) : mapped)
    })
    if (outgoing !== undefined) {
      pipeline((body as StreamBody).stream, outgoing, (error) => {
        if (!error || answered || exchange.destroyed) return
        reject(outgoing.listenerError ?? mapBodyError(error))
        exchange.destroy()
      })
      outgoing.pipe(exchange)
    } else if (method !== 'GET' && method !== 'HEAD') {
      exchange.end((body as BytesBody | undefined)?.bytes)
    }
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
