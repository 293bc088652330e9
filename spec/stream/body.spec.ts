import { expect } from 'chai'
import { Readable } from 'node:stream'
import { asBody, type Body } from '../../lib/stream/body.js'
import { LazyReadable } from '../../lib/stream/lazy-readable.js'
import { chunksOf, cut, failure, joined, readByob, seededBytes, sourceOf } from './helpers.js'

const input = seededBytes(1, 5000)
const text = 'h\u00e9llo, \u4e16\u754c \u{1f512}'
const bodyOf = (bytes: Buffer, size: number): Body => asBody(sourceOf(cut(bytes, size)))

describe('asBody', () => {
  it('gives the same stream back', () => {
    const readable = Readable.from([])
    expect(asBody(readable)).to.equal(readable)
  })

  it('leaves the stream readable as a stream', async () => {
    expect(joined(await chunksOf(bodyOf(input, 100)))).to.deep.equal(input)
  })

  for (const size of [1, 100, 5000]) {
    it(`gives 5000 bytes that come ${size} at a time as a byte array`, async () => {
      const bytes = await bodyOf(input, size).transformToByteArray()
      expect(bytes).to.be.instanceOf(Uint8Array)
      expect(Buffer.from(bytes)).to.deep.equal(input)
    })

    it(`gives 5000 bytes that come ${size} at a time as a web stream, with BYOB`, async () => {
      expect(joined(await chunksOf(bodyOf(input, size).transformToWebStream()))).to.deep.equal(input)
      expect(await readByob(bodyOf(input, size).transformToWebStream())).to.deep.equal(input)
    })
  }

  it('gives text as UTF-8, also when characters are split', async () => {
    expect(await bodyOf(Buffer.from(text), 1).transformToString()).to.equal(text)
  })

  for (const encoding of ['hex', 'base64', 'latin1', 'utf16le'] as const) {
    it(`gives text as ${encoding}`, async () => {
      expect(await bodyOf(input, 7).transformToString(encoding)).to.equal(input.toString(encoding))
    })
  }

  it('gives nothing of an empty body in all three ways', async () => {
    expect(await bodyOf(Buffer.alloc(0), 1).transformToByteArray()).to.have.length(0)
    expect(await bodyOf(Buffer.alloc(0), 1).transformToString()).to.equal('')
    expect(await chunksOf(bodyOf(Buffer.alloc(0), 1).transformToWebStream())).to.deep.equal([])
  })

  it('opens a lazy body when it is taken, not before', async () => {
    let opened = 0
    const body = asBody(
      new LazyReadable(async () => {
        opened += 1
        return sourceOf([input])
      }),
    )
    expect(opened).to.equal(0)
    expect(Buffer.from(await body.transformToByteArray())).to.deep.equal(input)
    expect(opened).to.equal(1)
  })

  const ways = {
    transformToByteArray: (body: Body) => body.transformToByteArray(),
    transformToString: (body: Body) => body.transformToString(),
    transformToWebStream: (body: Body) => chunksOf(body.transformToWebStream()),
  }
  for (const [name, take] of Object.entries(ways)) {
    it(`rejects ${name} with the error of the stream`, async () => {
      const boom = new Error('boom')
      const source = new Readable({
        read() {
          this.push('some bytes')
          this.destroy(boom)
        },
      })
      expect(await failure(take(asBody(source)))).to.equal(boom)
    })

    it(`rejects ${name} when the stream closes before its end`, async () => {
      const source = new Readable({
        read() {
          this.push('some bytes')
          this.destroy()
        },
      })
      expect((await failure(take(asBody(source)))).code).to.equal('ERR_STREAM_PREMATURE_CLOSE')
    })
  }
})

describe('a Body taken twice', () => {
  const taken = async (body: Body, way: number): Promise<unknown> =>
    [() => body.transformToByteArray(), () => body.transformToString(), () => body.transformToWebStream()][
      way
    ]?.()

  for (const first of [0, 1, 2]) {
    for (const second of [0, 1, 2]) {
      it(`refuses way ${second} after way ${first}, at once and later`, async () => {
        const body = asBody(Readable.from([Buffer.from('abc')], { objectMode: false }))
        const [, atOnce] = await Promise.allSettled([taken(body, first), taken(body, second)])
        expect(atOnce).to.have.property('status', 'rejected')
        const [later] = await Promise.allSettled([taken(body, second)])
        expect(later).to.have.property('status', 'rejected')
      })
    }
  }
})
