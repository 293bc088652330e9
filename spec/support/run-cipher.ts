/** Driving a RunningCipher to its end. */
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'

/** All output for all pieces, `final` included. */
export function runCipher(cipher: RunningCipher, pieces: Iterable<Uint8Array>): Buffer {
  const output: Buffer[] = []
  for (const piece of pieces) output.push(cipher.update(piece))
  output.push(cipher.final())
  cipher.close()
  return Buffer.concat(output)
}
