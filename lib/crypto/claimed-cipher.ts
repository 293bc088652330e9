/** Encryption that claims its positions first, so that no counter block and no nonce meets two plaintexts (RULES 1.1). */
import type { ContentCipher, RunningCipher } from './content-cipher.js'
import type { Claim } from './used-ranges.js'

/** First position after an object of so much plaintext that nothing else may be encrypted at. */
type EndOf = (size: number) => number

/**
 * Where the claim of an encryption that ends the object ends: with the unit that marks the end, however little that holds. Undefined
 * where nothing marks it.
 */
export function endOf(cipher: ContentCipher): EndOf | undefined {
  if (cipher.ciphertextSize(0) === 0) return undefined
  const { plaintext } = cipher.unit
  if (plaintext === 1) return () => Number.MAX_SAFE_INTEGER
  return (size) => (Math.floor(size / plaintext) + 1) * plaintext
}

/**
 * @param start - Plaintext position of the first byte.
 * @param end - Of an encryption that ends the object.
 */
export function claimed(
  running: RunningCipher,
  claim: Claim,
  start: number,
  end: EndOf | undefined,
): RunningCipher {
  let position = start
  return {
    update(bytes) {
      claim.extend(bytes.length)
      position += bytes.length
      return running.update(bytes)
    },
    final() {
      if (end !== undefined) claim.extend(end(position) - position)
      return running.final()
    },
    close: () => running.close(),
  }
}
