/** The digest of a part that is made or held beside others: their MD5s are computed together. */
import { throwIfAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import type { Digest } from './body-digest.js'
import { Crc64 } from './crc64.js'
import { openMd5, type RunningMd5 } from './md5-group.js'

/** How parts are digested. */
export interface PartDigestOptions {
  /** Whether to compute MD5 beside CRC-64. */
  readonly md5: boolean
  /** How many parts are digested at the same time, this one included. */
  readonly peers: number
}

/** Bytes are digested in pieces that stay in the processor's cache. */
const PIECE_BYTES = 128 * 1024

/** A {@link Digest} under way. Bytes come in order, one call at a time; `close` it always. */
export class PartDigest {
  readonly #crc64 = new Crc64()
  readonly #md5: RunningMd5 | undefined
  #length = 0

  constructor({ md5, peers }: PartDigestOptions) {
    this.#md5 = md5 ? openMd5(peers) : undefined
  }

  /** Takes in bytes, which are the caller's again when it resolves; undefined where that is at once. */
  update(bytes: Uint8Array): Promise<void> | undefined {
    this.#length += bytes.length
    this.#crc64.update(bytes)
    return this.#md5?.update(bytes)
  }

  async digest(): Promise<Digest> {
    return { length: this.#length, crc64: this.#crc64.value, md5: await this.#md5?.digest() }
  }

  close(): void {
    this.#md5?.close()
  }
}

/** The {@link Digest} of a part that is all at hand. Others get their turn meanwhile. @throws SealstreamError `SEALSTREAM_ABORTED` */
export async function digestOfPart(
  bytes: Uint8Array,
  { signal, ...options }: PartDigestOptions & { readonly signal: AbortSignal | undefined },
): Promise<Digest> {
  const running = new PartDigest(options)
  try {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      throwIfAborted(signal)
      await running.update(bytes.subarray(at, at + PIECE_BYTES))
      await breathe()
    }
    return await running.digest()
  } finally {
    running.close()
  }
}
