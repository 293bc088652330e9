/** Downloads to files whose ranges are decrypted and written by threads. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { AuthenticationError, IntegrityError } from '../../lib/errors.js'
import {
  clientsOf,
  fieldsOf,
  idOfNextThread,
  KINDS,
  MOMENTS,
  rangesDone,
  rangesOf,
  refusesFourth,
  SEALED_RANGE,
  storeAltered,
  threadWatch,
} from '../support/download-threads.js'
import { rawObject } from '../support/format-writers.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const SIZE = 4 * PART + 5
const BYTES = content(SIZE, 5)
const OLD = Buffer.from('old')
const RETRIES = { retry: { attempts: 4, baseDelay: 1, maxDelay: 2 } }

describe('downloadFile by threads', () => {
  const bench = transferBench({}, { once: true })
  const watch = threadWatch()

  const client = clientsOf(bench)

  function params<More extends object>(more: More) {
    return { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 4, ...more }
  }

  async function expectFile(bytes: Buffer, what: string): Promise<void> {
    expect((await readFile(bench.path('f'))).equals(bytes), what).to.equal(true)
    expect(await bench.names(), what).to.deep.equal(['f'])
  }

  for (const kind of KINDS) {
    const unit = kind === 'sealed' ? SEALED_RANGE : PART
    const sizes = [PART + 1, 2 * unit - 1, 2 * unit, 2 * unit + 1, 3 * unit + 7]
    it(`${kind}: gives back ${sizes.join(', ')} bytes by 2 and 16 threads, as by 1`, async () => {
      for (const size of sizes) {
        const bytes = content(size, size % 200)
        await client(kind).putObject({ Key: 'k', Body: bytes })
        const { ranges, filled } = rangesOf(kind, size)
        const alone = await client(kind).downloadFile(params({ threads: 1 }))
        expect([watch.begun.size, watch.opens]).to.deep.equal([0, 0])
        for (const threads of [2, 16]) {
          const what = `${size} bytes by ${threads} threads`
          const result = await client(kind).downloadFile(params({ threads }))
          await expectFile(bytes, what)
          expect(result, what).to.deep.equal(alone)
          expect(watch.begun.size, what).to.equal(Math.min(threads, ranges, 4))
          expect(watch.opens, what).to.equal(filled)
          watch.forget()
        }
      }
    })

    it(`${kind}: reports progress from 0 to the total, forward only, also where ranges are begun again`, async () => {
      await client(kind).putObject({ Key: 'k', Body: BYTES })
      for (const fault of [undefined, 'early-close'] as const) {
        bench.server.faults.clear()
        if (fault !== undefined) bench.server.faults.add({ kind: fault, operation: 'getObject', call: 3 })
        const seen: number[] = []
        const onProgress = ({ bytes }: { bytes: number }): void => void seen.push(bytes)
        await client(kind, RETRIES).downloadFile(params({ threads: 2, onProgress }))
        expect([seen[0], seen.at(-1)]).to.deep.equal([0, SIZE])
        expect(seen).to.deep.equal([...new Set(seen)].sort((a, b) => a - b))
        if (fault === undefined) expect(seen.length).to.be.above(4)
        await expectFile(BYTES, fault ?? 'no fault')
      }
    })
  }

  it('reports the total at the end of ranges so large that numbers become inexact', async () => {
    const PartSize = 96 * PART
    const total = PartSize + 94_906_267
    await client('plain').putObject({ Key: 'k', Body: Buffer.alloc(total) })
    for (const threads of [1, 2]) {
      let last = 0
      const onProgress = ({ bytes }: { bytes: number }): void => void (last = bytes)
      await client('plain').downloadFile(params({ PartSize, threads, onProgress }))
      expect(last, `${threads} threads`).to.equal(total)
    }
  })

  it('has no thread for one range, one at a time, 1 thread, or little unless it is told to', async () => {
    await client('cos').putObject({ Key: 'k', Body: BYTES })
    const one = [{ PartSize: 5 * PART, threads: 16 }, { Concurrency: 1, threads: 16 }, { threads: 1 }]
    for (const more of [...one, {}, { threads: undefined }]) {
      await client('cos').downloadFile(params(more) as never)
      await expectFile(BYTES, JSON.stringify(more))
    }
    expect([watch.begun.size, watch.opens]).to.deep.equal([0, 0])
  })

  it('refuses wrong numbers of threads by their name, before any request and any file', async () => {
    bench.calls.length = 0
    for (const threads of [0, 17, 1.5, -1, '2', NaN, Infinity, null]) {
      for (const kind of ['plain', 'cos', 'sealed'] as const) {
        const error = await refused('SEALSTREAM_OPTION', () =>
          client(kind).downloadFile(params({ threads }) as never),
        )
        expect(error, String(threads)).to.have.property('option', 'threads')
        expect(error.message).to.contain('threads')
      }
    }
    expect(bench.calls).to.deep.equal([])
    expect(await bench.names()).to.deep.equal([])
  })

  it('keeps its threads for the next downloads, whatever their format, part size and number', async () => {
    let next = Infinity
    for (const kind of KINDS) {
      await client(kind).putObject({ Key: 'k', Body: BYTES })
      for (const more of [{ threads: 3 }, { threads: 2, PartSize: 2 * PART, Concurrency: 2 }]) {
        watch.forget()
        await client(kind).downloadFile(params(more))
        expect([watch.begun.size, watch.running]).to.deep.equal([more.threads, more.threads])
        for (const { threadId } of watch.begun) expect(threadId).to.be.below(next)
        await expectFile(BYTES, kind)
      }
      if (next === Infinity) next = await idOfNextThread()
    }
  })

  for (const kind of ['sealed', 'cos-java-gcm'] as const) {
    it(`${kind}: a bit that was altered anywhere is the AuthenticationError of 1 thread, and leaves nothing`, async () => {
      await client(kind).putObject({ Key: 'k', Body: BYTES })
      const object = await rawObject(bench)
      for (const at of [60, 2 * PART + 9]) {
        await storeAltered(bench, object, at)
        const errors: object[] = []
        for (const threads of [1, 2]) {
          watch.forget()
          await writeFile(bench.path('f'), OLD)
          const error = await refused('SEALSTREAM_AUTHENTICATION', () =>
            client(kind).downloadFile(params({ threads })),
          )
          errors.push(fieldsOf(ofClass(error, AuthenticationError)))
          await expectFile(OLD, `byte ${at}`)
          // The one tag of cos-java-gcm is looked at when they are done.
          if (kind === 'sealed') watch.expectEnded(threads)
        }
        expect(errors, `byte ${at}`).to.deep.equal(errors.map(() => errors[0]))
      }
    })
  }

  for (const kind of ['plain', 'cos'] as const) {
    it(`${kind}: a bit that was altered on its way is the IntegrityError of 1 thread, and leaves nothing`, async () => {
      await client(kind).putObject({ Key: 'k', Body: BYTES })
      const { endpoint } = await bench.proxy(async ({ headers }, forward) => {
        const reply = await forward()
        if (headers.range?.startsWith(`bytes=${2 * PART}-`) === true) reply.body[PART / 2]! ^= 1
        return reply
      })
      const seen: unknown[] = []
      for (const threads of [1, 2]) {
        const error = await refused('SEALSTREAM_INTEGRITY', () =>
          client(kind, { endpoint }).downloadFile(params({ threads })),
        )
        seen.push(fieldsOf(ofClass(error, IntegrityError)))
        expect(await bench.names()).to.deep.equal([])
      }
      expect(seen).to.deep.equal(seen.map(() => seen[0]))
    })
  }

  for (const kind of ['plain', 'sealed'] as const) {
    for (const fault of ['early-close', 'reset-in-response-body', 'internal-error'] as const) {
      it(`${kind}: ${fault} of any range is made good by retries, and refused without`, async () => {
        await client(kind).putObject({ Key: 'k', Body: BYTES })
        for (const call of [2, 4]) {
          bench.server.faults.clear()
          bench.server.faults.add({ kind: fault, operation: 'getObject', call, times: 2 })
          await client(kind, RETRIES).downloadFile(params({ threads: 2 }))
          expect(bench.server.faults.hits).to.have.lengthOf(2)
          await expectFile(BYTES, `call ${call}`)
        }
        await writeFile(bench.path('f'), OLD)
        watch.forget()
        bench.server.faults.clear()
        bench.server.faults.add({ kind: fault, operation: 'getObject', call: 3, times: 9 })
        await failureOf(() => client(kind).downloadFile(params({ threads: 2 })))
        watch.expectEnded(2)
        await expectFile(OLD, 'refused')
      })
    }

    it(`${kind}: aborted, it ends its threads before it closes its file, leaves nothing, and the next one works`, async () => {
      await client(kind).putObject({ Key: 'k', Body: BYTES })
      for (const when of MOMENTS) {
        const aborting = watch.abortWhen(when)
        await refused('SEALSTREAM_ABORTED', () =>
          client(kind).downloadFile(params({ threads: 2, ...aborting })),
        )
        watch.expectEnded(2)
        expect(await bench.names(), when).to.deep.equal([])
        watch.forget()
        await client(kind).downloadFile(params({ threads: 2 }))
        await expectFile(BYTES, `after ${when}`)
        await rm(bench.path('f'))
      }
    })

    it(`${kind}: what threads fail at is done without them`, async () => {
      await client(kind).putObject({ Key: 'k', Body: BYTES })
      for (const how of ['they cannot write', 'one ends', 'both end']) {
        watch.forget()
        watch.onOpen = (message, send, thread) => {
          const isEnding = how === 'both end' || (how === 'one ends' && watch.opens === 1)
          if (isEnding) void thread.terminate()
          send(how === 'they cannot write' ? { ...message, descriptor: 2 ** 30 } : message)
        }
        const { verified } = await client(kind).downloadFile(params({ threads: 2 }))
        expect(verified).to.equal(kind === 'plain' ? 'crc64' : 'aead')
        await expectFile(BYTES, how)
      }
      watch.forget()
      await client(kind).downloadFile(params({ threads: 2 }))
      expect([watch.begun.size, watch.running]).to.deep.equal([2, 2])
      await expectFile(BYTES, 'afterwards')
    })

    it(`${kind}: overwritten meanwhile, it begins afresh and gives the new object`, async () => {
      for (const size of [SIZE, PART + 1, 5 * PART]) {
        const other = content(size, 9)
        await client(kind).putObject({ Key: 'k', Body: BYTES })
        let gets = 0
        const { endpoint } = await bench.proxy(async ({ method }, forward) => {
          if (method === 'GET' && ++gets === 3) await client(kind).putObject({ Key: 'k', Body: other })
          return forward()
        })
        await client(kind, { endpoint }).downloadFile(params({ threads: 2, Concurrency: 2 }))
        await expectFile(other, `${size} bytes`)
      }
    })
  }

  it('ends with what a listener of progress throws, and leaves nothing', async () => {
    await client('sealed').putObject({ Key: 'k', Body: BYTES })
    const thrown = new Error('mine')
    const onProgress = ({ bytes }: { bytes: number }): void => {
      if (bytes > PART) throw thrown
    }
    for (const threads of [1, 2]) {
      const call = client('sealed').downloadFile(params({ threads, onProgress }))
      expect(await call.catch((error: unknown) => error)).to.equal(thrown)
      watch.expectEnded(threads)
      expect(await bench.names()).to.deep.equal([])
    }
  })

  it('one that fails harms no other that goes on beside it', async () => {
    await client('sealed').putObject({ Key: 'k', Body: BYTES })
    await storeAltered(bench, await rawObject(bench), PART, 'altered')
    const reader = client('sealed')
    const [good, bad, again] = await Promise.allSettled([
      reader.downloadFile(params({ threads: 2 })),
      reader.downloadFile(params({ threads: 2, Key: 'altered', DestFilePath: bench.path('g') })),
      reader.downloadFile(params({ threads: 3, DestFilePath: bench.path('h') })),
    ])
    expect([good.status, bad.status, again.status]).to.deep.equal(['fulfilled', 'rejected', 'fulfilled'])
    expect(await bench.names()).to.deep.equal(['f', 'h'])
    for (const name of ['f', 'h']) expect((await readFile(bench.path(name))).equals(BYTES)).to.equal(true)
  })

  for (const kind of ['plain', 'cos', 'sealed'] as const) {
    for (const first of [1, 2]) {
      for (const then of [1, 2]) {
        it(`${kind}: with a checkpoint, ${then} goes on where ${first} ended`, async () => {
          await client(kind).putObject({ Key: 'k', Body: BYTES })
          const checkpoint = bench.path('checkpoint')
          const { endpoint } = await refusesFourth(bench, checkpoint)
          const concurrent = { Concurrency: 2, checkpoint }
          await refused('SEALSTREAM_SERVICE', () =>
            client(kind, { endpoint }).downloadFile(params({ ...concurrent, threads: first })),
          )
          watch.expectEnded(first)
          expect(await rangesDone(checkpoint)).to.equal(3)
          watch.forget()
          const events: unknown[] = []
          const onEvent = (event: unknown): void => void events.push(event)
          await client(kind).downloadFile(params({ ...concurrent, threads: then, onEvent }))
          const size = kind === 'sealed' ? SEALED_RANGE : PART
          expect(events).to.deep.equal([{ type: 'resumed', parts: 3, bytes: 3 * size }])
          expect(watch.opens).to.equal(then === 1 ? 0 : rangesOf(kind, SIZE).filled - 3)
          await expectFile(BYTES, 'resumed')
        })
      }
    }
  }
})
