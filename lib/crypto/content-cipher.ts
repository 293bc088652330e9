/** What every content cipher offers: running it from any plaintext position, and the arithmetic of its sizes. */
import type { KeyObject } from 'node:crypto'

/** A cipher under way in one direction over one stretch of an object. Knows no streams. */
export interface RunningCipher {
  /** Takes in the next bytes and gives the output they complete; that output belongs to the caller. */
  update(bytes: Uint8Array): Buffer
  /**
   * Ends the stretch and gives what was held back.
   *
   * @throws LengthError `SEALSTREAM_TRUNCATED` when input that was promised has not come.
   */
  final(): Buffer
  /** Lets go of the key. Any later `update` or `final` throws. */
  close(): void
}

/** A stretch of bytes; both ends inclusive, as in HTTP and `fs`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A content cipher. Positions and sizes are bytes; the size functions are inverses of each other. */
export interface ContentCipher {
  readonly keyBytes: number
  readonly ivBytes: number
  ciphertextSize(plaintextSize: number): number
  plaintextSize(ciphertextSize: number): number
  /** The stored bytes that decrypting plaintext `start..end` needs. */
  ciphertextRange(start: number, end: number): ByteRange
  encryptor(key: KeyObject, iv: Buffer, start: number): RunningCipher
  /** @param end - Last plaintext position wanted, inclusive; without it, to the end of the input. */
  decryptor(key: KeyObject, iv: Buffer, start: number, end?: number): RunningCipher
}
