/** Cuts bytes into parts. Knows no streams. */

/** A numbered stretch of a multipart upload. */
export interface Part {
  /** From 1. */
  readonly number: number
  /** Position of the first byte in the whole. */
  readonly offset: number
  /** Belongs to whoever received the part. */
  readonly bytes: Buffer
}

/** Cuts parts of given sizes; only the last may be shorter. Nothing at all makes one empty part. */
export class PartCutter {
  readonly #sizeOf: (number: number) => number
  readonly #allocate: (bytes: number) => Buffer
  #number = 1
  #offset = 0
  #bytes: Buffer | undefined
  #filled = 0

  /**
   * @param sizeOf - Bytes of part `number`, from 1 on.
   * @param allocate - Where the memory of a part comes from. Not the shared pool: a part is large, and its owner may
   *   transfer it.
   */
  constructor(
    sizeOf: (number: number) => number,
    allocate: (bytes: number) => Buffer = (bytes) => Buffer.allocUnsafeSlow(bytes),
  ) {
    this.#sizeOf = sizeOf
    this.#allocate = allocate
  }

  /** Takes in bytes (copied) and gives the parts they complete. Run the generator to its end. */
  *push(bytes: Uint8Array): Generator<Part> {
    for (let taken = 0; taken < bytes.length;) {
      this.#bytes ??= this.#allocate(this.#sizeOf(this.#number))
      const piece = bytes.subarray(taken, taken + this.#bytes.length - this.#filled)
      this.#bytes.set(piece, this.#filled)
      taken += piece.length
      this.#filled += piece.length
      if (this.#filled === this.#bytes.length) yield this.#cut(this.#bytes)
    }
  }

  /** The last part, where there is one: the rest, or an empty part when nothing ever came. */
  end(): Part | undefined {
    if (this.#bytes === undefined) return this.#number === 1 ? this.#cut(Buffer.alloc(0)) : undefined
    return this.#cut(this.#bytes.subarray(0, this.#filled))
  }

  #cut(bytes: Buffer): Part {
    const part = { number: this.#number, offset: this.#offset, bytes }
    this.#number += 1
    this.#offset += bytes.length
    this.#bytes = undefined
    this.#filled = 0
    return part
  }
}
