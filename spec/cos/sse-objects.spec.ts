import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import type { CustomerKeyParams, ServerSideEncryptionParams } from '../../lib/cos/sse.js'
import { cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { scriptedService } from '../support/scripted-service.js'
import { expectNoTrace, PRINTERS } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'

const BYTES = new Seeded(8).bytes(1_500_000)
const ETAG = `"${createHash('md5').update(BYTES).digest('hex')}"`
const KEY = randomBytes(32)
const OTHER = randomBytes(32)
const MD5 = createHash('md5').update(KEY).digest('base64')

interface Mode {
  readonly title: string
  readonly params: ServerSideEncryptionParams
  /** Goes with every request on the object. */
  readonly key: CustomerKeyParams
  readonly result: Record<string, string>
  readonly hasMd5Etag: boolean
}

const MODES: Mode[] = [
  {
    title: 'SSE-COS',
    params: { ServerSideEncryption: 'AES256' },
    key: {},
    result: { ServerSideEncryption: 'AES256' },
    hasMd5Etag: true,
  },
  {
    title: 'SSE-KMS',
    params: { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'the-key', SSEKMSContext: { a: 'b' } },
    key: {},
    result: { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'the-key' },
    hasMd5Etag: false,
  },
  {
    title: 'SSE-C',
    params: { SSECustomerKey: KEY },
    key: { SSECustomerKey: KEY.toString('base64'), SSECustomerKeyMD5: MD5 },
    result: { SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: MD5 },
    hasMd5Etag: false,
  },
]

const read = async (client: CosClient, Key: string, key: CustomerKeyParams): Promise<Buffer> => {
  const { Body } = await client.getObject({ Key, ...key })
  return Buffer.from(await Body.transformToByteArray())
}

describe('server-side encryption of objects', () => {
  const spec = cosSpec()

  for (const { title, params, key, result, hasMd5Etag } of MODES) {
    describe(title, () => {
      it('is told by put, get and head; ETags are what they are, CRC-64 is compared', async () => {
        const client = spec.client(await spec.server())
        const stored = await client.putObject({ Key: 'a', Body: BYTES, ...params })
        expect(stored).to.include({ ...result, verified: 'crc64' })
        expect(stored.ETag === ETAG).to.equal(hasMd5Etag)
        const got = await client.getObject({ Key: 'a', ...key })
        expect(got).to.include({ ...result, verified: 'crc64', ETag: stored.ETag })
        expect(Buffer.from(await got.Body.transformToByteArray()).equals(BYTES)).to.equal(true)
        const ranged = await client.getObject({ Key: 'a', Range: 'bytes=5-9', ...key })
        expect(Buffer.from(await ranged.Body.transformToByteArray())).to.deep.equal(BYTES.subarray(5, 10))
        expect(await client.headObject({ Key: 'a', ...key })).to.include({ ...result, ETag: stored.ETag })
      })

      it('is found out by CRC-64 where other bytes were stored', async () => {
        const server = await spec.server({
          faults: [{ kind: 'flip-bit-stored', operation: 'putObject', times: Infinity }],
        })
        const error = await refused('SEALSTREAM_INTEGRITY', () =>
          spec.client(server).putObject({ Key: 'a', Body: BYTES, ...params }),
        )
        expect(error).to.have.property('algorithm', 'crc64')
      })

      it('takes part in uploads: initiate, parts, copied parts, list, complete', async () => {
        const client = spec.client(await spec.server())
        await client.putObject({ Key: 'source', Body: BYTES, ...params })
        const { UploadId, ...created } = await client.createMultipartUpload({ Key: 'a', ...params })
        for (const [name, value] of Object.entries(result)) expect(created).to.have.property(name, value)
        const of = { Key: 'a', UploadId, ...key }
        const one = await client.uploadPart({ ...of, PartNumber: 1, Body: BYTES })
        expect(one).to.include({ verified: 'crc64' })
        expect(one.ETag === ETAG).to.equal(hasMd5Etag)
        const source = title === 'SSE-C' ? { CopySourceSSECustomerKey: KEY } : {}
        const two = await client.uploadPartCopy({
          ...of,
          ...source,
          PartNumber: 2,
          CopySource: { Key: 'source' },
        })
        expect(two.ETag).to.be.a('string')
        const { Part } = await client.listParts({ Key: 'a', UploadId })
        expect(Part.map(({ ETag }) => ETag)).to.deep.equal([one.ETag, two.ETag])
        await client.completeMultipartUpload({ Key: 'a', UploadId, MultipartUpload: { Part } })
        expect((await read(client, 'a', key)).equals(Buffer.concat([BYTES, BYTES]))).to.equal(true)
        expect(await client.headObject({ Key: 'a', ...key })).to.include(result)
      })

      it('of a copy is what the copy asks for, and none where it asks for none', async () => {
        const client = spec.client(await spec.server())
        await client.putObject({ Key: 'plain', Body: BYTES })
        const made = await client.copyObject({ Key: 'copy', CopySource: { Key: 'plain' }, ...params })
        expect(made).to.include(result)
        expect((await read(client, 'copy', key)).equals(BYTES)).to.equal(true)
        const source = title === 'SSE-C' ? { CopySourceSSECustomerKey: KEY } : {}
        const back = await client.copyObject({ Key: 'back', CopySource: { Key: 'copy' }, ...source })
        for (const name of Object.keys(result)) expect(back).to.not.have.property(name)
        expect(await client.headObject({ Key: 'back' })).to.include({ ETag: ETAG })
      })

      it('does not show in a listing, and objects in the archive are restored', async () => {
        const client = spec.client(await spec.server())
        await client.putObject({ Key: 'a', Body: BYTES, StorageClass: 'ARCHIVE', ...params })
        expect((await client.listObjects()).Contents.map(({ Key, Size }) => [Key, Size])).to.deep.equal([
          ['a', BYTES.length],
        ])
        await refused('SEALSTREAM_SERVICE', () => client.getObject({ Key: 'a', ...key }))
        await client.restoreObject({ Key: 'a', RestoreRequest: { Days: 1 }, ...key })
        expect((await read(client, 'a', key)).equals(BYTES)).to.equal(true)
      })
    })
  }

  describe('with a customer key', () => {
    const sealed = async (): Promise<CosClient> => {
      const client = spec.client(await spec.server(), { retry: { baseDelay: 1 } })
      await client.putObject({ Key: 'a', Body: BYTES, SSECustomerKey: KEY })
      return client
    }

    const without: [title: string, key: CustomerKeyParams, status: number][] = [
      ['a wrong key', { SSECustomerKey: OTHER }, 403],
      ['no key', {}, 400],
    ]
    for (const [title, key, status] of without) {
      it(`${title} opens nothing: ${status}; the error holds no key`, async () => {
        const client = await sealed()
        const source = key.SSECustomerKey === undefined ? {} : { CopySourceSSECustomerKey: OTHER }
        const { UploadId } = await client.createMultipartUpload({ Key: 'b', SSECustomerKey: KEY })
        const part = { Key: 'b', UploadId, PartNumber: 1 }
        const runs: [expected: number, run: () => Promise<unknown>][] = [
          [status, () => client.getObject({ Key: 'a', ...key })],
          [status, () => client.headObject({ Key: 'a', ...key })],
          [status, () => client.copyObject({ Key: 'c', CopySource: { Key: 'a' }, ...source })],
          [status, () => client.restoreObject({ Key: 'a', RestoreRequest: { Days: 1 }, ...key })],
          [400, () => client.uploadPart({ ...part, Body: 'x', ...key })],
        ]
        for (const [expected, run] of runs) {
          const error = await refused('SEALSTREAM_SERVICE', run)
          expect(error).to.include({ status: expected })
          for (const [name, print] of Object.entries(PRINTERS)) {
            expectNoTrace(print(error), KEY, name)
            expectNoTrace(print(error), OTHER, name)
          }
        }
        expect((await read(client, 'a', { SSECustomerKey: KEY })).equals(BYTES)).to.equal(true)
      })
    }

    it('an object without one is not opened by one', async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: BYTES })
      const error = await refused('SEALSTREAM_SERVICE', () =>
        client.getObject({ Key: 'a', SSECustomerKey: KEY }),
      )
      expect(error).to.include({ status: 400 })
    })

    it('a copy takes one key and gives another', async () => {
      const client = await sealed()
      await client.copyObject({
        Key: 'b',
        CopySource: { Key: 'a' },
        CopySourceSSECustomerKey: KEY,
        SSECustomerKey: OTHER,
      })
      expect((await read(client, 'b', { SSECustomerKey: OTHER })).equals(BYTES)).to.equal(true)
      await refused('SEALSTREAM_SERVICE', () => client.getObject({ Key: 'b', SSECustomerKey: KEY }))
    })

    it('a stream reads and a connection that breaks shows no key', async () => {
      const client = await sealed()
      const chunks: Buffer[] = []
      for await (const chunk of client.createReadStream({ Key: 'a', start: 7, SSECustomerKey: KEY })) {
        chunks.push(chunk as Buffer)
      }
      expect(Buffer.concat(chunks).equals(BYTES.subarray(7))).to.equal(true)
      const service = await scriptedService(spec, 'reset')
      const error = await refused('SEALSTREAM_CONNECTION', () =>
        spec.client(service).putObject({ Key: 'a', Body: 'x', SSECustomerKey: KEY }),
      )
      expect(service.seen[0]!.headers['x-cos-server-side-encryption-customer-key']).to.be.a('string')
      for (const [name, print] of Object.entries(PRINTERS)) expectNoTrace(print(error), KEY, name)
    })

    it('is refused before any request where it would travel in the clear', async () => {
      const client = spec.client({ endpoint: 'http://cos.example.com' })
      const key = { SSECustomerKey: KEY }
      const part = { Key: 'a', UploadId: 'u', PartNumber: 1 }
      for (const run of [
        () => client.putObject({ Key: 'a', Body: 'x', ...key }),
        () => client.getObject({ Key: 'a', ...key }),
        () => client.headObject({ Key: 'a', ...key }),
        () => client.createMultipartUpload({ Key: 'a', ...key }),
        () => client.uploadPart({ ...part, Body: 'x', ...key }),
        () => client.uploadPartCopy({ ...part, CopySource: { Key: 'b' }, ...key }),
        () => client.copyObject({ Key: 'a', CopySource: { Key: 'b' }, ...key }),
        () => client.copyObject({ Key: 'a', CopySource: { Key: 'b' }, CopySourceSSECustomerKey: KEY }),
        () => client.restoreObject({ Key: 'a', RestoreRequest: { Days: 1 }, ...key }),
      ]) {
        const error = await refused('SEALSTREAM_OPTION', run)
        expect((error as { option?: string }).option).to.match(/SSECustomerKey$/)
      }
    })
  })
})
