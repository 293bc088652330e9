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

const MEBIBYTE = 1024 * 1024

/** How an object is cut, besides the size of its parts. */
export interface PartPlanOptions {
  /** Bytes that the first part has more than the others. Default 0. */
  readonly lead?: number
  /** Parts that have to be larger than wanted are a multiple of so many bytes. Default 1 MiB. */
  readonly unit?: number
}

/** The parts of an object: all of one size, but the last, and the first where it has a lead. */
export class PartPlan implements Iterable<PlannedPart> {
  /** Bytes of every part but the last. */
  readonly partSize: number
  /** Stored bytes of the whole. */
  readonly length: number
  readonly #lead: number

  /**
   * @param length - Stored bytes of the whole.
   * @param partSize - Wanted bytes of a part; grown to whole units where 10,000 such parts would not be enough.
   * @throws {@link OptionError} where the parts would be too large.
   */
  constructor(length: number, partSize: number, { lead = 0, unit = MEBIBYTE }: PartPlanOptions = {}) {
    this.length = length
    this.#lead = lead
    const isEnough = Math.ceil((length - lead) / partSize) <= MOST_PARTS
    this.partSize = isEnough ? partSize : Math.ceil((length - lead) / MOST_PARTS / unit) * unit
    if (this.partSize > MOST_PART_BYTES) {
      throw new OptionError(
        'PartSize',
        `cannot be large enough: ${length} bytes need more than ${MOST_PARTS} parts`,
      )
    }
  }

  /** How many parts there are; at least one. */
  get count(): number {
    return Math.max(1, Math.ceil((this.length - this.#lead) / this.partSize))
  }

  /** @param number - 1 to `count`. */
  part(number: number): PlannedPart {
    const offset = number === 1 ? 0 : this.#lead + (number - 1) * this.partSize
    const end = Math.min(this.length, this.#lead + number * this.partSize)
    return { number, offset, length: end - offset }
  }

  *[Symbol.iterator](): Generator<PlannedPart> {
    for (let number = 1; number <= this.count; number++) yield this.part(number)
  }
}
