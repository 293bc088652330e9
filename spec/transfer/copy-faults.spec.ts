import { expect } from 'chai'
import type { Fault, RequestEvent } from '../../lib/server/index.js'
import { bytesOf } from '../support/encrypting-store.js'
import { eventually } from '../support/eventually.js'
import { refused } from '../support/refused.js'
import {
  type AnyClient,
  type ClientKind,
  content,
  ENCRYPTED,
  outcome,
  PART,
  PLAIN,
  transferBench,
} from '../support/transfers.js'

const SIZE = 2 * PART + 7
const IN_PARTS = { MultipartThreshold: 0, PartSize: PART, Concurrency: 1 }
const RETRY = { attempts: 5, baseDelay: 2, maxDelay: 10 }

/** Fault → without retries, and with some; alternatives are separated by a bar. */
const COPY = {
  'connect-refused': 'done|SEALSTREAM_CONNECTION done',
  'reset-before-headers': 'done|SEALSTREAM_CONNECTION done',
  'reset-in-response-body': 'SEALSTREAM_CONNECTION done',
  'answer-lost': 'done|SEALSTREAM_CONNECTION done',
  'early-close': 'SEALSTREAM_CONNECTION done',
  'stall-before-headers': 'SEALSTREAM_TIMEOUT done',
  'request-timeout': 'SEALSTREAM_SERVICE done',
  'expired-token': 'SEALSTREAM_SERVICE SEALSTREAM_SERVICE',
  conflict: 'SEALSTREAM_SERVICE SEALSTREAM_SERVICE',
  'too-many-requests': 'SEALSTREAM_SERVICE done',
  'internal-error': 'SEALSTREAM_SERVICE done',
  'slow-down': 'SEALSTREAM_SERVICE done',
  'error-in-200': 'SEALSTREAM_SERVICE done',
  redirect: 'done done',
  'malformed-xml': 'SEALSTREAM_ANSWER SEALSTREAM_ANSWER',
  'truncated-xml': 'SEALSTREAM_ANSWER SEALSTREAM_ANSWER',
  'short-body': 'SEALSTREAM_ANSWER SEALSTREAM_ANSWER',
} as const

