/** A master key that is an AES key of 128, 192 or 256 bits. */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { inspect } from 'node:util'
import { aesKeyUnwrap, aesKeyWrap } from '../crypto/aes-key-wrap.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { KeyError, OptionError } from '../errors.js'
import { asBuffer, decodeBase64, wipe } from '../internal/bytes.js'
import { createKeyFile, malformedKeyFile, readKeyFile } from './key-file.js'
import { wrongKind, type MasterKey, type Wrapped } from './master-key.js'
import { needsIv, unwrappedKey, type UnwrappedBytes } from './unwrapped-key.js'

const KEY_SIZES = [16, 24, 32]
const NO_IV = Buffer.alloc(0)
const EXPECTED = 'the Base64 text of 16, 24 or 32 bytes'

/** Wraps data keys under an AES key. */
export class AesMasterKey implements MasterKey {
  readonly kind = 'aes'
  /** 16 hex digits, derived one-way from the key: safe to log and to store. */
  readonly id: string
  readonly #key: KeyObject
  /** Of format `sealed`: what another dialect wrapped under this master key cannot pose as a recipient (RULES 3.2). */
  readonly #sealedKey: KeyObject

  private constructor(bytes: Uint8Array) {
    this.#key = createSecretKey(bytes)
    const derived = Buffer.from(hkdfSync('sha256', bytes, '', 'sealstream/1 AES-KW', 32))
    this.#sealedKey = createSecretKey(derived)
    wipe(derived)
    // RULES 3.1: never a plain hash of the key.
    this.id = Buffer.from(hkdfSync('sha256', bytes, '', 'sealstream key id', 8)).toString('hex')
  }

  /**
   * A fresh random key.
   *
   * @param bits - 128, 192 or 256 (default).
   */
  static generate(bits: 128 | 192 | 256 = 256): AesMasterKey {
    if (typeof (bits as unknown) !== 'number' || !KEY_SIZES.includes(bits / 8)) {
      throw new OptionError('bits', 'must be 128, 192 or 256', { value: bits })
    }
    const bytes = randomBytes(bits / 8)
    try {
      return AesMasterKey.from(bytes)
    } finally {
      wipe(bytes)
    }
  }

  /**
   * A key you already have.
   *
   * @param key - Standard Base64 text, as the COS Python SDK takes it, or the bytes. Bytes are copied; you still own
   *   yours.
   * @throws KeyError `SEALSTREAM_KEY_FORMAT` unless that is 16, 24 or 32 bytes.
   */
  static from(key: string | Uint8Array): AesMasterKey {
    if (typeof key === 'string') {
      const bytes = decodeBase64(key.trim())
      if (bytes === undefined || !KEY_SIZES.includes(bytes.length)) throw malformed()
      try {
        return new AesMasterKey(bytes)
      } finally {
        wipe(bytes)
      }
    }
    if (!(key instanceof Uint8Array) || !KEY_SIZES.includes(key.length)) throw malformed()
    return new AesMasterKey(key)
  }

  /**
   * The key in a file that holds its Base64 text (the form of the COS Python SDK's `aes_key_path`).
   *
   * @throws KeyError `SEALSTREAM_KEY_FILE` when the file is missing or malformed. No key is ever made in its place.
   */
  static async fromFile(path: string): Promise<AesMasterKey> {
    const text = await readKeyFile(path, 'path', EXPECTED)
    try {
      return AesMasterKey.from(text)
    } catch {
      throw malformedKeyFile(path, EXPECTED)
    }
  }

  /**
   * Writes the key's Base64 text to a new file, mode 0600.
   *
   * @throws KeyError `SEALSTREAM_KEY_FILE` when the path exists; it is never overwritten.
   */
  async toFile(path: string): Promise<void> {
    const bytes = this.#key.export()
    try {
      await createKeyFile(path, 'path', `${bytes.toString('base64')}\n`)
    } finally {
      wipe(bytes)
    }
  }

