/** stream-chain with one owner. */
import { finished, type Duplex, type DuplexOptions } from 'node:stream'
import { chainUnchecked } from 'stream-chain'

/** Takes what the stage before it gives, of whatever type. As a method's, its parameter may be of a narrower one. */
type StageFunction = { stage(chunk: unknown): unknown }['stage']

/** What may stand in a chain: streams, and whatever functions stream-chain takes. */
export type ChainStage = NodeJS.ReadableStream | NodeJS.WritableStream | StageFunction

/**
 * Joins stages into one Duplex with stream-chain, such that all live and die together: a stage that fails, or is
 * destroyed before its end, destroys all others and the whole, which then emits that error once.
 *
 * Plain `chain()` (4.4.1) re-emits a stage's error but destroys neither the other stages nor itself.
 *
 * @param stages - In order; a first stage that only reads and a last that only writes are allowed.
 * @param options - Of the whole; the default is bytes at both ends. Set `readableObjectMode` for parts.
 */
export function ownedChain(stages: readonly ChainStage[], options: DuplexOptions = {}): Duplex {
  const whole = chainUnchecked([...stages], {
    readableObjectMode: false,
    writableObjectMode: false,
    ...options,
    // We pass errors on ourselves: as the end of the whole, not as an event beside it.
    skipEvents: true,
  }) as unknown as Duplex & { streams: Duplex[] }
  waitForSink(whole)
  for (const stage of whole.streams) {
    finished(stage, (error) => {
      if (error) whole.destroy(error)
    })
    // A destroyed neighbour may fail a moment later; the whole has its error already.
    stage.on('error', () => undefined)
  }
  return whole
}

/**
 * A chain that ends in a Writable has finished when that one has: stream-chain says so when its first stage has finished,
 * and what goes wrong behind it would go unseen.
 */
function waitForSink(whole: Duplex & { streams: Duplex[] }): void {
  const last = whole.streams.at(-1)
  if (last === undefined || isReadable(last)) return
  const end = whole._final.bind(whole)
  whole._final = (done) => {
    end((error) => {
      if (error) done(error)
      else finished(last, done)
    })
  }
}

function isReadable(stream: Duplex): boolean {
  return typeof (stream as Partial<Duplex>).read === 'function'
}
