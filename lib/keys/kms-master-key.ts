/** A master key that never leaves Tencent KMS. */
import { inspect } from 'node:util'
import { randomBytes } from 'node:crypto'
import { DataKey } from '../crypto/data-key.js'
import { descriptionText, type EncryptionContext } from '../crypto/encryption-context.js'
import { FORMATS, type Format } from '../crypto/format.js'
import { OptionError } from '../errors.js'
import { assertKnown } from '../internal/assert.js'
import { wipe } from '../internal/bytes.js'
import { KMS_CLIENT_OPTIONS, KmsClient, type KmsClientOptions } from './kms-client.js'
import { kindOf, wrongKind, type MasterKey, type Wrapped } from './master-key.js'
import { UnwrapCache, type UnwrapCacheOptions } from './unwrap-cache.js'
import { needsIv, unwrappedKey } from './unwrapped-key.js'

/** Options of {@link KmsMasterKey}. */
export interface KmsMasterKeyOptions extends KmsClientOptions {
  /** Id of the key in KMS. */
  keyId: string
  /** Keeps unwrapped data keys in memory for a while. Off unless given; `true` means the defaults. Writing is never cached. */
  cache?: boolean | UnwrapCacheOptions | undefined
}

/** KMS's own context of `sealed`: a blob of another dialect under the same key cannot pose as a recipient (RULES 3.2). */
const SEALED_CONTEXT = '{"sealstream":"1"}'

/** What the Java SDK sends where there is no description. The Go SDK sends nothing (wire-formats H1). */
const NO_DESCRIPTION = '{}'

/** Wraps data keys by calls to Tencent KMS, in the dialect of the COS Java and Go SDKs. */
export class KmsMasterKey implements MasterKey {
  readonly kind = 'kms'
  /** The id of the key in KMS. */
  readonly id: string
  readonly #client: KmsClient
  readonly #cache: UnwrapCache | undefined

  /** @throws {@link OptionError} naming the option. No request is made. */
  constructor(options: KmsMasterKeyOptions) {
    assertKnown(options, '', [...KMS_CLIENT_OPTIONS, 'keyId', 'cache'])
    const { keyId, cache = false, ...client } = options
    if (typeof keyId !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(keyId)) {
      throw new OptionError('keyId', 'must be the id of a key in KMS', { value: keyId })
    }
    this.id = keyId
    this.#client = new KmsClient(client)
    if (cache !== false) this.#cache = new UnwrapCache(cache === true ? {} : cache)
  }

  /** A new data key, made by KMS (GenerateDataKey); the IV, where there is one, is made here and wrapped by Encrypt. */
  async generate(
    format: Format,
    context: EncryptionContext,
  ): Promise<{ dataKey: DataKey; wrapped: Wrapped }> {
    const kmsContext = contextOf(format, context)
    const iv = randomBytes(FORMATS[format].cipher.ivBytes)
    const { key, blob } = await this.#client.generateDataKey(this.id, kmsContext)
    try {
      const wrappedIv = format === 'sealed' ? '' : await this.#client.encrypt(this.id, iv, kmsContext)
      const dataKey = DataKey.from({ format, key, iv, context })
      return { dataKey, wrapped: this.#wrapped(format, blob, wrappedIv) }
    } finally {
      wipe(key)
    }
  }

  /** Wraps a data key that exists, by Encrypt: for a further recipient, or another master key. */
  async wrap(dataKey: DataKey): Promise<Wrapped> {
    const { format } = dataKey
    const context = contextOf(format, dataKey.context)
    return dataKey.withBytes(async (key, iv) => {
      const blob = await this.#client.encrypt(this.id, key, context)
      const wrappedIv = format === 'sealed' ? '' : await this.#client.encrypt(this.id, iv, context)
      return this.#wrapped(format, blob, wrappedIv)
    })
  }

  /**
   * Recovers a data key.
   *
   * @throws KeyError as {@link MasterKey}; ServiceError and the errors of every request where KMS cannot be asked, or says no.
   */
  async unwrap(wrapped: Wrapped): Promise<DataKey> {
    if (kindOf(wrapped.scheme) !== 'kms') throw wrongKind('kms', wrapped.scheme)
    const contexts = contextsOf(wrapped)
    const [key, iv] = await Promise.all([
      this.#decrypt(wrapped.key, contexts),
      needsIv(wrapped) ? this.#decrypt(wrapped.iv, contexts) : undefined,
    ])
    return unwrappedKey(wrapped, { key, iv })
  }

  /** Closes its connections, and wipes the keys that are cached. */
  close(): void {
    this.#client.close()
    this.#cache?.clear()
  }

  /** Never shows credentials. */
  toJSON(): object {
    return { kind: 'kms', id: this.id, credentials: '<hidden>' }
  }

  /** Never shows credentials. */
  [inspect.custom](): string {
    return `KmsMasterKey { id: '${this.id}', <hidden> }`
  }

  #wrapped(format: Format, blob: string, iv: string): Wrapped {
    return { format, scheme: 'kms', key: Buffer.from(blob), iv: Buffer.from(iv), keyId: this.id }
  }

  async #decrypt(wrapped: Uint8Array, contexts: readonly string[]): Promise<Buffer | undefined> {
    const blob = Buffer.from(wrapped).toString('latin1')
    for (const context of contexts) {
      const ask = (): Promise<Buffer | undefined> => this.#client.decrypt(blob, context)
      const texts = [this.#client.endpoint, this.id, blob, context]
      const bytes = await (this.#cache === undefined ? ask() : this.#cache.get(texts, ask))
      if (bytes !== undefined) return bytes
    }
    return undefined
  }
}

/** KMS's encryption context for what is written. */
function contextOf(format: Format, context: EncryptionContext): string {
  if (format === 'sealed') return SEALED_CONTEXT
  if (format === 'cos' || format === 'cos-java-gcm') return descriptionText(context)
  throw new OptionError('format', 'has no form under a KMS master key', { value: format })
}

/** Those that may have been used: where the object has no description, the SDKs differ. */
function contextsOf({ format, description }: Wrapped): string[] {
  if (format === 'sealed') return [SEALED_CONTEXT]
  return description === undefined ? [NO_DESCRIPTION, ''] : [description]
}
