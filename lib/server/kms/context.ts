/** The encryption context: pairs that must be the same when a ciphertext is opened. */
import { KmsRefusal } from './refusal.js'

const MAX_CHARACTERS = 1024

/**
 * One form for all texts of the same pairs, whatever their order and spacing; no context is that of no pairs.
 *
 * @param text - JSON, as sent.
 * @throws `InvalidParameter` when it is no object of strings, or longer than 1024 characters.
 */
export function canonicalContext(text: string | undefined): Buffer {
  const pairs = pairsOf(text ?? '').sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.from(JSON.stringify(pairs))
}

function pairsOf(text: string): [name: string, value: string][] {
  if (text === '') return []
  if (Array.from(text).length > MAX_CHARACTERS) {
    throw new KmsRefusal(
      'InvalidParameter',
      `EncryptionContext must not exceed ${MAX_CHARACTERS} characters.`,
    )
  }
  const given = parsed(text)
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    const pairs = Object.entries(given)
    if (pairs.every((pair): pair is [string, string] => typeof pair[1] === 'string')) return pairs
  }
  throw new KmsRefusal('InvalidParameter', 'EncryptionContext must be a JSON object of strings.')
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
