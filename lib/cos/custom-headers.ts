/** Headers for which there is no field: whatever this package does not set itself. */
import { OptionError } from '../errors.js'
import { META_PREFIX } from '../internal/meta-prefix.js'

/** What this package sets, or must not be set at all: sending it twice or wrongly would break the request. */
const OURS =
  /^(authorization|host|connection|content-(length|md5|type|encoding|disposition|language|range)|cache-control|expires|expect|transfer-encoding|te|trailer|upgrade|keep-alive|proxy-.*|accept-encoding|cookie|range|if-.*|user-agent|x-cos-(security-token|sdk-retry|acl|tagging|storage-class|traffic-limit|forbid-overwrite|metadata-directive|copy-source.*|server-side-encryption.*))$/

/**
 * @returns The headers by lower-case name.
 * @throws {@link OptionError} for a name that has a field of its own, that is no header name, or is there twice, and for a
 *   value that no header can carry.
 */
export function customHeaders(given: unknown): Record<string, string> {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new OptionError('CustomHeaders', 'must be an object of strings', { value: given })
  }
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const lower = name.toLowerCase()
    const option = `CustomHeaders[${JSON.stringify(name)}]`
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(lower)) throw new OptionError(option, 'is not a header name')
    if (lower.startsWith(META_PREFIX)) throw new OptionError(option, 'belongs into Metadata')
    if (OURS.test(lower)) throw new OptionError(option, 'is set by this package, or has a field of its own')
    if (Object.hasOwn(headers, lower))
      throw new OptionError(option, 'stands there twice in different spellings')
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value) || value.trim() !== value) {
      throw new OptionError(option, 'must have a value of printable ASCII without blanks at its ends')
    }
    headers[lower] = value
  }
  return headers
}
