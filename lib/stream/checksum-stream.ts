/** Checksums of what passes through. */
import { createHash } from 'node:crypto'
import { Crc64 } from '../checksum/crc64.js'
import { IntegrityError, OptionError } from '../errors.js'
import { abortedStream } from '../internal/abort.js'
import { deferred } from '../internal/deferred.js'
import { decodeBase64, equalBytes } from '../internal/bytes.js'
import { assertStreamOptions, ByteTransform, type StreamOptions } from './byte-transform.js'

/** Passes bytes through unchanged and knows their checksum at the end. */
export interface ChecksumStream<Value> extends ByteTransform {
  /**
   * The checksum of everything that passed. Resolves before `'end'`; rejects with the stream's error, or with
   * `SEALSTREAM_ABORTED` when it was destroyed without one. It need not be awaited.
   */
  readonly digest: Promise<Value>
}

/** A checksum under way, with the way to compare and to show its values. */
interface Checksum<Value> {
  readonly algorithm: string
  update(bytes: Buffer): void
  value(): Value
  equal(a: Value, b: Value): boolean
  show(value: Value): string
}

class ChecksumTransform<Value> extends ByteTransform implements ChecksumStream<Value> {
  readonly digest: Promise<Value>

  constructor(checksum: Checksum<Value>, expected: Value | undefined, options: StreamOptions) {
    const outcome = deferred<Value>()
    super(
      {
        update(bytes) {
          checksum.update(bytes)
          return bytes
        },
        final() {
          const found = checksum.value()
          if (expected !== undefined && !checksum.equal(found, expected)) {
            throw new IntegrityError('stream', {
              algorithm: checksum.algorithm,
              expected: checksum.show(expected),
              found: checksum.show(found),
            })
          }
          outcome.resolve(found)
          return Buffer.alloc(0)
        },
        close: (error) => outcome.reject(error ?? abortedStream()),
      },
      options,
    )
    this.digest = outcome.promise
  }
}

/**
 * MD5 of what passes through.
 *
 * @param options - `expected`: 16 bytes, their hex or their Base64; the stream fails with `SEALSTREAM_INTEGRITY`
 *   instead of ending when the MD5 is another.
 * @returns A stream whose `.digest` is the 16 bytes.
 */
export function md5Stream(
  options: StreamOptions & { expected?: Uint8Array | string } = {},
): ChecksumStream<Buffer> {
  assertStreamOptions(options, ['expected'])
  const hash = createHash('md5')
  const checksum: Checksum<Buffer> = {
    algorithm: 'md5',
    update: (bytes) => void hash.update(bytes),
    value: () => hash.digest(),
    equal: equalBytes,
    show: (value) => value.toString('hex'),
  }
  const expected = options.expected === undefined ? undefined : parseMd5(options.expected)
  return new ChecksumTransform(checksum, expected, options)
}

/**
 * CRC-64/XZ of what passes through, the checksum that COS reports in `x-cos-hash-crc64ecma`.
 *
 * @param options - `expected`: the number, or its decimal text as the service sends it; the stream fails with
 *   `SEALSTREAM_INTEGRITY` instead of ending when the CRC is another.
 * @returns A stream whose `.digest` is an unsigned 64-bit bigint.
 */
export function crc64Stream(
  options: StreamOptions & { expected?: bigint | string } = {},
): ChecksumStream<bigint> {
  assertStreamOptions(options, ['expected'])
  const crc = new Crc64()
  const checksum: Checksum<bigint> = {
    algorithm: 'crc64',
    update: (bytes) => crc.update(bytes),
    value: () => crc.value,
    equal: (a, b) => a === b,
    show: String,
  }
  const expected = options.expected === undefined ? undefined : parseCrc64(options.expected)
  return new ChecksumTransform(checksum, expected, options)
}

function parseMd5(given: Uint8Array | string): Buffer {
  const bytes = md5Bytes(given)
  if (bytes?.length === 16) return bytes
  throw new OptionError('expected', 'must be an MD5: 16 bytes, 32 hex digits or 24 characters of Base64', {
    value: given,
  })
}

function md5Bytes(given: unknown): Buffer | undefined {
  if (given instanceof Uint8Array) return Buffer.from(given)
  if (typeof given !== 'string') return undefined
  return /^[0-9a-f]{32}$/i.test(given) ? Buffer.from(given, 'hex') : decodeBase64(given)
}

function parseCrc64(given: bigint | string): bigint {
  const value = typeof given === 'string' && /^\d{1,20}$/.test(given) ? BigInt(given) : given
  if (typeof value === 'bigint' && value >= 0n && value < 2n ** 64n) return value
  throw new OptionError('expected', 'must be an unsigned 64-bit bigint or its decimal text', { value: given })
}
