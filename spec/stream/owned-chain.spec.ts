import { expect } from 'chai'
import { once } from 'node:events'
import { type Duplex, pipeline, Readable, Transform, Writable } from 'node:stream'
import { finished, pipeline as pipelinePromise } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { chainUnchecked } from 'stream-chain'
import { DataKey } from '../../lib/crypto/data-key.js'
import { crc64Stream, md5Stream } from '../../lib/stream/checksum-stream.js'
import { decryptStream, encryptStream } from '../../lib/stream/cipher-stream.js'
import { ownedChain } from '../../lib/stream/owned-chain.js'
import { partStream } from '../../lib/stream/part-stream.js'
import {
  chunksOf,
  closed,
  cut,
  failure,
  joined,
  leaveEarly,
  pulledBytes,
  record,
  run,
  seededBytes,
  Sink,
  sourceOf,
} from './helpers.js'
import { Breathless } from './transform-contract.js'

const boom = new Error('boom')
const input = seededBytes(1, 5000)

/** Passes bytes on until the first `!`. */
function failing(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (chunk.includes('!')) done(boom)
      else done(null, chunk)
    },
  })
}

function passing(): Transform {
  return new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) })
}

/** A source that never ends by itself. */
function openSource(first: string): Readable {
  const source = new Readable({ read: () => undefined })
  source.push(first)
  return source
}

