/** A master key that is an RSA pair, or the public half of one for writing only. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  KeyObject,
  type PrivateKeyInput,
} from 'node:crypto'
import { rm } from 'node:fs/promises'
import { inspect, promisify } from 'node:util'
import { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { rsaOaepDecrypt, rsaOaepEncrypt } from '../crypto/rsa-oaep.js'
import { KeyError, OptionError } from '../errors.js'
import { assertInteger, assertKnown } from '../internal/assert.js'
import { equalBytes, wipe } from '../internal/bytes.js'
import { createKeyFile, malformedKeyFile, readKeyFile } from './key-file.js'
import { unwrapFailed, wrongKind, type MasterKey, type Wrapped } from './master-key.js'

/** Modulus lengths in bits: below 2048 nothing new is written; old objects are still read from 1024 on. */
const LEAST_BITS_TO_WRITE = 2048
const LEAST_BITS_TO_READ = 1024
const MOST_BITS = 8192

/** OpenSSL writes a key under a longer passphrase, but does not read it back. */
const MOST_PASSPHRASE_BYTES = 1024

const EXPECTED_PUBLIC = 'a PEM public key (SPKI or PKCS#1)'
const EXPECTED_PRIVATE = 'a PEM private key (PKCS#1 or PKCS#8)'

/** PEM text, or a Node KeyObject. */
export type RsaKeyInput = string | Uint8Array | KeyObject

/** Where the two halves come from; give one or both. */
export interface RsaKeys<Source> {
  /** SPKI or PKCS#1. Alone, the master key can write but not read. */
  publicKey?: Source
  /** PKCS#1 or PKCS#8, possibly encrypted. The public half is derived from it when not given. */
  privateKey?: Source
  /** For an encrypted private key. */
  passphrase?: string | Uint8Array
}

/** Wraps data keys under an RSA public key, by RSAES-OAEP. */
export class RsaMasterKey implements MasterKey {
  /** 32 hex digits: the first 16 bytes of SHA-256 over the public key's SPKI. */
  readonly id: string
  /** Length of the modulus in bits. */
  readonly bits: number
  readonly #publicKey: KeyObject
  readonly #privateKey: KeyObject | undefined

  private constructor(publicKey: KeyObject, privateKey: KeyObject | undefined) {
    this.#publicKey = publicKey
    this.#privateKey = privateKey
    this.bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
    this.id = createHash('sha256').update(spki(publicKey)).digest('hex').slice(0, 32)
  }

  /**
   * A fresh random pair.
   *
   * @param bits - Modulus length, a multiple of 8 from 2048 to 8192; default 3072.
   */
  static async generate(bits = 3072): Promise<RsaMasterKey> {
    assertInteger(bits, 'bits', LEAST_BITS_TO_WRITE, MOST_BITS)
    if (bits % 8 !== 0) throw new OptionError('bits', 'must be a multiple of 8', { value: bits })
    const pair = await promisify(generateKeyPair)('rsa', { modulusLength: bits })
    return new RsaMasterKey(pair.publicKey, pair.privateKey)
  }

  /**
   * Keys you already have, as PEM text or KeyObjects.
   *
   * @throws KeyError `SEALSTREAM_KEY_FORMAT` when one is not readable (also: wrong passphrase), is not RSA, is too
   *   short, or the two are not a pair. {@link OptionError} when none is given.
   */
  static from(keys: RsaKeys<RsaKeyInput>): RsaMasterKey {
    assertKnown(keys, 'keys', ['publicKey', 'privateKey', 'passphrase'])
    const { publicKey, privateKey, passphrase } = keys
    assertPassphrase(passphrase)
    if (publicKey === undefined && privateKey === undefined) {
      throw new OptionError('publicKey', 'or privateKey must be given')
    }
    const secret = privateKey === undefined ? undefined : readPrivate(privateKey, passphrase)
    const open = publicKey === undefined ? undefined : readPublic(publicKey)
    const derived = secret === undefined ? undefined : createPublicKey(secret)
    if (open !== undefined && derived !== undefined && !equalBytes(spki(open), spki(derived))) {
      // Writing with one and reading with the other would lose the data.
      throw new KeyError('SEALSTREAM_KEY_FORMAT', 'publicKey and privateKey do not belong together')
    }
    return new RsaMasterKey((open ?? derived) as KeyObject, secret)
  }

