/**
 * AES-256-GCM over a whole object, as COS Java writes it: a 12-byte IV, no additional data, the 16-byte tag last
 * (wire-formats A2). Only the tag proves anything, and it comes at the end: plaintext is held until then, or given out
 * unverified where the caller says so. Ranges are the CTR inside GCM, and are never verified.
 */
import { createCipheriv, createDecipheriv, type CipherGCM, type DecipherGCM } from 'node:crypto'
import { AuthenticationError, KeyError, LengthError, OptionError, SealstreamError } from '../errors.js'
import { AesCtr } from './aes-ctr.js'
import type { CipherSecret, ContentCipher, DecryptionOptions, RunningCipher } from './content-cipher.js'
import { BLOCK_BYTES } from './counter.js'
import { Stretch } from './stretch.js'

const TAG_BYTES = 16
const IV_BYTES = 12
/** NIST SP 800-38D, 5.2.1.1: 2^39 - 256 bits. */
const MOST_PLAINTEXT_BYTES = 2 ** 36 - 32

const NOTHING = Buffer.alloc(0)

class GcmEncryptor implements RunningCipher {
  #cipher: CipherGCM | undefined
  readonly #isFinal: boolean
  #bytes = 0

  constructor({ key, iv }: CipherSecret, start: number, isFinal: boolean) {
    if (start !== 0) {
      throw new OptionError('start', 'must be 0 in format cos-java-gcm, which is encrypted in order', {
        value: start,
      })
    }
    this.#cipher = createCipheriv('aes-256-gcm', key, iv as Buffer)
    this.#isFinal = isFinal
  }

  update(bytes: Uint8Array): Buffer {
    const cipher = open(this.#cipher)
    this.#bytes += bytes.length
    if (this.#bytes > MOST_PLAINTEXT_BYTES) {
      throw new LengthError('SEALSTREAM_BODY_LENGTH', 'plaintext', MOST_PLAINTEXT_BYTES, this.#bytes)
    }
    return cipher.update(bytes)
  }

  final(): Buffer {
    const cipher = open(this.#cipher)
    if (!this.#isFinal) return NOTHING
    cipher.final()
    return cipher.getAuthTag()
  }

  close(): void {
    this.#cipher = undefined
  }
}

/** The whole object: the last bytes that have come are kept back, for they may be the tag. */
class GcmDecryptor implements RunningCipher {
  #decipher: DecipherGCM | undefined
  #tail = NOTHING
  #held: Buffer[] | undefined
  #heldBytes = 0
  readonly #mostHeld: number

  constructor({ key, iv }: CipherSecret, { releaseUnverified, mostHeld }: DecryptionOptions) {
    this.#decipher = createDecipheriv('aes-256-gcm', key, iv as Buffer, { authTagLength: TAG_BYTES })
    this.#held = releaseUnverified ? undefined : []
    this.#mostHeld = mostHeld
  }

  update(bytes: Uint8Array): Buffer {
    const decipher = open(this.#decipher)
    const input = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes])
    const cut = Math.max(0, input.length - TAG_BYTES)
    this.#tail = Buffer.from(input.subarray(cut))
    const output = decipher.update(input.subarray(0, cut))
    if (this.#held === undefined) return output
    this.#heldBytes += output.length
    if (this.#heldBytes > this.#mostHeld) throw unverified(`over ${this.#mostHeld} bytes`)
    this.#held.push(output)
    return NOTHING
  }

  final(): Buffer {
    const decipher = open(this.#decipher)
    if (this.#tail.length < TAG_BYTES) {
      throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', TAG_BYTES, this.#tail.length)
    }
    decipher.setAuthTag(this.#tail)
    try {
      decipher.final()
    } catch {
      throw new AuthenticationError('SEALSTREAM_AUTHENTICATION', 'the object is not what was encrypted')
    }
    const output = Buffer.concat(this.#held ?? [])
    this.#forget()
    return output
  }

  close(): void {
    this.#decipher = undefined
    this.#forget()
  }

  #forget(): void {
    for (const bytes of this.#held ?? []) bytes.fill(0)
    if (this.#held !== undefined) this.#held = []
  }
}

/** The counter block of the first byte: GCM counts from 1, and spends that block on the tag. */
function firstCounter(iv: Buffer): Buffer {
  const counter = Buffer.alloc(BLOCK_BYTES)
  counter.set(iv)
  counter.writeUInt32BE(2, IV_BYTES)
  return counter
}

function open<Cipher>(cipher: Cipher | undefined): Cipher {
  if (cipher !== undefined) return cipher
  throw new KeyError('SEALSTREAM_DATA_KEY_DISPOSED', 'this cipher was closed')
}

/** Default of `mostHeld`: bytes that are held until they are verified. */
export const MOST_HELD_BYTES = 64 * 1024 * 1024

/** What was asked for could only be given out before it is verified. */
export function unverified(what: string): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_UNVERIFIED',
    `${what} of format cos-java-gcm can only be given out before the tag at the object's end is verified`,
    { hint: 'pass releaseUnverified: true to accept that, or download to a file, which is verified first' },
  )
}

/** AES-256-GCM as a content cipher. */
export const aes256Gcm: ContentCipher = {
  keyBytes: 32,
  ivBytes: IV_BYTES,
  headBytes: 0,
  unit: { plaintext: 1, ciphertext: 1 },
  isSerial: true,
  provesPieces: false,
  isSizeExact: true,
  ciphertextSize(plaintextSize) {
    if (plaintextSize > MOST_PLAINTEXT_BYTES) {
      throw new RangeError(`format cos-java-gcm takes at most ${MOST_PLAINTEXT_BYTES} bytes`)
    }
    return plaintextSize + TAG_BYTES
  },
  plaintextSize(ciphertextSize) {
    if (ciphertextSize >= TAG_BYTES) return ciphertextSize - TAG_BYTES
    throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', TAG_BYTES, ciphertextSize)
  },
  ciphertextRange: (start, end) => ({ start, end }),
  encryptor: (secret, start, isFinal) => new GcmEncryptor(secret, start, isFinal),
  decryptor(secret, options) {
    const { start, end, releaseUnverified } = options
    if (start === 0 && end === undefined) {
      return new Stretch(new GcmDecryptor(secret, options), { skip: 0, length: undefined })
    }
    if (!releaseUnverified) throw unverified('ranges')
    if (end === undefined) throw new OptionError('end', 'must be given for a range of format cos-java-gcm')
    // Within the limit of GCM the counter never leaves its last four bytes.
    const keystream = new AesCtr(secret.key, firstCounter(secret.iv as Buffer), start)
    return new Stretch(keystream, { skip: 0, length: end - start + 1 })
  },
}
