/** From unwrapped bytes to a data key: the end that every kind of master key shares. */
import { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { wipe } from '../internal/bytes.js'
import { unwrapFailed, type Wrapped } from './master-key.js'

/** What unwrapping gave; undefined where it failed. */
export interface UnwrappedBytes {
  readonly key: Buffer | undefined
  /** Not looked at where the envelope has none, or has it in the clear. */
  readonly iv: Buffer | undefined
}

/** Whether an IV has to be unwrapped, too: `sealed` has its salt in the object, and some headers have the IV in the clear. */
export function needsIv({ format, isIvPlain }: Wrapped): boolean {
  return format !== 'sealed' && isIvPlain !== true
}

/**
 * The data key. Both halves are wiped.
 *
 * @throws KeyError `SEALSTREAM_UNWRAP` unless both have their exact lengths.
 */
export function unwrappedKey(wrapped: Wrapped, { key, iv }: UnwrappedBytes, hint?: string): DataKey {
  const { format } = wrapped
  const { keyBytes, ivBytes } = FORMATS[format].cipher
  const used = needsIv(wrapped) ? iv : wrapped.iv
  try {
    const isWhole = key?.length === keyBytes && (format === 'sealed' || used?.length === ivBytes)
    if (!isWhole || used === undefined) throw unwrapFailed(hint)
    return DataKey.from({ format, key, ...(format === 'sealed' ? {} : { iv: used }) })
  } finally {
    wipe(key, iv)
  }
}
