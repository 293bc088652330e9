/**
 * What went over the wire under each data key, attempt for attempt, also of bodies that were cut off: no counter block may
 * meet two plaintexts. Fed from the embedded server's `onBody`, or from a proxy before it.
 */
import { createDecipheriv } from 'node:crypto'
import type { Secrets } from './encrypting-masters.js'

/** A chunk of a body; what `onBody` tells will do. */
export interface WireBytes {
  /** Tells data keys apart: an upload has one envelope. Default: the upload id. */
  readonly uploadId?: string
  readonly partNumber?: number
  /** Where it stands in its body. The chunks of a body come in order. */
  readonly offset: number
  readonly bytes: Buffer
}

/** Ciphertext of one part: all that was ever seen of it, which begins with its first byte. */
interface SeenPart {
  bytes: Buffer
  length: number
}

export class KeystreamAudit {
  readonly #partSize: number
  readonly #uploads = new Map<string, Map<number, SeenPart>>()
  readonly #conflicts: string[] = []

  /** @param partSize - Bytes of every part but the last: with the number it gives the position. */
  constructor(partSize: number) {
    this.#partSize = partSize
  }

  /** Positions that carried two different bytes under one data key. */
  get conflicts(): readonly string[] {
    return this.#conflicts
  }

  /** The uploads of which bytes were seen. */
  get uploads(): string[] {
    return [...this.#uploads.keys()]
  }

  /** How many of its bytes were seen. */
  seenOf(uploadId: string): number {
    return [...this.#partsOf(uploadId).values()].reduce((sum, { length }) => sum + length, 0)
  }

  /** Notes bytes that left the client. */
  record({ uploadId = '', partNumber = 1, offset, bytes }: WireBytes): void {
    const where = `upload ${uploadId}, part ${partNumber}`
    const parts = this.#partsOf(uploadId)
    const seen = parts.get(partNumber) ?? { bytes: Buffer.alloc(this.#partSize), length: 0 }
    parts.set(partNumber, seen)
    // The next part begins there: its counter blocks would be met twice.
    if (offset + bytes.length > this.#partSize) {
      this.#conflicts.push(`${where} is longer than ${this.#partSize} bytes`)
      return
    }
    if (offset > seen.length) throw new Error(`${where}: nothing was recorded before byte ${offset}`)
    const known = Math.min(bytes.length, seen.length - offset)
    if (!seen.bytes.subarray(offset, offset + known).equals(bytes.subarray(0, known))) {
      this.#conflicts.push(`${where} was sent with other bytes from ${offset} on`)
      return
    }
    bytes.copy(seen.bytes, offset + known, known)
    seen.length = Math.max(seen.length, offset + bytes.length)
  }

  /**
   * The first thing that speaks against all bytes of an upload being this plaintext under this data key, each at its own
   * position; undefined where nothing does.
   */
  objectionTo(uploadId: string, { key, iv }: Secrets, plaintext: Buffer): string | undefined {
    for (const [number, { bytes, length }] of this.#partsOf(uploadId)) {
      const position = (number - 1) * this.#partSize
      const decipher = createDecipheriv('aes-256-ctr', key, counterBlock(iv, position))
      const found = decipher.update(bytes.subarray(0, length))
      if (found.equals(plaintext.subarray(position, position + length))) continue
      return `upload ${uploadId}: part ${number} carried another plaintext`
    }
    return undefined
  }

  #partsOf(uploadId: string): Map<number, SeenPart> {
    const parts = this.#uploads.get(uploadId) ?? new Map<number, SeenPart>()
    this.#uploads.set(uploadId, parts)
    return parts
  }
}

/** The counter block of a position that is a multiple of 16. */
function counterBlock(iv: Buffer, position: number): Buffer {
  const counter = (BigInt(`0x${iv.toString('hex')}`) + BigInt(position / 16)) % 2n ** 128n
  return Buffer.from(counter.toString(16).padStart(32, '0'), 'hex')
}
