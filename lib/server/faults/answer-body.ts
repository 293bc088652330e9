/** Takes the body of an answer apart, and makes another of it. */
import { pipeline, Readable, Transform } from 'node:stream'
import type { Answer } from '../answer.js'

/** What becomes of a body. */
export interface Alteration {
  /** How many bytes of it stay, from its start; default all. */
  readonly keep?: number
  /** Bytes that follow those. */
  readonly append?: Buffer
  /**
   * Alters bytes that stay; must not write to them.
   *
   * @param offset - Of the first one in the body.
   */
  readonly change?: (chunk: Buffer, offset: number) => Buffer
}

/** Whether there is a success to be altered. */
export function isSuccess({ status, isError = false }: Answer): boolean {
  return status >= 200 && status < 300 && !isError
}

/** The length of an answer's body; for HEAD, of the one it tells of. */
export function lengthOf({ body, headers }: Answer): number {
  if (typeof body === 'string' && body !== '') return Buffer.byteLength(body)
  return Number(headers?.['content-length'] ?? 0)
}

/** The bytes of a body. Leaving the loop over them releases it. */
export function bytesOf({ body = '' }: Answer): AsyncIterable<Buffer> {
  if (typeof body !== 'string') return body as AsyncIterable<Buffer>
  return Readable.from(body === '' ? [] : [Buffer.from(body)]) as AsyncIterable<Buffer>
}

/** Releases what an answer that is not sent holds. */
export function discard({ body }: Answer): void {
  if (typeof body === 'object') body.destroy()
}

/**
 * The same answer with another body, and a Content-Length that agrees with it.
 *
 * @param method - Of the request: the answer to HEAD has only the length of a body.
 */
export function alterBody(answer: Answer, method: string, alteration: Alteration): Answer {
  if (answer.status === 204) return answer
  const { keep = Infinity, append = Buffer.alloc(0), change = (chunk: Buffer) => chunk } = alteration
  const length = lengthOf(answer)
  const kept = Math.min(keep, length)
  const headers = { ...answer.headers, 'content-length': String(kept + append.length) }
  if (method === 'HEAD') return { ...answer, headers }

  let offset = 0
  const altered = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = chunk.subarray(0, Math.max(0, kept - offset))
      done(null, change(bytes, offset))
      offset += chunk.length
    },
    flush: (done) => done(null, append.length === 0 ? undefined : append),
  })
  // A failure or an early end on one side reaches the other, and whoever reads it.
  pipeline(bytesOf(answer), altered, () => undefined)
  return { ...answer, headers, body: altered }
}

/** A copy of bytes with the lowest bit of one of them flipped, if that one is among them. */
export function flipBit(chunk: Buffer, offset: number, at: number): Buffer {
  const place = at - offset
  const byte = place < 0 ? undefined : chunk[place]
  if (byte === undefined) return chunk
  const copy = Buffer.from(chunk)
  copy[place] = byte ^ 1
  return copy
}

/** Where a fault acts in `length` bytes, from 0 to `length`. */
export function placeIn(length: number, at: number | undefined): number {
  return Math.min(at ?? Math.floor(length / 2), length)
}

/** The same, but always a byte that is there; -1 in no bytes. */
export function byteIn(length: number, at: number | undefined): number {
  return Math.min(placeIn(length, at), length - 1)
}
