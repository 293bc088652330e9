/** Encryption and decryption as Transforms. */
import type { Transform } from 'node:stream'
import { DataKey } from '../crypto/data-key.js'
import { OptionError } from '../errors.js'
import { expectGarbage } from '../internal/reclaim.js'
import { assertStreamOptions, ByteTransform, type StreamOptions } from './byte-transform.js'

/** Options of {@link encryptStream}. */
export interface EncryptStreamOptions extends StreamOptions {
  /**
   * Plaintext position of the first byte, from 0: any for `cos` and `cos-python`, a multiple of 16,384 for `sealed`, 0 for
   * `cos-java-gcm`. Defaults to 0.
   */
  start?: number
  /** The caller vouches that what this data key already encrypted at these positions were the same bytes. */
  sameBytes?: boolean
  /**
   * Whether the stream's end is the object's end, which `sealed` and `cos-java-gcm` mark there. Default true. With false,
   * `sealed` takes a multiple of 16,384 bytes.
   */
  final?: boolean
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
  /** The first 56 stored bytes of a `sealed` object, for a range that does not begin with them. */
  head?: Uint8Array
  /**
   * Gives out plaintext of `cos-java-gcm` before it is verified: as it comes, and of ranges, which are never verified.
   * Default false.
   */
  releaseUnverified?: boolean
  /** Most bytes of `cos-java-gcm` that are held until they are verified. Default 64 MiB. */
  mostHeld?: number
}

const ENCRYPT_OPTIONS = ['start', 'sameBytes', 'final'] as const
const DECRYPT_OPTIONS = ['start', 'end', 'head', 'releaseUnverified', 'mostHeld'] as const

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
  assertStreamOptions(options, ENCRYPT_OPTIONS)
  expectGarbage()
  return new ByteTransform(dataKey.encryptor(definedOnly(options, ENCRYPT_OPTIONS)), options)
}

/**
 * Ciphertext in, plaintext out. Feed it the stored bytes that `dataKey.ciphertextRange(start, end)` names. Of `sealed`, no byte
 * comes out unproven, and the stream fails with `SEALSTREAM_COMMITMENT`, `SEALSTREAM_AUTHENTICATION` or
 * `SEALSTREAM_TRUNCATED`; `cos-java-gcm` is held until it is proven.
 *
 * @throws KeyError `SEALSTREAM_DATA_KEY_DISPOSED`; {@link OptionError} for other options than these, and for a range of `sealed`
 *   without `head`; SealstreamError `SEALSTREAM_UNVERIFIED`.
 */
export function decryptStream(dataKey: DataKey, options: DecryptStreamOptions = {}): Transform {
  assertDataKey(dataKey)
  assertStreamOptions(options, DECRYPT_OPTIONS)
  expectGarbage()
  return new ByteTransform(dataKey.decryptor(definedOnly(options, DECRYPT_OPTIONS)), options)
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
