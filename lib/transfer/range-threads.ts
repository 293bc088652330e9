/** Ranges that are decrypted and written by threads. */
import { lendSecret, type DataKey } from '../crypto/data-key.js'
import { throwIfAborted, unlessAborted } from '../internal/abort.js'
import type { PlannedRange } from './download-plan.js'
import { openStored } from './range-opener.js'
import type { ThreadCrew } from './thread-crew.js'

/** What ranges are written to. */
export interface RangeTarget {
  write(bytes: Buffer, position: number): Promise<void>
  /** By what threads write to it; undefined where nothing is kept. */
  readonly descriptor: number | undefined
}

/** For ranges that are only read. */
export const NOWHERE: RangeTarget = { write: async () => undefined, descriptor: undefined }

/** What opening ranges takes. */
export interface OpenerOptions {
  readonly dataKey: DataKey | undefined
  readonly target: RangeTarget
  readonly signal: AbortSignal
}

/** Memory for one range after another, and who opens it when it is all there. */
export interface RangeOpener {
  readonly memory: Buffer
  /**
   * Decrypts what stands in the memory into the range's place in the file.
   *
   * @returns The CRC-64 of its stored bytes.
   * @throws AuthenticationError, SealstreamError `SEALSTREAM_FILE`, `SEALSTREAM_ABORTED`.
   */
  open(range: PlannedRange): Promise<bigint>
}

/** @param memory - Shared, and enough for any range with what is fetched before it. */
export function rangeOpener(
  crew: ThreadCrew,
  memory: Buffer,
  { dataKey, target, signal }: OpenerOptions,
): RangeOpener {
  return {
    memory,
    async open({ offset, from, length, start, decrypt }) {
      const range = { before: offset - from, start }
      const stored = memory.subarray(0, range.before + length)
      const options = decrypt
      const decryption =
        dataKey === undefined || options === undefined
          ? undefined
          : { format: dataKey.format, secret: lendSecret(dataKey), options }
      const order = { ...range, length: stored.length, decryption, descriptor: target.descriptor }
      try {
        return await unlessAborted(crew.idlest.open(memory, order), signal)
      } catch {
        throwIfAborted(signal)
        // Errors lose what they are on their way between threads; done again here, it fails as what it is.
        const decryptor = options === undefined ? undefined : dataKey?.decryptor(options)
        return openStored(stored, range, decryptor, (bytes, position) => target.write(bytes, position))
      }
    },
  }
}
