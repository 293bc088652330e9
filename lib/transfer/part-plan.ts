/** Cutting an object of known length into parts. Pure. */
import { MOST_PARTS } from '../cos/upload-part.js'
import { OptionError } from '../errors.js'
import { MOST_PART_BYTES } from './part-size.js'

/** A stretch of the stored object. */
export interface PlannedPart {
  /** From 1. */
  readonly number: number
  /** Position of its first byte in the stored object. */
  readonly offset: number
  /** Bytes; 0 only for the one part of an empty object. */
  readonly length: number
}

/** The parts of an object: all of one size, but the last. */
export class PartPlan implements Iterable<PlannedPart> {
  /** Bytes of every part but the last. */
  readonly partSize: number
  /** Stored bytes of the whole. */
  readonly length: number

  /**
   * @param length - Stored bytes of the whole.
   * @param partSize - Wanted bytes of a part; grown to whole MiB where 10,000 such parts would not be enough.
   * @throws {@link OptionError} where the parts would be too large.
   */
  constructor(length: number, partSize: number) {
    this.length = length
    const isEnough = Math.ceil(length / partSize) <= MOST_PARTS
    this.partSize = isEnough ? partSize : neededPartSize(length)
    if (this.partSize > MOST_PART_BYTES) {
      throw new OptionError(
        'PartSize',
        `cannot be large enough: ${length} bytes need more than ${MOST_PARTS} parts`,
      )
    }
  }

  /** How many parts there are; at least one. */
  get count(): number {
    return Math.max(1, Math.ceil(this.length / this.partSize))
  }

  /** @param number - 1 to `count`. */
  part(number: number): PlannedPart {
    const offset = (number - 1) * this.partSize
    return { number, offset, length: Math.min(this.partSize, this.length - offset) }
  }

  *[Symbol.iterator](): Generator<PlannedPart> {
    for (let number = 1; number <= this.count; number++) yield this.part(number)
  }
}

const MEBIBYTE = 1024 * 1024

/** The smallest part size, in whole MiB, of which 10,000 are enough. */
function neededPartSize(length: number): number {
  return Math.ceil(length / MOST_PARTS / MEBIBYTE) * MEBIBYTE
}
