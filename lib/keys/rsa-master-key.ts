/** A master key that is an RSA pair, or the public half of one for writing only. */
import { createHash, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { inspect, promisify } from 'node:util'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS, type Format } from '../crypto/format.js'
import { rsaUnwrapper, rsaWrap } from '../crypto/rsa-wrap.js'
import { KeyError, OptionError } from '../errors.js'
import { assertInteger, assertKnown, assertOneOf } from '../internal/assert.js'
import { equalBytes, wipe } from '../internal/bytes.js'
import { createKeyFile } from './key-file.js'
import { kindOf, wrongKind, type MasterKey, type RsaScheme, type Wrapped } from './master-key.js'
import { needsIv, unwrappedKey } from './unwrapped-key.js'
import {
  assertPassphrase,
  EXPECTED_PRIVATE,
  EXPECTED_PUBLIC,
  fromPemFile,
  LEAST_BITS_TO_WRITE,
  MOST_BITS,
  readPrivate,
  readPublic,
  spki,
  type RsaKeyInput,
} from './rsa-pem.js'

/** Where the two halves come from; give one or both. */
export interface RsaKeys<Source> {
  /** SPKI or PKCS#1. Alone, the master key can write but not read. */
  publicKey?: Source
  /** PKCS#1 or PKCS#8, possibly encrypted. The public half is derived from it when not given. */
  privateKey?: Source
  /** For an encrypted private key. */
  passphrase?: string | Uint8Array
  /**
   * How the COS Python SDK's RSA wrapping, whose headers do not tell, is read: `oaep` (its keys by path, default), `pkcs1` (its
   * keys by value; then `cos-python` is also written so), or `any`, which tries both. PKCS#1 v1.5 has a long history of
   * attacks through whatever tells its failures apart: accept it only where such objects are expected.
   */
  padding?: RsaPadding
}

/** Nothing could be unwrapped. */
const NOTHING = { key: undefined, iv: undefined }

/** What {@link RsaKeys} `padding` may be. */
export type RsaPadding = 'oaep' | 'pkcs1' | 'any'

const PADDINGS: readonly RsaPadding[] = ['oaep', 'pkcs1', 'any']
const OPTIONS = ['publicKey', 'privateKey', 'passphrase', 'padding']

/** Wraps data keys under an RSA public key, by RSAES-OAEP. */
export class RsaMasterKey implements MasterKey {
  readonly kind = 'rsa'
  /** 32 hex digits: the first 16 bytes of SHA-256 over the public key's SPKI. */
  readonly id: string
  /** Length of the modulus in bits. */
  readonly bits: number
  readonly #publicKey: KeyObject
  readonly #privateKey: KeyObject | undefined
  readonly #padding: RsaPadding

  private constructor(publicKey: KeyObject, privateKey: KeyObject | undefined, padding: RsaPadding = 'oaep') {
    this.#publicKey = publicKey
    this.#privateKey = privateKey
    this.#padding = padding
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
    assertKnown(keys, 'keys', OPTIONS)
    const { publicKey, privateKey, passphrase, padding = 'oaep' } = keys
    assertPassphrase(passphrase)
    assertOneOf(padding, 'padding', PADDINGS)
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
    return new RsaMasterKey((open ?? derived) as KeyObject, secret, padding)
  }

  /**
   * Keys in PEM files.
   *
   * @throws KeyError `SEALSTREAM_KEY_FILE` when a file is missing or malformed; otherwise as {@link RsaMasterKey.from}.
   */
  static async fromFiles(paths: RsaKeys<string>): Promise<RsaMasterKey> {
    assertKnown(paths, 'paths', OPTIONS)
    const { publicKey, privateKey, passphrase, padding = 'oaep' } = paths
    assertPassphrase(passphrase)
    const keys: RsaKeys<KeyObject> = { padding }
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

  /**
   * Wraps key and IV each on its own: by RSAES-OAEP with SHA-256 for `sealed`; with SHA-1, which the Python and Java SDKs both
   * open, for `cos` and `cos-python` (or PKCS#1 v1.5 where `padding` is `pkcs1`); as the Java SDK does for `cos-java-gcm`.
   */
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
    const { format } = dataKey
    const scheme = this.#schemeFor(format)
    return dataKey.withBytes((key, iv): Wrapped => {
      const wrappedKey = rsaWrap(this.#publicKey, key, scheme)
      if (format === 'sealed') {
        return { format, scheme, key: wrappedKey, iv: Buffer.alloc(0), keyId: this.id }
      }
      return { format, scheme, key: wrappedKey, iv: rsaWrap(this.#publicKey, iv, scheme) }
    })
  }

  /** Recovers a data key. Both halves are decoded, in every way there is, before the one error is raised (RULES 4.2). */
  async unwrap(wrapped: Wrapped): Promise<DataKey> {
    const { format, scheme } = wrapped
    if (kindOf(scheme) !== 'rsa') throw wrongKind('rsa', scheme)
    const privateKey = this.#mustUnwrap()
    const { keyBytes, ivBytes } = FORMATS[format].cipher
    const openKey = rsaUnwrapper(privateKey, wrapped.key, keyBytes)
    const openIv = needsIv(wrapped)
      ? rsaUnwrapper(privateKey, wrapped.iv, ivBytes)
      : () => Buffer.from(wrapped.iv)
    const tried = this.#schemesOf(wrapped).map((each) => ({ key: openKey(each), iv: openIv(each) }))
    try {
      const found = tried.find(({ key, iv }) => key !== undefined && iv !== undefined)
      return unwrappedKey(wrapped, found ?? NOTHING, this.#paddingHint(wrapped))
    } finally {
      for (const { key, iv } of tried) wipe(key, iv)
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

  #schemeFor(format: Format): RsaScheme {
    if (format === 'sealed') return 'rsa-oaep-sha256'
    if (format === 'cos-java-gcm') return 'rsa-oaep-sha256-mgf1-sha1'
    return format === 'cos-python' && this.#padding === 'pkcs1' ? 'rsa-pkcs1' : 'rsa-oaep-sha1'
  }

  /** PKCS#1 v1.5 is tried where the caller said so, and nothing else where the caller said only that. */
  #schemesOf({ scheme, alternatives = [] }: Wrapped): RsaScheme[] {
    const schemes = [scheme, ...alternatives].filter((each) => kindOf(each) === 'rsa') as RsaScheme[]
    if (this.#padding === 'any' || !schemes.includes('rsa-pkcs1')) return schemes
    const isPkcs1 = this.#padding === 'pkcs1'
    return schemes.filter((each) => (each === 'rsa-pkcs1') === isPkcs1)
  }

  #paddingHint(wrapped: Wrapped): string | undefined {
    const isPossible = [wrapped.scheme, ...(wrapped.alternatives ?? [])].includes('rsa-pkcs1')
    if (!isPossible || this.#padding !== 'oaep') return undefined
    return "the COS Python SDK pads with PKCS#1 v1.5 when RSA keys are given to it by value: option padding: 'any' reads that, too"
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
