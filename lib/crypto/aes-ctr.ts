/**
 * AES-256-CTR over an object: one data key, one IV, one continuous counter from the object's first byte
 * (wire-formats A1). The length is kept and nothing is authenticated.
 */
import { createCipheriv, type Cipher, type KeyObject } from 'node:crypto'
import { KeyError, LengthError } from '../errors.js'
import type { ContentCipher, RunningCipher } from './content-cipher.js'
import { advanceCounter, BLOCK_BYTES } from './counter.js'

const NOTHING = Buffer.alloc(0)

/** The keystream from any byte on. Encryption and decryption are the same operation. */
class AesCtr implements RunningCipher {
  #cipher: Cipher | undefined

  constructor(key: KeyObject, iv: Buffer, start: number) {
    const counter = advanceCounter(iv, Math.floor(start / BLOCK_BYTES))
    this.#cipher = createCipheriv('aes-256-ctr', key, counter)
    const skip = start % BLOCK_BYTES
    if (skip > 0) this.#cipher.update(Buffer.alloc(skip))
  }

  update(bytes: Uint8Array): Buffer {
    return this.assertOpen().update(bytes)
  }

  final(): Buffer {
    this.assertOpen()
    return NOTHING
  }

  close(): void {
    this.#cipher = undefined
  }

  /** The cipher. @throws KeyError after `close`. */
  assertOpen(): Cipher {
    if (this.#cipher !== undefined) return this.#cipher
    throw new KeyError('SEALSTREAM_DATA_KEY_DISPOSED', 'this cipher was closed')
  }
}

/** Decrypts exactly `length` bytes: ignores what follows, and does not accept less. */
class BoundedCtr implements RunningCipher {
  readonly #keystream: AesCtr
  readonly #length: number
  #left: number

  constructor(keystream: AesCtr, length: number) {
    this.#keystream = keystream
    this.#length = length
    this.#left = length
  }

  update(bytes: Uint8Array): Buffer {
    this.#keystream.assertOpen()
    if (this.#left === 0) return NOTHING
    const wanted = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
    const output = this.#keystream.update(wanted)
    this.#left -= wanted.length
    return output
  }

  final(): Buffer {
    this.#keystream.assertOpen()
    if (this.#left === 0) return NOTHING
    throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', this.#length, this.#length - this.#left)
  }

  close(): void {
    this.#keystream.close()
  }
}

/** AES-256-CTR as a content cipher. Sizes and positions are the same in plaintext and ciphertext. */
export const aes256Ctr: ContentCipher = {
  keyBytes: 32,
  ivBytes: BLOCK_BYTES,
  ciphertextSize: (plaintextSize) => plaintextSize,
  plaintextSize: (ciphertextSize) => ciphertextSize,
  ciphertextRange: (start, end) => ({ start, end }),
  encryptor: (key, iv, start) => new AesCtr(key, iv, start),
  decryptor(key, iv, start, end) {
    const keystream = new AesCtr(key, iv, start)
    return end === undefined ? keystream : new BoundedCtr(keystream, end - start + 1)
  },
}
