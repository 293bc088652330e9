import { Readable } from 'node:stream'
import { expect } from 'chai'
import { SealstreamError } from '../../lib/errors.js'
import type { OperationName } from '../../lib/server/operation.js'
import type { UploadParams } from '../../lib/transfer/upload.js'
import { eventually } from '../support/eventually.js'
import { failureOf, refused } from '../support/refused.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { becomesEmpty } from '../support/server-files.js'
import { TWO_KINDS, PART, uploadRigs } from '../support/upload-rig.js'

const all = new Seeded(24).bytes(3 * PART + 5)

async function* failingAfter(bytes: number): AsyncGenerator<Buffer> {
  yield* piecesOf(all.subarray(0, bytes), 100_000)
  throw new RangeError('the source failed')
}

const SOURCES: Record<string, (size: number) => UploadParams['Body']> = {
  bytes: (size) => all.subarray(0, size),
  'a stream': (size) => Readable.from(piecesOf(all.subarray(0, size), 400_000)),
}

describe('an upload that fails', () => {
  const start = uploadRigs()

  for (const kind of TWO_KINDS) {
    for (const bytes of [0, 1, PART - 1, PART, PART + 1, 3 * PART]) {
      it(`because its source does after ${bytes} bytes leaves nothing, and has the failure as cause, ${kind}`, async () => {
        const rig = await start()
        const sources = [
          failingAfter(bytes),
          Readable.from(failingAfter(bytes)),
          Readable.toWeb(Readable.from(failingAfter(bytes))),
        ]
        for (const Body of sources) {
          const error = await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () =>
            rig.client(kind).upload({ Key: 'a', Body: Body as Readable, PartSize: PART }),
          )
          expect(error.cause).to.be.instanceOf(RangeError)
          await becomesEmpty(rig.server)
        }
        expect(rig.of('putObject')).to.deep.equal([])
      })
    }
  }

  it('because its source was destroyed with no error leaves nothing', async () => {
    const rig = await start()
    for (const bytes of [10, 2 * PART]) {
      const source = new Readable({ read: () => undefined })
      source.push(all.subarray(0, bytes))
      setImmediate(() => source.destroy())
      await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () =>
        rig.client().upload({ Key: 'a', Body: source, PartSize: PART }),
      )
      await becomesEmpty(rig.server)
    }
  })

  it('keeps the object that was there before', async () => {
    const rig = await start()
    const before = Buffer.from('before')
    await rig.client().upload({ Key: 'a', Body: before })
    await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () =>
      rig.client().upload({ Key: 'a', Body: failingAfter(3 * PART), PartSize: PART }),
    )
    expect(await rig.contentOf()).to.deep.equal(before)
    await eventually(async () => expect(await rig.uploads()).to.deep.equal([]))
  })

  it('because a listener throws ends with what it threw, and leaves nothing', async () => {
    const rig = await start()
    for (const source of Object.values(SOURCES)) {
      const thrown = new SyntaxError('the listener failed')
      const onProgress = (): never => {
        throw thrown
      }
      const error: unknown = await rig
        .client()
        .upload({ Key: 'a', Body: source(3 * PART), PartSize: PART, onProgress })
        .catch((failure: unknown) => failure)
      expect(error).to.equal(thrown)
      await becomesEmpty(rig.server)
    }
  })

  for (const [name, source] of Object.entries(SOURCES)) {
    it(`because its signal was aborted before makes no request, from ${name}`, async () => {
      const rig = await start()
      for (const size of [10, 3 * PART]) {
        const error = await refused('SEALSTREAM_ABORTED', () =>
          rig.client().upload({
            Key: 'a',
            Body: source(size),
            PartSize: PART,
            signal: AbortSignal.abort(new Error('the reason')),
          }),
        )
        expect(error.cause).to.have.property('message', 'the reason')
      }
      expect(rig.requests).to.deep.equal([])
    })

    for (const [operation, size] of [
      ['putObject', 10],
      ['createMultipartUpload', 3 * PART],
      ['uploadPart', 3 * PART],
      ['uploadPart', 3 * PART + 5],
      ['completeMultipartUpload', 3 * PART],
    ] as const satisfies [OperationName, number][]) {
      it(`because it is aborted while ${operation} of ${size} bytes hangs is SEALSTREAM_ABORTED, and no timeout, from ${name}`, async () => {
        const abort = new AbortController()
        const rig = await start({ faults: [{ kind: 'stall-before-headers', operation, times: Infinity }] })
        const client = rig.client('cos', { retry: { attempts: 1 }, timeouts: { stall: 2500 } })
        const uploading = failureOf(() =>
          client.upload({
            Key: 'a',
            Body: source(size),
            PartSize: PART,
            Concurrency: 1,
            signal: abort.signal,
          }),
        )
        await eventually(() => rig.server.faults.hits.length > 0)
        abort.abort(new Error('the reason'))
        const error = await uploading
        expect(error.code).to.equal('SEALSTREAM_ABORTED')
        expect(error.cause).to.have.property('message', 'the reason')
      })
    }
  }

  it('because the service is not there names the connection', async () => {
    const rig = await start()
    const client = rig.client()
    await rig.server.close()
    for (const source of Object.values(SOURCES)) {
      for (const size of [10, 3 * PART]) {
        const error = await failureOf(() => client.upload({ Key: 'a', Body: source(size), PartSize: PART }))
        expect(error).to.be.instanceOf(SealstreamError)
        expect(error.code).to.equal('SEALSTREAM_CONNECTION')
      }
    }
  })

  it('because metadata and envelope together are too large makes no request', async () => {
    const rig = await start()
    const Metadata = { a: 'x'.repeat(2000), b: 'x'.repeat(2000) }
    for (const source of Object.values(SOURCES)) {
      for (const size of [10, 3 * PART]) {
        await refused('SEALSTREAM_METADATA', () =>
          rig.client('cos').upload({ Key: 'a', Body: source(size), PartSize: PART, Metadata }),
        )
      }
    }
    expect(rig.requests).to.deep.equal([])
  })
})
