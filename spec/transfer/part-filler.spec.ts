import { createHash } from 'node:crypto'
import { truncate, writeFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { Digest } from '../../lib/checksum/body-digest.js'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { StretchEncryptor } from '../../lib/crypto/stored-stretch.js'
import { sourceChanged } from '../../lib/internal/file-chunks.js'
import { PartFiller, type FillOptions } from '../../lib/transfer/part-filler.js'
import {
  bytesSource,
  openFileSource,
  sharedSource,
  type SeekableSource,
} from '../../lib/transfer/seekable-source.js'
import { ctrModel } from '../support/ctr-model.js'
import { refused } from '../support/refused.js'
import { sealedModel } from '../support/sealed-model.js'
import { Seeded } from '../support/seeded.js'
import { slowCrcs } from '../support/slow-crcs.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const MIB = 1024 * 1024
const CHANGED = 'SEALSTREAM_SOURCE_CHANGED'
const ABORTED = 'SEALSTREAM_ABORTED'

const random = new Seeded(501)
const KEY = random.bytes(32)
const SIZE = 3 * MIB + 12_345
/** By a counter mode, which is quicker than the generator. */
const PLAIN = ctrModel(random.bytes(32), random.bytes(16), Buffer.alloc(SIZE))

/** A format, and all that must be stored in it, by the models. */
interface Model {
  readonly format: 'cos' | 'cos-python' | 'sealed' | undefined
  readonly iv: Buffer
  readonly stored: Buffer
}

const [IV, SALT] = [random.bytes(16), random.bytes(24)]
const MODELS: readonly Model[] = [
  { format: undefined, iv: IV, stored: PLAIN },
  { format: 'cos', iv: IV, stored: ctrModel(KEY, IV, PLAIN) },
  { format: 'cos-python', iv: IV, stored: ctrModel(KEY, IV, PLAIN) },
  { format: 'sealed', iv: SALT, stored: sealedModel(KEY, SALT, {}, PLAIN) },
]
const [, COS, , SEALED] = MODELS as [Model, Model, Model, Model]

interface Stretch {
  readonly offset: number
  readonly length: number
}

/** Side by side from the first byte to the last. */
const stretchesOf = (total: number, partSize: number): Stretch[] =>
  Array.from({ length: Math.ceil(total / partSize) }, (_, n) => ({
    offset: n * partSize,
    length: Math.min(partSize, total - n * partSize),
  }))

/** All parts of one object. */
class Filling {
  readonly #filler: PartFiller
  readonly #model: Model
  readonly #dataKey: DataKey | undefined

  constructor(model: Model, source: SeekableSource, options: Partial<FillOptions> = {}) {
    this.#model = model
    this.#filler = new PartFiller(source, { md5: true, peers: 1, signal: undefined, ...options })
    const { format, iv } = model
    this.#dataKey = format === undefined ? undefined : DataKey.from({ format, key: KEY, iv })
  }

  /** Fills the middle of `memory`, whose edges must stay as they are. */
  async fill({ offset, length }: Stretch, memory = Buffer.allocUnsafeSlow(length + 32)): Promise<Digest> {
    memory.fill(0xa5)
    const into = memory.subarray(16, 16 + length)
    const digest = await (this.#dataKey === undefined
      ? this.#filler.copy(offset, into)
      : this.#filler.encrypt(this.#dataKey.stretchEncryptor({ offset, length, size: SIZE }), into))
    const expected = this.#model.stored.subarray(offset, offset + length)
    expect(into.equals(expected), `${length} from ${offset}`).to.equal(true)
    const edges = Buffer.concat([memory.subarray(0, 16), memory.subarray(16 + length, length + 32)])
    expect(edges.equals(Buffer.alloc(32, 0xa5)), `around ${length} from ${offset}`).to.equal(true)
    return digest
  }
}

function expectDigest(digest: Digest, bytes: Buffer, md5: boolean): void {
  expect(digest).to.deep.equal({
    length: bytes.length,
    crc64: crc64(bytes),
    md5: md5 ? createHash('md5').update(bytes).digest('hex') : undefined,
  })
}

/** Does all of it, `peers` at a time, like the workers of an upload: each with its own memory. */
async function inTurns<Item>(
  items: readonly Item[],
  peers: number,
  makeWorker: () => (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  const work = async (): Promise<void> => {
    const worker = makeWorker()
    for (const item of queue) await worker(item)
  }
  await Promise.all(Array.from({ length: peers }, work))
}

/** Odd multiples of 16: around one read, many pieces, less than a piece. */
const PART_SIZES = [16 * 65_537, 16 * 40_001, 16 * 8191]

describe('PartFiller', () => {
  const at = temporaryFolder()
  const opened: SeekableSource[] = []
  afterEach(async () => {
    for (const source of opened.splice(0)) await source.close()
  })

  async function file(): Promise<SeekableSource> {
    await writeFile(at('file'), PLAIN)
    const source = await openFileSource(at('file'), 'LocalFilePath')
    opened.push(source)
    return source
  }

  for (const model of MODELS) {
    for (const peers of [1, 4, 12]) {
      for (const md5 of [true, false]) {
        it(`fills parts of odd multiples of 16 bytes, ${peers} at a time, ${md5 ? 'with' : 'without'} MD5: ${model.format ?? 'plain'}`, async () => {
          for (const [index, partSize] of PART_SIZES.entries()) {
            const ofFile = await file()
            const source = [ofFile, bytesSource(PLAIN), sharedSource(ofFile.shared!)][index]!
            const filling = new Filling(model, source, { peers, md5 })
            await inTurns(stretchesOf(model.stored.length, partSize), peers, () => {
              const memory = Buffer.allocUnsafeSlow(partSize + 32)
              return async (stretch) => {
                const { offset, length } = stretch
                const digest = await filling.fill(stretch, memory)
                expectDigest(digest, model.stored.subarray(offset, offset + length), md5)
              }
            })
          }
        })
      }
    }
  }

  it('fills parts all in one memory from a file that it waits for, each piece used up before the next is read', async () => {
    const source = sharedSource((await file()).shared!)
    const read = (): never => expect.fail('no read is slow')
    // On a busy machine, one would be: here time stands still.
    performance.now = () => 0
    try {
      for (const model of MODELS) {
        const filling = new Filling(model, { ...source, read }, { peers: 5 })
        await inTurns(stretchesOf(model.stored.length, 16 * 9001), 5, () => async (stretch) => {
          await filling.fill(stretch)
        })
      }
    } finally {
      Reflect.deleteProperty(performance, 'now')
    }
  })

  it('stops waiting for a file where a read is slow, and reads the rest of that part ahead', async () => {
    const source = sharedSource((await file()).shared!)
    const sleeper = new Int32Array(new SharedArrayBuffer(4))
    for (const model of MODELS) {
      const read = { now: [] as number[], ahead: 0 }
      const slow: SeekableSource = {
        ...source,
        readNow(into, position) {
          read.now.push(position)
          if (position >= MIB) Atomics.wait(sleeper, 0, 0, 30)
          source.readNow!(into, position)
        },
        read(into, position) {
          read.ahead += into.length
          return source.read(into, position)
        },
      }
      await new Filling(model, slow).fill({ offset: 0, length: model.stored.length })
      expect(read.now.filter((position) => position >= MIB).length).to.be.at.most(1)
      expect(read.ahead, model.format).to.be.at.least(SIZE - MIB - 128 * 1024)
    }
  })

  it('digests by the definition of CRC-64', async () => {
    const length = 300_016
    const digest = await new Filling(COS, bytesSource(PLAIN)).fill({ offset: 0, length })
    expect(digest.crc64).to.equal(slowCrcs(COS.stored, [length]).get(length))
  })

  it('fills sealed stretches that end in the head, in a tag, at a chunk, and hold no plaintext', async () => {
    const total = SEALED.stored.length
    const edges = [0, 16, 56, 57, 56 + 16_384, 56 + 16_400, MIB + 1, 56 + 65 * 16_400 - 3, total - 5, total]
    const filling = new Filling(SEALED, bytesSource(PLAIN))
    for (const [index, end] of edges.entries()) {
      if (index === 0) continue
      const offset = edges[index - 1]!
      const digest = await filling.fill({ offset, length: end - offset })
      expectDigest(digest, SEALED.stored.subarray(offset, end), true)
    }
  })

  it('fills an object of no bytes in every format', async () => {
    const source = bytesSource(Buffer.alloc(0))
    const filler = new PartFiller(source, { md5: true, peers: 1, signal: undefined })
    for (const format of ['cos', 'cos-python', 'sealed'] as const) {
      const iv = format === 'sealed' ? SALT : IV
      const stored = format === 'sealed' ? sealedModel(KEY, SALT, {}, Buffer.alloc(0)) : Buffer.alloc(0)
      const dataKey = DataKey.from({ format, key: KEY, iv })
      const into = Buffer.alloc(stored.length)
      const stretch = { offset: 0, length: stored.length, size: 0 }
      const digest = await filler.encrypt(dataKey.stretchEncryptor(stretch), into)
      expect(into.equals(stored), format).to.equal(true)
      expectDigest(digest, stored, true)
    }
    expectDigest(await filler.copy(0, Buffer.alloc(0)), Buffer.alloc(0), true)
  })

  it('keeps the bytes of each part apart while it fills 60 of them in the same memory, in any order', async () => {
    for (const model of [COS, SEALED]) {
      const filling = new Filling(model, await file(), { peers: 5 })
      const stretches = stretchesOf(model.stored.length, 16 * 3333)
      const shuffled = stretches
        .map((stretch) => ({ stretch, order: random.integer(2 ** 32) }))
        .sort((a, b) => a.order - b.order)
      expect(shuffled.length).to.be.at.least(59)
      await inTurns(shuffled, 5, () => {
        const memory = Buffer.allocUnsafeSlow(16 * 3333 + 32)
        return async ({ stretch }) => {
          const { offset, length } = stretch
          const digest = await filling.fill(stretch, memory)
          expectDigest(digest, model.stored.subarray(offset, offset + length), true)
        }
      })
    }
  })

  it('leaves its source as it was', async () => {
    const bytes = Buffer.from(PLAIN)
    for (const model of MODELS) {
      const filling = new Filling(model, bytesSource(bytes), { peers: 4 })
      await inTurns(stretchesOf(model.stored.length, MIB), 4, () => async (stretch) => {
        await filling.fill(stretch)
      })
    }
    expect(bytes.equals(PLAIN)).to.equal(true)
  })

  it('reads two times an eighth of a part ahead, 128 KiB to 1 MiB, and lets go of that with it', async () => {
    let most = 0
    const memories = new Set<ArrayBufferLike>()
    const { bytes: ofNoUse, ...inner } = bytesSource(PLAIN)
    const source: SeekableSource = {
      ...inner,
      read: (into, position) => {
        most = Math.max(most, into.length)
        memories.add(into.buffer)
        return inner.read(into, position)
      },
    }
    const filling = new Filling(COS, source, { peers: 3 })
    const stretches = stretchesOf(SIZE, 16 * 4001)
    await inTurns(stretches, 3, () => async (stretch) => {
      await filling.fill(stretch)
    })
    const whole = new Filling(COS, source)
    await whole.fill({ offset: 0, length: SIZE })
    expect(most).to.equal(Math.min(MIB, Math.max(MIB / 8, Math.ceil(SIZE / 8))))
    expect(memories.size).to.be.at.most(2 * 3 + 2)
  })
})

/** What stands between a filler and its source, part for part. */
class Disturbed implements SeekableSource {
  readonly size = SIZE
  readonly fingerprint = undefined
  /** Called before each read; may throw. */
  onRead: (position: number) => Promise<void> | void = () => undefined
  /** Called by each check; may throw. */
  onCheck: () => void = () => undefined
  readonly #inner = bytesSource(PLAIN)

  readonly read = async (into: Buffer, position: number): Promise<void> => {
    await this.onRead(position)
    await this.#inner.read(into, position)
  }

  async check(): Promise<void> {
    this.onCheck()
  }

  async close(): Promise<void> {
    // Nothing to close.
  }
}

/** A stretch encryptor that says when it was closed. */
function watched(encryptor: StretchEncryptor, onClose: () => void): StretchEncryptor {
  const { running } = encryptor
  const close = (): void => {
    onClose()
    running.close()
  }
  const own: RunningCipher = {
    update: (bytes) => running.update(bytes),
    final: () => running.final(),
    close,
  }
  return { ...encryptor, running: own }
}

describe('PartFiller, of a source that does not stay as it was,', () => {
  const at = temporaryFolder()

  for (const model of MODELS) {
    const name = model.format ?? 'plain'

    it(`says that it changed: before, while, and after it was read, ${name}`, async () => {
      for (const failing of [1, 2]) {
        const source = new Disturbed()
        let checks = 0
        source.onCheck = () => {
          if (++checks === failing) throw sourceChanged()
        }
        const filling = new Filling(model, source)
        await refused(CHANGED, () => filling.fill({ offset: 0, length: 2 * MIB }))
        expect(checks).to.equal(failing)
      }
    })

    it(`says that its file ends early, and that it has another time, ${name}`, async () => {
      await writeFile(at('file'), PLAIN)
      const source = await openFileSource(at('file'), 'LocalFilePath')
      try {
        await new Filling(model, source).fill({ offset: 0, length: MIB })
        await truncate(at('file'), 2 * MIB)
        for (const offset of [0, 2 * MIB]) {
          await refused(CHANGED, () => new Filling(model, source).fill({ offset, length: MIB }))
        }
      } finally {
        await source.close()
      }
    })

    for (const peers of [1, 4]) {
      it(`fails with what a read failed with, and the others go on, ${peers} at a time, ${name}`, async () => {
        const failure = new RangeError('the disk is gone')
        // The first, the one that is read ahead, and the last read of the second part.
        for (const bad of [0, MIB / 2, MIB]) {
          const source = new Disturbed()
          source.onRead = (position) => {
            if (position >= MIB + bad && position < 2 * MIB && position > MIB - 1) throw failure
          }
          const filling = new Filling(model, source, { peers })
          const outcomes: unknown[] = []
          await inTurns(stretchesOf(model.stored.length, MIB), peers, () => async (stretch) => {
            await filling.fill(stretch).then(
              () => outcomes.push('filled'),
              (error: unknown) => outcomes.push(error),
            )
          })
          expect(outcomes.length).to.equal(4)
          expect(outcomes.filter((outcome) => outcome !== 'filled' && outcome !== failure)).to.deep.equal([])
        }
      })
    }
  }

  for (const peers of [1, 4, 12]) {
    it(`leaves nobody waiting when one of ${peers} fails in the middle, and works on afterwards`, async () => {
      const failure = new RangeError('the disk is gone')
      for (const model of [COS, SEALED]) {
        const source = new Disturbed()
        let reads = 0
        source.onRead = () => {
          if (++reads === Math.min(2, peers)) throw failure
        }
        const filling = new Filling(model, source, { peers })
        const stretches = stretchesOf(model.stored.length, 16 * 20_001).slice(0, peers)
        const outcomes = await Promise.allSettled(stretches.map((stretch) => filling.fill(stretch)))
        const failed = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
        expect(failed).to.deep.equal([failure])
        const again = new Filling(model, source, { peers })
        await Promise.all(stretches.map((stretch) => again.fill(stretch)))
      }
    })
  }

  it('fails, and leaves no rejection unhandled, when a read ahead fails while the slice before it is worked on', async () => {
    const failure = new RangeError('the disk is gone')
    const unhandled: unknown[] = []
    const listen = (reason: unknown): void => void unhandled.push(reason)
    // Outside of a test runner it would end the process.
    process.on('unhandledRejection', listen)
    try {
      for (const model of [COS, SEALED]) {
        const source = new Disturbed()
        source.onRead = (position) => {
          if (position >= MIB) throw failure
        }
        const running = model.format === 'cos' ? 2 : 3
        const filling = new Filling(model, source, { peers: 1 + running })
        // Others take part, so that each piece takes turns of the event loop.
        const others = Array.from(
          { length: running },
          () => new Filling(model, bytesSource(PLAIN), { peers: 4 }),
        )
        const stretch = { offset: 0, length: 2 * MIB + 16 }
        const outcomes = await Promise.allSettled([filling, ...others].map((one) => one.fill(stretch)))
        const [first, ...rest] = outcomes.map((one) =>
          one.status === 'rejected' ? (one.reason as unknown) : 'filled',
        )
        expect(first).to.equal(failure)
        expect(new Set(rest)).to.deep.equal(new Set(['filled']))
        await setImmediate()
      }
      expect(unhandled).to.deep.equal([])
    } finally {
      process.off('unhandledRejection', listen)
    }
  })

  it('closes the cipher, whatever becomes of the part', async () => {
    for (const disturb of [
      () => undefined,
      (source: Disturbed) => {
        source.onCheck = () => {
          throw sourceChanged()
        }
      },
      (source: Disturbed) => {
        source.onRead = (position) => {
          if (position >= MIB) throw new RangeError('the disk is gone')
        }
      },
    ]) {
      const source = new Disturbed()
      disturb(source)
      const filler = new PartFiller(source, { md5: true, peers: 1, signal: undefined })
      const dataKey = DataKey.from({ format: 'cos', key: KEY, iv: IV })
      let closed = 0
      const length = 2 * MIB
      const encryptor = dataKey.stretchEncryptor({ offset: 0, length, size: SIZE })
      await filler
        .encrypt(
          watched(encryptor, () => (closed += 1)),
          Buffer.alloc(length),
        )
        .catch(() => undefined)
      expect(closed).to.equal(1)
    }
  })

  it('never reads to memory of another part: a read that is under way when its part fails is waited for', async () => {
    const source = new Disturbed()
    let underWay = 0
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    source.onRead = async (position) => {
      if (position === 0) return
      underWay += 1
      await gate
      underWay -= 1
    }
    const filler = new PartFiller(source, { md5: false, peers: 1, signal: undefined })
    const dataKey = DataKey.from({ format: 'cos', key: KEY, iv: IV })
    const { running, ...rest } = dataKey.stretchEncryptor({ offset: 0, length: 2 * MIB, size: SIZE })
    const failing: RunningCipher = {
      update: () => {
        throw new RangeError('the cipher failed')
      },
      final: () => running.final(),
      close: () => running.close(),
    }
    let isOver = false
    const filling = filler
      .encrypt({ ...rest, running: failing }, Buffer.alloc(2 * MIB))
      .finally(() => (isOver = true))
    const outcome = filling.catch((error: unknown) => error)
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    expect([underWay, isOver]).to.deep.equal([1, false])
    release()
    expect(await outcome).to.be.instanceOf(RangeError)
    expect(underWay).to.equal(0)
  })

  for (const model of MODELS) {
    it(`ends with SEALSTREAM_ABORTED when it is aborted in the middle, 1 and 4 at a time, ${model.format ?? 'plain'}`, async () => {
      for (const peers of [1, 4]) {
        const abort = new AbortController()
        const source = new Disturbed()
        let reads = 0
        source.onRead = () => {
          if (++reads === peers + 1) abort.abort(new Error('the reason'))
        }
        const filling = new Filling(model, source, { peers, signal: abort.signal })
        const stretches = [0, 16, 32, 48]
          .slice(0, peers)
          .map((offset) => ({ offset: (offset * MIB) / 64, length: 2 * MIB + 16 }))
        const outcomes = await Promise.allSettled(
          // Positions overlap: each with a key of its own.
          stretches.map((stretch, index) =>
            (index === 0 ? filling : new Filling(model, source, { peers, signal: abort.signal })).fill(
              stretch,
            ),
          ),
        )
        for (const outcome of outcomes) {
          expect(outcome.status).to.equal('rejected')
          const error = (outcome as PromiseRejectedResult).reason as { code: string; cause: Error }
          expect(error.code).to.equal(ABORTED)
          expect(error.cause.message).to.equal('the reason')
        }
        expect(reads).to.be.at.most(3 * peers)
      }
    })

    it(`reads next to nothing when it was aborted before, ${model.format ?? 'plain'}`, async () => {
      const source = new Disturbed()
      let isMore = false
      source.onRead = (position) => {
        // One read may be ahead.
        isMore ||= position > MIB
      }
      const filling = new Filling(model, source, { signal: AbortSignal.abort() })
      await refused(ABORTED, () => filling.fill({ offset: 0, length: 3 * MIB }))
      expect(isMore).to.equal(false)
    })
  }
})
