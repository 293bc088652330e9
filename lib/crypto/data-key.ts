/** The key of one object: opaque, hidden when printed, disposed by its owner (RULES 1.1 and 8.1). */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { KeyError, OptionError } from '../errors.js'
import { assertBytes, assertInteger, assertOneOf } from '../internal/assert.js'
import { wipe } from '../internal/bytes.js'
import type { ByteRange, ContentCipher, RunningCipher } from './content-cipher.js'
import { FORMAT_NAMES, FORMATS, type Format } from './format.js'
import { UsedRanges } from './used-ranges.js'

/** Where an encryption starts. */
export interface EncryptorOptions {
  /** Plaintext position of the first byte, from 0. Defaults to 0. */
  start?: number
  /** The caller vouches that bytes at positions already encrypted are the same as before (a retry). */
  sameBytes?: boolean
}

/** Which plaintext a decryption gives. */
export interface DecryptorOptions {
  /** Plaintext position of the first byte, from 0. Defaults to 0. */
  start?: number
  /** Plaintext position of the last byte, inclusive. Input that ends before it is an error. Defaults to the input's end. */
  end?: number
}

/**
 * A data key: 32 key bytes and an IV, for one object in one format.
 *
 * It remembers the positions it has encrypted and refuses to encrypt one twice. Its owner calls `dispose()`; streams
 * made from it keep their own reference until they end or are destroyed.
 */
export class DataKey {
  /** The format it was made for; decides the content cipher. */
  readonly format: Format
  readonly #cipher: ContentCipher
  readonly #used = new UsedRanges()
  #secret: { key: KeyObject; iv: Buffer } | undefined

  private constructor(format: Format, key: Uint8Array, iv: Uint8Array) {
    this.format = format
    this.#cipher = FORMATS[format].cipher
    if (key.length !== this.#cipher.keyBytes) {
      throw new OptionError('key', `must have ${this.#cipher.keyBytes} bytes, not ${key.length}`)
    }
    if (iv.length !== this.#cipher.ivBytes) {
      throw new OptionError('iv', `must have ${this.#cipher.ivBytes} bytes, not ${iv.length}`)
    }
    this.#secret = { key: createSecretKey(key), iv: Buffer.from(iv) }
  }

  /** A fresh random data key. */
  static generate(format: Format): DataKey {
    assertOneOf(format, 'format', FORMAT_NAMES)
    const { keyBytes, ivBytes } = FORMATS[format].cipher
    const key = randomBytes(keyBytes)
    try {
      return new DataKey(format, key, randomBytes(ivBytes))
    } finally {
      wipe(key)
    }
  }

  /**
   * The data key of an existing object, for authors of a `MasterKey`.
   *
   * @param parts - `key` and `iv` are copied; the caller still owns its bytes and wipes them.
   * @throws {@link OptionError} when the format is unknown or a length is wrong.
   */
  static from(parts: { format: Format; key: Uint8Array; iv: Uint8Array }): DataKey {
    assertOneOf(parts.format, 'format', FORMAT_NAMES)
    assertBytes(parts.key, 'key')
    assertBytes(parts.iv, 'iv')
    return new DataKey(parts.format, parts.key, parts.iv)
  }

  /** Whether the format proves that the content is what was encrypted. */
  get authenticated(): boolean {
    return FORMATS[this.format].authenticated
  }

  /** Stored size of `plaintextSize` bytes. */
  ciphertextSize(plaintextSize: number): number {
    assertInteger(plaintextSize, 'plaintextSize', 0)
    return this.#cipher.ciphertextSize(plaintextSize)
  }

  /** Plaintext size of an object stored in `ciphertextSize` bytes. */
  plaintextSize(ciphertextSize: number): number {
    assertInteger(ciphertextSize, 'ciphertextSize', 0)
    return this.#cipher.plaintextSize(ciphertextSize)
  }

  /** The stored bytes to feed to a decryptor so that it gives plaintext `start..end` (both inclusive). */
  ciphertextRange(start: number, end: number): ByteRange {
    assertInteger(start, 'start', 0)
    assertInteger(end, 'end', start)
    return this.#cipher.ciphertextRange(start, end)
  }

  /**
   * Starts an encryption.
   *
   * @throws KeyError `SEALSTREAM_DATA_KEY_REUSED` (here or in `update`) when it meets a position already encrypted;
   *   `SEALSTREAM_DATA_KEY_DISPOSED` after `dispose`.
   */
  encryptor({ start = 0, sameBytes = false }: EncryptorOptions = {}): RunningCipher {
    assertInteger(start, 'start', 0)
    const { key, iv } = this.#open()
    const claim = sameBytes ? this.#used.vouch(start) : this.#used.claim(start)
    const running = this.#cipher.encryptor(key, iv, start)
    return {
      update(bytes) {
        claim.extend(bytes.length)
        return running.update(bytes)
      },
      final: () => running.final(),
      close: () => running.close(),
    }
  }

  /**
   * Starts a decryption; feed it the bytes that {@link DataKey.ciphertextRange} names.
   *
   * @throws KeyError `SEALSTREAM_DATA_KEY_DISPOSED` after `dispose`.
   */
  decryptor({ start = 0, end }: DecryptorOptions = {}): RunningCipher {
    assertInteger(start, 'start', 0)
    if (end !== undefined) assertInteger(end, 'end', start)
    const { key, iv } = this.#open()
    return this.#cipher.decryptor(key, iv, start, end)
  }

  /**
   * Shows the raw key and IV to a master key that is about to wrap them; the copies are wiped when `use` is done.
   *
   * @returns What `use` returned.
   */
  async withBytes<Result>(use: (key: Buffer, iv: Buffer) => Result | Promise<Result>): Promise<Result> {
    const { key, iv } = this.#open()
    const rawKey = key.export()
    const rawIv = Buffer.from(iv)
    try {
      return await use(rawKey, rawIv)
    } finally {
      wipe(rawKey, rawIv)
    }
  }

  /** Marks every position as encrypted: from now on only `sameBytes` encrypts. For the key of an existing object. */
  markUsed(): void {
    this.#used.useAll()
  }

  /** Lets go of the key. Streams already made from it run on; new ones are refused. */
  dispose(): void {
    this.#secret = undefined
  }

  /** The same as {@link DataKey.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Never shows the key. */
  toJSON(): object {
    return { format: this.format, key: '<hidden>' }
  }

  /** Never shows the key. */
  [inspect.custom](): string {
    return `DataKey { format: '${this.format}', key: <hidden> }`
  }

  #open(): { key: KeyObject; iv: Buffer } {
    if (this.#secret === undefined) {
      throw new KeyError('SEALSTREAM_DATA_KEY_DISPOSED', 'this data key was disposed')
    }
    return this.#secret
  }
}
