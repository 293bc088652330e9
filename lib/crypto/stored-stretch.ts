/** Which plaintext makes up a stretch of the stored object, and how that is encrypted. */
import type { CipherSecret, ContentCipher, RunningCipher } from './content-cipher.js'
import { Stretch } from './stretch.js'

/** A stretch of the stored object, as a transfer plans it. */
export interface StoredStretch {
  readonly offset: number
  readonly length: number
  /** Plaintext bytes of the whole object. */
  readonly size: number
}

/** How a stretch is encrypted: the units that it touches, trimmed to it. */
export interface StretchPlan {
  /** First plaintext position to encrypt. */
  readonly start: number
  /** Plaintext bytes to encrypt. */
  readonly length: number
  /** Whether the object ends with them. */
  readonly isFinal: boolean
  /** Stored bytes that come out before the stretch begins. */
  readonly skip: number
  /** The plaintext whose ciphertext lies in the stretch. The rest of a unit lies in the stretch beside it. */
  readonly owned: { readonly start: number; readonly length: number }
}

/** What makes a stretch. */
export interface StretchEncryptor {
  /** First plaintext position to feed. */
  readonly start: number
  /** Plaintext bytes to feed. */
  readonly length: number
  /** Gives exactly the stored bytes of the stretch, `final` included. */
  readonly running: RunningCipher
}

/** Encrypts a stretch. Whether its positions may be encrypted is for the caller to know. */
export function encryptStretch(
  cipher: ContentCipher,
  secret: CipherSecret,
  stretch: StoredStretch,
): StretchEncryptor {
  const { start, length, isFinal, skip } = planStretch(cipher, stretch)
  const running = cipher.encryptor(secret, start, isFinal)
  return { start, length, running: new Stretch(running, { skip, length: stretch.length }) }
}

export function planStretch(cipher: ContentCipher, { offset, length, size }: StoredStretch): StretchPlan {
  const { unit, headBytes } = cipher
  const first = Math.max(0, Math.floor((offset - headBytes) / unit.ciphertext))
  const pastLast = Math.max(0, Math.ceil((offset + length - headBytes) / unit.ciphertext))
  const start = first * unit.plaintext
  const end = Math.min(size, pastLast * unit.plaintext)
  const ownStart = Math.min(size, plaintextAt(cipher, offset))
  return {
    start,
    length: Math.max(0, end - start),
    // The unit that ends an object may hold no plaintext at all.
    isFinal: pastLast * unit.plaintext > size || offset + length === cipher.ciphertextSize(size),
    skip: offset - (first === 0 ? 0 : headBytes + first * unit.ciphertext),
    owned: {
      start: ownStart,
      length: Math.min(size, plaintextAt(cipher, offset + length)) - ownStart,
    },
  }
}

/** The first plaintext position whose ciphertext stands at `offset` or after it. */
export function plaintextAt({ unit, headBytes }: ContentCipher, offset: number): number {
  const past = Math.max(0, offset - headBytes)
  const units = Math.floor(past / unit.ciphertext)
  return units * unit.plaintext + Math.min(unit.plaintext, past - units * unit.ciphertext)
}
