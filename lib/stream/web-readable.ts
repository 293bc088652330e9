/** A web byte stream over a Node stream. */
import type { Readable } from 'node:stream'
import {
  ReadableStream,
  type ReadableByteStreamController,
  type ReadableStreamBYOBRequest,
} from 'node:stream/web'

/**
 * A web `ReadableStream` of `type: 'bytes'`, with BYOB readers; `Readable.toWeb` on Node 20 has none.
 *
 * Chunks are copied: a web byte stream detaches the memory it is given, and Node's chunks share pools.
 */
export function toWebReadable(readable: Readable): ReadableStream<Uint8Array> {
  // The iterator listens from its first step on; a stream that fails before that must not end the process.
  readable.on('error', () => undefined)
  const chunks = readable[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer | string>
  let rest: Uint8Array = new Uint8Array(0)
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller: ReadableByteStreamController) {
        while (rest.length === 0) {
          const next = await chunks.next()
          if (next.done === true) {
            controller.close()
            // A BYOB read that is waiting at the end needs an empty answer besides.
            controller.byobRequest?.respond(0)
            return
          }
          rest = typeof next.value === 'string' ? Buffer.from(next.value) : next.value
        }
        const request = controller.byobRequest as ReadableStreamBYOBRequest | null | undefined
        if (request?.view) {
          const taken = Math.min(request.view.byteLength, rest.length)
          new Uint8Array(request.view.buffer, request.view.byteOffset, taken).set(rest.subarray(0, taken))
          rest = rest.subarray(taken)
          request.respond(taken)
          return
        }
        const copy = new Uint8Array(rest)
        rest = rest.subarray(rest.length)
        controller.enqueue(copy)
      },
      cancel(reason) {
        readable.destroy(reason instanceof Error ? reason : undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
