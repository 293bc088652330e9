/** Checks of options at the edge. Each names the option and the value; code further in trusts what it gets. */
import { OptionError } from '../errors.js'

/** Refuses anything but a safe integer from `least` to `most` (both inclusive). */
export function assertInteger(
  value: unknown,
  option: string,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
  throw new OptionError(option, `must be an integer ${range}`, { value })
}

/** Refuses anything but a positive multiple of `unit`. */
export function assertMultipleOf(value: unknown, option: string, unit: number): asserts value is number {
  assertInteger(value, option, unit)
  if (value % unit !== 0) throw new OptionError(option, `must be a multiple of ${unit} bytes`, { value })
}

/** Refuses anything but true and false. */
export function assertBoolean(value: unknown, option: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw new OptionError(option, 'must be true or false', { value })
}

/** Refuses anything but a string with at least one character. */
export function assertText(value: unknown, option: string): asserts value is string {
  if (typeof value !== 'string') throw new OptionError(option, 'must be a string', { value })
  if (value === '') throw new OptionError(option, 'must not be empty', { value })
  queryText(value, option)
}

/** The text as it is, if it can be put into a URL: a lone surrogate cannot. Empty is fine. */
export function queryText(value: unknown, option: string): string {
  if (typeof value !== 'string') throw new OptionError(option, 'must be a string', { value })
  if (/\p{Surrogate}/u.test(value)) throw new OptionError(option, 'must be well-formed Unicode', { value })
  return value
}

/** Refuses anything but one of `choices`; the error lists them. */
export function assertOneOf<Choice extends string>(
  value: unknown,
  option: string,
  choices: readonly Choice[],
): asserts value is Choice {
  if (choices.includes(value as Choice)) return
  throw new OptionError(option, `must be one of ${choices.join(', ')}`, { value })
}

/** Refuses anything but a Uint8Array (a Buffer is one). Never quotes the value: it may be a key. */
export function assertBytes(value: unknown, option: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw new OptionError(option, 'must be a Buffer or Uint8Array')
}

/**
 * Refuses option names that are not known, so that a misspelt option never passes silently.
 *
 * @param hints - For names people bring from other SDKs: what to write instead.
 */
export function assertKnown(
  given: unknown,
  where: string,
  known: readonly string[],
  hints: Readonly<Record<string, string>> = {},
): asserts given is object {
  if (typeof given !== 'object' || given === null) {
    // Never quoted: it may be a key that was meant to stand inside an object.
    throw new OptionError(
      where === '' ? 'options' : where,
      `must be an object, not ${given === null ? 'null' : `a ${typeof given}`}`,
    )
  }
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const foreign = Object.hasOwn(hints, name) ? hints[name] : undefined
    const hint = foreign ?? `known options are ${known.join(', ')}`
    throw new OptionError(where === '' ? name : `${where}.${name}`, 'is not a known option', { hint })
  }
}
