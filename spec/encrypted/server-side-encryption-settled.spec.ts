import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { FaultKind } from '../../lib/server/index.js'
import { bytesOf } from '../support/encrypting-store.js'
import { failureOf, refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const SSECustomerKey = content(32, 3)
const SIZE = 2 * PART + 21

/** The object is there, and the answer is not. */
const LOST: Readonly<Record<'all' | 'few', readonly FaultKind[]>> = {
  all: ['answer-lost', 'stall-before-headers', 'malformed-xml', 'truncated-xml'],
  few: ['answer-lost', 'malformed-xml'],
}

describe('completing an encrypted upload by hand', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(SIZE, 6)

  /** No object and no upload of an earlier test. */
  async function clear(client: CosEncryptionClient): Promise<void> {
    await client.deleteObject({ Key: 'k' })
    for (const { UploadId } of (await client.listMultipartUploads()).Upload) {
      await client.abortMultipartUpload({ Key: 'k', UploadId })
    }
  }

  async function begin(
    client: CosEncryptionClient,
    PartSize: number | undefined,
    key: object,
  ): Promise<string> {
    const size = PartSize === undefined ? {} : { PartSize }
    const { UploadId } = await client.createMultipartUpload({ Key: 'k', ...size, ...key })
    for (const PartNumber of [1, 2, 3]) {
      const Body = bytes.subarray((PartNumber - 1) * PART, PartNumber * PART)
      await client.uploadPart({ Key: 'k', UploadId, PartNumber, Body, ...key })
    }
    return UploadId
  }

  for (const PartSize of [PART, undefined]) {
    for (const [how, key] of Object.entries({ 'no customer key': {}, 'SSE-C': { SSECustomerKey } })) {
      const name = `${PartSize === undefined ? 'without' : 'with'} PartSize, ${how}`
      for (const kind of LOST[how === 'SSE-C' ? 'few' : 'all']) {
        it(`${name}: ${kind}: what was stored is found`, async () => {
          const client = bench.encrypting({ timeouts: { stall: kind.startsWith('stall') ? 800 : 10_000 } })
          await clear(client)
          const UploadId = await begin(client, PartSize, key)
          bench.server.faults.add({ kind, operation: 'completeMultipartUpload' })
          const done = await client.completeMultipartUpload({ Key: 'k', UploadId, ...key })
          expect(bench.server.faults.hits).to.have.lengthOf(1)
          expect(done).to.include({
            ContentLength: SIZE,
            StoredLength: SIZE,
            verified: 'crc64',
            format: 'cos',
          })
          expect(done.ETag).to.equal((await client.headObject({ Key: 'k', ...key })).ETag)
          expect((await bytesOf((await client.getObject({ Key: 'k', ...key })).Body)).equals(bytes)).to.equal(
            true,
          )
          expect(await bench.uploads()).to.deep.equal([])
        })
      }

      for (const kind of ['error-in-200', 'internal-error', 'reset-before-headers'] as FaultKind[]) {
        it(`${name}: ${kind}: with retries: nothing was stored, and it is completed after all`, async () => {
          const client = bench.encrypting({ retry: { attempts: 3, baseDelay: 1 } })
          await clear(client)
          const UploadId = await begin(client, PartSize, key)
          bench.server.faults.add({ kind, operation: 'completeMultipartUpload' })
          const done = await client.completeMultipartUpload({ Key: 'k', UploadId, ...key })
          expect(done).to.include({ ContentLength: SIZE, verified: 'crc64' })
          expect((await bytesOf((await client.getObject({ Key: 'k', ...key })).Body)).equals(bytes)).to.equal(
            true,
          )
        })
      }
    }
  }

  it('an object that somebody else stores meanwhile is not taken for it: SEALSTREAM_OUTCOME_UNKNOWN', async () => {
    const proxy = await bench.proxy(async ({ method, query }, forward) => {
      const reply = await forward()
      if (method !== 'POST' || !query.has('uploadId')) return reply
      // Of the same bytes, but under another data key.
      await bench.encrypting().putObject({ Key: 'k', Body: bytes })
      return { ...reply, cutHead: true }
    })
    const other = bench.encrypting({ endpoint: proxy.endpoint })
    const UploadId = await begin(other, PART, {})
    const call = (): Promise<unknown> => other.completeMultipartUpload({ Key: 'k', UploadId })
    expect((await failureOf(call)).code).to.equal('SEALSTREAM_OUTCOME_UNKNOWN')
  })

  it('a gap in the parts is SEALSTREAM_PART_LIST also under SSE-C', async () => {
    const client = bench.encrypting()
    const { UploadId } = await client.createMultipartUpload({ Key: 'k', PartSize: PART, SSECustomerKey })
    for (const PartNumber of [1, 3]) {
      const Body = bytes.subarray((PartNumber - 1) * PART, PartNumber * PART)
      await client.uploadPart({ Key: 'k', UploadId, PartNumber, Body, SSECustomerKey })
    }
    const params = { Key: 'k', UploadId, SSECustomerKey }
    await refused('SEALSTREAM_PART_LIST', () => client.completeMultipartUpload(params))
    await client.abortMultipartUpload({ Key: 'k', UploadId })
  })
})
