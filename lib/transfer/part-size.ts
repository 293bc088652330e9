/** How large parts are. Pure. */
import { constants } from 'node:buffer'
import { MOST_PARTS } from '../cos/upload-part.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import { OptionError } from '../errors.js'
import { assertInteger, assertMultipleOf } from '../internal/assert.js'

/** Smallest part but the last, and largest (wire-formats F5). */
const LEAST_PART_BYTES = 1024 * 1024
/** Largest part: it is held in memory, in one Buffer, so under 4 GiB on Node 20. */
export const MOST_PART_BYTES = Math.min(
  5 * 1024 ** 3,
  Math.floor(constants.MAX_LENGTH / BLOCK_BYTES) * BLOCK_BYTES,
)

/** Parts of a stream of unknown length double every so many parts, up to a size that memory can hold (RULES 1.5). */
const PARTS_PER_DOUBLING = 1000
const MOST_GROWN_BYTES = 512 * 1024 * 1024

/**
 * @throws {@link OptionError} unless `partSize` is a multiple of 16 bytes from 1 MiB to 5 GiB, or to what one Buffer can hold.
 */
export function assertPartSize(partSize: unknown, option = 'PartSize'): asserts partSize is number {
  if (typeof partSize === 'number' && partSize < LEAST_PART_BYTES) {
    throw new OptionError(option, `must be at least ${LEAST_PART_BYTES}`, {
      value: partSize,
      hint: 'PartSize is in bytes: 8 MiB are 8 * 1024 * 1024',
    })
  }
  assertInteger(partSize, option, LEAST_PART_BYTES, MOST_PART_BYTES)
  assertMultipleOf(partSize, option, BLOCK_BYTES)
}

/**
 * Bytes of part `number` when the length of the whole is not known: `partSize * 2^floor((number - 1) / 1000)`, at most
 * 512 MiB unless `partSize` is larger itself.
 *
 * @throws {@link OptionError} past part 10,000: about 2.4 TiB from 8 MiB on.
 */
export function growingPartSize(partSize: number, number: number): number {
  if (number > MOST_PARTS) {
    throw new OptionError('PartSize', `is too small: the stream needs more than ${MOST_PARTS} parts`, {
      value: partSize,
      hint: 'give a larger PartSize',
    })
  }
  const grown = partSize * 2 ** Math.floor((number - 1) / PARTS_PER_DOUBLING)
  return Math.min(grown, Math.max(MOST_GROWN_BYTES, partSize))
}
