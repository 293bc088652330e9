/** What every Transform of ours keeps, whatever it does with the bytes. */
import { expect } from 'chai'
import { getEventListeners, once } from 'node:events'
import { Duplex, pipeline, Readable, Transform, Writable } from 'node:stream'
import { finished, pipeline as pipelinePromise } from 'node:stream/promises'
import type { StreamOptions } from '../../lib/stream/byte-transform.js'
import {
  ABORT_CODES,
  chunksOf,
  closed,
  CONSUMERS,
  cut,
  failure,
  joined,
  leaveEarly,
  MORE_CONSUMERS,
  pulledBytes,
  record,
  refusal,
  run,
  seededBytes,
  Sink,
  sourceOf,
} from './helpers.js'

/** One kind of Transform under the contract. */
export interface TransformSubject {
  /** A new stream. */
  make(options?: StreamOptions): Transform
  /** What it must give for `input`, by another implementation. */
  reference(input: Buffer): Buffer
  /** Whether its output may share memory with its input (a stream that only looks). */
  passesThrough: boolean
}

/** Part size of the contract's `partStream`, around which all sizes are tried. */
export const CONTRACT_PART = 1024

const SIZES = [0, 1, 15, 16, 17, CONTRACT_PART - 1, CONTRACT_PART, CONTRACT_PART + 1, 3 * CONTRACT_PART + 5]
const WRITE_SIZES = [1, 7, 16, 4096, Infinity]
const MIB = 1024 * 1024

/** Source, both sides of the stream and a sink hold well under this much. */
const MOST_PULLED = MIB

let huge: Buffer | undefined