  /**
   * Keys in PEM files.
   *
   * @throws KeyError `SEALSTREAM_KEY_FILE` when a file is missing or malformed; otherwise as {@link RsaMasterKey.from}.
   */
  static async fromFiles(paths: RsaKeys<string>): Promise<RsaMasterKey> {
    assertKnown(paths, 'paths', ['publicKey', 'privateKey', 'passphrase'])
    const { publicKey, privateKey, passphrase } = paths
    assertPassphrase(passphrase)
    const keys: RsaKeys<KeyObject> = {}
    if (publicKey !== undefined) {
      keys.publicKey = await fromPemFile(publicKey, 'publicKey', EXPECTED_PUBLIC, readPublic)
    }
    if (privateKey !== undefined) {
      const read = (pem: string): KeyObject => readPrivate(pem, passphrase)
      keys.privateKey = await fromPemFile(privateKey, 'privateKey', EXPECTED_PRIVATE, read)
    }
    return RsaMasterKey.from(keys)
  }

  /**
   * Writes the pair to new PEM files, mode 0600: SPKI and PKCS#8, the latter encrypted when a passphrase is given.
   *
   * @throws KeyError `SEALSTREAM_KEY_FILE` when a path exists; it is never overwritten, and nothing is left behind.
   *   `SEALSTREAM_KEY_CANNOT_UNWRAP` when there is no private key to write.
   */
  async toFiles(paths: { publicKey: string; privateKey: string; passphrase?: string }): Promise<void> {
    assertKnown(paths, 'paths', ['publicKey', 'privateKey', 'passphrase'])
    const privateKey = this.#mustUnwrap()
    assertPassphrase(paths.passphrase)
    const encryption =
      paths.passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: paths.passphrase }
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }) as string
    await createKeyFile(paths.privateKey, 'privateKey', pem)
    try {
      const publicPem = this.#publicKey.export({ type: 'spki', format: 'pem' }) as string
      await createKeyFile(paths.publicKey, 'publicKey', publicPem)
    } catch (error) {
      await rm(paths.privateKey, { force: true })
      throw error
    }
  }

  /** Whether this key can read, not only write. */
  get canUnwrap(): boolean {
    return this.#privateKey !== undefined
  }

  /** Wraps key and IV each by RSAES-OAEP with SHA-1, which the Python and Java SDKs both open. */
  async wrap(dataKey: DataKey): Promise<Wrapped> {
    if (this.bits < LEAST_BITS_TO_WRITE) {
      throw new KeyError(
        'SEALSTREAM_KEY_FORMAT',
        `an RSA key of ${this.bits} bits is too short to write with`,
        {
          hint: `use ${LEAST_BITS_TO_WRITE} bits or more`,
        },
      )
    }
    return dataKey.withBytes((key, iv) => ({
      format: dataKey.format,
      scheme: 'rsa-oaep-sha1',
      key: rsaOaepEncrypt(this.#publicKey, key),
      iv: rsaOaepEncrypt(this.#publicKey, iv),
    }))
  }

  /** Recovers a data key. Both halves are decoded before the one error is raised (RULES 4.2). */
  async unwrap(wrapped: Wrapped): Promise<DataKey> {
    if (wrapped.scheme !== 'rsa-oaep-sha1') throw wrongKind('an RSA', wrapped.scheme)
    const privateKey = this.#mustUnwrap()
    const { keyBytes, ivBytes } = FORMATS[wrapped.format].cipher
    const key = rsaOaepDecrypt(privateKey, wrapped.key, keyBytes)
    const iv = rsaOaepDecrypt(privateKey, wrapped.iv, ivBytes)
    try {
      if (key === undefined || iv === undefined) {
        throw unwrapFailed(
          'the COS Python SDK pads with PKCS#1 v1.5 when RSA keys are given to it by value; this version reads OAEP only',
        )
      }
      return DataKey.from({ format: wrapped.format, key, iv })
    } finally {
      wipe(key, iv)
    }
  }

  /** Never shows the private key. */
  toJSON(): object {
    return { kind: 'rsa', id: this.id, bits: this.bits, privateKey: this.canUnwrap ? '<hidden>' : undefined }
  }

  /** Never shows the private key. */
  [inspect.custom](): string {
    const half = this.canUnwrap ? 'privateKey: <hidden>' : 'public key only'
    return `RsaMasterKey { id: '${this.id}', bits: ${this.bits}, ${half} }`
  }

  #mustUnwrap(): KeyObject {
    if (this.#privateKey !== undefined) return this.#privateKey
    throw new KeyError(
      'SEALSTREAM_KEY_CANNOT_UNWRAP',
      'this RSA master key has no private key: it can only write',
      {
        hint: 'give option privateKey to read',
      },
    )
  }
}

function readPublic(input: RsaKeyInput): KeyObject {
  if (input instanceof KeyObject) return checkRsa(input, 'public', 'publicKey')
  const pem = pemText(input, 'publicKey', EXPECTED_PUBLIC)
  if (pem.includes('PRIVATE KEY')) {
    // Node would quietly derive the public key; a private key in the wrong place deserves a word.
    throw new KeyError('SEALSTREAM_KEY_FORMAT', 'publicKey holds a private key', {
      hint: 'give it as privateKey; the public half is derived from it',
    })
  }
  try {
    return checkRsa(createPublicKey(pem), 'public', 'publicKey')
  } catch (error) {
    throw unreadable('publicKey', EXPECTED_PUBLIC, error)
  }
}

function readPrivate(input: RsaKeyInput, passphrase: string | Uint8Array | undefined): KeyObject {
  if (input instanceof KeyObject) return checkRsa(input, 'private', 'privateKey')
  const options: PrivateKeyInput = { key: pemText(input, 'privateKey', EXPECTED_PRIVATE) }
  if (passphrase !== undefined) options.passphrase = Buffer.from(passphrase as Uint8Array)
  try {
    return checkRsa(createPrivateKey(options), 'private', 'privateKey')
  } catch (error) {
    throw unreadable('privateKey', `${EXPECTED_PRIVATE}, and its passphrase if it is encrypted`, error)
  }
}

function checkRsa(key: KeyObject, type: 'public' | 'private', option: string): KeyObject {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.type !== type || key.asymmetricKeyType !== 'rsa') {
    throw new KeyError('SEALSTREAM_KEY_FORMAT', `${option} is not an RSA ${type} key`)
  }
  if (bits < LEAST_BITS_TO_READ || bits > MOST_BITS) {
    throw new KeyError(
      'SEALSTREAM_KEY_FORMAT',
      `${option} has ${bits} bits, not ${LEAST_BITS_TO_READ} to ${MOST_BITS}`,
    )
  }
  return key
}

