/** User metadata: `Metadata: { name: value }` to `x-cos-meta-*` headers and back, within the service's limits. */
import { OptionError, SealstreamError } from '../errors.js'
import { META_PREFIX } from '../internal/meta-prefix.js'

/** Limits of the service, counted over names (prefix included) plus values. */
const MOST_HEADER_BYTES = 2048
const MOST_TOTAL_BYTES = 4096

/**
 * Checks user metadata and gives its headers.
 *
 * @param metadata - Names with or without the prefix `x-cos-meta-`, after it `a-z 0-9 -`; upper case is lowered. Values:
 *   printable ASCII.
 * @throws SealstreamError `SEALSTREAM_METADATA` on a name or value the service would change or refuse or on two
 *   spellings of one name. Sizes are checked by {@link assertMetadataSize}, once all headers are known.
 */
export function metadataHeaders(metadata: Readonly<Record<string, string>> = {}): Record<string, string> {
  if (typeof (metadata as unknown) !== 'object' || (metadata as unknown) === null) {
    throw new OptionError('Metadata', 'must be an object of strings', { value: metadata })
  }
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata)) {
    const lower = name.toLowerCase()
    const suffix = lower.startsWith(META_PREFIX) ? lower.slice(META_PREFIX.length) : lower
    if (!/^[a-z0-9-]+$/.test(suffix))
      throw refused(name, 'may hold only letters, digits and hyphens in its name')
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) {
      throw refused(name, 'must have a value of printable ASCII')
    }
    // HTTP strips blanks at the ends, so they would not come back.
    if (value.trim() !== value) throw refused(name, 'must have a value without blanks at its ends')
    const header = META_PREFIX + suffix
    if (header in headers) throw refused(name, 'stands there twice in different spellings')
    headers[header] = value
  }
  return headers
}

/**
 * Checks the size of all metadata headers of one object, envelope included.
 *
 * @throws SealstreamError `SEALSTREAM_METADATA` over 2 KB for one header or 4 KB for all.
 */
export function assertMetadataSize(headers: Readonly<Record<string, string>>): void {
  let total = 0
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(META_PREFIX)) continue
    const size = name.length + value.length
    total += size
    if (size > MOST_HEADER_BYTES) throw tooLarge(`header ${name}`, size, MOST_HEADER_BYTES)
  }
  if (total > MOST_TOTAL_BYTES)
    throw tooLarge('all user metadata together (envelope included)', total, MOST_TOTAL_BYTES)
}

/** The user metadata among an answer's headers, by name without prefix. */
export function readMetadata(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(META_PREFIX))
      .map(([name, value]) => [name.slice(META_PREFIX.length), value]),
  )
}

/** All metadata of an answer as one text, to tell one version of an object from another. */
export function metadataText(headers: Readonly<Record<string, string>>): string {
  return JSON.stringify(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(META_PREFIX))
      .sort(),
  )
}

function refused(name: string, problem: string): SealstreamError {
  return new SealstreamError('SEALSTREAM_METADATA', `option Metadata: ${JSON.stringify(name)} ${problem}`)
}

function tooLarge(what: string, size: number, most: number): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_METADATA',
    `${what}: ${size} bytes, the service takes at most ${most}`,
    { hint: 'shorten the metadata; an RSA key of fewer bits makes a smaller envelope' },
  )
}
