/** Chunks of a stream as they came. */
import { Writable, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/**
 * Has each chunk used before the next comes. An iterator would join those that have gathered meanwhile: a copy of all bytes, and as much
 * garbage once more.
 *
 * @throws What the stream failed with, or `use`, which ends the stream; not before the last chunk is used, whatever comes of it.
 */
export async function useChunks(stream: Readable, use: (chunk: Buffer) => Promise<void>): Promise<void> {
  let using: Promise<void> = Promise.resolve()
  const sink = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      using = use(chunk)
      using.then(() => done(), done)
    },
  })
  try {
    await pipeline(stream, sink)
  } finally {
    await using.catch(() => undefined)
  }
}
