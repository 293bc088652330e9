/** A file through a cipher, to wherever `write` writes: reading, encrypting and writing go on at the same time, in memory that is reused. */
import type { RunningCipher } from '../crypto/content-cipher.js'
import { throwIfAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import type { ProgressListener } from '../internal/progress.js'
import { piecesOf, readAhead, readMemory } from '../internal/read-ahead.js'
import { reclaim } from '../internal/reclaim.js'
import type { SeekableSource } from './seekable-source.js'

/** Bytes of a write. */
const WRITE_BYTES = 1024 * 1024

/** How a file is run through a cipher. */
export interface CipherFileOptions {
  /** Bytes in order, one call at a time; they are nobody's again when it resolves. */
  readonly write: (bytes: Buffer) => Promise<void>
  /** Told of the bytes read. */
  readonly onProgress?: ProgressListener | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs all of `source` through `running`, which it closes.
 *
 * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` where the source changed meanwhile, `SEALSTREAM_ABORTED`; what the cipher and
 *   `write` throw.
 */
export async function cipherFile(
  source: SeekableSource,
  running: RunningCipher,
  { write, onProgress, signal }: CipherFileOptions,
): Promise<void> {
  const output = new WriteBehind(write)
  const whole = { start: 0, length: source.size }
  let bytes = 0
  try {
    await source.check()
    for await (const slice of readAhead(source.read, whole, readMemory(source.size))) {
      for (const piece of piecesOf(slice)) {
        throwIfAborted(signal)
        const made = running.update(piece)
        await output.put(made)
        reclaim(made)
        await breathe()
      }
      bytes += slice.length
      onProgress?.({ bytes, total: source.size })
    }
    await source.check()
    await output.put(running.final())
    await output.end()
  } finally {
    running.close()
    await output.settle()
  }
}

/** Gathers bytes to large writes, one of which is under way while the next is gathered. */
class WriteBehind {
  readonly #write: (bytes: Buffer) => Promise<void>
  #memory = Buffer.allocUnsafeSlow(WRITE_BYTES)
  #other = Buffer.allocUnsafeSlow(WRITE_BYTES)
  #filled = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(write: (bytes: Buffer) => Promise<void>) {
    this.#write = write
  }

  async put(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + WRITE_BYTES - this.#filled)
      this.#memory.set(piece, this.#filled)
      this.#filled += piece.length
      at += piece.length
      if (this.#filled === WRITE_BYTES) await this.#flush()
    }
  }

  /** Writes what is left. */
  async end(): Promise<void> {
    await this.#flush()
    await this.#writing
  }

  /** Waits until nothing is being written, whatever came of it. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined)
  }

  async #flush(): Promise<void> {
    await this.#writing
    const [full, filled] = [this.#memory, this.#filled]
    this.#memory = this.#other
    this.#other = full
    this.#filled = 0
    this.#writing = filled === 0 ? Promise.resolve() : this.#write(full.subarray(0, filled))
    // Whoever flushes next learns of it; until then it must not count as unhandled.
    this.#writing.catch(() => undefined)
  }
}
