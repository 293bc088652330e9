/** Cuts a byte stream into the parts of a multipart upload. */
import { Transform, type TransformCallback } from 'node:stream'
import { BLOCK_BYTES } from '../crypto/counter.js'
import { destroyOnAbort } from '../internal/abort.js'
import { assertMultipleOf } from '../internal/assert.js'
import { assertStreamOptions, pickStreamOptions, type StreamOptions } from './byte-transform.js'
import { PartCutter, type Part } from './part-cutter.js'
import { failWithSource } from './source-watch.js'

class PartTransform extends Transform {
  #cutter: PartCutter | undefined
  /** Parts of the chunk at hand that wait for the consumer, and how to ask for the next chunk afterwards. */
  #waiting: { parts: Iterator<Part>; done: TransformCallback } | undefined

  constructor(partSize: number, options: StreamOptions) {
    const { highWaterMark, ...rest } = pickStreamOptions(options)
    super({
      // One part at a time on the readable side: parts are what memory is made of. A highWaterMark is bytes, so it is
      // the writable side's.
      readableHighWaterMark: 1,
      ...(highWaterMark === undefined ? {} : { writableHighWaterMark: highWaterMark }),
      ...rest,
      readableObjectMode: true,
    })
    this.#cutter = new PartCutter(() => partSize)
    failWithSource(this)
    destroyOnAbort(this, options.signal)
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#give((this.#cutter as PartCutter).push(chunk), done)
  }

  override _read(size: number): void {
    const waiting = this.#waiting
    if (waiting === undefined) {
      super._read(size)
      return
    }
    this.#waiting = undefined
    const before = this.readableLength
    const isDone = this.#give(waiting.parts, waiting.done)
    // Where that was all, Transform asks for the next chunk only when it is read again, and nothing else would do so.
    if (isDone && this.readableLength === before) super._read(size)
  }

  override _flush(done: TransformCallback): void {
    const last = (this.#cutter as PartCutter).end()
    done(null, last)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#cutter = undefined
    this.#waiting = undefined
    done(error)
  }

  /** Hands out parts until the consumer has enough; a chunk may hold many of them. True when that was all of them. */
  #give(parts: Iterator<Part>, done: TransformCallback): boolean {
    try {
      for (let next = parts.next(); next.done !== true; next = parts.next()) {
        if (this.push(next.value)) continue
        this.#waiting = { parts, done }
        return false
      }
    } catch (error) {
      // A part that memory cannot hold.
      done(error as Error)
      return false
    }
    done()
    return true
  }
}

/**
 * Bytes in; out come parts `{ number, offset, bytes }` of exactly `partSize` bytes, the last possibly shorter. An empty
 * source gives one empty part. The bytes of a part belong to the consumer.
 *
 * @param options - `partSize`: bytes, a multiple of 16, so that every part starts on an AES block.
 * @throws {@link OptionError} on another `partSize`.
 */
export function partStream(options: StreamOptions & { partSize: number }): Transform {
  assertStreamOptions(options, ['partSize'])
  assertMultipleOf(options.partSize, 'partSize', BLOCK_BYTES)
  return new PartTransform(options.partSize, options)
}
