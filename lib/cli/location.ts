/** `cos://bucket/key` and other texts that arguments come as. */
import { OptionError } from '../errors.js'

/** Where an object, or a set of objects, lives. */
export interface Location {
  readonly bucket: string
  /** Empty for a whole bucket. The rest of the text as it stands: nothing in it is decoded. */
  readonly key: string
}

/** @throws OptionError unless the text is `cos://bucket/key`. */
export function parseLocation(text: string): Location {
  const location = parsePrefix(text)
  if (location.key !== '') return location
  throw new OptionError('OBJECT', 'must be cos://BUCKET/KEY', { value: text })
}

/** @throws OptionError unless the text is `cos://bucket` or `cos://bucket/prefix`. */
export function parsePrefix(text: string): Location {
  const match = /^cos:\/\/([^/]+)(?:\/(.*))?$/s.exec(text)
  if (match?.[1] === undefined)
    throw new OptionError('LOCATION', 'must be cos://BUCKET or cos://BUCKET/PREFIX', { value: text })
  return { bucket: match[1], key: match[2] ?? '' }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KIB: 1024, MIB: 1024 ** 2, GIB: 1024 ** 3 }

/** A size: bytes, or with KiB, MiB, GiB. @throws OptionError */
export function parseSize(text: string, option: string): number {
  const [, number = '', unit = ''] = /^(\d{1,15})([a-z]*)$/i.exec(text) ?? []
  const factor = UNITS[unit.toUpperCase()]
  if (number === '' || factor === undefined) {
    throw new OptionError(option, 'must be bytes, or a number with KiB, MiB or GiB', { value: text })
  }
  return Number(number) * factor
}

/** `first-last`, `first-` or `-count` as a Range header; checked where it is used. */
export function rangeHeader(text: string): string {
  return text.startsWith('bytes=') ? text : `bytes=${text}`
}

/** `name=value` pairs. @throws OptionError */
export function parseMetadata(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)]
      throw new OptionError('--metadata', 'must be NAME=VALUE', { value: pair })
    }),
  )
}
