/** Encryption and decryption as Transforms. */
import type { Transform } from 'node:stream'
import { DataKey } from '../crypto/data-key.js'
import { OptionError } from '../errors.js'
import { assertStreamOptions, ByteTransform, type StreamOptions } from './byte-transform.js'

/** Options of {@link encryptStream}. */
export interface EncryptStreamOptions extends StreamOptions {
  /** Plaintext position of the first byte, from 0. Any position will do. Defaults to 0. */
  start?: number
  /** The caller vouches that what this data key already encrypted at these positions were the same bytes. */
  sameBytes?: boolean
}

/** Options of {@link decryptStream}. */
export interface DecryptStreamOptions extends StreamOptions {
  /** Plaintext position of the first byte, from 0. Defaults to 0. */
  start?: number
  /**
   * Plaintext position of the last byte, inclusive as in `fs`. With it, input that ends early is
   * `SEALSTREAM_TRUNCATED` and what follows is dropped; without it, the input's end is the end.
   */
  end?: number
}

/**
 * Plaintext in, ciphertext out.
 *
 * The stream lets go of its own reference to the key when it ends or is destroyed; disposing the data key is its
 * owner's business.
 *
 * @throws KeyError `SEALSTREAM_DATA_KEY_REUSED` when the data key already encrypted from `start` (and the stream fails
 *   with it when it runs into positions already encrypted); `SEALSTREAM_DATA_KEY_DISPOSED`. {@link OptionError} for
 *   other options than these.
 */
export function encryptStream(dataKey: DataKey, options: EncryptStreamOptions = {}): Transform {
  assertDataKey(dataKey)
  assertStreamOptions(options, ['start', 'sameBytes'])
  return new ByteTransform(dataKey.encryptor(definedOnly(options, ['start', 'sameBytes'])), options)
}

/**
 * Ciphertext in, plaintext out. Feed it the stored bytes that `dataKey.ciphertextRange(start, end)` names.
 *
 * @throws KeyError `SEALSTREAM_DATA_KEY_DISPOSED`; {@link OptionError} for other options than these.
 */
export function decryptStream(dataKey: DataKey, options: DecryptStreamOptions = {}): Transform {
  assertDataKey(dataKey)
  assertStreamOptions(options, ['start', 'end'])
  return new ByteTransform(dataKey.decryptor(definedOnly(options, ['start', 'end'])), options)
}

function assertDataKey(dataKey: unknown): asserts dataKey is DataKey {
  if (dataKey instanceof DataKey) return
  throw new OptionError('dataKey', 'must be a DataKey from createEnvelope or openEnvelope')
}

/** The named options that are given: an explicit undefined means the default. */
function definedOnly<Options extends object, Name extends keyof Options>(
  options: Options,
  names: readonly Name[],
): { [Key in Name]?: Exclude<Options[Key], undefined> } {
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as { [Key in Name]?: Exclude<Options[Key], undefined> }
}
