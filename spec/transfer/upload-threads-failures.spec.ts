/** Uploads by several threads that are aborted or interrupted, or whose source changes. Their processes have to end by themselves. */
import { writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { expectedBytes, rawObject } from '../support/format-writers.js'
import { MessageAudit } from '../support/message-audit.js'
import { becomesEmpty } from '../support/server-files.js'
import { MASTERS, PARTS, PLAIN, SIZE, threadUploads } from '../support/thread-bench.js'
import { content, PART, transferBench } from '../support/transfers.js'

const CHANGED = 'SEALSTREAM_SOURCE_CHANGED'
const THREADED = ['plain', 'sealed'] as const

describe('uploadFile by threads', () => {
  let audit = new MessageAudit(PART)
  /** Called with the number of each part that begins to arrive. */
  let onPart: (partNumber: number) => void = () => undefined
  const bench = transferBench({
    onBody: (event) => {
      audit.record(event)
      if (event.offset === 0 && event.partNumber !== undefined) onPart(event.partNumber)
    },
  })
  const uploads = threadUploads(bench)

  beforeEach(() => {
    audit = new MessageAudit(PART)
    onPart = () => undefined
  })

  for (const kind of THREADED) {
    it(`ends with SEALSTREAM_ABORTED when it is aborted, and leaves no thread and no upload: ${kind}`, async () => {
      const [before, midway] = await uploads.outcomes(
        uploads.task(kind, { abortAt: 0 }),
        uploads.task(kind, { abortAt: 2 * PART, threads: 3 }),
      )
      expect([before!.failure, midway!.failure]).to.deep.equal(['SEALSTREAM_ABORTED', 'SEALSTREAM_ABORTED'])
      expect(midway!.threads).to.equal(3)
      await becomesEmpty(bench.server)
    })

    it(`finds out in a thread that the source changed, and stores nothing: ${kind}`, async () => {
      // From now on no part is made of the same file.
      onPart = () => writeFileSync(bench.path('source'), content(SIZE, 63))
      const [outcome] = await uploads.outcomes(uploads.task(kind, { Concurrency: 2 }))
      expect(outcome).to.include({ failure: CHANGED, threads: 2 })
      expect(audit.attempts, 'parts that were sent').to.be.below(PARTS)
      await becomesEmpty(bench.server)
    })

    it(`finds out at its end that the source changed after its last part was made: ${kind}`, async () => {
      const seen = new Set<number>()
      onPart = (partNumber) => {
        seen.add(partNumber)
        if (seen.size === PARTS) writeFileSync(bench.path('source'), content(SIZE, 63))
      }
      const [outcome] = await uploads.outcomes(uploads.task(kind))
      expect(outcome).to.include({ failure: CHANGED, threads: 2 })
      expect(audit.attempts).to.equal(PARTS)
      await becomesEmpty(bench.server)
    })
  }

  it('finds out in a thread that the source became shorter', async () => {
    onPart = () => writeFileSync(bench.path('source'), PLAIN.subarray(0, 100))
    const [outcome] = await uploads.outcomes(uploads.task('sealed', { Concurrency: 2 }))
    expect(outcome).to.include({ failure: CHANGED, threads: 2 })
    await becomesEmpty(bench.server)
  })

  for (const kind of ['cos', 'sealed'] as const) {
    it(`goes on where a run by threads was interrupted, and meets one plaintext at each position: ${kind}`, async () => {
      const task = uploads.task(kind, { checkpoint: bench.path('checkpoint'), threads: 2 })
      // Two parts at least are left for the next run.
      for (const partNumber of [2, 3]) {
        bench.server.faults.add({
          kind: 'reset-in-request-body',
          operation: 'uploadPart',
          partNumber,
          times: 9,
        })
      }
      const [interrupted] = await uploads.outcomes(task)
      expect([interrupted!.threads, interrupted!.stored]).to.deep.equal([2, undefined])
      expect(await bench.uploads()).to.deep.equal(['k'])
      bench.server.faults.clear()
      const [done] = await uploads.outcomes(task)
      expect(done).to.deep.include({ threads: 2, events: ['resumed'] })
      await uploads.expectStored(task, done!)
      expect((await bench.names()).sort()).to.deep.equal(['source'])
      const [only, ...more] = audit.uploads as [string]
      const { bytes } = await rawObject(bench, 'k')
      expect([more, audit.conflicts, audit.strangersIn(only, bytes)]).to.deep.equal([[], 0, 0])
      expect(audit.seenOf(only)).to.equal(bytes.length)
      expect(audit.attempts, 'one was sent again').to.be.at.least(PARTS + 1)
    })
  }

  it('makes no part again where the source changed between two runs: another data key does', async () => {
    const task = uploads.task('cos', { checkpoint: bench.path('checkpoint') })
    bench.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber: 4, times: 9 })
    await uploads.outcomes(task)
    const { SavedKey } = JSON.parse(await readFile(bench.path('checkpoint'), 'utf8')) as {
      SavedKey: { Envelope: object }
    }
    bench.server.faults.clear()
    const other = content(SIZE, 64)
    await writeFile(bench.path('source'), other)
    const [done] = await uploads.outcomes(task)
    expect(done).to.deep.include({ threads: 2, events: ['restarted'] })
    const object = await rawObject(bench, 'k')
    expect(object.bytes.equals(await expectedBytes(MASTERS.aes, object, other))).to.equal(true)
    const [first, second, ...more] = audit.uploads as [string, string]
    const headers = SavedKey.Envelope as Record<string, string>
    const before = await expectedBytes(MASTERS.aes, { headers, bytes: Buffer.alloc(0) }, PLAIN)
    expect([more, audit.conflicts]).to.deep.equal([[], 0])
    expect(audit.strangersIn(first, before), 'the first run').to.equal(0)
    expect(audit.strangersIn(second, object.bytes), 'the second run').to.equal(0)
  })
})
