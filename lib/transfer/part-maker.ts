/** Parts of a seekable source as they are stored: read, encrypted at their place, and digested. */
import type { Digest } from '../checksum/body-digest.js'
import { PartDigest } from '../checksum/part-digest.js'
import type { RunningCipher } from '../crypto/content-cipher.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { throwIfAborted } from '../internal/abort.js'
import { breathe } from '../internal/breathe.js'
import { reclaim } from '../internal/reclaim.js'
import { fillShared } from '../internal/transfer-memory.js'
import { Turns } from '../internal/turns.js'
import { PartFiller, type FillOptions } from './part-filler.js'
import type { PlannedPart } from './part-plan.js'
import type { SeekableSource } from './seekable-source.js'

/** Bytes are read and encrypted in slices that stay in the processor's cache. */
const SLICE_BYTES = 256 * 1024

/** How parts are made. */
export interface PartMakerOptions extends FillOptions {
  /** Encrypts; without one, bytes stay as they are. */
  readonly dataKey: DataKey | undefined
  /** The data key has encrypted these positions before; the caller compares what comes out. */
  readonly sameBytes: boolean
}

/** A part as it is stored. */
export interface MadePart {
  /** In the memory that was given for it, from its beginning. */
  readonly bytes: Buffer
  readonly digest: Digest
}

/**
 * Makes the stored bytes of a part in `memory`, which is at least as long.
 *
 * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` where the source changed before, or while, it was read;
 *   `SEALSTREAM_ABORTED`.
 */
export type PartMaker = (part: PlannedPart, memory: Buffer) => Promise<MadePart>

/** Whether parts have to be made all, and in order, since one cipher runs through all of them. */
export function isMadeInOrder(dataKey: DataKey | undefined): boolean {
  return dataKey !== undefined && FORMATS[dataKey.format].cipher.isSerial
}

/** Makes any part at any time, or, where {@link isMadeInOrder}, each once and in the order of the calls. */
export function partMaker(source: SeekableSource, options: PartMakerOptions): PartMaker {
  const filler = new PartFiller(source, options)
  const fill = filling(source, filler, options)
  return async (part, memory) => {
    const bytes = memory.subarray(0, part.length)
    return { bytes, digest: await fill(part, bytes) }
  }
}

function filling(
  source: SeekableSource,
  filler: PartFiller,
  options: PartMakerOptions,
): (part: PlannedPart, into: Buffer) => Promise<Digest> {
  const { dataKey, sameBytes, signal } = options
  if (dataKey === undefined) return ({ offset }, into) => filler.copy(offset, into)
  if (!isMadeInOrder(dataKey)) {
    return async ({ offset, length }, into) =>
      filler.encrypt(dataKey.stretchEncryptor({ offset, length, size: source.size }, { sameBytes }), into)
  }
  const running = dataKey.encryptor({ sameBytes })
  const turns = new Turns()
  const reading = new OneReading(source, running)
  return (_, into) => turns.run(() => reading.fill(into, options), signal)
}

/** A source that is read through once, by whoever's turn it is. */
class OneReading {
  readonly #source: SeekableSource
  readonly #running: RunningCipher
  #position = 0
  /** What the cipher gave at the end, as far as it is not taken yet. */
  #tail: Buffer | undefined

  constructor(source: SeekableSource, running: RunningCipher) {
    this.#source = source
    this.#running = running
  }

  async fill(into: Buffer, { md5, signal }: PartMakerOptions): Promise<Digest> {
    // One part at a time has nobody to be digested along with.
    const digest = new PartDigest({ md5, peers: 1 })
    try {
      await this.#source.check()
      for (let filled = 0; filled < into.length;) {
        throwIfAborted(signal)
        const bytes = await this.#next(Math.min(SLICE_BYTES, into.length - filled))
        fillShared(into, bytes, filled)
        await digest.update(bytes)
        filled += bytes.length
        // What the end gave is handed out in pieces.
        if (this.#tail === undefined) reclaim(bytes)
        await breathe()
      }
      await this.#source.check()
      return await digest.digest()
    } finally {
      digest.close()
    }
  }

  async #next(most: number): Promise<Buffer> {
    const left = this.#source.size - this.#position
    if (left > 0) {
      const plain = Buffer.allocUnsafeSlow(Math.min(most, left))
      await this.#source.read(plain, this.#position)
      this.#position += plain.length
      return this.#running.update(plain)
    }
    this.#tail ??= this.#running.final()
    const bytes = this.#tail.subarray(0, most)
    this.#tail = this.#tail.subarray(bytes.length)
    if (bytes.length === 0) throw new RangeError('the plan is longer than what the cipher gives')
    return bytes
  }
}
