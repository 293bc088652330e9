import { expect } from 'chai'
import { once } from 'node:events'
import { Transform } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Part } from '../../lib/stream/part-cutter.js'
import { partStream } from '../../lib/stream/part-stream.js'
import { chunksOf, closed, cut, joined, record, refusal, seededBytes, sourceOf, still } from './helpers.js'
import { CONTRACT_PART, transformContract } from './transform-contract.js'

const partsOf = async (input: Buffer, writeSize: number, partSize = 32): Promise<Part[]> =>
  (await chunksOf(sourceOf(cut(input, writeSize)).pipe(partStream({ partSize })))) as Part[]

/** How many parts of one chunk of 64 parts wait on the readable side when nobody reads. */
async function waitingParts(stream: Transform): Promise<number> {
  stream.end(seededBytes(1, 64 * 16))
  await still(() => stream.readableLength)
  return stream.readableLength
}

describe('partStream', () => {
  transformContract({
    make: (options) => partStream({ partSize: CONTRACT_PART, ...options }),
    reference: (bytes) => bytes,
    passesThrough: false,
  })

  for (const size of [1, 31, 32, 33, 64, 101]) {
    for (const writeSize of [1, 7, 16, 4096]) {
      it(`numbers and places the parts of ${size} bytes written ${writeSize} at a time`, async () => {
        const input = seededBytes(size, size)
        const parts = await partsOf(input, writeSize)
        const expected = cut(input, 32).map((bytes, index) => ({
          number: index + 1,
          offset: index * 32,
          bytes,
        }))
        expect(parts).to.deep.equal(expected)
      })
    }
  }

  it('gives one empty part for an empty source', async () => {
    expect(await partsOf(Buffer.alloc(0), 1)).to.deep.equal([
      { number: 1, offset: 0, bytes: Buffer.alloc(0) },
    ])
  })

  it('gives one empty part for empty chunks alone', async () => {
    const stream = sourceOf([Buffer.alloc(0), '']).pipe(partStream({ partSize: 16 }))
    expect(await chunksOf(stream)).to.deep.equal([{ number: 1, offset: 0, bytes: Buffer.alloc(0) }])
  })

  for (const partSize of [0, -16, 1, 15, 17, 24.5, '32', NaN, Infinity, undefined, null]) {
    it(`refuses partSize ${typeof partSize} ${partSize}, naming option and value`, () => {
      const error = refusal(() => partStream({ partSize: partSize as number }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'partSize'])
      expect(error.value).to.deep.equal(partSize)
      expect(error.message).to.include(String(partSize))
    })
  }

  it('refuses to be called without options, and names what is wrong', () => {
    expect(refusal(() => partStream(undefined as unknown as { partSize: number })).code).to.equal(
      'SEALSTREAM_OPTION',
    )
  })

  it('fails, without crashing, on the first byte of a part that memory cannot hold', async () => {
    const stream = partStream({ partSize: 2 ** 50 })
    const failed = once(stream, 'error')
    stream.write('a')
    await failed
    expect(stream.destroyed).to.equal(true)
  })

  it('leaves the bytes of a part to its consumer: overwriting them changes no later part', async () => {
    const input = seededBytes(3, 200)
    const chunk = Buffer.from(input)
    const seen: Buffer[] = []
    for await (const part of sourceOf([chunk]).pipe(partStream({ partSize: 16 })) as AsyncIterable<Part>) {
      seen.push(Buffer.from(part.bytes))
      new Uint8Array(part.bytes.buffer).fill(0)
    }
    expect(Buffer.concat(seen)).to.deep.equal(input)
    expect(chunk).to.deep.equal(input)
  })

  it('lets its consumer transfer the bytes of a part', async () => {
    const input = seededBytes(4, 200)
    const seen: Buffer[] = []
    for await (const part of sourceOf([input]).pipe(partStream({ partSize: 16 })) as AsyncIterable<Part>) {
      const moved = structuredClone(part.bytes.buffer as ArrayBuffer, {
        transfer: [part.bytes.buffer as ArrayBuffer],
      })
      seen.push(Buffer.from(moved).subarray(0, Math.min(16, input.length - part.offset)))
    }
    expect(Buffer.concat(seen)).to.deep.equal(input)
  })

  it('is object mode on its readable side only, and holds one part there', () => {
    const stream = partStream({ partSize: 16 })
    expect([stream.readableObjectMode, stream.writableObjectMode]).to.deep.equal([true, false])
    expect(stream.readableHighWaterMark).to.equal(1)
  })

  it('keeps one part waiting of a chunk that holds 64', async () => {
    expect(await waitingParts(partStream({ partSize: 16 }))).to.equal(1)
  })

  it('keeps as many parts waiting as readableHighWaterMark says', async () => {
    expect(await waitingParts(partStream({ partSize: 16, readableHighWaterMark: 5 }))).to.equal(5)
  })

  it('gives all 64 parts of one chunk to a slow reader, one waiting at a time', async () => {
    const input = seededBytes(5, 64 * 16 + 3)
    const stream = partStream({ partSize: 16 })
    stream.end(input)
    const parts: Part[] = []
    for await (const part of stream as AsyncIterable<Part>) {
      expect(stream.readableLength).to.be.at.most(1)
      parts.push(part)
      await turn()
    }
    expect(joined(parts)).to.deep.equal(input)
    expect(parts.map((part) => part.number)).to.deep.equal(parts.map((_part, index) => index + 1))
  })

  it('gives all parts to a reader that pauses after each', async () => {
    const input = seededBytes(6, 50 * 16)
    const stream = partStream({ partSize: 16 })
    const parts: Part[] = []
    stream.on('data', (part: Part) => {
      parts.push(part)
      stream.pause()
      setImmediate(() => stream.resume())
    })
    for (const chunk of cut(input, 100)) stream.write(chunk)
    stream.end()
    await once(stream, 'end')
    expect(joined(parts)).to.deep.equal(input)
  })

  it('takes no further chunk while parts of the last one wait', async () => {
    const stream = partStream({ partSize: 16 })
    const taken: number[] = []
    for (const number of [1, 2, 3]) stream.write(seededBytes(number, 64), () => taken.push(number))
    await still(() => taken.length)
    expect(taken).to.deep.equal([])
    for (let read = 0; read < 4; read++) {
      if (stream.readableLength === 0) await once(stream, 'readable')
      stream.read()
    }
    await still(() => taken.length)
    expect(taken).to.deep.equal([1])
  })

  it('stops in the middle of a chunk when it is destroyed, without a second error', async () => {
    const stream = partStream({ partSize: 16 })
    const events = record(stream)
    const parts: Part[] = []
    stream.on('data', (part: Part) => {
      parts.push(part)
      if (parts.length === 3) stream.destroy(new Error('enough'))
    })
    stream.write(seededBytes(7, 64 * 16))
    await closed(stream)
    expect(parts).to.have.length(3)
    expect(events).to.deep.equal(['error: enough', 'close'])
  })

  it('is caught by the same check when it ignores what push() returns (control)', async () => {
    const careless = new Transform({
      readableObjectMode: true,
      readableHighWaterMark: 1,
      transform(chunk: Buffer, _encoding, done) {
        for (const bytes of cut(chunk, 16)) this.push({ bytes })
        done()
      },
    })
    expect(await waitingParts(careless)).to.equal(64)
  })
})
