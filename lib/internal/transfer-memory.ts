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
/** What is given up may still be referred to for a moment, and more may follow. Milliseconds. */
const NOTICE_MS = 100
let unnoticed = 0
let noticing: NodeJS.Timeout | undefined

function giveUp(bytes: number): void {
  unnoticed += bytes
  if (unnoticed < LEAST_NOTICED_BYTES) return
  noticing ??= setTimeout(() => {
    unnoticed = 0
    noticing = undefined
    noticeGarbage()
  }, NOTICE_MS).unref()
}

const kept = new Kept<Buffer>(({ length }) => giveUp(length))

/** The memory that one transfer holds. */
export class HeldMemory {
  readonly #held: Buffer[] = []

  /**
   * Memory of at least so many bytes, twice as many at most, all of a SharedArrayBuffer, with anything in it: what an earlier transfer
   * left, since the pages of fresh memory cost as much as what is done with them.
   *
   * @throws SealstreamError `SEALSTREAM_MEMORY`
   */
  take(bytes: number): Buffer {
    const memory = kept.take(({ length }) => length >= bytes && length <= 2 * bytes) ?? fresh(bytes)
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

/** Memory that is not shared, and not left to others: with anything in it. @throws SealstreamError `SEALSTREAM_MEMORY` */
export function ownMemory(bytes: number): Buffer {
  return allocated(bytes, () => Buffer.allocUnsafeSlow(bytes))
}

function fresh(bytes: number): Buffer {
  // What is of another size would pile up beside it.
  kept.clear()
  return allocated(bytes, () => Buffer.from(new SharedArrayBuffer(bytes)))
}

function allocated(bytes: number, allocate: () => Buffer): Buffer {
  try {
    return allocate()
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
