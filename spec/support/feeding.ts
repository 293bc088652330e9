/** Feeding a cipher to its end, whatever it says on the way: what it released, how it failed, and whether it then went on. */
import { SealstreamError } from '../../lib/errors.js'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'

/** What became of a feeding. */
export interface Feeding {
  /** Everything that was given out before the first error. */
  readonly released: Buffer
  readonly error: SealstreamError | undefined
  /** What the cipher did after an error other than fail: it must give nothing more, and not end well. */
  readonly wentOn: readonly string[]
}

export function feed(cipher: RunningCipher, pieces: Iterable<Uint8Array>): Feeding {
  const released: Buffer[] = []
  const wentOn: string[] = []
  let error: SealstreamError | undefined
  const step = (what: string, run: () => Buffer): void => {
    try {
      const output = run()
      if (error === undefined) released.push(output)
      else if (what === 'final' || output.length > 0) wentOn.push(`${what} gave ${output.length} bytes`)
    } catch (thrown) {
      if (!(thrown instanceof SealstreamError) && error === undefined) throw thrown
      error ??= thrown as SealstreamError
    }
  }
  for (const piece of pieces) step('update', () => cipher.update(piece))
  step('final', () => cipher.final())
  cipher.close()
  return { released: Buffer.concat(released), error, wentOn }
}
