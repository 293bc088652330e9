/**
 * AES-256-CTR over an object: one data key, one IV, one continuous counter from the object's first byte
 * (wire-formats A1). The length is kept and nothing is authenticated.
 */
import type { Cipher, KeyObject } from 'node:crypto'
import { KeyError } from '../errors.js'
import type { ContentCipher, RunningCipher } from './content-cipher.js'
import { advanceCounter, BLOCK_BYTES } from './counter.js'
import { plainCtr } from './ctr-keystream.js'
import { fastestCtr } from './fastest-ctr.js'
import { Stretch } from './stretch.js'

const NOTHING = Buffer.alloc(0)

/** From here on the fastest back end does the work; for less, finding and starting it would take longer than it saves. */
const SWITCH_BYTES = 256 * 1024

/** The keystream from any byte on. Encryption and decryption are the same operation. */
export class AesCtr implements RunningCipher {
  readonly #iv: Buffer
  readonly #switchAt: number
  #key: KeyObject | undefined
  #position: number
  #backEnd = plainCtr
  #cipher: Cipher | undefined
  /** Position up to which the cipher may be used. */
  #limit = 0

  constructor(key: KeyObject, iv: Buffer, start: number) {
    this.#key = key
    this.#iv = iv
    this.#position = start
    this.#switchAt = start + SWITCH_BYTES
    this.#cipher = this.#begin(key)
  }

  update(bytes: Uint8Array): Buffer {
    const key = this.#open()
    if (this.#position >= this.#switchAt && this.#backEnd !== fastestCtr()) {
      this.#backEnd = fastestCtr()
      this.#cipher = this.#begin(key)
    }
    if (this.#position + bytes.length <= this.#limit) return this.#run(bytes)
    const outputs: Buffer[] = []
    for (let at = 0; at < bytes.length;) {
      if (this.#position === this.#limit) this.#cipher = this.#begin(key)
      const piece = bytes.subarray(at, at + this.#limit - this.#position)
      outputs.push(this.#run(piece))
      at += piece.length
    }
    return Buffer.concat(outputs)
  }

  final(): Buffer {
    this.#open()
    return NOTHING
  }

  close(): void {
    this.#key = undefined
    // It holds the key, too.
    this.#cipher = undefined
  }

  /** A cipher for the position where this one is. */
  #begin(key: KeyObject): Cipher {
    const counter = advanceCounter(this.#iv, Math.floor(this.#position / BLOCK_BYTES))
    const { cipher, mostBytes } = this.#backEnd(key, counter)
    const skip = this.#position % BLOCK_BYTES
    if (skip > 0) cipher.update(Buffer.alloc(skip))
    this.#limit = this.#position - skip + mostBytes
    return cipher
  }

  #run(bytes: Uint8Array): Buffer {
    this.#position += bytes.length
    return (this.#cipher as Cipher).update(bytes)
  }

  #open(): KeyObject {
    if (this.#key !== undefined) return this.#key
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
