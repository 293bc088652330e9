/** Writing that goes on while more is made. */

/** Gathers bytes to large writes, one of which is under way while the next is gathered. One call at a time; end with `settle`. */
export class WriteBehind {
  readonly #write: (bytes: Buffer) => Promise<void>
  #memory: Buffer
  #other: Buffer
  #filled = 0
  #writing: Promise<void> = Promise.resolve()

  /**
   * @param write - Bytes in order; they are nobody's again when it resolves.
   * @param size - Bytes of a write, from 1: many small ones cost more than what is written.
   */
  constructor(write: (bytes: Buffer) => Promise<void>, size: number) {
    this.#memory = Buffer.allocUnsafeSlow(size)
    this.#other = Buffer.allocUnsafeSlow(size)
    this.#write = write
  }

  /** Takes bytes, which are the caller's again when it resolves. @throws What writing those before failed with. */
  async put(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + this.#memory.length - this.#filled)
      this.#memory.set(piece, this.#filled)
      this.#filled += piece.length
      at += piece.length
      if (this.#filled === this.#memory.length) await this.#flush()
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
