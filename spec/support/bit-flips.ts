/** One flipped bit of a `sealed` object, and whether what became of it is what RULES 3.6 allows. */
import type { Transform } from 'node:stream'
import type { Metadata } from '../../lib/envelope/write-envelope.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { decryptStream } from '../../lib/stream/cipher-stream.js'
import { SealstreamError } from '../../lib/errors.js'
import { released, type Released } from './released.js'
import {
  CHUNK_BYTES,
  chunksOf,
  HEAD_BYTES,
  openSealed,
  READERS,
  recipientHeader,
  SALT_BYTES,
  SEALED_CHUNK_BYTES,
  SEALED_PREFIX,
  TAG_BYTES,
  type SealedObject,
} from './sealed-object.js'
import { piecesOf } from './seeded.js'
import type { Tally } from './tally.js'

/** The outcome where the reader got all of the right plaintext. */
export const RIGHT = 'right plaintext'

const UNKNOWN = 'SEALSTREAM_UNKNOWN_ALGORITHM'
const MALFORMED = 'SEALSTREAM_ENVELOPE_MALFORMED'
const UNWRAP = 'SEALSTREAM_UNWRAP'

/** How the stored bytes come to the reader. */
export type Feed = 'by chunk' | 'by 5000 bytes' | 'at once'

export const FEEDS: readonly Feed[] = ['by chunk', 'by 5000 bytes', 'at once']

export function fed(stored: Buffer, feed: Feed): Buffer[] {
  if (feed === 'by chunk') return chunksOf(stored)
  return feed === 'at once' ? [stored] : piecesOf(stored, 5000)
}

/** Where a byte of the stored object is; `chunk` is -1 in the head. */
export interface BodyPlace {
  readonly place: string
  readonly chunk: number
}

export function bodyPlace(size: number, offset: number): BodyPlace {
  if (offset < SALT_BYTES) return { place: 'head: salt', chunk: -1 }
  if (offset < HEAD_BYTES) return { place: 'head: commitment', chunk: -1 }
  const chunk = Math.floor((offset - HEAD_BYTES) / SEALED_CHUNK_BYTES)
  const end = Math.min(size, HEAD_BYTES + (chunk + 1) * SEALED_CHUNK_BYTES)
  const name = end === size ? 'last chunk' : `chunk ${chunk}`
  return { place: offset >= end - TAG_BYTES ? `${name}: tag` : name, chunk }
}

/** Whether all that was given out is how the plaintext begins. */
export function isPrefix({ bytes }: Released, plaintext: Buffer): boolean {
  return bytes.length <= plaintext.length && bytes.equals(plaintext.subarray(0, bytes.length))
}

/**
 * Flips one bit of the body and decrypts it.
 *
 * @param decrypt - Under a key that has been opened: headers are all that opening sees.
 */
export async function flipBody(
  { stored, plaintext }: Pick<SealedObject, 'stored' | 'plaintext'>,
  decrypt: () => Transform,
  { offset, bit, feed, reader }: { offset: number; bit: number; feed: Feed; reader: string },
  tally: Tally,
): Promise<void> {
  const { place, chunk } = bodyPlace(stored.length, offset)
  stored[offset]! ^= 1 << bit
  const outcome = await released(decrypt(), fed(stored, feed))
  stored[offset]! ^= 1 << bit
  tally.add({ place, reader }, outcome.error?.code ?? RIGHT, problemOfBody())

  function problemOfBody(): string | undefined {
    const where = `bit ${bit} of byte ${offset}, fed ${feed}`
    const { error, bytes } = outcome
    if (error === undefined) return `${where}: not refused`
    if (!isPrefix(outcome, plaintext)) return `${where}: ${bytes.length} bytes given out, not the plaintext's`
    const expected = chunk === -1 ? 'SEALSTREAM_COMMITMENT' : 'SEALSTREAM_AUTHENTICATION'
    if (error.code !== expected) return `${where}: ${error.code}`
    const proven = Math.max(0, chunk) * CHUNK_BYTES
    // Chunks that come together with the altered one may go down with it.
    const isEnough = feed === 'at once' ? bytes.length <= proven : bytes.length === proven
    return isEnough ? undefined : `${where}: ${bytes.length} bytes given out, not ${proven}`
  }
}

/** A part of a header's value, and what may come of a change there. */
interface HeaderPlace {
  readonly place: string
  readonly allowed: readonly string[]
}

function headerPlace(header: string, value: string, index: number, reader: string): HeaderPlace {
  const name = header.slice(SEALED_PREFIX.length)
  const owner = READERS.find((each) => recipientHeader(each) === header)
  if (owner === undefined) return { place: name, allowed: [UNKNOWN] }
  const [kind = '', keyId = ''] = value.split('.')
  const of = `${name} (${owner}): `
  if (value[index] === '.') return { place: `${of}dots`, allowed: [UNKNOWN, MALFORMED] }
  if (index < kind.length) return { place: `${of}kind`, allowed: [UNKNOWN] }
  if (index < kind.length + 1 + keyId.length) return { place: `${of}key id`, allowed: [RIGHT, MALFORMED] }
  const isOwn = reader.startsWith(owner)
  return { place: `${of}wrapped key`, allowed: [isOwn ? UNWRAP : RIGHT, MALFORMED] }
}

/** Who reads. */
export interface HeaderReader {
  /** Begins with the name of the recipient that it is. */
  readonly reader: string
  readonly masterKey: MasterKey
}

/** Flips one bit of a header's value, opens the envelope and reads. */
export async function flipHeader(
  { stored, plaintext, metadata, context }: Omit<SealedObject, 'masters'>,
  { reader, masterKey }: HeaderReader,
  { header, index, bit }: { header: string; index: number; bit: number },
  tally: Tally,
): Promise<void> {
  const value = metadata[header]!
  const { place, allowed } = headerPlace(header, value, index, reader)
  const changed = { ...metadata, [header]: flippedText(value, index, bit) }
  const outcome = await readWith(changed)
  const code = outcome.error?.code ?? RIGHT
  tally.add({ place, reader }, code, problemOfHeader())

  async function readWith(headers: Metadata): Promise<Released> {
    try {
      const { dataKey } = await openSealed(headers, masterKey, { context })
      const result = await released(decryptStream(dataKey), chunksOf(stored))
      dataKey.dispose()
      return result
    } catch (error) {
      if (error instanceof SealstreamError) return { bytes: Buffer.alloc(0), error }
      throw error
    }
  }

  function problemOfHeader(): string | undefined {
    const where = `bit ${bit} of character ${index}`
    if (!allowed.includes(code)) return `${where}: ${code}`
    const isWhole = outcome.bytes.equals(plaintext)
    if (code === RIGHT) return isWhole ? undefined : `${where}: wrong plaintext`
    return outcome.bytes.length === 0 ? undefined : `${where}: ${outcome.bytes.length} bytes given out`
  }
}

function flippedText(text: string, index: number, bit: number): string {
  const bytes = Buffer.from(text, 'latin1')
  bytes[index]! ^= 1 << bit
  return bytes.toString('latin1')
}