describe('copy: what goes wrong', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(SIZE, 4)
  const etags = new Map<string, string>()

  beforeEach(async () => {
    const plain = bench.plain()
    for (const kind of [PLAIN, ENCRYPTED[0]!]) {
      // Only where a test has overwritten it.
      const found = await plain.headObject({ Key: kind.name }).catch(() => undefined)
      if (found !== undefined && found.ETag === etags.get(kind.name)) continue
      const source = { Key: kind.name, Body: bytes, Metadata: { colour: 'blue' } }
      etags.set(kind.name, (await bench.client(kind).putObject(source)).ETag)
    }
    await plain.deleteObject({ Key: 'to' })
  })

  /** Copies under a fault. What says it is done must be the whole; what fails must leave no upload. */
  async function outcomeOf(kind: ClientKind, faults: Fault[], how: object, retry: object): Promise<string> {
    bench.server.faults.clear()
    bench.server.faults.add(...faults)
    const isStall = faults.some((fault) => fault.kind.startsWith('stall'))
    const client = bench.client(kind, { retry, timeouts: { stall: isStall ? 800 : 10_000 } })
    const found = await outcome(client.copy({ Key: 'to', CopySource: { Key: kind.name }, ...how }))
    expect(bench.server.faults.hits.length, 'the fault fired').to.be.at.least(1)
    bench.server.faults.clear()
    if (found === 'done') await expectCopy(bench.client(kind))
    await eventually(async () => expect(await bench.uploads()).to.deep.equal([]))
    return found
  }

  async function expectCopy(client: AnyClient): Promise<void> {
    const found = await client.getObject({ Key: 'to' })
    expect((await bytesOf(found.Body)).equals(bytes)).to.equal(true)
    expect(found.Metadata).to.deep.equal({ colour: 'blue' })
  }

  for (const kind of [PLAIN, ENCRYPTED[0]!]) {
    for (const [fault, expected] of Object.entries(COPY)) {
      // What follows does not know of encryption.
      if (kind !== PLAIN && !['answer-lost', 'error-in-200', 'internal-error'].includes(fault)) continue
      const [alone, again] = expected.split(' ') as [string, string]
      const extra = fault === 'slow-down' ? { retryAfter: 0 } : fault === 'connect-refused' ? { ms: 1 } : {}

      it(`${kind.name}: ${fault} on copyObject is ${alone}, with retries ${again}`, async () => {
        const faults = [{ kind: fault, operation: 'copyObject', ...extra }] as Fault[]
        expect(await outcomeOf(kind, faults, {}, { attempts: 1 })).to.be.oneOf(alone.split('|'))
        expect(await outcomeOf(kind, faults, {}, RETRY)).to.equal(again)
      })

      const calls = fault.startsWith('stall') ? [2] : [1, 2, 3]
      it(`${kind.name}: ${fault} on part ${calls.join(', ')} is ${alone}, with retries ${again}`, async () => {
        for (const call of calls) {
          const faults = [{ kind: fault, operation: 'uploadPartCopy', call, ...extra }] as Fault[]
          expect(await outcomeOf(kind, faults, IN_PARTS, { attempts: 1 })).to.be.oneOf(alone.split('|'))
          if (call === 2) expect(await outcomeOf(kind, faults, IN_PARTS, RETRY)).to.equal(again)
        }
      })
    }

    for (const fault of ['answer-lost', 'error-in-200', 'malformed-xml', 'stall-before-headers'] as const) {
      it(`${kind.name}: ${fault} on completing is settled by asking`, async () => {
        const faults: Fault[] = [{ kind: fault, operation: 'completeMultipartUpload' }]
        // One that says that it was not done is a matter of retries.
        const retry = fault === 'error-in-200' ? RETRY : { attempts: 1 }
        expect(await outcomeOf(kind, faults, IN_PARTS, retry)).to.equal('done')
      })
    }

    it(`${kind.name}: an answer lost on every HEAD afterwards is a typed error`, async () => {
      const faults: Fault[] = [{ kind: 'internal-error', operation: 'headObject', call: 2, times: 9 }]
      expect(await outcomeOf(kind, faults, {}, { attempts: 2, baseDelay: 1 })).to.equal('SEALSTREAM_SERVICE')
    })

    for (const [way, how, operation] of [
      ['one request', {}, 'headObject'],
      ['parts', IN_PARTS, 'completeMultipartUpload'],
    ] as const) {
      it(`${kind.name}, ${way}: another CRC-64 of the copy is SEALSTREAM_INTEGRITY; no upload is left`, async () => {
        const call = operation === 'headObject' ? 2 : 1
        const faults: Fault[] = [{ kind: 'wrong-crc64', operation, call }]
        expect(await outcomeOf(kind, faults, how, { attempts: 1 })).to.equal('SEALSTREAM_INTEGRITY')
      })

      it(`${kind.name}, ${way}: a source that is not there is a ServiceError, and nothing is begun`, async () => {
        const client = bench.client(kind)
        await refused('SEALSTREAM_SERVICE', () =>
          client.copy({ Key: 'to', CopySource: { Key: 'none' }, ...how }),
        )
        expect(await bench.uploads()).to.deep.equal([])
      })

      it(`${kind.name}, ${way}: a source that is overwritten meanwhile is SEALSTREAM_OBJECT_CHANGED, and there is no copy`, async () => {
        const writer = bench.client(kind)
        for (const at of way === 'parts' ? [1, 2, 3] : [1]) {
          let copies = 0
          const proxy = await bench.proxy(async ({ headers }, forward) => {
            if (headers['x-cos-copy-source'] !== undefined && ++copies === at) {
              await writer.putObject({ Key: kind.name, Body: content(SIZE, 40 + at) })
            }
            return forward()
          })
          const client = bench.client(kind, { endpoint: proxy.endpoint })
          await refused('SEALSTREAM_OBJECT_CHANGED', () =>
            client.copy({ Key: 'to', CopySource: { Key: kind.name }, ...how }),
          )
          await eventually(async () => expect(await bench.uploads()).to.deep.equal([]))
          const found = await writer.headObject({ Key: 'to' }).catch(() => 'none')
          expect(found).to.equal('none')
        }
      })

      it(`${kind.name}, ${way}: an abort is SEALSTREAM_ABORTED; the upload is dropped`, async () => {
        const reason = new Error('enough')
        const controller = new AbortController()
        let copies = 0
        const proxy = await bench.proxy(async ({ headers }, forward) => {
          if (headers['x-cos-copy-source'] !== undefined && ++copies === (way === 'parts' ? 2 : 1)) {
            controller.abort(reason)
          }
          return forward()
        })
        const client = bench.client(kind, { endpoint: proxy.endpoint })
        const { signal } = controller
        const error = await refused('SEALSTREAM_ABORTED', () =>
          client.copy({ Key: 'to', CopySource: { Key: kind.name }, ...how, signal }),
        )
        expect(error.cause).to.equal(reason)
        await eventually(async () => expect(await bench.uploads()).to.deep.equal([]))
        await refused('SEALSTREAM_ABORTED', () =>
          client.copy({ Key: 'to', CopySource: { Key: kind.name }, ...how, signal: AbortSignal.abort() }),
        )
      })
    }
  }

  it('every request on a part names the version of the source that HEAD described', async () => {
    const proxy = await bench.proxy((_exchange, forward) => forward())
    const client = bench.plain({ endpoint: proxy.endpoint })
    const { ETag } = await client.headObject({ Key: 'plain' })
    await client.copy({ Key: 'to', CopySource: { Key: 'plain' }, ...IN_PARTS, Concurrency: 3 })
    const parts = proxy.exchanges.filter(({ headers }) => headers['x-cos-copy-source'] !== undefined)
    expect(parts).to.have.lengthOf(3)
    for (const { headers } of parts) expect(headers['x-cos-copy-source-if-match']).to.equal(ETag)
  })

  it('a copy in parts that fails asks once to drop its upload, and one that is done does not', async () => {
    // Under keys of their own: the end of an earlier test may be heard of only now.
    const drops = (of: string): RequestEvent[] =>
      bench.calls.filter(({ operation, key }) => operation === 'abortMultipartUpload' && key === of)
    const client = bench.plain()
    await client.copy({ Key: 'done', CopySource: { Key: 'plain' }, ...IN_PARTS })
    bench.server.faults.add({ kind: 'conflict', operation: 'uploadPartCopy' })
    await refused('SEALSTREAM_SERVICE', () =>
      client.copy({ Key: 'failed', CopySource: { Key: 'plain' }, ...IN_PARTS }),
    )
    await eventually(() => expect(drops('failed')).to.have.length(1))
    expect(drops('done')).to.deep.equal([])
  })

  it('a copy in parts that turns out to be another object does not ask to drop an upload that is no more', async () => {
    bench.server.faults.add({ kind: 'wrong-crc64', operation: 'completeMultipartUpload' })
    await refused('SEALSTREAM_INTEGRITY', () =>
      bench.plain().copy({ Key: 'other', CopySource: { Key: 'plain' }, ...IN_PARTS }),
    )
    await bench.uploads()
    const dropped = bench.calls.filter(
      ({ operation, key }) => operation === 'abortMultipartUpload' && key === 'other',
    )
    expect(dropped).to.deep.equal([])
  })
})
