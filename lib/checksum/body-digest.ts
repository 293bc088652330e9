/** The two checksums by which a store tells what it holds, computed side by side. */
import { createHash, type Hash } from 'node:crypto'
import { Crc64 } from './crc64.js'

/** What was computed over some bytes. */
export interface Digest {
  /** Number of bytes. */
  readonly length: number
  /** CRC-64/XZ, unsigned. */
  readonly crc64: bigint
  /** MD5, lower-case hex; absent when it was not asked for. */
  readonly md5: string | undefined
}

/** Length, CRC-64 and, unless switched off, MD5 of bytes that come in order. */
export class BodyDigest {
  readonly #crc64 = new Crc64()
  readonly #md5: Hash | undefined
  #length = 0

  /** @param options - `md5: false` leaves the MD5 out: it costs several times what CRC-64 and AES cost together. */
  constructor(options: { md5?: boolean } = {}) {
    this.#md5 = options.md5 === false ? undefined : createHash('md5')
  }

  update(bytes: Uint8Array): void {
    this.#length += bytes.length
    this.#crc64.update(bytes)
    this.#md5?.update(bytes)
  }

  /** Ends the computation; call it once. */
  digest(): Digest {
    return { length: this.#length, crc64: this.#crc64.value, md5: this.#md5?.digest('hex') }
  }
}

/** The {@link Digest} of bytes that are all at hand. */
export function digestOf(bytes: Uint8Array, options: { md5?: boolean } = {}): Digest {
  const running = new BodyDigest(options)
  running.update(bytes)
  return running.digest()
}
