/** Names of buckets and objects: what the service takes and what survives a URL. */
import { OptionError } from '../errors.js'
import { assertText } from '../internal/assert.js'

/** Longest key in UTF-8 bytes (wire-formats F5). */
const MOST_KEY_BYTES = 850

/** @throws {@link OptionError} unless `bucket` has the form `name-appid`. It becomes part of a host name. */
export function assertBucket(bucket: unknown, option = 'Bucket'): asserts bucket is string {
  assertText(bucket, option)
  if (/^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?-\d{1,20}$/.test(bucket)) return
  throw new OptionError(option, 'must be BucketName-APPID in lower case, such as examplebucket-1250000000', {
    value: bucket,
  })
}

/**
 * Refuses keys that a URL parser would rewrite: a `..` could make a delete reach the bucket itself (RULES 7.3).
 *
 * @throws {@link OptionError} for such keys, the empty key, keys of slashes only, and keys over 850 bytes of UTF-8.
 */
export function assertKey(key: unknown, option = 'Key'): asserts key is string {
  assertText(key, option)
  const segments = key.split('/').map((segment) => segment.replace(/%2e/gi, '.'))
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw new OptionError(option, 'must not contain a . or .. segment', { value: key })
  }
  if (segments.every((segment) => segment === '')) {
    throw new OptionError(option, 'must contain more than slashes', { value: key })
  }
  const length = Buffer.byteLength(key)
  if (length > MOST_KEY_BYTES) {
    throw new OptionError(option, `must have at most ${MOST_KEY_BYTES} bytes in UTF-8, not ${length}`, {
      value: key,
    })
  }
}
