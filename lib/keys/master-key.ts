/** What wraps data keys. The kinds of this package implement it; users may write their own. */
import type { DataKey } from '../crypto/data-key.js'
import type { Format } from '../crypto/format.js'
import { KeyError } from '../errors.js'

/**
 * How a data key and its IV were wrapped.
 *
 * - `aes-kw`: each by AES key wrap (RFC 3394).
 * - `aes-ctr`: both as one stream under AES-CTR from counter 0 (COS Python). Nothing detects a wrong key.
 * - `rsa-oaep-sha1`: each by RSAES-OAEP, SHA-1 and MGF1-SHA-1.
 */
export type WrapScheme = 'aes-kw' | 'aes-ctr' | 'rsa-oaep-sha1'

/** A data key and IV as they may be stored: under a master key. */
export interface Wrapped {
  readonly format: Format
  readonly scheme: WrapScheme
  readonly key: Uint8Array
  readonly iv: Uint8Array
}

/** A long-lived key that wraps the data key of every object. */
export interface MasterKey {
  /** A hint that names the key without revealing it; not a proof. */
  readonly id: string
  /** False where it can only wrap. Absent means that it can unwrap, too. */
  readonly canUnwrap?: boolean
  /**
   * Wraps a data key in the way its format asks for.
   *
   * @throws OptionError when this kind of master key has no scheme for that format.
   */
  wrap(dataKey: DataKey): Promise<Wrapped>
  /**
   * Recovers a data key.
   *
   * @throws KeyError `SEALSTREAM_KEY_KIND` when the scheme is for another kind of key, `SEALSTREAM_KEY_CANNOT_UNWRAP`
   *   when this key can only wrap, `SEALSTREAM_UNWRAP` for every other failure alike.
   */
  unwrap(wrapped: Wrapped): Promise<DataKey>
}

/** The one error for a data key that does not unwrap, whatever the reason. */
export function unwrapFailed(hint?: string): KeyError {
  return new KeyError(
    'SEALSTREAM_UNWRAP',
    'the data key could not be unwrapped: wrong master key, or altered envelope',
    hint === undefined ? {} : { hint },
  )
}

/** The master key is of a kind that cannot have wrapped this. */
export function wrongKind(kind: string, scheme: WrapScheme): KeyError {
  const wrappedBy = scheme === 'rsa-oaep-sha1' ? 'an RSA' : 'an AES'
  return new KeyError(
    'SEALSTREAM_KEY_KIND',
    `the data key was wrapped by ${wrappedBy} master key, but option masterKey is ${kind} key`,
  )
}
