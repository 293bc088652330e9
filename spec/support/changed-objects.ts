/** What an attacker who can write the store, but has no key, makes of a `sealed` object's bytes; and what must come of it. */
import type { ErrorCode } from '../../lib/errors.js'
import { CHUNK_BYTES, chunksOf, HEAD_BYTES, SALT_BYTES, SEALED_CHUNK_BYTES } from './sealed-object.js'
import { Seeded } from './seeded.js'

/** A change of the stored bytes. */
export interface Change {
  readonly title: string
  /** @param other - Another object for the same recipients, of the same length and context. */
  readonly make: (stored: Buffer, other: Buffer) => Buffer
  readonly code: ErrorCode
  /** Bytes of plaintext before the error: all that are proven, and no more. */
  readonly released: number
}

const AUTHENTICATION = 'SEALSTREAM_AUTHENTICATION'
const COMMITMENT = 'SEALSTREAM_COMMITMENT'
const TRUNCATED = 'SEALSTREAM_TRUNCATED'

/** The object's pieces in another order: 0 is the head, 1 the first chunk; `x2` is a piece of the other object. */
function arranged(...order: readonly (number | `x${number}`)[]): Change['make'] {
  return (stored, other) =>
    Buffer.concat(
      order.map((piece) =>
        typeof piece === 'number' ? chunksOf(stored)[piece]! : chunksOf(other)[Number(piece.slice(1))]!,
      ),
    )
}

const extended =
  (bytes: Buffer): Change['make'] =>
  (stored) =>
    Buffer.concat([stored, bytes])

function overwritten(start: number, bytes: Buffer): Change['make'] {
  return (stored) => Buffer.concat([stored.subarray(0, start), bytes, stored.subarray(start + bytes.length)])
}

const garbage = (length: number): Buffer => new Seeded(length).bytes(length)

/** Changes of an object of three chunks, the last of them neither full nor empty. */
export const CHANGES: readonly Change[] = [
  { title: 'its first chunk dropped', make: arranged(0, 2, 3), code: AUTHENTICATION, released: 0 },
  { title: 'its middle chunk dropped', make: arranged(0, 1, 3), code: AUTHENTICATION, released: CHUNK_BYTES },
  { title: 'its last chunk dropped', make: arranged(0, 1, 2), code: TRUNCATED, released: 2 * CHUNK_BYTES },
  { title: 'all chunks dropped', make: arranged(0), code: TRUNCATED, released: 0 },
  { title: 'its head dropped', make: arranged(1, 2, 3), code: COMMITMENT, released: 0 },
  { title: 'its head repeated', make: arranged(0, 0, 1, 2, 3), code: AUTHENTICATION, released: 0 },
  {
    title: 'its first chunk repeated',
    make: arranged(0, 1, 1, 2, 3),
    code: AUTHENTICATION,
    released: CHUNK_BYTES,
  },
  {
    title: 'its middle chunk repeated',
    make: arranged(0, 1, 2, 2, 3),
    code: AUTHENTICATION,
    released: 2 * CHUNK_BYTES,
  },
  {
    title: 'its last chunk, which is a valid end, repeated',
    make: arranged(0, 1, 2, 3, 3),
    code: AUTHENTICATION,
    released: 2 * CHUNK_BYTES,
  },
  { title: 'its last chunk moved up', make: arranged(0, 3, 1, 2), code: AUTHENTICATION, released: 0 },
  { title: 'chunks 0 and 1 swapped', make: arranged(0, 2, 1, 3), code: AUTHENTICATION, released: 0 },
  {
    title: 'chunks 1 and 2 swapped',
    make: arranged(0, 1, 3, 2),
    code: AUTHENTICATION,
    released: CHUNK_BYTES,
  },
  {
    title: "chunk 1 of another object in its chunk's place",
    make: arranged(0, 1, 'x2', 3),
    code: AUTHENTICATION,
    released: CHUNK_BYTES,
  },
  {
    title: "the last chunk of another object in its chunk's place",
    make: arranged(0, 1, 2, 'x3'),
    code: AUTHENTICATION,
    released: 2 * CHUNK_BYTES,
  },
  {
    title: 'the last chunk of another object appended',
    make: arranged(0, 1, 2, 3, 'x3'),
    code: AUTHENTICATION,
    released: 2 * CHUNK_BYTES,
  },
  { title: 'the head of another object', make: arranged('x0', 1, 2, 3), code: COMMITMENT, released: 0 },
  {
    title: 'all the bytes of another object',
    make: (_stored, other) => other,
    code: COMMITMENT,
    released: 0,
  },
  { title: 'another salt', make: overwritten(0, garbage(SALT_BYTES)), code: COMMITMENT, released: 0 },
  { title: 'another commitment', make: overwritten(SALT_BYTES, garbage(32)), code: COMMITMENT, released: 0 },
  {
    title: 'a commitment of zeros',
    make: overwritten(SALT_BYTES, Buffer.alloc(32)),
    code: COMMITMENT,
    released: 0,
  },
  ...[1, 15, 16, 17, SEALED_CHUNK_BYTES, 2 * SEALED_CHUNK_BYTES].map((length): Change => ({
    title: `${length} bytes of garbage appended`,
    make: extended(garbage(length)),
    code: AUTHENTICATION,
    released: 2 * CHUNK_BYTES,
  })),
  {
    title: 'zeros appended until its last chunk is full',
    make: (stored) =>
      Buffer.concat([stored, Buffer.alloc(3 * SEALED_CHUNK_BYTES + HEAD_BYTES - stored.length)]),
    code: AUTHENTICATION,
    released: 2 * CHUNK_BYTES,
  },
]

/** What comes of an object of so many bytes when it is cut to `length`: where the end is missing, it is said so. */
export function cutOutcome(length: number): Pick<Change, 'code' | 'released'> {
  const sealed = length - HEAD_BYTES
  if (sealed < 0) return { code: TRUNCATED, released: 0 }
  const whole = Math.floor(sealed / SEALED_CHUNK_BYTES)
  const rest = sealed - whole * SEALED_CHUNK_BYTES
  return { code: rest < 16 ? TRUNCATED : AUTHENTICATION, released: whole * CHUNK_BYTES }
}

/** Lengths within the head, and around each edge between chunks, in an object of `size` bytes. */
export function cutLengths(size: number): number[] {
  const edges: number[] = []
  for (let edge = HEAD_BYTES; edge < size; edge += SEALED_CHUNK_BYTES) edges.push(edge)
  const around = edges.flatMap((edge) => [-1, 0, 1, 15, 16, 17].map((more) => edge + more))
  const inHead = [0, 1, SALT_BYTES - 1, SALT_BYTES, SALT_BYTES + 1]
  return [...new Set([...inHead, ...around, size - 17, size - 16, size - 15, size - 1])]
    .filter((length) => length < size)
    .sort((a, b) => a - b)
}
