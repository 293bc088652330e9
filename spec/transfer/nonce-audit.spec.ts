/** No chunk and position of one data key ever leaves with two ciphertexts, whatever fails, is sent again, or changes. */
import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { makeService } from '../../lib/cos-client.js'
import { sealerOf } from '../../lib/encrypted/sealer.js'
import type { Fault } from '../../lib/server/index.js'
import { CheckpointFile } from '../../lib/transfer/checkpoint-file.js'
import type { SeekableSource } from '../../lib/transfer/seekable-source.js'
import { uploadJob } from '../../lib/transfer/upload-job.js'
import { uploadSeekable } from '../../lib/transfer/upload-seekable.js'
import { bytesOf } from '../support/encrypting-store.js'
import { expectedBytes, GCM, rawObject, SEALED, writing } from '../support/format-writers.js'
import { fileUploads } from '../support/interrupted-upload.js'
import { MessageAudit } from '../support/message-audit.js'
import { BUCKET } from '../support/raw-request.js'
import { failureOf, refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const SIZE = 5 * PART + 7
const OLD = content(SIZE, 11)
const NEW = content(SIZE, 12)
const RETRY = { attempts: 9, baseDelay: 1, maxDelay: 5 }

/** Parts that are cut in their bodies, refused when they are whole, or stored without an answer. */
const TROUBLE: readonly Fault[] = [
  { kind: 'reset-in-request-body', operation: 'uploadPart', call: 1 },
  { kind: 'internal-error', operation: 'uploadPart', call: 3 },
  { kind: 'answer-lost', operation: 'uploadPart', call: 4 },
  { kind: 'flip-bit-stored', operation: 'uploadPart', call: 6 },
  { kind: 'error-in-200', operation: 'uploadPart', call: 8 },
]

const CHANGED = 'SEALSTREAM_SOURCE_CHANGED'

/** A source whose bytes may change between two runs without a trace. */
function silentSource(bytes: Buffer): SeekableSource {
  const done = (): Promise<void> => Promise.resolve()
  return {
    size: bytes.length,
    fingerprint: 'always the same',
    read: async (into, position) => void bytes.copy(into, 0, position),
    check: done,
    close: done,
  }
}

for (const writer of [SEALED, GCM]) {
  describe(`the nonces of ${writer.format}`, () => {
    let audit = new MessageAudit(PART)
    let onPart: (partNumber: number | undefined) => void = () => undefined
    const bench = transferBench({
      onBody: (event) => {
        audit.record(event)
        onPart(event.partNumber)
      },
    })
    const make = fileUploads()
    beforeEach(() => {
      audit = new MessageAudit(PART)
      onPart = () => undefined
    })

    const client = (): CosEncryptionClient => writing(bench, writer, { retry: RETRY })

    /** What an upload must come to, by the envelope in its checkpoint. */
    function messageOf(saved: unknown, plain: Buffer): Promise<Buffer> {
      const { Envelope, Iv } = saved as { Envelope: Record<string, string>; Iv?: string }
      const head = Buffer.from(Iv ?? '', 'base64')
      return expectedBytes(writer.masterKey(bench), { headers: Envelope, bytes: head }, plain)
    }

    async function expectObject(plain: Buffer): Promise<Buffer> {
      const { Body } = await client().getObject({ Key: 'a' })
      expect((await bytesOf(Body)).equals(plain)).to.equal(true)
      return (await rawObject(bench, 'a')).bytes
    }

    for (const Concurrency of [1, 4]) {
      it(`meet one plaintext while parts fail, a run ends, and the next goes on, by ${Concurrency}`, async () => {
        const file = await make(OLD)
        bench.server.faults.add(...TROUBLE)
        bench.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber: 5, times: 9 })
        await failureOf(() => client().uploadFile(file.params({ Concurrency })))
        const { SavedKey } = await file.read()
        bench.server.faults.clear()
        bench.server.faults.add(...TROUBLE)
        await client().uploadFile(file.params({ Concurrency }))
        expect(file.events.map(({ type }) => type)).to.deep.equal(['resumed'])
        const message = await expectObject(OLD)
        expect(message.equals(await messageOf(SavedKey, OLD))).to.equal(true)
        const [only, ...more] = audit.uploads as [string]
        expect([more, audit.conflicts, audit.strangersIn(only, message)]).to.deep.equal([[], 0, 0])
        expect(audit.seenOf(only)).to.equal(message.length)
        expect(audit.attempts, 'some were sent again').to.be.greaterThan(6)
      })
    }

    it('are others where the source changed in between', async () => {
      const file = await make(OLD)
      bench.server.faults.add(...TROUBLE)
      bench.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber: 5, times: 9 })
      await failureOf(() => client().uploadFile(file.params({ Concurrency: 2 })))
      const { SavedKey } = await file.read()
      bench.server.faults.clear()
      bench.server.faults.add(...TROUBLE)
      await writeFile(file.path, NEW)
      await client().uploadFile(file.params({ Concurrency: 2 }))
      expect(file.events).to.deep.equal([{ type: 'restarted', reason: 'the source changed' }])
      const message = await expectObject(NEW)
      const [first, second, ...more] = audit.uploads as [string, string]
      expect([more, audit.conflicts]).to.deep.equal([[], 0])
      expect(audit.strangersIn(first, await messageOf(SavedKey, OLD)), 'the first run').to.equal(0)
      expect(audit.strangersIn(second, message), 'the second run').to.equal(0)
      expect(audit.seenOf(first)).to.be.greaterThan(PART)
    })

    it('are others where the source changed while a run went on with it', async () => {
      const file = await make(OLD)
      bench.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber: 3, times: 9 })
      await failureOf(() => client().uploadFile(file.params()))
      const { SavedKey } = await file.read()
      bench.server.faults.clear()
      // The first byte of another part is there: from now on it is another file.
      onPart = (partNumber) => {
        if (partNumber === 3) writeFileSync(file.path, NEW)
      }
      await refused('SEALSTREAM_SOURCE_CHANGED', () => client().uploadFile(file.params({ Concurrency: 2 })))
      expect(await file.others(), 'the checkpoint').to.deep.equal([])
      expect(await bench.uploads()).to.deep.equal([])
      onPart = () => undefined
      await client().uploadFile(file.params())
      const message = await expectObject(NEW)
      const [first, second, ...more] = audit.uploads as [string, string]
      expect([more, audit.conflicts]).to.deep.equal([[], 0])
      expect(audit.strangersIn(first, await messageOf(SavedKey, OLD))).to.equal(0)
      expect(audit.strangersIn(second, message)).to.equal(0)
    })

    /** Bytes that change while nothing tells so: what a run finds instead of what the run before began. */
    const CHANGES: readonly (readonly [title: string, positions: readonly number[]])[] = [
      ['everywhere', Array.from({ length: SIZE }, (_, at) => at)],
      ['in a part that is stored', [PART + 5]],
      ['in the chunk that a stored part shares with the next one', [3 * PART - 5000]],
      ['in a part that was begun', [3 * PART + 100]],
      ['in a part that was not begun', [5 * PART]],
    ]
    for (const [title, positions] of CHANGES) {
      it(`meet one plaintext where a source changed ${title} and does not say so`, async () => {
        const other = Buffer.from(OLD)
        for (const at of positions) other[at]! ^= 0x55
        const run = (bytes: Buffer): Promise<unknown> => {
          const { endpoint, credentials } = bench.server
          const service = makeService({ endpoint, credentials, bucket: BUCKET, retry: RETRY })
          const masterKey = writer.masterKey(bench)
          const { format } = writer
          const sealer = sealerOf({ service, masterKey, format, policy: 'any', context: undefined })
          const job = uploadJob(service, { Key: 'a', PartSize: PART, Concurrency: 1 }, [], sealer)
          const checkpoint = new CheckpointFile(bench.path('c'), 'upload')
          return uploadSeekable(job, silentSource(bytes), checkpoint).finally(() => service.http.close())
        }
        bench.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber: 4, times: 9 })
        await failureOf(() => run(OLD))
        bench.server.faults.clear()
        await run(other).catch((error: unknown) => expect(error).to.have.property('code', CHANGED))
        expect([audit.uploads.length, audit.conflicts]).to.deep.equal([1, 0])
      })
    }
  })
}
