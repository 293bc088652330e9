/** Pages of keys: order, prefix, delimiter, marker and limit, as all listings of COS have them. */
import { type CosRequest, queryInteger, queryValue } from './request.js'
import { Refusal } from './refusal.js'
import { percentEncode } from './uri.js'
import type { XmlElement } from './xml.js'

const MAX_PAGE = 1000

/** Which keys a listing asks for. */
export interface Selection {
  readonly prefix: string
  /** Empty: no grouping. */
  readonly delimiter: string
  /** Only what comes after it, in byte order. */
  readonly marker: string
  /** Entries and common prefixes together. */
  readonly limit: number
}

/** One page of a listing. */
export interface Page<Entry> {
  readonly entries: readonly Entry[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  /** The last key or common prefix of the page; empty on an empty page. */
  readonly lastName: string
}

/** Sorts by the UTF-8 bytes of the keys, which differs from JavaScript's order beyond U+FFFF. */
export function sortByKey<Entry extends { readonly key: string }>(entries: readonly Entry[]): Entry[] {
  return entries
    .map((entry) => ({ entry, bytes: Buffer.from(entry.key, 'utf8') }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry)
}

/** True when key `a` comes after `b` in a listing. */
export function isAfter(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')) > 0
}

/**
 * Cuts one page.
 *
 * @param sorted - In the order of {@link sortByKey}, without what lies before the marker.
 */
export function pageOf<Entry extends { readonly key: string }>(
  sorted: readonly Entry[],
  { prefix, delimiter, marker, limit }: Selection,
): Page<Entry> {
  const entries: Entry[] = []
  const commonPrefixes: string[] = []
  let lastName = ''
  for (const entry of sorted) {
    if (!entry.key.startsWith(prefix)) continue
    const group = groupOf(entry.key, prefix, delimiter)
    // A page that ended with a group names it as marker; its other keys come after it and must not bring it back.
    if (group !== undefined && (group === marker || group === commonPrefixes.at(-1))) continue
    if (entries.length + commonPrefixes.length === limit) {
      return { entries, commonPrefixes, isTruncated: true, lastName }
    }
    if (group === undefined) entries.push(entry)
    else commonPrefixes.push(group)
    lastName = group ?? entry.key
  }
  return { entries, commonPrefixes, isTruncated: false, lastName }
}

/** Reads a page size: 1 to 1000, 1000 where absent. */
export function pageLimit(request: CosRequest, name: string): number {
  return queryInteger(request, name, { least: 1, most: MAX_PAGE, otherwise: MAX_PAGE })
}

/** How keys are written into a listing. */
export interface KeyEncoding {
  /** The element that says so, spelled as this listing spells it; none when the client did not ask. */
  readonly elements: readonly XmlElement[]
  encode(text: string): string
}

/**
 * Reads `encoding-type`.
 *
 * @throws `InvalidArgument` for anything but `url`.
 */
export function keyEncoding(request: CosRequest, elementName: string): KeyEncoding {
  const type = queryValue(request, 'encoding-type') ?? ''
  if (type === '') return { elements: [], encode: (text) => text }
  if (type !== 'url') throw new Refusal('InvalidArgument', 'encoding-type must be url.')
  return { elements: [[elementName, type]], encode: percentEncode }
}

/** The `CommonPrefixes` elements of a page. */
export function commonPrefixElements(page: Page<unknown>, encoding: KeyEncoding): XmlElement[] {
  return page.commonPrefixes.map((name) => ['CommonPrefixes', [['Prefix', encoding.encode(name)]]])
}

function groupOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined
  const end = key.indexOf(delimiter, prefix.length)
  return end === -1 ? undefined : key.slice(0, end + delimiter.length)
}
