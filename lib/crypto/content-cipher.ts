/** What every content cipher offers: running it from a plaintext position, and the arithmetic of its sizes. */
import type { KeyObject } from 'node:crypto'

/** A cipher under way in one direction over one stretch of an object. Knows no streams. */
export interface RunningCipher {
  /** Takes in the next bytes and gives the output they complete; that output belongs to the caller. */
  update(bytes: Uint8Array): Buffer
  /**
   * Ends the stretch and gives what was held back.
   *
   * @throws LengthError `SEALSTREAM_TRUNCATED` when input that was promised has not come; AuthenticationError where the
   *   cipher proves its content and this is not it.
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

/** What a cipher runs on. */
export interface CipherSecret {
  readonly key: KeyObject
  /** The IV, or the salt of `sealed`; of the latter undefined until the head of the object has been seen. */
  readonly iv: Buffer | undefined
  /** What the derivation of `sealed` takes in besides; empty for all others. */
  readonly context: Buffer
}

/** Which plaintext a decryption gives, and how. */
export interface DecryptionOptions {
  /** Plaintext position of the first byte. */
  readonly start: number
  /** Last plaintext position wanted, inclusive; without it, the input's end is the object's end. */
  readonly end: number | undefined
  /** Where content is proven at the end only: give it out before. */
  readonly releaseUnverified: boolean
  /** Where content is proven at the end only: how many bytes are held until then. */
  readonly mostHeld: number
}

/** A content cipher. Positions and sizes are bytes. */
export interface ContentCipher {
  readonly keyBytes: number
  readonly ivBytes: number
  /** Stored bytes before the first ciphertext of content. */
  readonly headBytes: number
  /** What is encrypted on its own, and may be computed again alone: so much plaintext becomes so much ciphertext. */
  readonly unit: { readonly plaintext: number; readonly ciphertext: number }
  /** Whether the whole has to be encrypted in order, from its first byte on. */
  readonly isSerial: boolean
  /** Whether each piece is proven before it is given out, ranges included. */
  readonly provesPieces: boolean
  /** Whether {@link ContentCipher.plaintextSize} is exact; otherwise it is the most there can be. */
  readonly isSizeExact: boolean
  /** @throws LengthError, RangeError where no object is as large. */
  ciphertextSize(plaintextSize: number): number
  /** @throws LengthError `SEALSTREAM_TRUNCATED` where no plaintext comes to so many bytes. */
  plaintextSize(ciphertextSize: number): number
  /** The stored bytes that decrypting plaintext `start..end` needs; they may reach past the end of the object. */
  ciphertextRange(start: number, end: number): ByteRange
  /** @param isFinal - Whether the end of the input is the end of the object. */
  encryptor(secret: CipherSecret, start: number, isFinal: boolean): RunningCipher
  decryptor(secret: CipherSecret, options: DecryptionOptions): RunningCipher
  /**
   * Takes the salt out of the head of an object, once that is proven to belong to key and context.
   *
   * @throws AuthenticationError `SEALSTREAM_COMMITMENT`
   */
  readonly openHead?: (secret: CipherSecret, head: Buffer) => Buffer
}
