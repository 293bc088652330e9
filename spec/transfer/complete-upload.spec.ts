import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { CosEncryptionClientOptions } from '../../lib/client.js'
import { crc64 } from '../../lib/checksum/crc64.js'
import { IntegrityError, SealstreamError } from '../../lib/errors.js'
import type { Fault, FaultKind } from '../../lib/server/faults/fault.js'
import type { UploadParams } from '../../lib/transfer/upload.js'
import { forwarding } from '../support/forwarder.js'
import { ofClass } from '../support/of-class.js'
import { objectPath, put, rawRequest } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { becomesEmpty } from '../support/server-files.js'
import { TWO_KINDS, PART, type UploadRig, uploadRigs } from '../support/upload-rig.js'

const all = new Seeded(25).bytes(2 * PART + 5)

const SOURCES: Record<string, () => UploadParams['Body']> = {
  bytes: () => all,
  'a stream': () => Readable.from(piecesOf(all, 400_000)),
}

const OPERATION = 'completeMultipartUpload'
/** For a service that falls silent. Long enough for what it does before. */
const SHORT: Partial<CosEncryptionClientOptions> = { timeouts: { stall: 1000 } }

/** The service has done it, and its answer does not come, or not so that it can be read. */
const DONE: readonly FaultKind[] = [
  'answer-lost',
  'malformed-xml',
  'truncated-xml',
  'stall-before-headers',
  'stall-in-body',
  'reset-in-response-body',
  'early-close',
]

/** The service has done nothing, and may be asked again. */
const NOT_DONE: readonly FaultKind[] = [
  'error-in-200',
  'reset-before-headers',
  'reset-in-request-body',
  'internal-error',
  'slow-down',
  'request-timeout',
]

async function expectStored(rig: UploadRig): Promise<void> {
  expect((await rig.contentOf())?.equals(all)).to.equal(true)
  expect(await rig.uploads()).to.deep.equal([])
}

/** Drops all uploads, and puts something in their place. */
async function dropAll(rig: UploadRig, there: Buffer | undefined): Promise<void> {
  for (const uploadId of await rig.uploads()) {
    await rawRequest(rig.server, { method: 'DELETE', path: objectPath('a'), query: { uploadId } })
  }
  if (there !== undefined) await put(rig.server, 'a', there)
}

