/** Parts of a seekable source as they are stored: read, encrypted at their place, and digested. */
import { BodyDigest, type Digest } from '../checksum/body-digest.js'
import type { RunningCipher } from '../crypto/content-cipher.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { throwIfAborted } from '../internal/abort.js'
import { Turns } from '../internal/turns.js'
import type { PlannedPart } from './part-plan.js'
import type { SeekableSource } from './seekable-source.js'

/** Bytes are read, encrypted and digested in slices that stay in the processor's cache. */
const SLICE_BYTES = 256 * 1024

/** How parts are made. */
export interface PartMakerOptions {
  /** Encrypts; without one, bytes stay as they are. */
  readonly dataKey: DataKey | undefined
  /** The data key has encrypted these positions before; the caller compares what comes out. */
  readonly sameBytes: boolean
  /** Whether digests hold an MD5. */
  readonly md5: boolean
  readonly signal: AbortSignal | undefined
}

/**
 * Fills `into` with the stored bytes of a part.
 *
 * @returns Their digest.
 * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` where the source changed before, or while, it was read;
 *   `SEALSTREAM_ABORTED`.
 */
export type PartMaker = (part: PlannedPart, into: Buffer) => Promise<Digest>

/** Whether parts have to be made all, and in order, since one cipher runs through all of them. */
export function isMadeInOrder(dataKey: DataKey | undefined): boolean {
  return dataKey !== undefined && FORMATS[dataKey.format].cipher.isSerial
}

/** Makes any part at any time, or, where {@link isMadeInOrder}, each once and in the order of the calls. */
export function partMaker(source: SeekableSource, options: PartMakerOptions): PartMaker {
  const { dataKey } = options
  if (dataKey === undefined) return (part, into) => readPlain(source, part, into, options)
  if (!isMadeInOrder(dataKey)) return (part, into) => encryptAnywhere(source, part, into, dataKey, options)
  const running = dataKey.encryptor({ sameBytes: options.sameBytes })
  const turns = new Turns()
  const reading = new OneReading(source, running)
  return (_, into) => turns.run(() => checked(source, () => reading.fill(into, options)), options.signal)
}

async function readPlain(
  source: SeekableSource,
  { offset }: PlannedPart,
  into: Buffer,
  { md5, signal }: PartMakerOptions,
): Promise<Digest> {
  const digest = new BodyDigest({ md5 })
  return checked(source, async () => {
    for (let at = 0; at < into.length; at += SLICE_BYTES) {
      throwIfAborted(signal)
      const slice = into.subarray(at, at + SLICE_BYTES)
      await source.read(slice, offset + at)
      digest.update(slice)
    }
    return digest.digest()
  })
}

async function encryptAnywhere(
  source: SeekableSource,
  { offset, length }: PlannedPart,
  into: Buffer,
  dataKey: DataKey,
  { sameBytes, md5, signal }: PartMakerOptions,
): Promise<Digest> {
  const digest = new BodyDigest({ md5 })
  const stretch = dataKey.stretchEncryptor({ offset, length, size: source.size }, { sameBytes })
  let filled = 0
  const take = (bytes: Buffer): void => {
    into.set(bytes, filled)
    digest.update(into.subarray(filled, filled + bytes.length))
    filled += bytes.length
  }
  try {
    return await checked(source, async () => {
      const plain = Buffer.allocUnsafeSlow(Math.min(SLICE_BYTES, stretch.length))
      for (let at = 0; at < stretch.length; at += SLICE_BYTES) {
        throwIfAborted(signal)
        const slice = plain.subarray(0, Math.min(SLICE_BYTES, stretch.length - at))
        await source.read(slice, stretch.start + at)
        take(stretch.running.update(slice))
      }
      take(stretch.running.final())
      return digest.digest()
    })
  } finally {
    stretch.running.close()
  }
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
    const digest = new BodyDigest({ md5 })
    for (let filled = 0; filled < into.length;) {
      throwIfAborted(signal)
      const bytes = await this.#next(Math.min(SLICE_BYTES, into.length - filled))
      into.set(bytes, filled)
      digest.update(bytes)
      filled += bytes.length
    }
    return digest.digest()
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

async function checked<Value>(source: SeekableSource, read: () => Promise<Value>): Promise<Value> {
  await source.check()
  const value = await read()
  await source.check()
  return value
}
