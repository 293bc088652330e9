/** Range headers of one range, as RFC 9110 section 14 and COS read them. */

/** Bytes to send, both inclusive. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * Applies a Range header to an object.
 *
 * @param size - The object's length in bytes.
 * @returns The bytes to send; `whole` when the header is absent, malformed or names several ranges, which HTTP lets a
 * server ignore; `unsatisfiable` when no byte of the object lies in it, which for an empty object is always.
 */
export function resolveRange(
  header: string | undefined,
  size: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const [, from, to] = /^\s*bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*$/i.exec(header ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return 'whole'
  if (from === '') return suffix(Number(to), size)
  const first = Number(from)
  if (to !== '' && Number(to) < first) return 'whole'
  if (first >= size) return 'unsatisfiable'
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) }
}

function suffix(length: number, size: number): ByteRange | 'unsatisfiable' {
  return size === 0 || length === 0 ? 'unsatisfiable' : { first: Math.max(0, size - length), last: size - 1 }
}
