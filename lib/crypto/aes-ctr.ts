/**
 * AES-256-CTR over an object: one data key, one IV, one continuous counter from the object's first byte
 * (wire-formats A1). The length is kept and nothing is authenticated.
 */
import { createCipheriv, type Cipher, type KeyObject } from 'node:crypto'
import { KeyError } from '../errors.js'
import type { ContentCipher, RunningCipher } from './content-cipher.js'
import { advanceCounter, BLOCK_BYTES } from './counter.js'
import { Stretch } from './stretch.js'

const NOTHING = Buffer.alloc(0)

/** The keystream from any byte on. Encryption and decryption are the same operation. */
export class AesCtr implements RunningCipher {
  #cipher: Cipher | undefined

  constructor(key: KeyObject, iv: Buffer, start: number) {
    const counter = advanceCounter(iv, Math.floor(start / BLOCK_BYTES))
    this.#cipher = createCipheriv('aes-256-ctr', key, counter)
    const skip = start % BLOCK_BYTES
    if (skip > 0) this.#cipher.update(Buffer.alloc(skip))
  }

  update(bytes: Uint8Array): Buffer {
    return this.#open().update(bytes)
  }

  final(): Buffer {
    this.#open()
    return NOTHING
  }

  close(): void {
    this.#cipher = undefined
  }

  #open(): Cipher {
    if (this.#cipher !== undefined) return this.#cipher
    throw new KeyError('SEALSTREAM_DATA_KEY_DISPOSED', 'this cipher was closed')
  }
}

/** AES-256-CTR as a content cipher. Sizes and positions are the same in plaintext and ciphertext. */
export const aes256Ctr: ContentCipher = {
  keyBytes: 32,
  ivBytes: BLOCK_BYTES,
  headBytes: 0,
  unit: { plaintext: 1, ciphertext: 1 },
  isSerial: false,
  provesPieces: false,
  isSizeExact: true,
  ciphertextSize: (plaintextSize) => plaintextSize,
  plaintextSize: (ciphertextSize) => ciphertextSize,
  ciphertextRange: (start, end) => ({ start, end }),
  encryptor: ({ key, iv }, start) => new AesCtr(key, iv as Buffer, start),
  decryptor({ key, iv }, { start, end }) {
    const keystream = new AesCtr(key, iv as Buffer, start)
    return end === undefined ? keystream : new Stretch(keystream, { skip: 0, length: end - start + 1 })
  },
}
