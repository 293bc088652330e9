/** Memory of parts and ranges: threads share it, so nothing is moved or copied between them, and one transfer leaves it to the next. */
import { SealstreamError } from '../errors.js'
import { Kept } from './kept.js'

/**
 * V8 does not count shared memory as garbage, so it may pile up for long. This much garbage of the common kind makes it collect both:
 * more than the 64 MiB that it lets pass, and its pages are never touched.
 */
const GARBAGE_BYTES = 128 * 1024 * 1024

/** Tells V8 that shared memory was given up, as it would notice of other memory by itself. */
export function noticeGarbage(): void {
  try {
    new ArrayBuffer(GARBAGE_BYTES)
  } catch {
    // Where there is no room for it, V8 has collected all it could.
  }
}

/** Less may wait for the next time: collecting takes some milliseconds. */
const LEAST_NOTICED_BYTES = 32 * 1024 * 1024
let unnoticed = 0

function giveUp(bytes: number): void {
  unnoticed += bytes
  if (unnoticed < LEAST_NOTICED_BYTES) return
  unnoticed = 0
  noticeGarbage()
}

const kept = new Kept<Buffer>(({ length }) => giveUp(length))

/** The memory that one transfer holds. */
export class HeldMemory {
  readonly #held: Buffer[] = []

  /**
   * Memory of at least so many bytes, all of a SharedArrayBuffer, with anything in it: what an earlier transfer left, since the pages of
   * fresh memory cost as much as what is done with them.
   *
   * @throws SealstreamError `SEALSTREAM_MEMORY`
   */
  take(bytes: number): Buffer {
    const memory = kept.take(({ length }) => length >= bytes) ?? fresh(bytes)
    this.#held.push(memory)
    return memory
  }

  /** Leaves all to others. Only where nobody writes to it, or sends it, any longer. */
  leave(): void {
    for (const memory of this.#held.splice(0)) kept.leave(memory)
  }

  /** Gives up what was not left to others, whoever still uses it. */
  drop(): void {
    giveUp(this.#held.splice(0).reduce((sum, { length }) => sum + length, 0))
  }
}

function fresh(bytes: number): Buffer {
  // What is too small for this would pile up beside it.
  kept.clear()
  try {
    return Buffer.from(new SharedArrayBuffer(bytes))
  } catch (cause) {
    throw new SealstreamError('SEALSTREAM_MEMORY', `no memory for a part or range of ${bytes} bytes`, {
      cause,
      hint: 'smaller parts, or fewer at a time, need less: PartSize, Concurrency',
    })
  }
}

/** Puts bytes into shared memory: set() and copy() would go word by word there, fill() copies at once. */
export function fillShared(memory: Buffer, bytes: Buffer, at: number): void {
  if (bytes.length > 0) memory.fill(bytes, at, at + bytes.length)
}