function pemText(input: string | Uint8Array, option: string, expected: string): string {
  // Never quoted: whatever it is, it was meant to be a key.
  if (typeof input !== 'string' && !(input instanceof Uint8Array)) throw unreadable(option, expected)
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('latin1')
  if (!text.includes('-----BEGIN ')) throw unreadable(option, expected)
  return text
}

function unreadable(option: string, expected: string, cause?: unknown): KeyError {
  if (cause instanceof KeyError) return cause
  return new KeyError('SEALSTREAM_KEY_FORMAT', `${option} is not readable: expected ${expected}`, { cause })
}

async function fromPemFile(
  path: string,
  option: string,
  expected: string,
  read: (pem: string) => KeyObject,
): Promise<KeyObject> {
  const text = await readKeyFile(path, option, expected)
  try {
    return read(text)
  } catch (error) {
    throw malformedKeyFile(path, expected, error)
  }
}

/** Never quotes it. */
function assertPassphrase(passphrase: string | Uint8Array | undefined): void {
  if (passphrase === undefined) return
  if (typeof passphrase !== 'string' && !(passphrase instanceof Uint8Array)) {
    throw new OptionError('passphrase', 'must be a string or bytes')
  }
  if (Buffer.byteLength(passphrase) > MOST_PASSPHRASE_BYTES) {
    throw new OptionError('passphrase', `must have at most ${MOST_PASSPHRASE_BYTES} bytes`)
  }
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}
