/** What wraps data keys. The kinds of this package implement it; users may write their own. */
import type { DataKey } from '../crypto/data-key.js'
import type { EncryptionContext } from '../crypto/encryption-context.js'
import type { Format } from '../crypto/format.js'
import type { RsaPaddingName } from '../crypto/rsa-wrap.js'
import { KeyError, OptionError } from '../errors.js'

/**
 * How a data key and its IV were wrapped.
 *
 * - `aes-kw`: each by AES key wrap (RFC 3394); in format `sealed`, under a key derived from the master key.
 * - `aes-ctr`: both as one stream under AES-CTR from counter 0 (COS Python). Nothing detects a wrong key.
 * - `aes-ecb`: by AES-ECB with PKCS#7 padding (old COS Java SDKs). Read only.
 * - `rsa-oaep-sha1`, `rsa-oaep-sha256-mgf1-sha1`, `rsa-oaep-sha256`: each by RSAES-OAEP, with MGF1 over the same hash where
 *   none is named.
 * - `rsa-pkcs1`: each by RSAES-PKCS1-v1_5.
 * - `kms`: each is a blob of Tencent KMS.
 * - `custom`: whatever a user-written master key does. Format `sealed` only.
 */
export type WrapScheme = 'aes-kw' | 'aes-ctr' | 'aes-ecb' | RsaScheme | 'kms' | 'custom'

/** The schemes of {@link WrapScheme} that an RSA key opens. */
export type RsaScheme = RsaPaddingName

/** Which kind of master key a scheme belongs to. */
export type KeyKind = 'aes' | 'rsa' | 'kms' | 'custom'

/** A data key and IV as they may be stored: under a master key. */
export interface Wrapped {
  readonly format: Format
  readonly scheme: WrapScheme
  /** What else it may be: the headers of some SDKs do not tell. Only where reading. */
  readonly alternatives?: readonly WrapScheme[]
  readonly key: Uint8Array
  /** Empty in format `sealed`, whose salt stands in the object. */
  readonly iv: Uint8Array
  /** The IV stands there as it is, not wrapped. Only where reading what other SDKs wrote. */
  readonly isIvPlain?: true
  /** The material description as it stands in the headers: JSON text. KMS takes it as its encryption context. */
  readonly description?: string
  /** Id of the master key, where the envelope names it. A hint, not proof. */
  readonly keyId?: string
}

/** A long-lived key that wraps the data key of every object. */
export interface MasterKey {
  /** A hint that names the key without revealing it; not a proof. For `sealed`: 1 to 64 of `A-Z a-z 0-9 - _`. */
  readonly id: string
  /** What wraps: absent from a user-written key. */
  readonly kind?: KeyKind
  /** False where it can only wrap. Absent means that it can unwrap, too. */
  readonly canUnwrap?: boolean
  /**
   * Wraps a data key in the way its format asks for.
   *
   * @throws OptionError when this kind of master key has no scheme for that format.
   */
  wrap(dataKey: DataKey): Promise<Wrapped>
  /**
   * Makes a data key and wraps it in one step, where whatever holds the master key does both: a key service. Absent where data
   * keys are made here.
   */
  generate?(format: Format, context: EncryptionContext): Promise<{ dataKey: DataKey; wrapped: Wrapped }>
  /**
   * Recovers a data key.
   *
   * @throws KeyError `SEALSTREAM_KEY_KIND` when the scheme is for another kind of key, `SEALSTREAM_KEY_CANNOT_UNWRAP`
   *   when this key can only wrap, `SEALSTREAM_UNWRAP` for every other failure alike.
   */
  unwrap(wrapped: Wrapped): Promise<DataKey>
}

/** The kind of master key that a scheme is for. */
export function kindOf(scheme: WrapScheme): KeyKind {
  if (scheme === 'kms' || scheme === 'custom') return scheme
  return scheme.startsWith('rsa') ? 'rsa' : 'aes'
}

/** The one error for a data key that does not unwrap, whatever the reason. */
export function unwrapFailed(hint?: string): KeyError {
  return new KeyError(
    'SEALSTREAM_UNWRAP',
    'the data key could not be unwrapped: wrong master key, or altered envelope',
    hint === undefined ? {} : { hint },
  )
}

const KIND_NAMES: Readonly<Record<KeyKind, string>> = {
  aes: 'an AES',
  rsa: 'an RSA',
  kms: 'a KMS',
  custom: 'a user-written',
}

/** The master key is of a kind that cannot have wrapped this. */
export function wrongKind(kind: KeyKind, scheme: WrapScheme): KeyError {
  return new KeyError(
    'SEALSTREAM_KEY_KIND',
    `the data key was wrapped by ${KIND_NAMES[kindOf(scheme)]} master key, but option masterKey is ${KIND_NAMES[kind]} key`,
  )
}

/** @throws OptionError unless `masterKey` can wrap and unwrap. */
export function assertMasterKey(masterKey: unknown, option = 'masterKey'): asserts masterKey is MasterKey {
  const { wrap, unwrap, id } = (masterKey ?? {}) as Partial<MasterKey>
  if (typeof wrap === 'function' && typeof unwrap === 'function' && typeof id === 'string') return
  throw new OptionError(option, 'must be a master key, such as AesMasterKey or RsaMasterKey')
}
