/** The caller's encryption context: what an object is about, bound to its bytes (RULES 3.3). */
import { OptionError } from '../errors.js'

/** Names to texts, chosen by the caller; for example which tenant and which document an object belongs to. */
export type EncryptionContext = Readonly<Record<string, string>>

/** No text is longer: its length is written in two bytes. */
const MOST_TEXT_BYTES = 0xffff

/** @throws OptionError `context...` unless it is an object of texts, each of at most 65,535 bytes of UTF-8. */
export function assertContext(context: unknown, option = 'context'): asserts context is EncryptionContext {
  // A Map, say, has no entries of this kind, and would bind nothing.
  const prototype: unknown =
    typeof context === 'object' && context !== null ? Object.getPrototypeOf(context) : undefined
  if (prototype !== null && prototype !== Object.prototype) {
    throw new OptionError(option, 'must be a plain object of texts', { value: context })
  }
  for (const [name, value] of Object.entries(context as Record<string, unknown>)) {
    const place = `${option}[${JSON.stringify(name.slice(0, 80))}]`
    if (typeof value !== 'string') throw new OptionError(place, 'must be a text', { value })
    for (const text of [name, value]) {
      if (!isWellFormed(text)) throw new OptionError(place, 'must not hold half of a surrogate pair')
      if (Buffer.byteLength(text) > MOST_TEXT_BYTES) {
        throw new OptionError(place, `must have at most ${MOST_TEXT_BYTES} bytes`)
      }
    }
  }
}

/** A lone surrogate has no UTF-8: two different texts would come to the same bytes. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text, 'utf8').toString('utf8') === text
}

/**
 * The C2SP context of a `sealed` object: `sealstream/1`, the content algorithm, then each pair of the caller's context, sorted
 * by the bytes of its key. What it holds cannot be changed without the commitment failing.
 */
export function sealedContext(context: EncryptionContext): Buffer {
  const pairs = Object.entries(context)
    .map(([key, value]) => [Buffer.from(key, 'utf8'), Buffer.from(value, 'utf8')] as const)
    .sort(([a], [b]) => Buffer.compare(a, b))
  return Buffer.concat([
    Buffer.from('sealstream/1\0cobblestone-256\0', 'latin1'),
    ...pairs.flatMap(([key, value]) => [lengthOf(key), key, lengthOf(value), value]),
  ])
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return length
}

/**
 * The context as the SDKs write their material description: compact JSON, sorted by name. Escaped as Go does it, which compares
 * the text; and all that is not ASCII, for it goes into a header.
 */
export function descriptionText(context: EncryptionContext): string {
  const sorted = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  // Not by way of an object, which would put names that look like numbers first.
  return `{${sorted.map(([name, value]) => `${jsonText(name)}:${jsonText(value)}`).join(',')}}`
}

function jsonText(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Whether two contexts say the same. */
export function isSameContext(a: EncryptionContext, b: EncryptionContext): boolean {
  return descriptionText(a) === descriptionText(b)
}