describe('completing an upload', () => {
  const start = uploadRigs()

  function upload(rig: UploadRig, kind: (typeof TWO_KINDS)[number], more: Partial<UploadParams> = {}) {
    return rig.client(kind, SHORT).upload({ Key: 'a', Body: all, PartSize: PART, ...more })
  }

  for (const kind of TWO_KINDS) {
    for (const fault of DONE) {
      it(`met by ${fault} after it was done is settled by HEAD, and is not asked for again, ${kind}`, async () => {
        for (const [name, source] of Object.entries(SOURCES)) {
          const rig = await start({ faults: [{ kind: fault, operation: OPERATION }] })
          const stored = await upload(rig, kind, { Body: source(), Metadata: { a: 'b' } })
          const { headers, body } = await rig.raw()
          expect(stored, name).to.include({
            ETag: headers.etag,
            HashCrc64ecma: String(crc64(body)),
            PartCount: 3,
            StoredLength: all.length,
            verified: 'crc64',
          })
          // A reset on a connection that was used before may mean that it was stale: once more at once (RULES 9.3).
          const most = fault === 'answer-lost' ? 2 : 1
          expect(rig.of(OPERATION).length, name).to.be.within(1, most)
          expect(rig.of('headObject').length, name).to.be.at.least(1)
          expect(rig.of('abortMultipartUpload'), name).to.deep.equal([])
          await expectStored(rig)
        }
      })
    }

    for (const fault of NOT_DONE) {
      it(`met by ${fault} is asked for again, and done once, ${kind}`, async () => {
        for (const [name, source] of Object.entries(SOURCES)) {
          const extra = fault === 'slow-down' ? { retryAfter: 0 } : {}
          const rig = await start({ faults: [{ kind: fault, operation: OPERATION, ...extra }] })
          const stored = await upload(rig, kind, { Body: source() })
          expect(stored, name).to.include({ PartCount: 3, verified: 'crc64' })
          const statuses = rig.of(OPERATION).map(({ status }) => status)
          expect(statuses.length, name).to.be.at.least(2)
          expect(statuses.at(-1), name).to.equal(200)
          await expectStored(rig)
        }
      })
    }

    it(`met by answer-lost three times, with an older object in its place, is not mistaken for it, ${kind}`, async () => {
      const rig = await start()
      await put(rig.server, 'a', Buffer.alloc(all.length))
      rig.server.faults.add({ kind: 'reset-before-headers', operation: OPERATION, times: 3 })
      await upload(rig, kind)
      await expectStored(rig)
    })

    it(`met by reset-before-headers over an object of the same bytes stores the new metadata, ${kind}`, async () => {
      const rig = await start()
      await upload(rig, kind, { Metadata: { version: 'old' } })
      rig.server.faults.add({ kind: 'reset-before-headers', operation: OPERATION, times: 2 })
      await upload(rig, kind, { Metadata: { version: 'new' } })
      expect((await rig.raw()).headers['x-cos-meta-version']).to.equal('new')
      await expectStored(rig)
    })

    for (const [name, there] of [
      ['another object', Buffer.alloc(all.length)],
      ['no object', undefined],
    ] as const) {
      it(`whose upload is gone with ${name} there is SEALSTREAM_OUTCOME_UNKNOWN, with a hint, ${kind}`, async () => {
        const rig = await start()
        const run = async (endpoint: string): Promise<void> => {
          const uploading = rig.client(kind, { endpoint }).upload({ Key: 'a', Body: all, PartSize: PART })
          error = await refused('SEALSTREAM_OUTCOME_UNKNOWN', () => uploading)
        }
        let error = new SealstreamError('SEALSTREAM_OPTION', 'none yet')
        await forwarding(rig.server, run, async ({ method, url }) => {
          if (method === 'POST' && url.includes('uploadId=')) await dropAll(rig, there)
        })
        expect(error.hint).to.be.a('string')
        expect(error.cause).to.have.property('code', 'SEALSTREAM_SERVICE')
        const { status, body } = await rig.raw()
        expect([status, there === undefined || body.equals(there)]).to.deep.equal([
          there === undefined ? 404 : 200,
          true,
        ])
      })
    }
  }

  for (const kind of TWO_KINDS) {
    it(`with a wrong CRC-64 is an IntegrityError with ETag, expected and found, never success, ${kind}`, async () => {
      for (const source of Object.values(SOURCES)) {
        const rig = await start({ faults: [{ kind: 'wrong-crc64', operation: OPERATION, times: Infinity }] })
        const error = ofClass(
          await refused('SEALSTREAM_INTEGRITY', () => upload(rig, kind, { Body: source() })),
          IntegrityError,
        )
        const { headers, body } = await rig.raw()
        expect(error).to.include({
          algorithm: 'crc64',
          expected: String(crc64(body)),
          etag: headers.etag,
        })
        expect(error.found).not.to.equal(error.expected)
        expect(rig.of(OPERATION).length).to.equal(1)
        expect(rig.of('abortMultipartUpload')).to.deep.equal([])
      }
    })

    it(`whose lost answer is asked about in vain is SEALSTREAM_OUTCOME_UNKNOWN, never success, ${kind}`, async () => {
      const faults: Fault[] = [
        { kind: 'stall-before-headers', operation: OPERATION },
        { kind: 'conflict', operation: 'headObject', times: Infinity },
      ]
      const rig = await start({ faults })
      await refused('SEALSTREAM_OUTCOME_UNKNOWN', () => upload(rig, kind))
    })

    it(`that is refused for good ends with that, and leaves no upload, ${kind}`, async () => {
      for (const fault of ['conflict', 'expired-token'] as const) {
        const rig = await start({ faults: [{ kind: fault, operation: OPERATION, times: Infinity }] })
        await refused('SEALSTREAM_SERVICE', () => upload(rig, kind))
        expect(rig.of(OPERATION).length).to.equal(1)
        await becomesEmpty(rig.server)
      }
    })

    it(`whose answer is lost, and whose HEAD states a wrong CRC-64, is no success, ${kind}`, async () => {
      const rig = await start({
        faults: [
          { kind: 'answer-lost', operation: OPERATION },
          { kind: 'wrong-crc64', operation: 'headObject', times: Infinity },
        ],
      })
      await refused('SEALSTREAM_OUTCOME_UNKNOWN', () => upload(rig, kind))
    })
  }

  it('that fails every time gives up with what it failed with, and leaves no upload', async () => {
    const rig = await start({ faults: [{ kind: 'error-in-200', operation: OPERATION, times: Infinity }] })
    const error = await refused('SEALSTREAM_SERVICE', () => upload(rig, 'cos'))
    expect(error).to.include({ status: 200, serviceCode: 'InternalError' })
    expect(rig.of(OPERATION).length).to.be.within(2, 10)
    await becomesEmpty(rig.server)
  })

  it("settles a lost answer with the customer's key, too", async () => {
    const rig = await start({ faults: [{ kind: 'answer-lost', operation: OPERATION }] })
    const SSECustomerKey = new Seeded(3).bytes(32)
    const stored = await upload(rig, 'cos', { SSECustomerKey })
    expect(stored).to.include({ verified: 'crc64', SSECustomerAlgorithm: 'AES256' })
    expect(await rig.uploads()).to.deep.equal([])
  })
})
