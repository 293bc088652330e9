import { expect } from 'chai'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { toWebReadable } from '../../lib/stream/web-readable.js'
import {
  chunksOf,
  closed,
  cut,
  failure,
  joined,
  readByob,
  runScript,
  seededBytes,
  sourceOf,
  still,
} from './helpers.js'

const boom = new Error('boom')
const input = seededBytes(1, 5000)

function openSource(first = ''): Readable {
  const source = new Readable({ read: () => undefined })
  if (first !== '') source.push(first)
  return source
}

describe('toWebReadable', () => {
  it('gives all bytes to a default reader, as Uint8Arrays', async () => {
    const chunks = await chunksOf(toWebReadable(sourceOf(cut(input, 77))))
    expect(joined(chunks)).to.deep.equal(input)
    for (const chunk of chunks) expect(Object.getPrototypeOf(chunk)).to.equal(Uint8Array.prototype)
  })

  for (const [form, chunk] of Object.entries({ string: 'h\u00e9', Uint8Array: new Uint8Array([1, 2]) })) {
    it(`gives the bytes of a ${form}`, async () => {
      const bytes = joined(await chunksOf(toWebReadable(sourceOf([chunk]))))
      expect(bytes).to.deep.equal(Buffer.from(chunk as string))
    })
  }

  it('gives nothing for nothing, and for empty chunks alone', async () => {
    for (const chunks of [[], [Buffer.alloc(0), Buffer.alloc(0)]]) {
      expect(await chunksOf(toWebReadable(sourceOf(chunks)))).to.deep.equal([])
      expect(await readByob(toWebReadable(sourceOf(chunks)))).to.have.length(0)
    }
  })

  for (const size of [1, 3, 16, 5000, 8192]) {
    it(`fills BYOB views of ${size} bytes`, async () => {
      const reader = toWebReadable(sourceOf(cut(input, 700))).getReader({ mode: 'byob' })
      const chunks: Uint8Array[] = []
      for (;;) {
        const { value, done } = await reader.read(new Uint8Array(size))
        if (done) break
        expect(value.length).to.be.within(1, size)
        chunks.push(value)
      }
      expect(Buffer.concat(chunks)).to.deep.equal(input)
    })
  }

  it('writes only inside the view of a BYOB read', async () => {
    const reader = toWebReadable(sourceOf([input])).getReader({ mode: 'byob' })
    const { value } = await reader.read(new Uint8Array(new ArrayBuffer(100), 40, 20))
    expect([value!.byteOffset, value!.length]).to.deep.equal([40, 20])
    const memory = Buffer.from(value!.buffer)
    expect(memory.subarray(40, 60)).to.deep.equal(input.subarray(0, 20))
    expect(Buffer.concat([memory.subarray(0, 40), memory.subarray(60)])).to.deep.equal(Buffer.alloc(80))
  })

  it('fills BYOB views of 32-bit elements across chunks of 3 bytes', async () => {
    const reader = toWebReadable(sourceOf(cut(input, 3))).getReader({ mode: 'byob' })
    const chunks: Buffer[] = []
    for (;;) {
      const { value, done } = await reader.read(new Uint32Array(5))
      if (done) break
      chunks.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength))
    }
    expect(Buffer.concat(chunks)).to.deep.equal(input)
  })

  it('goes on with a default reader where a BYOB reader stopped in the middle of a chunk', async () => {
    const web = toWebReadable(sourceOf([input]))
    const byob = web.getReader({ mode: 'byob' })
    const { value } = await byob.read(new Uint8Array(123))
    byob.releaseLock()
    expect(Buffer.concat([value!, joined(await chunksOf(web))])).to.deep.equal(input)
  })

  it('answers a BYOB read that waits at the end', async () => {
    const source = openSource('ab')
    const reader = toWebReadable(source).getReader({ mode: 'byob' })
    await reader.read(new Uint8Array(10))
    const waiting = reader.read(new Uint8Array(10))
    source.push(null)
    const { done } = await waiting
    expect(done).to.equal(true)
    await reader.closed
  })

  it('leaves pooled Buffers whole: what it is given, and their neighbours in the pool', async () => {
    const [before, given, after] = ['before', 'given', 'after'].map((text) => Buffer.from(text)) as [
      Buffer,
      Buffer,
      Buffer,
    ]
    expect(before.buffer).to.equal(given.buffer)
    const chunks = await chunksOf(toWebReadable(sourceOf([given])))
    for (const chunk of chunks as Uint8Array[]) {
      structuredClone(chunk.buffer, { transfer: [chunk.buffer as ArrayBuffer] })
    }
    expect([before, given, after].map(String)).to.deep.equal(['before', 'given', 'after'])
  })

  it('gives chunks that share no memory with the source', async () => {
    const given = Buffer.from(input)
    const [chunk] = (await chunksOf(toWebReadable(sourceOf([given])))) as [Uint8Array]
    chunk.fill(0)
    expect(given).to.deep.equal(input)
  })

  it('pulls nothing before it is read, and a bounded amount when nobody reads on', async () => {
    let pulled = 0
    const source = new Readable({
      highWaterMark: 65536,
      read() {
        if (pulled > 4 * 1024 * 1024) return
        pulled += 65536
        this.push(Buffer.alloc(65536))
      },
    })
    const web = toWebReadable(source)
    await still(() => pulled)
    expect(pulled).to.equal(0)
    await web.getReader().read()
    await still(() => pulled)
    expect(pulled).to.be.within(1, 512 * 1024)
  })

  for (const read of [false, true]) {
    const when = read ? 'after a read' : 'before any read'

    for (const reason of [undefined, 'why not', boom]) {
      it(`destroys the source when cancelled with ${reason instanceof Error ? 'an error' : `${reason}`} ${when}`, async () => {
        const source = openSource('some bytes').on('error', () => undefined)
        const reader = toWebReadable(source).getReader()
        if (read) await reader.read()
        await reader.cancel(reason)
        await closed(source)
        expect(source.destroyed).to.equal(true)
        expect(source.errored).to.equal(reason instanceof Error ? reason : null)
      })
    }

    it(`ends no process when it is cancelled with an error ${when}`, () => {
      const { status, stdout, stderr } = runScript(`
        import { Readable } from 'node:stream'
        import { toWebReadable } from './lib/stream/web-readable.ts'
        const source = new Readable({ read() { this.push('some bytes') } })
        const reader = toWebReadable(source).getReader()
        if (${read}) await reader.read()
        await reader.cancel(new Error('the user left'))
        setImmediate(() => console.log('alive'))
      `)
      expect([status, stdout, stderr]).to.deep.equal([0, 'alive\n', ''])
    })

    it(`ends no process, and rejects the next read, when the source fails ${when}`, () => {
      const { status, stdout, stderr } = runScript(`
        import { Readable } from 'node:stream'
        import { toWebReadable } from './lib/stream/web-readable.ts'
        const source = new Readable({ read() {} })
        source.push('some bytes')
        const reader = toWebReadable(source).getReader()
        if (${read}) await reader.read()
        source.destroy(new Error('boom'))
        setImmediate(() => reader.read().then(() => console.log('read'), (error) => console.log(error.message)))
      `)
      expect([status, stdout, stderr]).to.deep.equal([0, 'boom\n', ''])
    })
  }

  it('rejects a read that waits when the source fails', async () => {
    const source = openSource()
    const reader = toWebReadable(source).getReader()
    const waiting = failure(reader.read())
    await turn()
    source.destroy(boom)
    expect(await waiting).to.equal(boom)
    expect(await failure(reader.closed)).to.equal(boom)
  })

  it('rejects a BYOB read that waits when the source fails', async () => {
    const source = openSource()
    const reader = toWebReadable(source).getReader({ mode: 'byob' })
    const waiting = failure(reader.read(new Uint8Array(5)))
    await turn()
    source.destroy(boom)
    expect(await waiting).to.equal(boom)
  })

  it('rejects, never ends, when the source closes before its end', async () => {
    const source = openSource('some bytes')
    const reader = toWebReadable(source).getReader()
    await reader.read()
    const waiting = failure(reader.read())
    source.destroy()
    expect((await waiting).code).to.equal('ERR_STREAM_PREMATURE_CLOSE')
  })

  it('rejects, never ends, over a source that was destroyed before', async () => {
    const source = openSource('some bytes')
    source.destroy()
    await closed(source)
    expect(await failure(toWebReadable(source).getReader().read())).to.be.an('error')
  })

  it('cancels the read that waits, and destroys the source', async () => {
    const source = openSource()
    const reader = toWebReadable(source).getReader()
    const waiting = reader.read()
    await reader.cancel()
    expect((await waiting).done).to.equal(true)
    await closed(source)
  })

  it('destroys the source once both branches of tee() are cancelled', async () => {
    const source = openSource('some bytes')
    const [first, second] = toWebReadable(source).tee()
    await Promise.all([first.cancel(), second.cancel()])
    await closed(source)
    expect(source.destroyed).to.equal(true)
  })

  it('serves as the body of a Response', async () => {
    const body = toWebReadable(sourceOf(cut(input, 100)).pipe(new PassThrough()))
    expect(Buffer.from(await new Response(body as unknown as ReadableStream).arrayBuffer())).to.deep.equal(
      input,
    )
  })
})
