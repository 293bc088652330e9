import { expect } from 'chai'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { LazyReadable } from '../../lib/stream/lazy-readable.js'
import { chunksOf, closed, CONSUMERS, cut, failure, joined, record, seededBytes, still } from './helpers.js'

const boom = new Error('boom')
const input = seededBytes(1, 5000)

/** Opens `source` when told to. */
function opener(): {
  open: (signal: AbortSignal) => Promise<Readable>
  signals: AbortSignal[]
  resolve: (source: Readable) => void
  reject: (error: unknown) => void
} {
  const signals: AbortSignal[] = []
  let resolve!: (source: Readable) => void
  let reject!: (error: unknown) => void
  const opened = new Promise<Readable>((onSource, onError) => {
    resolve = onSource
    reject = onError
  })
  const open = (signal: AbortSignal): Promise<Readable> => {
    signals.push(signal)
    return opened
  }
  return { open, signals, resolve, reject }
}

const lazily = (chunks: readonly Buffer[]): LazyReadable =>
  new LazyReadable(async () => Readable.from(chunks))

describe('LazyReadable', () => {
  it('opens nothing until it is read', async () => {
    const { open, signals } = opener()
    const stream = new LazyReadable(open)
    for (let turns = 0; turns < 10; turns++) await turn()
    expect(signals).to.have.length(0)
    stream.resume()
    await turn()
    expect(signals).to.have.length(1)
  })

  it('opens its source once, however often it is read', async () => {
    const { open, signals, resolve } = opener()
    const stream = new LazyReadable(open)
    stream.read()
    stream.read()
    stream.resume()
    await turn()
    resolve(Readable.from(cut(input, 10)))
    expect(joined(await chunksOf(stream))).to.deep.equal(input)
    expect(signals).to.have.length(1)
  })

  for (const [style, consume] of Object.entries(CONSUMERS)) {
    it(`gives what its source gives through ${style}`, async () => {
      expect((await consume(lazily(cut(input, 77)), new PassThrough())).equals(input)).to.equal(true)
      expect(await consume(lazily([]), new PassThrough())).to.have.length(0)
    })
  }

  it('emits end and close, each once', async () => {
    const stream = lazily(cut(input, 100))
    const events = record(stream)
    stream.resume()
    await closed(stream)
    expect(events).to.deep.equal(['end', 'close'])
  })

  it('gives what a source has buffered before it was handed over', async () => {
    const source = new PassThrough()
    source.write('early ')
    const stream = new LazyReadable(async () => {
      await turn()
      return source
    })
    const read = chunksOf(stream)
    await turn()
    source.end('late')
    expect(joined(await read).toString()).to.equal('early late')
  })

  for (const error of [undefined, boom]) {
    const how = error === undefined ? 'destroy()' : 'destroy(error)'

    it(`opens nothing after ${how} before the first read`, async () => {
      const { open, signals } = opener()
      const stream = new LazyReadable(open)
      const events = record(stream)
      stream.destroy(error)
      stream.resume()
      await closed(stream)
      await turn()
      expect(signals).to.have.length(0)
      expect(events).to.deep.equal(error === undefined ? ['close'] : ['error: boom', 'close'])
    })

    it(`aborts the signal on ${how} while it is opening, and destroys a source that comes after all`, async () => {
      const { open, signals, resolve } = opener()
      const stream = new LazyReadable(open)
      const events = record(stream)
      stream.resume()
      await turn()
      stream.destroy(error)
      expect(signals.map((signal) => signal.aborted)).to.deep.equal([true])
      if (error !== undefined) expect(signals[0]!.reason).to.equal(error)
      const source = new Readable({ read: () => undefined })
      resolve(source)
      await closed(source)
      expect(events).to.deep.equal(error === undefined ? ['close'] : ['error: boom', 'close'])
    })

    it(`survives a source that fails to open after ${how}`, async () => {
      const { open, reject } = opener()
      const stream = new LazyReadable(open)
      const events = record(stream)
      stream.resume()
      await turn()
      stream.destroy(error)
      reject(new Error('too late'))
      await closed(stream)
      await turn()
      expect(events).to.deep.equal(error === undefined ? ['close'] : ['error: boom', 'close'])
    })

    it(`destroys its source on ${how} while it is read`, async () => {
      const source = new Readable({ read: () => undefined })
      source.push('some bytes')
      const stream = new LazyReadable(async () => source)
      const events = record(stream)
      await once(stream, 'readable')
      stream.destroy(error)
      await Promise.all([closed(source), closed(stream)])
      expect(events).to.deep.equal(error === undefined ? ['close'] : ['error: boom', 'close'])
    })
  }

  it('survives a source that fails while it is being destroyed', async () => {
    const source = new Readable({
      read: () => undefined,
      destroy: (_error, done) => done(new Error('failed to close')),
    })
    source.push('some bytes')
    const stream = new LazyReadable(async () => source)
    const events = record(stream)
    await once(stream, 'readable')
    stream.destroy()
    await Promise.all([closed(source), closed(stream)])
    await turn()
    expect(events).to.deep.equal(['close'])
  })

  it('fails with the error of opening', async () => {
    expect(await failure(chunksOf(new LazyReadable(async () => Promise.reject(boom))))).to.equal(boom)
  })

  it('fails with an error that opening throws at once', async () => {
    const stream = new LazyReadable(() => {
      throw boom
    })
    expect(await failure(chunksOf(stream))).to.equal(boom)
  })

  it('fails with the error of its source, after the bytes before it', async () => {
    const source = new PassThrough()
    source.write('some bytes')
    const stream = new LazyReadable(async () => source)
    const [first] = (await once(stream, 'data')) as [Buffer]
    const failed = once(stream, 'error')
    source.destroy(boom)
    expect(await failed).to.deep.equal([boom])
    expect(first.toString()).to.equal('some bytes')
  })

  it('fails when its source closes before its end', async () => {
    const source = new PassThrough()
    source.write('some bytes')
    const stream = new LazyReadable(async () => source)
    await once(stream, 'data')
    const failed = once(stream, 'error') as Promise<[{ code: string }]>
    source.destroy()
    const [error] = await failed
    expect(error.code).to.equal('ERR_STREAM_PREMATURE_CLOSE')
  })

  for (const error of [undefined, boom]) {
    it(`fails when it is handed a source that has ${error ? 'failed' : 'closed'} already`, async () => {
      const source = new PassThrough().on('error', () => undefined)
      source.destroy(error)
      await closed(source)
      expect(await failure(chunksOf(new LazyReadable(async () => source)))).to.be.an('error')
    })
  }

  it('ends when it is handed a source that ends without a byte', async () => {
    expect(await chunksOf(lazily([]))).to.deep.equal([])
  })

  it('stops pulling when nobody reads on, and goes on with every byte', async () => {
    let pulled = 0
    const source = new Readable({
      highWaterMark: 65536,
      read() {
        if (pulled >= 4 * 1024 * 1024) {
          this.push(null)
          return
        }
        this.push(Buffer.alloc(65536, pulled / 65536))
        pulled += 65536
      },
    })
    const stream = new LazyReadable(async () => source)
    await once(stream, 'readable')
    await still(() => pulled)
    expect(pulled).to.be.within(1, 1024 * 1024)
    const bytes = joined(await chunksOf(stream))
    expect(bytes).to.have.length(4 * 1024 * 1024)
    expect(cut(bytes, 65536).every((chunk, index) => chunk.every((byte) => byte === index))).to.equal(true)
  })

  it('is destroyed with SEALSTREAM_ABORTED when its signal aborts, and so is its source', async () => {
    const controller = new AbortController()
    const source = new Readable({ read: () => undefined })
    source.push('some bytes')
    const stream = new LazyReadable(async () => source, { signal: controller.signal })
    await once(stream, 'readable')
    const ended = failure(finished(stream))
    controller.abort(boom)
    const error = await ended
    expect([error.code, error.cause]).to.deep.equal(['SEALSTREAM_ABORTED', boom])
    await closed(source)
  })

  it('fails with SEALSTREAM_ABORTED, and opens nothing, when its signal was aborted before', async () => {
    const { open, signals } = opener()
    const stream = new LazyReadable(open, { signal: AbortSignal.abort(boom) })
    const error = await failure(chunksOf(stream))
    expect([error.code, error.cause]).to.deep.equal(['SEALSTREAM_ABORTED', boom])
    expect(signals).to.have.length(0)
  })
})
