/** A part of a seekable source as it is stored: read, encrypted at its offset, and digested. */
import { BodyDigest, type Digest } from '../checksum/body-digest.js'
import type { DataKey } from '../crypto/data-key.js'
import { throwIfAborted } from '../internal/abort.js'
import type { PlannedPart } from './part-plan.js'
import type { SeekableSource } from './seekable-source.js'

/** Bytes are read, encrypted and digested in slices that stay in the processor's cache. */
const SLICE_BYTES = 256 * 1024

/** How a part is read. */
export interface ReadPartOptions {
  /** Encrypts; without one, bytes stay as they are. */
  readonly dataKey: DataKey | undefined
  /** The data key has encrypted these positions before; the caller compares what comes out. */
  readonly sameBytes: boolean
  /** Whether the digest holds an MD5. */
  readonly md5: boolean
  readonly signal: AbortSignal | undefined
}

/**
 * Fills `into` with the stored bytes of a part.
 *
 * @returns Their digest.
 * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` where the source changed before, or while, it was read;
 *   `SEALSTREAM_ABORTED`.
 */
export async function readPart(
  source: SeekableSource,
  { offset, length }: PlannedPart,
  into: Buffer,
  { dataKey, sameBytes, md5, signal }: ReadPartOptions,
): Promise<Digest> {
  const digest = new BodyDigest({ md5 })
  const encryptor = dataKey?.encryptor({ start: offset, sameBytes })
  try {
    await source.check()
    for (let at = 0; at < length; at += SLICE_BYTES) {
      throwIfAborted(signal)
      const slice = into.subarray(at, Math.min(at + SLICE_BYTES, length))
      await source.read(slice, offset + at)
      if (encryptor !== undefined) slice.set(encryptor.update(slice))
      digest.update(slice)
    }
    await source.check()
  } finally {
    encryptor?.close()
  }
  return digest.digest()
}
