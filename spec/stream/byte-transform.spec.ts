import { expect } from 'chai'
import {
  assertStreamOptions,
  ByteTransform,
  pickStreamOptions,
  type ByteStage,
} from '../../lib/stream/byte-transform.js'
import { closed, record, refusal, run, seededBytes } from './helpers.js'

/** Passes bytes on, adds `!` at the end, and notes its calls. */
function notingStage(notes: string[]): ByteStage {
  return {
    update(bytes) {
      notes.push(`update ${bytes.length}`)
      return Buffer.from(bytes)
    },
    final() {
      notes.push('final')
      return Buffer.from('!')
    },
    close: (error) => notes.push(`close ${error?.message}`),
  }
}

const MIB = 1024 * 1024

describe('ByteTransform', () => {
  it('gives what final() gives after the last byte', async () => {
    expect((await run(new ByteTransform(notingStage([])), ['ab', 'c'])).toString()).to.equal('abc!')
  })

  it('calls final() and close() once at the end', async () => {
    const notes: string[] = []
    const stream = new ByteTransform(notingStage(notes))
    stream.resume().end('abc')
    await closed(stream)
    expect(notes).to.deep.equal(['update 3', 'final', 'close undefined'])
  })

  it('calls close() once with the error and never final() when it is destroyed', async () => {
    const notes: string[] = []
    const stream = new ByteTransform(notingStage(notes)).on('error', () => undefined)
    stream.resume().write('abc')
    stream.destroy(new Error('boom'))
    stream.destroy(new Error('again'))
    await closed(stream)
    expect(notes).to.deep.equal(['update 3', 'close boom'])
  })

  it('never calls update() with no bytes', async () => {
    const notes: string[] = []
    await run(new ByteTransform(notingStage(notes)), [Buffer.alloc(0), 'a', new Uint8Array(0)])
    expect(notes.filter((note) => note.startsWith('update'))).to.deep.equal(['update 1'])
  })

  it('gives a chunk of 40 MiB to the stage in slices of 16 MiB at most', async () => {
    const notes: string[] = []
    await run(new ByteTransform(notingStage(notes)), [Buffer.alloc(40 * MIB)])
    expect(notes.slice(0, 3)).to.deep.equal([`update ${16 * MIB}`, `update ${16 * MIB}`, `update ${8 * MIB}`])
  })

  for (const method of ['update', 'final'] as const) {
    it(`fails with the error that ${method}() throws, and closes the stage with it`, async () => {
      const notes: string[] = []
      const throwing = (): never => {
        throw new Error(`${method} failed`)
      }
      const stream = new ByteTransform({ ...notingStage(notes), [method]: throwing })
      const events = record(stream)
      stream.resume().end('abc')
      await closed(stream)
      expect(events.filter((event) => event !== 'finish')).to.deep.equal([`error: ${method} failed`, 'close'])
      expect(notes.at(-1)).to.equal(`close ${method} failed`)
    })
  }

  it('holds 256 KiB on either side unless told otherwise', () => {
    const stream = new ByteTransform({ update: (bytes) => bytes })
    expect([stream.readableHighWaterMark, stream.writableHighWaterMark]).to.deep.equal([262144, 262144])
  })

  it('needs neither final() nor close()', async () => {
    const input = seededBytes(1, 100)
    expect(await run(new ByteTransform({ update: (bytes) => bytes }), [input])).to.deep.equal(input)
  })

  it('closes the stage when its signal was aborted before it was made', async () => {
    const notes: string[] = []
    const stream = new ByteTransform(notingStage(notes), { signal: AbortSignal.abort() })
    stream.on('error', () => undefined)
    await closed(stream)
    expect(notes).to.have.length(1)
    expect(notes[0]).to.match(/^close (The operation was aborted|the stream was destroyed before its end)$/)
  })

  it("picks the stream options out of a factory's options", () => {
    const given = { highWaterMark: 5, emitClose: false, start: 16, expected: 'x' }
    expect(pickStreamOptions(given)).to.deep.equal({ highWaterMark: 5, emitClose: false })
  })

  it('refuses options that are not an object', () => {
    for (const given of [null, 5, 'start']) {
      expect(refusal(() => assertStreamOptions(given, [])).code).to.equal('SEALSTREAM_OPTION')
    }
  })

  it("lists the factory's own options in the hint", () => {
    expect(refusal(() => assertStreamOptions({ begin: 1 }, ['start'])).hint).to.include('start')
  })
})
