/** Input of any sizes, in pieces of one size. */

const NOTHING = Buffer.alloc(0)

/** Cuts input into pieces of one size; a piece that lies within one input is not copied. */
export class Pieces {
  readonly #size: number
  #held = NOTHING
  #filled = 0

  constructor(size: number) {
    this.#size = size
  }

  /** How many whole pieces `bytes` more complete. */
  count(bytes: number): number {
    return Math.floor((this.#filled + bytes) / this.#size)
  }

  /** Calls `take` with each piece that is complete; it must not keep it. */
  push(bytes: Uint8Array, take: (piece: Uint8Array) => void): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === 0 && bytes.length - at >= this.#size) {
        take(bytes.subarray(at, at + this.#size))
        at += this.#size
        continue
      }
      if (this.#held.length === 0) this.#held = Buffer.allocUnsafeSlow(this.#size)
      const part = bytes.subarray(at, at + this.#size - this.#filled)
      this.#held.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled < this.#size) return
      this.#filled = 0
      take(this.#held)
    }
  }

  /** What has come since the last whole piece. */
  get rest(): Buffer {
    return this.#held.subarray(0, this.#filled)
  }

  /** Plaintext, or what becomes it, does not stay behind. */
  wipe(): void {
    this.#held.fill(0)
    this.#held = NOTHING
    this.#filled = 0
  }
}
