/** The key of one object: opaque, hidden when printed, disposed by its owner (RULES 1.1, 8.1). */
import { createSecretKey, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { KeyError, OptionError } from '../errors.js'
import { assertBoolean, assertBytes, assertInteger, assertOneOf } from '../internal/assert.js'
import { equalBytes, wipe } from '../internal/bytes.js'
import { MOST_HELD_BYTES } from './aes-gcm.js'
import type { ByteRange, CipherSecret, ContentCipher, RunningCipher } from './content-cipher.js'
import { assertContext, sealedContext, type EncryptionContext } from './encryption-context.js'
import { ciphertextSizeOf, FORMAT_NAMES, FORMATS, WRITABLE_FORMATS, type Format } from './format.js'
import type { DecryptorOptions, EncryptorOptions } from './data-key-options.js'
import { encryptStretch, planStretch, type StoredStretch, type StretchEncryptor } from './stored-stretch.js'
import { claimed, endOf } from './claimed-cipher.js'
import { UsedRanges, type Claim } from './used-ranges.js'

/**
 * Claims the positions of a stretch, as {@link DataKey.stretchEncryptor} does, and gives copies of what another thread encrypts it with.
 * Not a method: whoever holds a data key must not be handed its bytes.
 *
 * @throws As {@link DataKey.stretchEncryptor}.
 */
export let lendStretch: (
  dataKey: DataKey,
  stretch: StoredStretch,
  options: { readonly sameBytes: boolean },
) => CipherSecret

/** Copies of what another thread decrypts with. Not a method, as {@link lendStretch}. */
export let lendSecret: (dataKey: DataKey) => CipherSecret

/** Starts a decryption. @throws SealstreamError `SEALSTREAM_UNVERIFIED`, see {@link DecryptorOptions}. */
export function startDecryption(
  cipher: ContentCipher,
  secret: CipherSecret,
  { start = 0, end, releaseUnverified = false, mostHeld = MOST_HELD_BYTES }: DecryptorOptions,
): RunningCipher {
  return cipher.decryptor(secret, { start, end, releaseUnverified, mostHeld })
}

/**
 * A data key: 32 key bytes and an IV or salt, for one object in one format.
 *
 * It remembers the positions it has encrypted and refuses to encrypt one twice. Its owner calls `dispose()`; streams
 * made from it keep their own reference until they end or are destroyed.
 */
export class DataKey {
  static {
    lendStretch = (dataKey, stretch, options) => dataKey.#lendStretch(stretch, options)
    lendSecret = (dataKey) => dataKey.#lend()
  }

  /** The format it was made for; decides the content cipher. */
  readonly format: Format
  /** The caller's encryption context, copied. */
  readonly context: EncryptionContext
  readonly #cipher: ContentCipher
  #used = new UsedRanges()
  #secret: CipherSecret | undefined

  private constructor(
    format: Format,
    key: Uint8Array,
    iv: Uint8Array | undefined,
    context: EncryptionContext,
  ) {
    this.format = format
    this.context = { ...context }
    this.#cipher = FORMATS[format].cipher
    if (key.length !== this.#cipher.keyBytes) {
      throw new OptionError('key', `must have ${this.#cipher.keyBytes} bytes, not ${key.length}`)
    }
    if (iv !== undefined && iv.length !== this.#cipher.ivBytes) {
      throw new OptionError('iv', `must have ${this.#cipher.ivBytes} bytes, not ${iv.length}`)
    }
    this.#secret = {
      key: createSecretKey(key),
      iv: iv === undefined ? undefined : Buffer.from(iv),
      context: this.#cipher.openHead === undefined ? Buffer.alloc(0) : sealedContext(context),
    }
  }

  /**
   * A fresh random data key.
   *
   * @param context - What the object is about. `sealed` binds it to the bytes; the reader has to give it, too.
   */
  static generate(format: Format, context: EncryptionContext = {}): DataKey {
    assertOneOf(format, 'format', WRITABLE_FORMATS)
    assertContext(context)
    const { keyBytes, ivBytes } = FORMATS[format].cipher
    const key = randomBytes(keyBytes)
    try {
      return new DataKey(format, key, randomBytes(ivBytes), context)
    } finally {
      wipe(key)
    }
  }

  /**
   * The data key of an existing object, for authors of a `MasterKey`.
   *
   * @param parts - `key` and `iv` are copied; the caller still owns its bytes and wipes them. `iv` is the salt of `sealed`,
   *   which stands in the object and need not be given.
   * @throws {@link OptionError} when the format is unknown or a length is wrong.
   */
  static from(parts: {
    format: Format
    key: Uint8Array
    iv?: Uint8Array
    context?: EncryptionContext
  }): DataKey {
    const { format, key, iv, context = {} } = parts
    assertOneOf(format, 'format', FORMAT_NAMES)
    assertBytes(key, 'key')
    if (iv !== undefined || FORMATS[format].cipher.openHead === undefined) assertBytes(iv, 'iv')
    assertContext(context)
    return new DataKey(format, key, iv, context)
  }

  /** Whether the format proves that the content is what was encrypted, piece by piece. */
  get authenticated(): boolean {
    return FORMATS[this.format].authenticated
  }

  /** Stored size of `plaintextSize` bytes. @throws {@link OptionError} where the format takes no object as large. */
  ciphertextSize(plaintextSize: number): number {
    return ciphertextSizeOf(this.format, plaintextSize)
  }

  /**
   * Plaintext size of an object stored in `ciphertextSize` bytes; of `cos-java-cbc` the most it can be.
   *
   * @throws LengthError `SEALSTREAM_TRUNCATED` where no object of this format has such a size.
   */
  plaintextSize(ciphertextSize: number): number {
    assertInteger(ciphertextSize, 'ciphertextSize', 0)
    return this.#cipher.plaintextSize(ciphertextSize)
  }

  /**
   * The stored bytes to feed to a decryptor so that it gives plaintext `start..end` (both inclusive). Past the object's end
   * there is nothing to feed.
   */
  ciphertextRange(start: number, end: number): ByteRange {
    assertInteger(start, 'start', 0)
    assertInteger(end, 'end', start)
    return this.#cipher.ciphertextRange(start, end)
  }

  /**
   * Takes in the head of the `sealed` object that this is the key of: with it, any range can be decrypted.
   *
   * @param head - Its first 56 stored bytes.
   * @throws AuthenticationError `SEALSTREAM_COMMITMENT` unless key, context and head belong together.
   */
  readHead(head: Uint8Array): void {
    const { openHead, headBytes } = this.#cipher
    if (openHead === undefined) throw new OptionError('head', `is not part of format ${this.format}`)
    assertBytes(head, 'head')
    if (head.length !== headBytes) throw new OptionError('head', `must have ${headBytes} bytes`)
    const secret = this.#open()
    const iv = Buffer.from(openHead(secret, Buffer.from(head)))
    const isOther = secret.iv !== undefined && !equalBytes(secret.iv, iv)
    if (isOther) throw new OptionError('head', 'is of another object than this data key')
    this.#secret = { ...secret, iv }
  }

  /** Whether a decryption can begin anywhere: false until {@link DataKey.readHead} has seen the head of `sealed`. */
  get hasHead(): boolean {
    return this.#open().iv !== undefined
  }

  /**
   * Starts an encryption.
   *
   * @throws KeyError `SEALSTREAM_DATA_KEY_REUSED` (here or in `update`) when it meets a position already encrypted;
   *   `SEALSTREAM_DATA_KEY_DISPOSED` after `dispose`. {@link OptionError} where the format cannot start there.
   */
  encryptor({ start = 0, sameBytes = false, final = true }: EncryptorOptions = {}): RunningCipher {
    assertInteger(start, 'start', 0)
    assertBoolean(sameBytes, 'sameBytes')
    assertBoolean(final, 'final')
    const running = this.#cipher.encryptor(this.#open(), start, final)
    const end = final ? endOf(this.#cipher) : undefined
    return claimed(running, this.#claim(start, sameBytes), start, end)
  }

  /**
   * Starts the encryption of a stretch of the stored object: the units that it touches are encrypted, and trimmed to it. Two
   * stretches that meet within a unit both encrypt it, and each stored byte still comes from one of them.
   *
   * @throws As {@link DataKey.encryptor}; not for `cos-java-gcm`, which has to be encrypted in order.
   */
  stretchEncryptor(
    stretch: StoredStretch,
    { sameBytes = false }: { sameBytes?: boolean } = {},
  ): StretchEncryptor {
    const encryptor = encryptStretch(this.#cipher, this.#open(), stretch)
    this.#claimStretch(stretch, sameBytes)
    return encryptor
  }

  /**
   * Starts a decryption; feed it the bytes that {@link DataKey.ciphertextRange} names.
   *
   * @throws KeyError `SEALSTREAM_DATA_KEY_DISPOSED` after `dispose`; SealstreamError `SEALSTREAM_UNVERIFIED` for a range of
   *   `cos-java-gcm` without `releaseUnverified`; as {@link DataKey.readHead}.
   */
  decryptor(options: DecryptorOptions = {}): RunningCipher {
    const { start = 0, end, head, releaseUnverified = false, mostHeld = 0 } = options
    assertInteger(start, 'start', 0)
    if (end !== undefined) assertInteger(end, 'end', start)
    assertBoolean(releaseUnverified, 'releaseUnverified')
    assertInteger(mostHeld, 'mostHeld', 0)
    if (head !== undefined) this.readHead(head)
    return startDecryption(this.#cipher, this.#open(), options)
  }

  /**
   * Shows the raw key and IV (or salt; empty where it is not known) to a master key that is about to wrap them; the copies
   * are wiped when `use` is done.
   *
   * @returns What `use` returned.
   */
  async withBytes<Result>(use: (key: Buffer, iv: Buffer) => Result | Promise<Result>): Promise<Result> {
    const { key, iv } = this.#open()
    const rawKey = key.export()
    const rawIv = Buffer.from(iv ?? [])
    try {
      return await use(rawKey, rawIv)
    } finally {
      wipe(rawKey, rawIv)
    }
  }

  /** The same key for an object of another format that the same content cipher reads, or with another context. */
  async relabelled(format: Format, context: EncryptionContext = this.context): Promise<DataKey> {
    const relabelled = await this.withBytes((key, iv) =>
      DataKey.from({ format, key, context, ...(iv.length === 0 ? {} : { iv }) }),
    )
    relabelled.#used = this.#used
    return relabelled
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

  /** Hides the key. */
  toJSON(): object {
    return { format: this.format, key: '<hidden>' }
  }

  /** Never shows the key. */
  [inspect.custom](): string {
    return `DataKey { format: '${this.format}', key: <hidden> }`
  }

  #lendStretch(stretch: StoredStretch, { sameBytes }: { readonly sameBytes: boolean }): CipherSecret {
    // Refuses what cannot be encrypted in stretches.
    this.stretchEncryptor(stretch, { sameBytes }).running.close()
    return this.#lend()
  }

  #lend(): CipherSecret {
    const { key, iv, context } = this.#open()
    // Memory of their own: what goes to another thread is copied with all that lies beside it.
    const copy = (bytes: Buffer): Buffer => Buffer.from(Uint8Array.from(bytes).buffer)
    return { key, iv: iv === undefined ? undefined : copy(iv), context: copy(context) }
  }

  #claimStretch(stretch: StoredStretch, sameBytes: boolean): void {
    const { start, length } = planStretch(this.#cipher, stretch).owned
    const isEnd = stretch.offset + stretch.length === this.#cipher.ciphertextSize(stretch.size)
    const end = isEnd ? (endOf(this.#cipher)?.(stretch.size) ?? stretch.size) : start + length
    if (end > start) this.#claim(start, sameBytes).extend(end - start)
  }

  #claim(start: number, sameBytes: boolean): Claim {
    return sameBytes ? this.#used.vouch(start) : this.#used.claim(start)
  }

  #open(): CipherSecret {
    if (this.#secret === undefined) {
      throw new KeyError('SEALSTREAM_DATA_KEY_DISPOSED', 'this data key was disposed')
    }
    return this.#secret
  }
}
