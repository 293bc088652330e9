/** A part of a seekable source as it is stored: read, and encrypted at its offset. */
import type { DataKey } from '../crypto/data-key.js'
import type { PlannedPart } from './part-plan.js'
import type { SeekableSource } from './seekable-source.js'

/** Plaintext is read and encrypted in slices that stay in the processor's cache. */
const SLICE_BYTES = 256 * 1024

/**
 * Fills `into` with the stored bytes of a part.
 *
 * @param how - `sameBytes`: the data key has encrypted these positions before; the caller compares what comes out.
 * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` where the source changed before, or while, it was read.
 */
export async function readPart(
  source: SeekableSource,
  { offset, length }: PlannedPart,
  into: Buffer,
  { dataKey, sameBytes }: { dataKey: DataKey | undefined; sameBytes: boolean },
): Promise<void> {
  await source.check()
  if (dataKey === undefined) {
    await source.read(into, offset)
  } else {
    const encryptor = dataKey.encryptor({ start: offset, sameBytes })
    try {
      const slice = Buffer.allocUnsafeSlow(Math.min(SLICE_BYTES, length))
      for (let at = 0; at < length; at += SLICE_BYTES) {
        const plaintext = slice.subarray(0, Math.min(SLICE_BYTES, length - at))
        await source.read(plaintext, offset + at)
        into.set(encryptor.update(plaintext), at)
      }
    } finally {
      encryptor.close()
    }
  }
  await source.check()
}
