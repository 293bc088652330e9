/** Stored bytes of a range that are all at hand, decrypted into their place in a file. */
import { Crc64 } from '../checksum/crc64.js'
import type { RunningCipher } from '../crypto/content-cipher.js'
import { piecesOf } from '../internal/read-ahead.js'
import { reclaim } from '../internal/reclaim.js'

/** A range in memory. */
export interface StoredRange {
  /** What comes before the range only helps to decrypt it. */
  readonly before: number
  /** Position of its first byte in the file. */
  readonly start: number
}

/** Writes bytes at a position, and keeps no reference to them. */
export type WriteAt = (bytes: Buffer, position: number) => Promise<void> | void

/**
 * Decrypts and writes, and closes the decryptor.
 *
 * @param decryptor - Without one, bytes are written as they are.
 * @returns The CRC-64 of the stored bytes of the range.
 */
export async function openStored(
  stored: Buffer,
  { before, start }: StoredRange,
  decryptor: RunningCipher | undefined,
  write: WriteAt,
): Promise<bigint> {
  const crc64 = new Crc64()
  let position = start
  const put = async (plain: Buffer): Promise<void> => {
    await write(plain, position)
    position += plain.length
  }
  const take = async (plain: Buffer): Promise<void> => {
    await put(plain)
    reclaim(plain)
  }
  try {
    let skip = before
    for (const piece of piecesOf(stored)) {
      crc64.update(piece.subarray(Math.min(skip, piece.length)))
      skip -= Math.min(skip, piece.length)
      if (decryptor === undefined) await put(piece)
      else await take(decryptor.update(piece))
    }
    if (decryptor !== undefined) await take(decryptor.final())
    return crc64.value
  } finally {
    decryptor?.close()
  }
}
