/** Plaintext ranges. Pure. */
import { checkRange } from '../cos/get-object.js'
import type { ByteRange } from '../crypto/content-cipher.js'
import { SealstreamError } from '../errors.js'

/**
 * What a `Range` header means for an object of `size` plaintext bytes.
 *
 * @param range - `bytes=first-last`, `bytes=first-` or `bytes=-count`.
 * @returns First and last position, both inclusive and inside the object.
 * @throws OptionError on another form; SealstreamError `SEALSTREAM_RANGE` when no byte of the object lies in it.
 */
export function resolveRange(range: string, size: number): ByteRange {
  const [first = '', last = ''] = checkRange(range).slice('bytes='.length).split('-')
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start <= end) return { start, end }
  throw new SealstreamError('SEALSTREAM_RANGE', `range ${range} lies outside the object of ${size} bytes`)
}
