/** Uploads of files by several threads, in processes of their own, which have to end by themselves. */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { refused } from '../support/refused.js'
import { PARTS, PLAIN, threadUploads } from '../support/thread-bench.js'
import { PART, transferBench } from '../support/transfers.js'

describe('uploadFile by threads', () => {
  const bench = transferBench()
  const uploads = threadUploads(bench)

  for (const kind of ['plain', 'cos', 'sealed', 'cos-java-gcm'] as const) {
    it(`stores what 1 thread stores, by 2 and 3, with MD5 and with CRC-64 alone: ${kind}`, async () => {
      const tasks = [
        uploads.task(kind, { Key: '1', threads: 1 }),
        uploads.task(kind, { Key: '2', threads: 2 }),
        uploads.task(kind, { Key: '3', threads: 3, EnableMD5: true }),
        uploads.task(kind, { Key: '2 crc64', threads: 2, integrity: 'crc64' }),
      ]
      const outcomes = await uploads.outcomes(...tasks)
      for (const [index, task] of tasks.entries()) {
        const outcome = outcomes[index]!
        await uploads.expectStored(task, outcome)
        // One is the calling one; and one cipher through all parts stays there.
        const isAlone = task.threads === 1 || kind === 'cos-java-gcm'
        expect(outcome.threads, task.Key).to.equal(isAlone ? 0 : task.threads)
      }
      expect(await bench.uploads()).to.deep.equal([])
    })
  }

  it('states the MD5 of each part that a thread made', async () => {
    const [outcome] = await uploads.outcomes(uploads.task('plain', { EnableMD5: true }))
    const md5s = Array.from({ length: PARTS }, (_, n) =>
      createHash('md5')
        .update(PLAIN.subarray(n * PART, (n + 1) * PART))
        .digest(),
    )
    const whole = createHash('md5').update(Buffer.concat(md5s)).digest('hex')
    expect(outcome!.stored!.ETag).to.equal(`"${whole}-${PARTS}"`)
  })

  it('keeps its threads for the next uploads, whatever their key, format, part size and digests', async () => {
    const tasks = [
      uploads.task('cos', { Key: 'a' }),
      uploads.task('sealed', { Key: 'b', threads: 3 }),
      uploads.task('plain', { Key: 'c', EnableMD5: true }),
      uploads.task('cos', { Key: 'd', PartSize: 2 * PART, integrity: 'crc64', Concurrency: 2 }),
      uploads.task('cos', { Key: 'e', threads: 1 }),
      uploads.task('cos', { Key: 'f' }),
    ]
    const { outcomes, started } = await uploads.report(...tasks)
    for (const [index, task] of tasks.entries()) await uploads.expectStored(task, outcomes[index]!)
    expect(outcomes.map(({ threads }) => threads)).to.deep.equal([2, 3, 2, 2, 0, 2])
    expect(started).to.equal(3)
  })

  it('keeps no thread of an upload that failed', async () => {
    const { outcomes, started } = await uploads.report(
      uploads.task('cos', { Key: 'a', abortAt: PART }),
      uploads.task('cos', { Key: 'b' }),
    )
    expect(outcomes.map(({ failure }) => failure)).to.deep.equal(['SEALSTREAM_ABORTED', undefined])
    expect(started).to.equal(4)
  })

  it('starts no more than there are workers, and none for one part, one worker, or little unless it is told to', async () => {
    await writeFile(bench.path('small'), PLAIN.subarray(0, PART))
    const { threads: _, ...untold } = uploads.task('cos')
    const outcomes = await uploads.outcomes(
      uploads.task('cos', { Concurrency: 2, threads: 16 }),
      uploads.task('plain', { LocalFilePath: bench.path('small') }),
      uploads.task('cos', { Concurrency: 1, threads: 16 }),
      untold,
    )
    expect(outcomes.map(({ failure }) => failure)).to.deep.equal(Array(4).fill(undefined))
    expect(outcomes.map(({ threads }) => threads)).to.deep.equal([2, 0, 0, 0])
  })

  it('refuses wrong numbers of threads by their name, before any request', async () => {
    const clients = [bench.plain(), bench.encrypting(), bench.encrypting({ format: 'sealed' })]
    for (const threads of [0, 17, 1.5, -1, '2', NaN, Infinity, null]) {
      for (const client of clients) {
        const params = { Key: 'k', LocalFilePath: bench.path('source'), threads } as never
        const error = await refused('SEALSTREAM_OPTION', () => client.uploadFile(params))
        expect(error, String(threads)).to.have.property('option', 'threads')
        expect(error.message).to.contain('threads')
      }
    }
    expect(bench.calls).to.deep.equal([])
  })
})

describe('uploadFile by threads, of a program that is given as text,', () => {
  const bench = transferBench()
  const uploads = threadUploads(bench, { isText: true })

  it('has its threads, and warns of nothing', async () => {
    const task = uploads.task('cos', { Key: 'k', threads: 2 })
    const { outcomes, warnings, started } = await uploads.report(task)
    expect(warnings).to.deep.equal([])
    expect(started).to.equal(2)
    await uploads.expectStored(task, outcomes[0]!)
  })
})

for (const thread of ['missing', 'empty', 'forbidden'] as const) {
  describe(`uploadFile by threads, where the file of the threads is ${thread},`, () => {
    const bench = transferBench()
    const uploads = threadUploads(bench, { thread })

    it('warns once, and makes the parts without', async () => {
      const tasks = (['cos', 'sealed', 'plain'] as const).map((kind) => uploads.task(kind, { Key: kind }))
      const { outcomes, warnings } = await uploads.report(...tasks)
      expect(warnings).to.deep.equal(['SEALSTREAM_NO_THREADS'])
      for (const [index, task] of tasks.entries()) await uploads.expectStored(task, outcomes[index]!)
    })
  })
}
