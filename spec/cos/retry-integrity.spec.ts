import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import type { RetryEvent } from '../../lib/cos/retry.js'
import { IntegrityError } from '../../lib/errors.js'
import { cosSpec } from '../support/cos-service.js'
import { ofClass } from '../support/of-class.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const BYTES = new Seeded(77).bytes(200_000)
const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex')

/** The bytes that `flip-bit-stored` stores. */
function flipped(at: number): Buffer {
  const copy = Buffer.from(BYTES)
  copy[at]! ^= 1
  return copy
}

describe('bytes that were stored wrongly', () => {
  const spec = cosSpec()

  for (const kind of ['wrong-etag', 'wrong-crc64', 'flip-bit-stored', 'drop-tail'] as const) {
    it(`${kind} of putObject: sent again, then right`, async () => {
      const server = await spec.server({ faults: [{ kind, operation: 'putObject', times: 2 }] })
      const events: RetryEvent[] = []
      const client = spec.client(server, {
        retry: { baseDelay: 1 },
        onRetry: (event) => void events.push(event),
      })
      const stored = await client.putObject({ Key: 'a', Body: BYTES })
      expect(stored).to.include({ ETag: `"${md5(BYTES)}"`, verified: 'crc64' })
      expect(events.map(({ error }) => Reflect.get(error, 'code') as unknown)).to.deep.equal([
        'SEALSTREAM_INTEGRITY',
        'SEALSTREAM_INTEGRITY',
      ])
      const { Body } = await client.getObject({ Key: 'a' })
      expect(Buffer.from(await Body.transformToByteArray()).equals(BYTES)).to.equal(true)
    })

    it(`${kind} of uploadPart: sent again, then right`, async () => {
      const server = await spec.server({ faults: [{ kind, operation: 'uploadPart' }] })
      const client = spec.client(server, { retry: { baseDelay: 1 } })
      const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
      const part = await client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: BYTES })
      expect(part.ETag).to.equal(`"${md5(BYTES)}"`)
      expect((await client.listParts({ Key: 'a', UploadId })).Part[0]).to.include({ Size: BYTES.length })
    })
  }

  const operations: [
    name: 'putObject' | 'uploadPart',
    run: (client: CosClient, UploadId: string) => Promise<unknown>,
  ][] = [
    ['putObject', (client) => client.putObject({ Key: 'a', Body: BYTES })],
    [
      'uploadPart',
      (client, UploadId) => client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: BYTES }),
    ],
  ]
  for (const [operation, run] of operations) {
    it(`of ${operation} for ever: an IntegrityError with the ETag of what is there, not deleted`, async () => {
      const server = await spec.server({
        faults: [{ kind: 'flip-bit-stored', at: 100, operation, times: Infinity }],
      })
      const client = spec.client(server, { retry: { attempts: 3, baseDelay: 1 } })
      const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
      const error = ofClass(
        await refused('SEALSTREAM_INTEGRITY', () => run(client, UploadId)),
        IntegrityError,
      )
      const ETag = `"${md5(flipped(100))}"`
      expect(error.etag).to.equal(ETag)
      expect(error.algorithm).to.equal('crc64')
      expect(error.expected).to.not.equal(error.found)
      expect(server.faults.hits).to.have.length(3)
      if (operation === 'putObject') expect((await client.headObject({ Key: 'a' })).ETag).to.equal(ETag)
      else expect((await client.listParts({ Key: 'a', UploadId })).Part[0]).to.include({ ETag })
    })
  }

  it('as a stream: an IntegrityError at once', async () => {
    const server = await spec.server({ faults: [{ kind: 'flip-bit-stored', operation: 'putObject' }] })
    const client = spec.client(server, { retry: { baseDelay: 1 } })
    const error = await refused('SEALSTREAM_INTEGRITY', () =>
      client.putObject({ Key: 'a', Body: [BYTES], ContentLength: BYTES.length }),
    )
    expect(error).to.have.property('etag', `"${md5(flipped(100_000))}"`)
  })

  it('report progress once, however often they are sent', async () => {
    const server = await spec.server({ faults: [{ kind: 'wrong-crc64', operation: 'putObject', times: 2 }] })
    const client = spec.client(server, { retry: { baseDelay: 1 } })
    const reports: number[] = []
    const Body = new Seeded(78).bytes(1_000_000)
    await client.putObject({ Key: 'a', Body, onProgress: ({ bytes }) => void reports.push(bytes) })
    expect(reports.at(-1)).to.equal(Body.length)
    expect(reports).to.deep.equal([...new Set(reports)].sort((a, b) => a - b))
  })
})
