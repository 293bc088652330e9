/** Reading that goes on while what was read is worked on. */

/** Bytes of a read: large ones are cheap. */
export const READ_BYTES = 1024 * 1024

/** What reads: fills `into` from `position` on. */
type Read = (into: Buffer, position: number) => Promise<void>

/** Two buffers that are read to in turns. Fresh ones would cost more, in page faults, than what is done with their bytes. */
export type ReadMemory = readonly [Buffer, Buffer]

/** @param most - Bytes that will ever be read at once, where that is known to be little. */
export function readMemory(most = READ_BYTES): ReadMemory {
  const bytes = Math.max(1, Math.min(most, READ_BYTES))
  return [Buffer.allocUnsafeSlow(bytes), Buffer.allocUnsafeSlow(bytes)]
}

/** Gives `length` bytes from `start` on, slice by slice; a slice is overwritten when the next one is asked for. */
export async function* readAhead(
  read: Read,
  { start, length }: { readonly start: number; readonly length: number },
  memory: ReadMemory,
): AsyncGenerator<Buffer> {
  const { length: size } = memory[0]
  const begin = (at: number): Promise<Buffer> => {
    const whole = memory[Math.floor(at / size) % 2] as Buffer
    const slice = whole.subarray(0, Math.min(size, length - at))
    const reading = read(slice, start + at).then(() => slice)
    // It may fail while the slice before is worked on: whoever asks for it learns of it, until then it is nobody's fault.
    reading.catch(() => undefined)
    return reading
  }
  let next: Promise<Buffer> | undefined = length > 0 ? begin(0) : undefined
  try {
    for (let at = size; next !== undefined; at += size) {
      const slice = await next
      next = at < length ? begin(at) : undefined
      yield slice
    }
  } finally {
    // The memory must not be anybody else's before the read is done.
    await next?.catch(() => undefined)
  }
}

/** Bytes in stretches of one size, the last one shorter. */
export function* slicesOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Work on a slice goes piece by piece: what it makes of a piece is still in the processor's cache when it is passed on. */
export const PIECE_BYTES = 128 * 1024

export function piecesOf(bytes: Buffer): Generator<Buffer> {
  return slicesOf(bytes, PIECE_BYTES)
}
