/** What the demo claims, checked against the bytes themselves. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { CosEncryptionClient } from '../client.js'
import { resolveRange } from '../cos/range.js'
import { LengthError } from '../errors.js'
import { rangeHeader } from './location.js'

/** A range that was read back and compared. */
export interface RangeCheck {
  readonly range: string
  readonly same: boolean
}

/**
 * Share of stored bytes that equal the file's byte at the same place. Ciphertext meets it by chance in 1 of 256.
 *
 * @param expected - Stored bytes that there must be.
 * @throws LengthError when the store holds another number of bytes.
 */
export async function checkCiphertext(file: string, stored: Readable, expected: number): Promise<number> {
  const plain = createReadStream(file, { highWaterMark: 1024 * 1024 })[
    Symbol.asyncIterator
  ]() as AsyncIterator<Buffer>
  let rest: Buffer = Buffer.alloc(0)
  let equal = 0
  let compared = 0
  let total = 0
  for await (const chunk of stored as AsyncIterable<Buffer>) {
    total += chunk.length
    for (let at = 0; at < chunk.length;) {
      if (rest.length === 0) {
        const next = await plain.next()
        // What a format adds is more than the file.
        if (next.done === true) break
        rest = next.value
      }
      const length = Math.min(rest.length, chunk.length - at)
      for (let i = 0; i < length; i++) if (chunk[at + i] === rest[i]) equal += 1
      rest = rest.subarray(length)
      at += length
      compared += length
    }
  }
  if (total !== expected) throw new LengthError('SEALSTREAM_BODY_LENGTH', 'the store', expected, total)
  return compared === 0 ? 0 : equal / compared
}

/** Reads ranges across block and part boundaries, from the middle and from the end, and compares them with the file. */
export async function checkRanges(
  client: CosEncryptionClient,
  target: { Key: string; source: string; size: number; signal: AbortSignal },
): Promise<RangeCheck[]> {
  const { Key, source, size, signal } = target
  const middle = Math.floor(size / 2)
  const wanted = [
    '0-0',
    '13-44',
    `${middle - 1}-${middle + 100_000}`,
    `${8 * 1024 * 1024 - 7}-${8 * 1024 * 1024 + 7}`,
    '-17',
  ]
  const handle = await open(source, 'r')
  try {
    const checks: RangeCheck[] = []
    for (const range of wanted.filter((text) => fits(text, size))) {
      const { start, end } = resolveRange(rangeHeader(range), size)
      const expected = Buffer.alloc(end - start + 1)
      await handle.read(expected, 0, expected.length, start)
      const { Body } = await client.getObject({ Key, Range: rangeHeader(range), signal })
      const found = await Body.transformToByteArray()
      checks.push({ range, same: expected.equals(found) })
    }
    return checks
  } finally {
    await handle.close()
  }
}

function fits(range: string, size: number): boolean {
  return (
    size > 0 && !(Number(range.split('-')[0]) >= size) && !range.startsWith('--') && !/^-\d+-/.test(range)
  )
}
