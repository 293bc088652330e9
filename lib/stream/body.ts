/** The body of a result: a Readable that can also be taken whole. */
import type { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { OptionError } from '../errors.js'
import { toWebReadable } from './web-readable.js'

/** A Readable with the three ways out that object storage clients offer. Use one of them, or the stream itself. */
export type Body = Readable & {
  /** All bytes. They must fit into memory. */
  transformToByteArray(): Promise<Uint8Array>
  /** All bytes as text, UTF-8 unless another encoding is named. */
  transformToString(encoding?: BufferEncoding): Promise<string>
  /** A web byte stream. */
  transformToWebStream(): ReadableStream<Uint8Array>
}

/** Adds the three methods to `readable`, which stays the same object. */
export function asBody(readable: Readable): Body {
  let isTaken = false
  const take = (): Readable => {
    // A second taking would find nothing, or a part, and call it the object.
    if (isTaken || readable.readableDidRead) throw new OptionError('Body', 'has already been read')
    isTaken = true
    return readable
  }
  const whole = async (): Promise<Buffer> => {
    const chunks: Buffer[] = []
    for await (const chunk of take()) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  return Object.assign(readable, {
    transformToByteArray: whole,
    transformToString: async (encoding: BufferEncoding = 'utf8') => (await whole()).toString(encoding),
    transformToWebStream: () => toWebReadable(take()),
  })
}
