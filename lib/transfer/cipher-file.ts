/** A file through a cipher, to wherever `write` writes: reading, encrypting and writing go on at the same time, in memory that is reused. */
import type { RunningCipher } from '../crypto/content-cipher.js'
import { throwIfAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import type { ProgressListener } from '../internal/progress.js'
import { piecesOf, readAhead, readMemory } from '../internal/read-ahead.js'
import { reclaim } from '../internal/reclaim.js'
import { WriteBehind } from '../internal/write-behind.js'
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
  const output = new WriteBehind(write, WRITE_BYTES)
  const whole = { start: 0, length: source.size }
  let bytes = 0
  try {
    await source.check()
    const read = (into: Buffer, position: number): Promise<void> => source.read(into, position)
    for await (const slice of readAhead(read, whole, readMemory(source.size))) {
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