describe('ownedChain', () => {
  it('restores what it encrypts and decrypts, the checksums on the way', async () => {
    const dataKey = DataKey.generate('cos')
    const [before, after] = [md5Stream(), crc64Stream()]
    const whole = ownedChain([before, encryptStream(dataKey), decryptStream(dataKey), after])
    expect(await run(whole, cut(input, 77))).to.deep.equal(input)
    await Promise.all([before.digest, after.digest])
  })

  it('has bytes at both ends', () => {
    const whole = ownedChain([passing(), passing()])
    expect([whole.readableObjectMode, whole.writableObjectMode]).to.deep.equal([false, false])
  })

  it('gives parts with readableObjectMode', async () => {
    const whole = ownedChain([md5Stream(), partStream({ partSize: 1024 })], { readableObjectMode: true })
    const parts = await chunksOf(sourceOf([input]).pipe(whole))
    expect(parts).to.have.length(5)
    expect(joined(parts)).to.deep.equal(input)
  })

  it('ends clean: no error, every stage finished, ended and closed', async () => {
    const stages = [md5Stream(), passing(), md5Stream()]
    const whole = ownedChain(stages)
    const events = record(whole)
    const stageEvents = stages.map(record)
    whole.resume().end(input)
    await closed(whole)
    await Promise.all(stages.map(closed))
    for (const seen of [events, ...stageEvents])
      expect(seen.toSorted()).to.deep.equal(['close', 'end', 'finish'])
  })

  it('ends clean with nothing written', async () => {
    expect(await run(ownedChain([md5Stream(), passing()]), [])).to.have.length(0)
  })

  for (const [position, name] of ['first', 'middle', 'last'].entries()) {
    const chained = (): { stages: Transform[]; whole: Duplex } => {
      const stages = [md5Stream(), md5Stream(), md5Stream()] as Transform[]
      stages[position] = failing()
      return { stages, whole: ownedChain(stages) }
    }

    it(`is destroyed with all stages, and emits the error once, when the ${name} stage fails`, async () => {
      const { stages, whole } = chained()
      const events = record(whole)
      whole.resume().write('fine')
      whole.write('not fine!')
      await closed(whole)
      await Promise.all(stages.map(closed))
      await turn()
      expect(events).to.deep.equal(['error: boom', 'close'])
      expect(stages.map((stage) => stage.destroyed)).to.deep.equal([true, true, true])
    })

    it(`hands the error of the ${name} stage to the callback of pipeline() once`, async () => {
      const { stages, whole } = chained()
      const [source, sink] = [openSource('not fine!'), new Sink()]
      const calls: unknown[] = []
      await new Promise<void>((resolve) => {
        pipeline(source, whole, sink, (error) => {
          calls.push(error)
          resolve()
        })
      })
      await Promise.all([source, whole, sink, ...stages].map(closed))
      await turn()
      expect(calls).to.deep.equal([boom])
    })

    it(`is destroyed with all stages when the ${name} stage is destroyed without an error`, async () => {
      const { stages, whole } = chained()
      const failed = once(whole, 'error') as Promise<[{ code: string }]>
      whole.resume().write('fine')
      stages[position]!.destroy()
      const [error] = await failed
      await Promise.all(stages.map(closed))
      expect(error.code).to.equal('ERR_STREAM_PREMATURE_CLOSE')
      expect(whole.destroyed).to.equal(true)
    })

    it(`fails the digest of the others when the ${name} stage fails`, async () => {
      const { stages, whole } = chained()
      whole.on('error', () => undefined).write('not fine!')
      whole.resume()
      for (const stage of stages) {
        if (!('digest' in stage)) continue
        expect(await failure(stage.digest as Promise<unknown>)).to.be.an('error')
      }
    })
  }

  for (const error of [undefined, boom]) {
    it(`destroys all stages on destroy(${error === undefined ? '' : 'error'})`, async () => {
      const stages = [md5Stream(), passing(), md5Stream()]
      const whole = ownedChain(stages)
      const events = record(whole)
      whole.resume().write('fine')
      whole.destroy(error)
      await Promise.all([whole, ...stages].map(closed))
      await turn()
      expect(events).to.deep.equal(error === undefined ? ['close'] : ['error: boom', 'close'])
    })
  }

  it('destroys all stages when the consumer leaves for await early', async () => {
    const stages = [md5Stream(), md5Stream()]
    const whole = ownedChain(stages)
    whole.write(input)
    await leaveEarly(whole)
    await Promise.all(stages.map(closed))
    expect(whole.destroyed).to.equal(true)
  })

  it('destroys all stages when its signal aborts', async () => {
    const controller = new AbortController()
    const stages = [md5Stream(), md5Stream()]
    const whole = ownedChain(stages, { signal: controller.signal })
    const ended = failure(finished(whole))
    controller.abort()
    expect((await ended).name).to.equal('AbortError')
    await Promise.all(stages.map(closed))
  })

  it('hands an error of the sink in pipeline() to its caller and destroys all stages', async () => {
    const stages = [md5Stream(), md5Stream()]
    const sink = new Writable({ write: (_chunk, _encoding, done) => done(boom) })
    expect(await failure(pipelinePromise(sourceOf([input]), ownedChain(stages), sink))).to.equal(boom)
    await Promise.all(stages.map(closed))
  })

  it('hands an error of the source in pipeline() to its caller and destroys all stages', async () => {
    const stages = [md5Stream(), md5Stream()]
    const source = openSource('fine')
    const ended = failure(pipelinePromise(source, ownedChain(stages), new Sink()))
    source.destroy(boom)
    expect(await ended).to.equal(boom)
    await Promise.all(stages.map(closed))
  })

  describe('with functions as stages', () => {
    it('passes chunks through sync and async functions', async () => {
      const whole = ownedChain([
        (chunk: Buffer) => Buffer.from(chunk.map((byte) => byte ^ 1)),
        md5Stream(),
        async (chunk: Buffer) => Buffer.from(chunk.map((byte) => byte ^ 1)),
      ])
      expect(await run(whole, cut(input, 999))).to.deep.equal(input)
    })

    it('is destroyed with all stages when a function throws', async () => {
      const stage = md5Stream()
      const whole = ownedChain([
        stage,
        () => {
          throw boom
        },
      ])
      expect(await failure(run(whole, ['fine']))).to.equal(boom)
      await closed(stage)
    })

    it('is destroyed with all stages when an async function rejects', async () => {
      const stage = md5Stream()
      const whole = ownedChain([async () => Promise.reject(boom), stage])
      expect(await failure(run(whole, ['fine']))).to.equal(boom)
      await closed(stage)
    })
  })

  describe('with a first stage that only reads', () => {
    it('gives what the source gives', async () => {
      const whole = ownedChain([Readable.from(cut(input, 100)), md5Stream()])
      const events = record(whole)
      expect(joined(await chunksOf(whole))).to.deep.equal(input)
      await closed(whole)
      expect(events.filter((event) => event.startsWith('error'))).to.deep.equal([])
    })

    it('is destroyed with all stages when the source fails', async () => {
      const [source, stage] = [openSource('fine'), md5Stream()]
      const whole = ownedChain([source, stage])
      const ended = failure(chunksOf(whole))
      source.destroy(boom)
      expect(await ended).to.equal(boom)
      await closed(stage)
    })

    it('destroys the source on destroy()', async () => {
      const source = openSource('fine')
      ownedChain([source, md5Stream()]).destroy()
      await closed(source)
      expect(source.destroyed).to.equal(true)
    })
  })

  describe('with a last stage that only writes', () => {
    it('writes everything to it', async () => {
      const sink = new Sink()
      const whole = ownedChain([md5Stream(), sink])
      await pipelinePromise(sourceOf(cut(input, 77)), whole)
      await finished(sink)
      expect(sink.bytes).to.deep.equal(input)
    })

    it('finishes only when the last stage has finished', async () => {
      const order: string[] = []
      const last = new Writable({
        write: (_chunk, _encoding, done) => done(),
        final: (done) => setImmediate(() => setImmediate(done)),
      })
      last.on('finish', () => order.push('last'))
      const whole = ownedChain([md5Stream(), last])
      whole.on('finish', () => order.push('whole'))
      whole.end(input)
      await Promise.all([closed(whole), closed(last)])
      expect(order).to.deep.equal(['last', 'whole'])
    })

    it('resolves pipeline() only when the last stage has finished', async () => {
      const last = new Writable({
        write: (_chunk, _encoding, done) => done(),
        final: (done) => setImmediate(() => setImmediate(done)),
      })
      await pipelinePromise(sourceOf([input]), ownedChain([md5Stream(), last]))
      expect(last.writableFinished).to.equal(true)
    })

    it('is destroyed with all stages when the last stage fails on a chunk', async () => {
      const stage = md5Stream()
      const last = new Writable({ write: (_chunk, _encoding, done) => done(boom) })
      const source = openSource('fine')
      expect(await failure(pipelinePromise(source, ownedChain([stage, last])))).to.equal(boom)
      await closed(stage)
    })

    for (const when of ['write', 'final'] as const) {
      it(`hands a late error of the last stage's ${when} to the caller of pipeline()`, async () => {
        const late = (done: (error: Error) => void): void => {
          setImmediate(() => setImmediate(() => done(boom)))
        }
        const last = new Writable(
          when === 'write'
            ? { write: (_chunk, _encoding, done) => late(done) }
            : { write: (_chunk, _encoding, done) => done(), final: late },
        )
        const whole = ownedChain([md5Stream(), last])
        expect(await failure(pipelinePromise(sourceOf([input]), whole))).to.equal(boom)
      })
    }

    it('ends clean alone: one stage that only writes', async () => {
      const sink = new Sink()
      await pipelinePromise(sourceOf([input]), ownedChain([sink]))
      expect(sink.bytes).to.deep.equal(input)
    })
  })

  it('stands as a stage of another', async () => {
    const inner = [md5Stream(), failing()] as const
    const outer = ownedChain([passing(), ownedChain(inner), passing()])
    expect(await failure(run(outer, ['fine', 'not fine!']))).to.equal(boom)
    await Promise.all(inner.map(closed))
  })

  it('fails with SEALSTREAM_SOURCE_ENDED_EARLY, inside, when one of its stages is piped from a failed source', async () => {
    const stage = md5Stream()
    const source = openSource('fine').on('error', () => undefined)
    const whole = ownedChain([source.pipe(stage), passing()])
    const ended = failure(chunksOf(whole))
    source.destroy(boom)
    expect((await ended).cause).to.equal(boom)
  })

  describe('back-pressure', () => {
    const most = 2 * 1024 * 1024

    it('stops pulling when nobody reads', async () => {
      expect(await pulledBytes(ownedChain([md5Stream(), md5Stream()]), most)).to.be.within(1, most)
    })

    it('stops pulling when the last stage is stuck', async () => {
      const stuck = new Writable({ write: () => undefined })
      expect(await pulledBytes(ownedChain([md5Stream(), stuck]), most)).to.be.within(1, most)
    })

    it('goes on pulling with a stage that ignores what push() returns (control)', async () => {
      expect(await pulledBytes(ownedChain([md5Stream(), new Breathless()]), most)).to.be.above(most)
    })
  })

  it('is needed: a failing stage of plain chain() destroys neither its siblings nor the whole (control)', async () => {
    const stages = [passing(), failing(), passing()]
    const whole = chainUnchecked(stages) as unknown as Duplex
    const events = record(whole)
    whole.resume().write('not fine!')
    await closed(stages[1]!)
    for (let turns = 0; turns < 10; turns++) await turn()
    expect(events).to.deep.equal(['error: boom'])
    expect([whole.destroyed, stages[2]!.writableEnded]).to.deep.equal([false, false])
  })
})
