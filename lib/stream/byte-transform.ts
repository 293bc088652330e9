/** The one shell that all byte streams share: an algorithm that knows no streams, as a Transform. */
import { Transform, type TransformCallback, type TransformOptions } from 'node:stream'
import { assertKnown } from '../internal/assert.js'
import { asBuffer } from '../internal/bytes.js'
import { failWithSource } from './source-watch.js'

/** The usual options of a Node stream, as every factory here takes them. */
export type StreamOptions = Pick<
  TransformOptions,
  | 'highWaterMark'
  | 'readableHighWaterMark'
  | 'writableHighWaterMark'
  | 'allowHalfOpen'
  | 'autoDestroy'
  | 'emitClose'
  | 'signal'
>

const STREAM_OPTION_NAMES = [
  'highWaterMark',
  'readableHighWaterMark',
  'writableHighWaterMark',
  'allowHalfOpen',
  'autoDestroy',
  'emitClose',
  'signal',
]

/** Shells cost nearly nothing from 64 KiB chunks up; 256 KiB keeps a fast source and a fast sink apart. */
const HIGH_WATER_MARK = 256 * 1024

/** Cipher and hash calls take less than 2 GiB at once. Output grows slice by slice, so one huge chunk is fine. */
const MOST_AT_ONCE = 16 * 1024 * 1024

/** An algorithm over bytes in order. */
export interface ByteStage {
  /** Takes in at least one byte, gives what comes out. */
  update(bytes: Buffer): Buffer
  /** After the last byte; gives the rest. */
  final?(): Buffer
  /** Lets go of keys and settles promises; called once, whether the stream ended, failed or was abandoned. */
  close?(error: Error | null): void
}

/** Refuses unknown names among a factory's options; `own` are the factory's. */
export function assertStreamOptions(options: unknown, own: readonly string[]): void {
  assertKnown(options, 'options', [...own, ...STREAM_OPTION_NAMES])
}

/** Only the stream options out of a factory's options. */
export function pickStreamOptions(options: StreamOptions): StreamOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => STREAM_OPTION_NAMES.includes(name)))
}

/** Runs a {@link ByteStage} as a Transform. Empty chunks are swallowed; output belongs to the consumer. */
export class ByteTransform extends Transform {
  readonly #stage: ByteStage

  constructor(stage: ByteStage, options: StreamOptions = {}) {
    super({
      readableHighWaterMark: HIGH_WATER_MARK,
      writableHighWaterMark: HIGH_WATER_MARK,
      ...pickStreamOptions(options),
    })
    this.#stage = stage
    failWithSource(this)
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = asBuffer(chunk)
    try {
      for (let at = 0; at < bytes.length; at += MOST_AT_ONCE) {
        this.#give(this.#stage.update(bytes.subarray(at, at + MOST_AT_ONCE)))
      }
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  }

  override _flush(done: TransformCallback): void {
    try {
      if (this.#stage.final !== undefined) this.#give(this.#stage.final())
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stage.close?.(error)
    done(error)
  }

  #give(output: Buffer): void {
    if (output.length > 0) this.push(output)
  }
}
