/** Reclaims buffers of every kind in a process of its own, and writes to standard output as JSON what has become of them. */
import { setImmediate } from 'node:timers/promises'
import { reclaim } from '../../lib/internal/reclaim.js'

const KIB = 1024

/** Bytes of memory that is all theirs. */
const owned = (length: number): Buffer => Buffer.allocUnsafeSlow(length)

export const OWNED: Readonly<Record<string, () => Uint8Array>> = {
  'a buffer of 8 KiB': () => owned(8 * KIB),
  'a buffer of 8 KiB and a byte': () => owned(8 * KIB + 1),
  'a buffer of 1 MiB': () => owned(KIB * KIB),
  'a Uint8Array of 128 KiB': () => new Uint8Array(128 * KIB),
  'a view of all of its memory': () => owned(64 * KIB).subarray(),
}

export const OTHERS: Readonly<Record<string, () => Uint8Array>> = {
  'an empty buffer': () => owned(0),
  'a buffer of a byte less than 8 KiB': () => owned(8 * KIB - 1),
  'a view that leaves out the first byte': () => owned(64 * KIB).subarray(1),
  'a view that leaves out the last byte': () => owned(64 * KIB).subarray(0, -1),
  'a slice of the pool': () => Buffer.allocUnsafe(100),
  'a slice of a pool of 1 MiB': () => {
    Buffer.poolSize = KIB * KIB
    try {
      Buffer.allocUnsafe(1)
      return Buffer.allocUnsafe(64 * KIB)
    } finally {
      Buffer.poolSize = 8 * KIB
    }
  },
  'all of a SharedArrayBuffer': () => new Uint8Array(new SharedArrayBuffer(64 * KIB)),
  'a part of a SharedArrayBuffer': () => new Uint8Array(new SharedArrayBuffer(64 * KIB), 16, 32 * KIB),
}

export interface ReclaimResults {
  /** Bytes of memory that are left of each, by name. */
  readonly left: Readonly<Record<string, number>>
  /** How many of the first ones, reclaimed before anything was ready, are as they were. */
  readonly firstKept: number
  /** Whether the bytes of what is left are as they were. */
  readonly isUnchanged: boolean
}

const MOST_TURNS = 100

async function results(): Promise<ReclaimResults> {
  const first = [owned(8 * KIB).fill(7), owned(8 * KIB).fill(7)]
  for (const bytes of first) reclaim(bytes)
  const firstKept = first.filter((bytes) => bytes.length > 0 && bytes.every((byte) => byte === 7)).length
  // Until it is ready; where it is off it never is.
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    await setImmediate()
    const probe = owned(8 * KIB)
    reclaim(probe)
    if (probe.buffer.byteLength === 0) break
  }
  const left: Record<string, number> = {}
  let isUnchanged = true
  for (const [name, make] of Object.entries({ ...OWNED, ...OTHERS })) {
    const bytes = make().fill(5)
    reclaim(bytes)
    left[name] = bytes.buffer.byteLength
    if (left[name] > 0) isUnchanged &&= bytes.every((byte) => byte === 5)
  }
  return { left, firstKept, isUnchanged }
}

if (process.argv.includes('--print')) process.stdout.write(JSON.stringify(await results()))
// As the last of all, and nothing is awaited: what becomes ready must not hold the process.
if (process.argv.includes('--once')) reclaim(owned(8 * KIB))