  /**
   * Wraps by AES key wrap for `sealed` and `cos`, by the Python SDK's keystream for `cos-python`.
   *
   * @throws {@link OptionError} for `cos-java-gcm`: AES key wrap takes no IV of 12 bytes, in the Java SDK neither.
   */
  async wrap(dataKey: DataKey): Promise<Wrapped> {
    const { format } = dataKey
    return dataKey.withBytes((key, iv): Wrapped => {
      switch (format) {
        case 'sealed':
          return {
            format,
            scheme: 'aes-kw',
            key: aesKeyWrap(this.#sealedKey, key),
            iv: NO_IV,
            keyId: this.id,
          }
        case 'cos':
          return { format, scheme: 'aes-kw', key: aesKeyWrap(this.#key, key), iv: aesKeyWrap(this.#key, iv) }
        case 'cos-python': {
          const [wrappedKey, wrappedIv] = this.#keystream('wrap', key, iv)
          return { format, scheme: 'aes-ctr', key: wrappedKey, iv: wrappedIv }
        }
        default:
          throw new OptionError('format', `has no form under an AES master key`, {
            value: format,
            hint: 'cos-java-gcm needs an RSA or KMS master key: AES key wrap takes no IV of 12 bytes',
          })
      }
    })
  }

  /** Recovers a data key. With `aes-ctr` a wrong key cannot be told from the right one: the content comes out wrong. */
  async unwrap(wrapped: Wrapped): Promise<DataKey> {
    const { keyBytes, ivBytes } = FORMATS[wrapped.format].cipher
    return unwrappedKey(wrapped, this.#unwrapBytes(wrapped, keyBytes, ivBytes))
  }

  /** Never shows the key. */
  toJSON(): object {
    return { kind: 'aes', id: this.id, key: '<hidden>' }
  }

  /** Never shows the key. */
  [inspect.custom](): string {
    return `AesMasterKey { id: '${this.id}', key: <hidden> }`
  }

  #unwrapBytes(wrapped: Wrapped, keyBytes: number, ivBytes: number): UnwrappedBytes {
    const { format, scheme, key, iv } = wrapped
    switch (scheme) {
      case 'aes-kw': {
        const under = format === 'sealed' ? this.#sealedKey : this.#key
        const parts = [
          { wrapped: key, length: keyBytes },
          ...(needsIv(wrapped) ? [{ wrapped: iv, length: ivBytes }] : []),
        ]
        const [plainKey, plainIv] = aesKeyUnwrap(under, parts) ?? []
        return { key: plainKey, iv: plainIv }
      }
      case 'aes-ctr': {
        const [plainKey, plainIv] = this.#keystream('unwrap', asBuffer(key), asBuffer(iv))
        return { key: plainKey, iv: plainIv }
      }
      case 'aes-ecb':
        return { key: aesEcbDecrypt(this.#key, key), iv: undefined }
      default:
        throw wrongKind('aes', scheme)
    }
  }

  /**
   * COS Python's wrapping (tencentyun/cos-python-sdk-v5 qcloud_cos/crypto.py, AESProvider): one AES-CTR stream from
   * counter 0 over key and IV. The same keystream for every object, hence the warning when it is written.
   */
  #keystream(direction: 'wrap' | 'unwrap', key: Buffer, iv: Buffer): [Buffer, Buffer] {
    const name = `aes-${(this.#key.symmetricKeySize as number) * 8}-ctr`
    const counter = Buffer.alloc(BLOCK_BYTES)
    const cipher =
      direction === 'wrap'
        ? createCipheriv(name, this.#key, counter)
        : createDecipheriv(name, this.#key, counter)
    return [cipher.update(key), cipher.update(iv)]
  }
}

/** Old COS Java SDKs: the bare cipher `AES`, which is ECB with PKCS#7 padding. Undefined for every kind of failure. */
function aesEcbDecrypt(masterKey: KeyObject, bytes: Uint8Array): Buffer | undefined {
  try {
    const decipher = createDecipheriv(
      `aes-${(masterKey.symmetricKeySize as number) * 8}-ecb`,
      masterKey,
      null,
    )
    return Buffer.concat([decipher.update(bytes), decipher.final()])
  } catch {
    return undefined
  }
}

function malformed(): KeyError {
  return new KeyError('SEALSTREAM_KEY_FORMAT', `an AES master key must be ${EXPECTED}, or those bytes`)
}
