/** Memory that threads share: nothing of it is moved or copied between them. */
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

const kept = new Kept<Buffer>(noticeGarbage)

/** Memory of at least so many bytes, all of a SharedArrayBuffer, with anything in it. */
export function sharedMemory(bytes: number): Buffer {
  const found = kept.take(({ length }) => length >= bytes)
  if (found !== undefined) return found
  // What is too small for this would pile up beside it.
  kept.clear()
  return Buffer.from(new SharedArrayBuffer(bytes))
}

/** Whoever asks next may have it: nobody may write to it, or send it, any longer. */
export function keepShared(memory: Buffer): void {
  kept.leave(memory)
}

/** Puts bytes into shared memory: set() and copy() would go word by word there, fill() copies at once. */
export function fillShared(memory: Buffer, bytes: Buffer, at: number): void {
  if (bytes.length > 0) memory.fill(bytes, at, at + bytes.length)
}
