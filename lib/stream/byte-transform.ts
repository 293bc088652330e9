/** The one shell that all byte streams share: an algorithm that knows no streams, as a Transform. */
import { Transform, type TransformCallback, type TransformOptions } from 'node:stream'
import { destroyOnAbort } from '../internal/abort.js'
import { assertKnown } from '../internal/assert.js'
import { asBuffer } from '../internal/bytes.js'
import { failWithSource } from './source-watch.js'

/** The usual options of a Node stream, as every factory here takes them. */
export type StreamOptions = StreamShape & {
  /** Destroys the stream with `SEALSTREAM_ABORTED`; the signal's reason is the cause. */
  signal?: AbortSignal | undefined
}

/** What goes to Node's constructor. */
type StreamShape = Pick<
  TransformOptions,
  | 'highWaterMark'
  | 'readableHighWaterMark'
  | 'writableHighWaterMark'
  | 'allowHalfOpen'
  | 'autoDestroy'
  | 'emitClose'
>

const SHAPE_NAMES = [
  'highWaterMark',
  'readableHighWaterMark',
  'writableHighWaterMark',
  'allowHalfOpen',
  'autoDestroy',
  'emitClose',
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
  /** Lets go of keys and settles promises, once, whether the stream ended, failed or was abandoned. */
  close?(error: Error | null): void
}

/** Refuses unknown names among a factory's options; `own` are the factory's. */
export function assertStreamOptions(options: unknown, own: readonly string[]): void {
  assertKnown(options, 'options', [...own, ...SHAPE_NAMES, 'signal'])
}

/** What of a factory's options goes to Node's constructor; an explicit undefined means the default. */
export function pickStreamOptions(options: StreamOptions): StreamShape {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => SHAPE_NAMES.includes(name) && value !== undefined),
  )
}

/** Runs a {@link ByteStage} as a Transform. Empty chunks are swallowed; output belongs to the consumer. */
export class ByteTransform extends Transform {
  readonly #stage: ByteStage
  #isClosed = false

  constructor(stage: ByteStage, options: StreamOptions = {}) {
    super({
      readableHighWaterMark: HIGH_WATER_MARK,
      writableHighWaterMark: HIGH_WATER_MARK,
      ...pickStreamOptions(options),
    })
    this.#stage = stage
    failWithSource(this)
    destroyOnAbort(this, options.signal)
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
      // Not left to destroy: with autoDestroy off that may never come.
      this.#close(null)
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#close(error)
    done(error)
  }

  #close(error: Error | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stage.close?.(error)
  }

  #give(output: Buffer): void {
    if (output.length > 0) this.push(output)
  }
}
