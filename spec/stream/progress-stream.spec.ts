import { expect } from 'chai'
import type { Progress, ProgressListener } from '../../lib/internal/progress.js'
import { progressStream } from '../../lib/stream/progress-stream.js'
import { closed, cut, failure, record, refusal, run, seededBytes } from './helpers.js'
import { transformContract } from './transform-contract.js'

async function reportsOf(chunks: readonly Buffer[], total?: number): Promise<Progress[]> {
  const reports: Progress[] = []
  await run(progressStream({ total, onProgress: (progress) => reports.push({ ...progress }) }), chunks)
  return reports
}

describe('progressStream', () => {
  transformContract({
    make: (options) => progressStream({ onProgress: () => undefined, ...options }),
    reference: (bytes) => bytes,
    passesThrough: true,
  })

  it('reports after each chunk how many bytes have passed', async () => {
    const chunks = [3, 0, 1, 10].map((size) => seededBytes(size, size))
    expect(await reportsOf(chunks, 14)).to.deep.equal([
      { bytes: 3, total: 14 },
      { bytes: 4, total: 14 },
      { bytes: 14, total: 14 },
    ])
  })

  it('counts upwards to the whole, also within one chunk of 40 MiB', async () => {
    const size = 40 * 1024 * 1024
    const counts = (await reportsOf([Buffer.alloc(size)], size)).map((report) => report.bytes)
    expect(counts.toSorted((a, b) => a - b)).to.deep.equal(counts)
    expect(new Set(counts).size).to.equal(counts.length)
    expect(counts.at(-1)).to.equal(size)
  })

  for (const writeSize of [1, 7, 16, 4096]) {
    it(`reports 3000 bytes at last, written ${writeSize} at a time`, async () => {
      const counts = (await reportsOf(cut(seededBytes(1, 3000), writeSize))).map((report) => report.bytes)
      expect(counts).to.have.length(Math.ceil(3000 / writeSize))
      expect(counts.every((count, index) => count > (counts[index - 1] ?? 0))).to.equal(true)
      expect(counts.at(-1)).to.equal(3000)
    })
  }

  it('reports an empty stream once', async () => {
    expect(await reportsOf([], 0)).to.deep.equal([{ bytes: 0, total: 0 }])
    expect(await reportsOf([Buffer.alloc(0), Buffer.alloc(0)])).to.deep.equal([
      { bytes: 0, total: undefined },
    ])
  })

  it('passes more bytes than its total says', async () => {
    expect((await reportsOf([Buffer.alloc(9)], 5)).at(-1)).to.deep.equal({ bytes: 9, total: 5 })
  })

  it('reports nothing more once it is destroyed', async () => {
    const reports: number[] = []
    const stream = progressStream({ onProgress: ({ bytes }) => reports.push(bytes) })
    stream.write('abc')
    stream.destroy()
    await closed(stream)
    expect(reports).to.deep.equal([3])
  })

  for (const [when, chunks] of Object.entries({ 'on a chunk': ['abc'], 'at an empty end': [] })) {
    it(`fails with the exception of its listener ${when}`, async () => {
      const boom = new Error('boom')
      const stream = progressStream({
        onProgress: () => {
          throw boom
        },
      })
      const events = record(stream)
      expect(await failure(run(stream, chunks))).to.equal(boom)
      await closed(stream)
      expect(events.filter((event) => event.startsWith('error'))).to.deep.equal(['error: boom'])
    })
  }

  for (const total of [-1, 0.5, NaN, '5', null]) {
    it(`refuses total ${typeof total} ${total} and names it`, () => {
      const error = refusal(() => progressStream({ total: total as number, onProgress: () => undefined }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'total'])
    })
  }

  for (const onProgress of [undefined, null, 'console.log', {}]) {
    it(`refuses onProgress ${JSON.stringify(onProgress)} and names it`, () => {
      const error = refusal(() => progressStream({ onProgress: onProgress as ProgressListener }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'onProgress'])
    })
  }
})
