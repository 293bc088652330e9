import { expect } from 'chai'
import { once } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { failWithSource } from '../../lib/stream/source-watch.js'
import { md5Stream } from '../../lib/stream/checksum-stream.js'
import { closed, failure, record, runScript, Sink, sourceOf } from './helpers.js'

const EARLY = 'SEALSTREAM_SOURCE_ENDED_EARLY'

/** A source that gives what is pushed into it, its errors handled. */
function openSource(): Readable {
  return new Readable({ read: () => undefined }).on('error', () => undefined)
}

/** A watched Writable, and the errors it emitted. */
function watched(): { sink: Sink; errors: { code: string; cause: unknown }[] } {
  const sink = new Sink()
  const errors: { code: string; cause: unknown }[] = []
  failWithSource(sink)
  sink.on('error', (error) => errors.push(error as unknown as { code: string; cause: unknown }))
  return { sink, errors }
}

describe('failWithSource', () => {
  it('destroys the destination of a source that fails, once, its error as cause', async () => {
    const { sink, errors } = watched()
    const source = openSource()
    source.pipe(sink)
    source.push('some bytes')
    const boom = new Error('boom')
    source.destroy(boom)
    await closed(sink)
    expect(errors.map(({ code, cause }) => [code, cause])).to.deep.equal([[EARLY, boom]])
  })

  it('destroys the destination of a source that closes before its end, without a cause', async () => {
    const { sink, errors } = watched()
    const source = openSource()
    source.pipe(sink)
    source.push('some bytes')
    source.destroy()
    await closed(sink)
    expect(errors.map(({ code, cause }) => [code, cause ?? undefined])).to.deep.equal([[EARLY, undefined]])
  })

  it('destroys the destination of a source that closes after its last chunk and before its end', async () => {
    const { sink, errors } = watched()
    const source = openSource()
    source.push('some bytes')
    source.push(null)
    source.pipe(sink)
    source.destroy()
    await closed(sink)
    expect(errors.map(({ code }) => code)).to.deep.equal([EARLY])
    expect(sink.writableFinished).to.equal(false)
  })

  for (const error of [undefined, new Error('boom')]) {
    it(`destroys a destination piped to from a source that was ${error ? 'failed' : 'closed'} already`, async () => {
      const { sink, errors } = watched()
      const source = openSource()
      source.destroy(error)
      await closed(source)
      source.pipe(sink)
      for (let turns = 0; turns < 10; turns++) await turn()
      expect(errors.map(({ code, cause }) => [code, cause ?? undefined])).to.deep.equal([[EARLY, error]])
    })
  }

  it('fails through a chain of three pipes, the first error at the end of the causes', async () => {
    const streams = [md5Stream(), md5Stream(), md5Stream()] as const
    const all = Promise.all(streams.map((stream) => once(stream, 'error') as Promise<[Error]>))
    const source = openSource()
    source.pipe(streams[0]).pipe(streams[1]).pipe(streams[2])
    const boom = new Error('boom')
    source.push('some bytes')
    source.destroy(boom)
    const [[first], [second], [third]] = (await all) as [[Error], [Error], [Error]]
    expect([first, second, third].map((error) => (error as Error & { code: string }).code)).to.deep.equal([
      EARLY,
      EARLY,
      EARLY,
    ])
    expect([third.cause, second.cause, first.cause]).to.deep.equal([second, first, boom])
  })

  it('does nothing after unpipe()', async () => {
    const { sink, errors } = watched()
    const source = openSource()
    source.pipe(sink)
    source.unpipe(sink)
    source.destroy(new Error('boom'))
    await closed(source)
    await turn()
    expect([sink.destroyed, errors]).to.deep.equal([false, []])
  })

  it('watches the other source after one of two is unpiped', async () => {
    const { sink, errors } = watched()
    const sources = [openSource(), openSource()] as const
    for (const source of sources) source.pipe(sink, { end: false })
    sources[0].unpipe(sink)
    sources[0].destroy(new Error('first'))
    const boom = new Error('second')
    await closed(sources[0])
    expect(sink.destroyed).to.equal(false)
    sources[1].destroy(boom)
    await closed(sink)
    expect(errors.map(({ cause }) => cause)).to.deep.equal([boom])
  })

  it('does nothing when the source ends normally', async () => {
    const { sink, errors } = watched()
    const events = record(sink)
    sourceOf(['some', 'bytes']).pipe(sink)
    await closed(sink)
    expect([events, errors]).to.deep.equal([['finish', 'close'], []])
    expect(sink.bytes.toString()).to.equal('somebytes')
  })

  it('does nothing when the source ends normally and the pipe leaves the destination open', async () => {
    const { sink, errors } = watched()
    const source = sourceOf(['some', 'bytes'])
    source.pipe(sink, { end: false })
    await closed(source)
    await turn()
    expect([sink.destroyed, sink.writableEnded, errors]).to.deep.equal([false, false, []])
    expect(sink.bytes.toString()).to.equal('somebytes')
  })

  it('does nothing to a destination that was ended before its source failed', async () => {
    const { sink, errors } = watched()
    const source = openSource()
    source.pipe(sink)
    source.push('some bytes')
    await once(source, 'data')
    sink.end()
    source.destroy(new Error('boom'))
    await closed(sink)
    expect([sink.writableFinished, errors]).to.deep.equal([true, []])
  })

  it('watches forty sources one after the other without gathering listeners', async () => {
    const { sink } = watched()
    const before = sink.eventNames().map((name) => [name, sink.listenerCount(name)])
    for (let number = 0; number < 40; number++) {
      const source = sourceOf([`${number},`])
      source.pipe(sink, { end: false })
      await closed(source)
    }
    expect(sink.eventNames().map((name) => [name, sink.listenerCount(name)])).to.deep.equal(before)
  })

  it('leaves the original error to the caller of pipeline()', async () => {
    for (const passing of [md5Stream(), md5Stream().resume()]) {
      const boom = new Error('boom')
      const source = openSource()
      const ended = failure(pipeline(source, passing, md5Stream(), new PassThrough(), new Sink()))
      source.push('some bytes')
      source.destroy(boom)
      expect(await ended).to.equal(boom)
    }
  })

  it('leaves a premature close of the source to the caller of pipeline()', async () => {
    const source = openSource()
    const ended = failure(pipeline(source, md5Stream(), new Sink()))
    source.destroy()
    expect((await ended).code).to.equal('ERR_STREAM_PREMATURE_CLOSE')
  })

  it('still lets an unhandled error of the source end the process', () => {
    const { status, stdout, stderr } = runScript(`
      import { Readable } from 'node:stream'
      import { md5Stream } from './lib/stream/checksum-stream.ts'
      const source = new Readable({ read() {} })
      source.pipe(md5Stream().on('error', () => console.log('destination failed')))
      source.destroy(new Error('nobody handles this'))
      setImmediate(() => console.log('still alive'))
    `)
    expect([status, stdout]).to.deep.equal([1, ''])
    expect(stderr).to.include('nobody handles this')
  })

  it('lets nothing fail without it: a plain Writable waits forever (control)', async () => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
    const source = openSource()
    source.pipe(sink)
    source.destroy(new Error('boom'))
    await closed(source)
    for (let turns = 0; turns < 10; turns++) await turn()
    expect([sink.destroyed, sink.writableEnded]).to.deep.equal([false, false])
  })
})
