import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { bytesOf } from '../support/encrypting-store.js'
import { refused } from '../support/refused.js'
import { type AnyClient, content, ENCRYPTED, KINDS, PART, transferBench } from '../support/transfers.js'

const SSECustomerKey = content(32, 3)

/** What writes say, what every other request says, and what is told of the object. */
const MODES = {
  'SSE-COS': {
    write: { ServerSideEncryption: 'AES256' },
    rest: {},
    told: { ServerSideEncryption: 'AES256' },
  },
  'SSE-KMS': {
    write: { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'key-1', SSEKMSContext: { a: 'b' } },
    rest: {},
    told: { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'key-1' },
  },
  'SSE-C': { write: { SSECustomerKey }, rest: { SSECustomerKey }, told: { SSECustomerAlgorithm: 'AES256' } },
} as const

const SIZE = 2 * PART + 21

describe('server-side encryption beside encryption on the client', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(SIZE, 6)

  for (const kind of [KINDS[0]!, ENCRYPTED[3]!]) {
    for (const [mode, { write, rest, told }] of Object.entries(MODES)) {
      const read = async (client: AnyClient, more: object = {}): Promise<Buffer> =>
        bytesOf((await client.getObject({ Key: 'k', ...rest, ...more })).Body)

      it(`${kind.name}, ${mode}: put, head, whole and ranged get`, async () => {
        const client = bench.client(kind)
        const put = await client.putObject({ Key: 'k', Body: bytes, ...write })
        expect(put).to.include({ ...told, verified: 'crc64' })
        expect(await client.headObject({ Key: 'k', ...rest })).to.include(told)
        const got = await client.getObject({ Key: 'k', ...rest })
        expect(got).to.include(told)
        expect((await bytesOf(got.Body)).equals(bytes)).to.equal(true)
        for (const [start, end] of [
          [0, 0],
          [5, 20],
          [PART - 3, PART + 40],
          [SIZE - 1, SIZE - 1],
        ] as const) {
          const range = await read(client, { Range: `bytes=${start}-${end}` })
          expect(range.equals(bytes.subarray(start, end + 1)), `${start}-${end}`).to.equal(true)
        }
        const suffix = await read(client, { Range: 'bytes=-17' })
        expect(suffix.equals(bytes.subarray(-17))).to.equal(true)
        const stream = client.createReadStream({ Key: 'k', ...rest, start: 3, end: 40 })
        expect((await bytesOf(stream)).equals(bytes.subarray(3, 41))).to.equal(true)
      })

      it(`${kind.name}, ${mode}: uploadFile, upload and createWriteStream in parts, and downloadFile`, async () => {
        const client = bench.client(kind)
        await writeFile(bench.path('in'), bytes)
        const params = { Key: 'k', PartSize: PART, ...write }
        for (const way of ['file', 'source', 'stream']) {
          await client.deleteObject({ Key: 'k' })
          const stream = way === 'stream' ? client.createWriteStream(params) : undefined
          stream?.end(bytes)
          const stored =
            way === 'file'
              ? await client.uploadFile({ ...params, LocalFilePath: bench.path('in') })
              : way === 'source'
                ? await client.upload({ ...params, Body: bytes })
                : await stream!.result
          expect(stored, way).to.include({ ...told, PartCount: 3, verified: 'crc64' })
          const DestFilePath = bench.path('out')
          const result = await client.downloadFile({ Key: 'k', DestFilePath, PartSize: PART, ...rest })
          expect(result).to.include({ ...told, verified: 'crc64' })
          expect((await readFile(DestFilePath)).equals(bytes), way).to.equal(true)
        }
      })

      for (const PartSize of [PART, undefined]) {
        // The plain client's parts are its caller's business.
        if (kind.format === undefined && PartSize !== undefined) continue
        const how = PartSize === undefined ? 'without PartSize' : 'with PartSize'

        it(`${kind.name}, ${mode}: parts by hand, ${how}`, async () => {
          const client = bench.client(kind)
          const { UploadId } = await client.createMultipartUpload({
            Key: 'k',
            ...write,
            ...(PartSize === undefined ? {} : { PartSize }),
          })
          const Part = []
          for (const PartNumber of [1, 2, 3]) {
            const Body = bytes.subarray((PartNumber - 1) * PART, PartNumber * PART)
            const { ETag } = await client.uploadPart({ Key: 'k', UploadId, PartNumber, Body, ...rest })
            Part.push({ PartNumber, ETag })
          }
          const params = { Key: 'k', UploadId, MultipartUpload: { Part } }
          const done = await client.completeMultipartUpload({
            ...params,
            ...(kind.format === undefined ? {} : rest),
          })
          expect(done.HashCrc64ecma).to.be.a('string')
          expect(await client.headObject({ Key: 'k', ...rest })).to.include(told)
          expect((await read(client)).equals(bytes)).to.equal(true)
        })
      }
    }

    it(`${kind.name}, SSE-C: no request is answered without the key, or with another; no part goes out without it`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: bytes, SSECustomerKey })
      for (const more of [{}, { SSECustomerKey: content(32, 4) }]) {
        await refused('SEALSTREAM_SERVICE', () => client.headObject({ Key: 'k', ...more }))
        await refused('SEALSTREAM_SERVICE', () => client.getObject({ Key: 'k', ...more }))
        await refused('SEALSTREAM_SERVICE', () => client.getObject({ Key: 'k', Range: 'bytes=1-2', ...more }))
        const { UploadId } = await client.createMultipartUpload({ Key: 'p', SSECustomerKey })
        const part = { Key: 'p', UploadId, PartNumber: 1, Body: 'x' }
        await refused('SEALSTREAM_SERVICE', () => client.uploadPart({ ...part, ...more }))
        await client.abortMultipartUpload({ Key: 'p', UploadId })
      }
    })

    it(`${kind.name}: contradictions and bare keys are OptionErrors, before any request`, async () => {
      const client = bench.client(kind)
      const { length } = bench.calls
      for (const wrong of [
        { ServerSideEncryption: 'AES256', SSECustomerKey },
        { SSEKMSKeyId: 'a' },
        { ServerSideEncryption: 'AES256', SSEKMSKeyId: 'a' },
        { SSECustomerKey: 'x'.repeat(32) },
        { SSECustomerKey: Buffer.alloc(16) },
        { SSECustomerAlgorithm: 'AES256' },
        { ServerSideEncryption: 'cos/kms', SSEKMSContext: 'not base64!' },
      ]) {
        const params = { Key: 'k', ...wrong } as never
        await refused('SEALSTREAM_OPTION', () =>
          client.putObject({ ...(params as object), Body: 'x' } as never),
        )
        await refused('SEALSTREAM_OPTION', () => client.createMultipartUpload(params))
        await refused('SEALSTREAM_OPTION', () => client.upload({ ...(params as object), Body: 'x' } as never))
      }
      expect(bench.calls).to.have.lengthOf(length)
    })
  }

  it('both layers are there: what the service gives out is ciphertext, and the caller key is not in the envelope', async () => {
    const client = bench.encrypting()
    await client.putObject({ Key: 'k', Body: bytes, SSECustomerKey })
    const plain = await bench.plain().getObject({ Key: 'k', SSECustomerKey })
    expect((await bytesOf(plain.Body)).equals(bytes)).to.equal(false)
    const text = JSON.stringify(plain.$metadata.headers)
    expect(text).not.to.contain(SSECustomerKey.toString('base64'))
  })
})
