/**
 * What went over the wire in the parts of each upload, attempt for attempt, also of bodies that were cut off. An upload has one
 * data key, so a stored position that carried two different bytes is a nonce, or a keystream position, under which two
 * plaintexts left.
 */
import type { ServerOptions } from '../../lib/server/index.js'

type BodyEvent = Parameters<NonNullable<ServerOptions['onBody']>>[0]

export class MessageAudit {
  readonly #partSize: number
  readonly #lead: number
  /** By upload: the byte at each stored position, or -1. */
  readonly #seen = new Map<string, Int16Array>()
  readonly #conflicts = new Map<string, number>()
  /** Bodies of parts that began. */
  attempts = 0

  /**
   * @param partSize - Stored bytes of every part but the last.
   * @param lead - Bytes that the first part has more.
   */
  constructor(partSize: number, lead = 0) {
    this.#partSize = partSize
    this.#lead = lead
  }

  /** Give it to the server as `onBody`. */
  readonly record = ({ uploadId, partNumber, offset, bytes }: BodyEvent): void => {
    if (uploadId === undefined || partNumber === undefined) return
    if (offset === 0) this.attempts += 1
    const before = partNumber === 1 ? 0 : this.#lead + (partNumber - 1) * this.#partSize
    const start = before + offset
    const seen = this.#room(uploadId, start + bytes.length)
    for (let at = 0; at < bytes.length; at++) {
      const known = seen[start + at]!
      if (known !== -1 && known !== bytes[at]) {
        this.#conflicts.set(uploadId, (this.#conflicts.get(uploadId) ?? 0) + 1)
      }
      seen[start + at] = bytes[at]!
    }
  }

  /** Uploads of which bytes were seen, in the order in which they began. */
  get uploads(): string[] {
    return [...this.#seen.keys()]
  }

  /** Positions that carried two different bytes, in all uploads. */
  get conflicts(): number {
    return [...this.#conflicts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** How many stored positions were seen. */
  seenOf(uploadId: string): number {
    return this.#seen.get(uploadId)?.reduce((sum, byte) => sum + (byte === -1 ? 0 : 1), 0) ?? 0
  }

  /** Positions whose byte is not that of this stored object. */
  strangersIn(uploadId: string, message: Buffer): number {
    const seen = this.#seen.get(uploadId) ?? new Int16Array()
    let count = 0
    for (const [at, byte] of seen.entries()) if (byte !== -1 && byte !== message[at]) count += 1
    return count
  }

  #room(uploadId: string, length: number): Int16Array {
    const known = this.#seen.get(uploadId) ?? new Int16Array()
    if (known.length >= length) return known
    const grown = new Int16Array(Math.max(length, known.length * 2)).fill(-1)
    grown.set(known)
    this.#seen.set(uploadId, grown)
    return grown
  }
}