/** Defines the contract's tests; call it inside a `describe`. */
export function transformContract(subject: TransformSubject): void {
  const make = (options?: StreamOptions): Transform => subject.make(options)
  const reference = (input: Buffer): Buffer => subject.reference(input)

  describe('as a Transform of ours: bytes', () => {
    for (const size of SIZES) {
      for (const writeSize of WRITE_SIZES) {
        const how = writeSize === Infinity ? 'at once' : `${writeSize} at a time`
        it(`gives the right bytes for ${size} bytes written ${how}`, async () => {
          const input = seededBytes(size, size)
          const output = await run(make(), cut(input, Math.min(writeSize, size)))
          expect(output.equals(reference(input))).to.equal(true)
        })
      }
    }

    for (const [style, consume] of Object.entries({ ...CONSUMERS, ...MORE_CONSUMERS })) {
      it(`gives the right bytes through ${style}, empty and single-byte chunks among others`, async () => {
        const input = seededBytes(1, 5000)
        const sizes = [0, 1, 1, 0, 15, 1000, 0, 17, 3966, 0]
        let at = 0
        const chunks = sizes.map((size) => input.subarray(at, (at += size)))
        const output = await consume(sourceOf(chunks), make())
        expect(output.equals(reference(input))).to.equal(true)
      })

      it(`gives the right bytes of nothing through ${style}`, async () => {
        const output = await consume(sourceOf([]), make())
        expect(output.equals(reference(Buffer.alloc(0)))).to.equal(true)
      })
    }

    it('swallows empty chunks', async () => {
      const stream = make()
      const read = chunksOf(stream)
      for (const text of ['', 'ab', '', '', 'c', '']) stream.write(Buffer.from(text))
      stream.end(Buffer.alloc(0))
      const chunks = await read
      expect(joined(chunks).equals(reference(Buffer.from('abc')))).to.equal(true)
      expect(chunks.filter((chunk) => joined([chunk]).length === 0)).to.deep.equal([])
    })

    it('takes strings as UTF-8', async () => {
      const text = 'h\u00e9llo, \u4e16\u754c \u{1f512}'
      expect(await run(make(), [text])).to.deep.equal(reference(Buffer.from(text)))
    })

    it('takes strings in the encoding that write() names', async () => {
      const stream = make()
      stream.write('00ff10', 'hex')
      stream.end('AAECAw==', 'base64')
      expect(joined(await chunksOf(stream))).to.deep.equal(
        reference(Buffer.from([0, 0xff, 0x10, 0, 1, 2, 3])),
      )
    })

    it('takes a Uint8Array that is a view into larger memory', async () => {
      const memory = new Uint8Array(seededBytes(2, 400))
      const view = new Uint8Array(memory.buffer, 33, 300)
      expect(await run(make(), [view])).to.deep.equal(reference(Buffer.from(view)))
    })

    it('neither changes nor detaches its input', async () => {
      const inputs = [new Uint8Array(seededBytes(3, 3000)), seededBytes(4, 3000), Buffer.from('pooled')]
      const copies = inputs.map((input) => Buffer.from(input))
      await chunksOf(sourceOf(inputs).pipe(make()))
      expect(inputs.map((input) => Buffer.from(input))).to.deep.equal(copies)
    })

    if (!subject.passesThrough) {
      it('gives output that shares no memory with its input', async () => {
        const input = seededBytes(5, 3000)
        const chunks = await chunksOf(sourceOf([input]).pipe(make()))
        const before = joined(chunks)
        input.fill(0)
        expect(joined(chunks).equals(before)).to.equal(true)
        for (const chunk of chunks) joined([chunk]).fill(7)
        expect(input.every((byte) => byte === 0)).to.equal(true)
      })
    }

    it('takes one chunk of 40 MiB', async () => {
      huge ??= seededBytes(6, 40 * MIB)
      const output = await run(make(), [huge])
      expect(output.equals(reference(huge))).to.equal(true)
    })
  })

  describe('as a Transform of ours: back-pressure', () => {
    it('stops pulling when nobody reads', async () => {
      expect(await pulledBytes(make(), MOST_PULLED)).to.be.within(1, MOST_PULLED)
    })

    it('stops pulling when the sink is stuck', async () => {
      expect(await pulledBytes(make(), MOST_PULLED, true)).to.be.within(1, MOST_PULLED)
    })

    it('stops pulling earlier with a smaller highWaterMark', async () => {
      expect(await pulledBytes(make({ highWaterMark: 1 }), MOST_PULLED)).to.be.within(1, 256 * 1024)
    })

    it('goes on with the right bytes after it was stopped', async () => {
      const input = seededBytes(7, 2 * MIB)
      const stream = make()
      const source = sourceOf(cut(input, 65536))
      const paused = once(source, 'pause')
      source.pipe(stream)
      await paused
      expect(joined(await chunksOf(stream)).equals(reference(input))).to.equal(true)
    })
  })

  describe('as a Transform of ours: its end', () => {
    it('emits finish, end and close, each once', async () => {
      const stream = make()
      const events = record(stream)
      stream.resume().end('some bytes')
      await closed(stream)
      expect(events.slice(0, 2).toSorted()).to.deep.equal(['end', 'finish'])
      expect(events.slice(2)).to.deep.equal(['close'])
    })

    it('closes without an error and without an end on destroy()', async () => {
      const stream = make()
      const events = record(stream)
      stream.resume().write('some bytes')
      stream.destroy()
      await closed(stream)
      expect(events).to.deep.equal(['close'])
    })

    it('emits the error of destroy(error) once', async () => {
      const stream = make()
      const events = record(stream)
      stream.resume().write('some bytes')
      stream.destroy(new Error('first'))
      stream.destroy(new Error('second'))
      await closed(stream)
      expect(events).to.deep.equal(['error: first', 'close'])
    })

    it('is destroyed inside its own data event without a second error', async () => {
      const stream = make()
      const events = record(stream)
      stream.on('data', () => stream.destroy(new Error('enough')))
      stream.write(seededBytes(8, 20 * MIB))
      await closed(stream)
      expect(events).to.deep.equal(['error: enough', 'close'])
    })

    it('is destroyed when for await is left early', async () => {
      const stream = make()
      stream.end(seededBytes(9, 3000))
      await leaveEarly(stream)
      expect(stream.destroyed).to.equal(true)
    })

    it('is destroyed as aborted when its signal aborts, the reason as cause', async () => {
      const controller = new AbortController()
      const stream = make({ signal: controller.signal })
      const ended = failure(finished(stream))
      stream.resume().write('some bytes')
      const reason = new Error('the user left')
      controller.abort(reason)
      const error = await ended
      expect(error.code).to.be.oneOf(ABORT_CODES)
      expect(error.cause).to.equal(reason)
      expect(stream.destroyed).to.equal(true)
    })

    it('fails as aborted when its signal was aborted before, the reason as cause', async () => {
      const reason = new Error('the user left')
      const stream = make({ signal: AbortSignal.abort(reason) })
      const error = await failure(finished(stream))
      expect(error.code, error.message).to.be.oneOf(ABORT_CODES)
      expect(error.cause).to.equal(reason)
    })

    it('leaves no listener on its signal at the end', async () => {
      const { signal } = new AbortController()
      await run(make({ signal }), ['some bytes'])
      expect(getEventListeners(signal, 'abort')).to.deep.equal([])
    })
  })

  describe('as a Transform of ours: pipeline()', () => {
    const boom = new Error('boom')
    const failing = {
      source: () =>
        [
          new Readable({
            read() {
              this.push('some bytes')
              this.destroy(boom)
            },
          }),
          make(),
          new Sink(),
        ] as const,
      'stage before': () =>
        [
          sourceOf(['some bytes']),
          new Transform({ transform: (_chunk, _encoding, done) => done(boom) }),
          make(),
          new Sink(),
        ] as const,
      'stage itself': () => {
        const stream = make()
        stream.once('data', () => stream.destroy(boom))
        const endless = new Readable({
          read() {
            this.push(Buffer.alloc(CONTRACT_PART))
          },
        })
        return [endless, stream, new Sink()] as const
      },
      sink: () =>
        [
          sourceOf(['some bytes']),
          make(),
          new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done(boom) }),
        ] as const,
    }
    for (const [which, streams] of Object.entries(failing)) {
      it(`hands the error of the ${which} to the callback once, and destroys every stream`, async () => {
        const all = streams()
        const calls: unknown[] = []
        await new Promise<void>((resolve) => {
          pipeline(all as unknown as [Readable, Transform, Writable], (error) => {
            calls.push(error)
            resolve()
          })
        })
        await Promise.all(all.map(closed))
        expect(calls).to.deep.equal([boom])
        expect(all.map((stream) => stream.destroyed)).to.deep.equal(all.map(() => true))
      })

      it(`rejects the promise with the error of the ${which}`, async () => {
        const all = streams() as unknown as [Readable, Transform, Writable]
        expect(await failure(pipelinePromise(...all))).to.equal(boom)
      })
    }

    it('reports a premature close when it is destroyed without an error', async () => {
      const stream = make()
      stream.once('data', () => stream.destroy())
      const chunks = Array.from({ length: 20 }, () => Buffer.alloc(CONTRACT_PART))
      const error = await failure(pipelinePromise(sourceOf(chunks), stream, new Sink()))
      expect(error.code).to.equal('ERR_STREAM_PREMATURE_CLOSE')
    })
  })

  describe('as a Transform of ours: under pipe()', () => {
    const early = 'SEALSTREAM_SOURCE_ENDED_EARLY'

    it(`fails with ${early} when its source fails, the source's error as cause`, async () => {
      const source = new Readable({ read: () => undefined }).on('error', () => undefined)
      const stream = make()
      const ended = failure(finished(source.pipe(stream)))
      const boom = new Error('boom')
      source.push('some bytes')
      source.destroy(boom)
      const error = await ended
      expect([error.code, error.cause]).to.deep.equal([early, boom])
    })

    it('leaves no listener on its source, nor on itself, after unpipe()', () => {
      const source = new Readable({ read: () => undefined })
      const stream = make()
      const count = (emitter: Readable | Writable): number =>
        emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
      const before = [count(source), count(stream)]
      source.pipe(stream)
      expect(count(stream)).to.be.above(before[1]!)
      source.unpipe(stream)
      expect([count(source), count(stream)]).to.deep.equal(before)
    })

    it('leaves no listener on its source after its own end', async () => {
      const source = new Readable({ read: () => undefined })
      const stream = make()
      source.pipe(stream)
      stream.destroy()
      await closed(stream)
      expect(source.eventNames().filter((name) => source.listenerCount(name) > 0)).to.deep.equal([])
    })
  })

  describe('as a Transform of ours: options', () => {
    it('refuses an unknown option and names it', () => {
      const error = refusal(() => make({ higWaterMark: 1 } as StreamOptions))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'options.higWaterMark'])
    })

    it('refuses objectMode and transform: they would replace what it does', () => {
      for (const name of ['objectMode', 'readableObjectMode', 'transform', 'flush', 'encoding']) {
        const error = refusal(() => make({ [name]: undefined }))
        expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', `options.${name}`])
      }
    })

    it('takes highWaterMark for the sides that count bytes, and each side alone', () => {
      const marks = (options: StreamOptions): number[] => {
        const stream = make(options)
        return [stream.readableHighWaterMark, stream.writableHighWaterMark]
      }
      const [readable, writable] = marks({}) as [number, number]
      // Of bytes: a readable side that counts parts keeps its own.
      const both = make().readableObjectMode ? readable : 77
      expect(marks({ highWaterMark: 77 })).to.deep.equal([both, 77])
      expect(marks({ readableHighWaterMark: 77 })).to.deep.equal([77, writable])
      expect(marks({ writableHighWaterMark: 77 })).to.deep.equal([readable, 77])
    })

    it('takes an explicit undefined for the default', () => {
      const names = ['highWaterMark', 'readableHighWaterMark', 'writableHighWaterMark']
      const stream = make(Object.fromEntries(names.map((name) => [name, undefined])))
      const usual = make()
      expect([stream.readableHighWaterMark, stream.writableHighWaterMark]).to.deep.equal([
        usual.readableHighWaterMark,
        usual.writableHighWaterMark,
      ])
    })

    it('emits no close with emitClose: false', async () => {
      const stream = make({ emitClose: false })
      const events = record(stream)
      await finished(stream.resume().end('some bytes'))
      expect(events.toSorted()).to.deep.equal(['end', 'finish'])
    })
  })
}

/** The control: breaks back-pressure by ignoring what push() returns. */
export class Breathless extends Duplex {
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.push(chunk)
    done()
  }

  override _read(): void {
    // Never asked: it pushes whenever it is written to.
  }

  override _final(done: () => void): void {
    this.push(null)
    done()
  }
}

describe('transform contract controls', () => {
  it('catches a stream that ignores what push() returns, with nobody reading', async () => {
    expect(await pulledBytes(new Breathless(), MOST_PULLED)).to.be.above(MOST_PULLED)
  })

  it('catches a stream that ignores what push() returns, with a stuck sink', async () => {
    expect(await pulledBytes(new Breathless(), MOST_PULLED, true)).to.be.above(MOST_PULLED)
  })
})
