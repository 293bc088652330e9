/** What a decrypting stream gives out before it ends or fails: as much as any consumer could have had. */
import type { Transform } from 'node:stream'
import { SealstreamError } from '../../lib/errors.js'

/** All that came out, and how it ended. */
export interface Released {
  readonly bytes: Buffer
  /** Undefined where the stream ended. */
  readonly error: SealstreamError | undefined
}

/**
 * Feeds a stream piece by piece, and takes out at once what has become of each: an error cannot take back what is there.
 *
 * @throws what the stream fails with, where that is no error of this package.
 */
export async function released(stream: Transform, pieces: Iterable<Buffer>): Promise<Released> {
  const given: Buffer[] = []
  let failure: Error | undefined
  stream.once('error', (error) => (failure = error))
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  for (const piece of pieces) {
    if (stream.errored !== null) break
    stream.write(piece)
    for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
      given.push(chunk)
    }
  }
  if (stream.errored === null) stream.end()
  stream.on('data', (chunk: Buffer) => given.push(chunk))
  await closed
  return { bytes: Buffer.concat(given), error: asOurs(failure) }
}

/** Reads a body to its end, or to its failure. */
export async function releasedBy(source: AsyncIterable<unknown>): Promise<Released> {
  const given: Buffer[] = []
  try {
    for await (const chunk of source) given.push(chunk as Buffer)
  } catch (error) {
    return { bytes: Buffer.concat(given), error: asOurs(error) }
  }
  return { bytes: Buffer.concat(given), error: undefined }
}

function asOurs(error: unknown): SealstreamError | undefined {
  if (error === undefined || error instanceof SealstreamError) return error
  throw new Error('not an error of this package', { cause: error })
}
