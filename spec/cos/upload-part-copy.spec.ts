import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import { checksumsOf, cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService } from '../support/scripted-service.js'
import { Seeded } from '../support/seeded.js'

const MIB = 1024 * 1024
const BYTES = new Seeded(22).bytes(2 * MIB)
const DONE = { body: '<CopyPartResult><ETag>"e"</ETag></CopyPartResult>' }
const PART = { Key: 'b', UploadId: 'u', PartNumber: 1, CopySource: { Key: 'a' } }

describe('uploadPartCopy', () => {
  const spec = cosSpec()

  const prepared = async (): Promise<{ client: CosClient; UploadId: string }> => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: BYTES })
    const { UploadId } = await client.createMultipartUpload({ Key: 'b' })
    return { client, UploadId }
  }

  it('makes parts of stretches and of the whole; complete joins them', async () => {
    const { client, UploadId } = await prepared()
    const ranges = [`bytes=${MIB}-${2 * MIB - 1}`, undefined, 'bytes=5-5']
    const Part: { PartNumber: number; ETag: string }[] = []
    for (const [i, CopySourceRange] of ranges.entries()) {
      const params = { ...PART, UploadId, PartNumber: i + 1 }
      const { ETag, HashCrc64ecma, $metadata } = await client.uploadPartCopy(
        CopySourceRange === undefined ? params : { ...params, CopySourceRange },
      )
      expect($metadata.status).to.equal(200)
      if (HashCrc64ecma !== undefined) expect(HashCrc64ecma).to.match(/^\d+$/)
      Part.push({ PartNumber: i + 1, ETag })
    }
    const whole = Buffer.concat([BYTES.subarray(MIB), BYTES, BYTES.subarray(5, 6)])
    expect(Part.map(({ ETag }) => ETag)).to.deep.equal(
      [BYTES.subarray(MIB), BYTES, BYTES.subarray(5, 6)].map((bytes) => checksumsOf(bytes).etag),
    )
    await client.completeMultipartUpload({ Key: 'b', UploadId, MultipartUpload: { Part } })
    const { Body } = await client.getObject({ Key: 'b' })
    expect(Buffer.from(await Body.transformToByteArray()).equals(whole)).to.equal(true)
  })

  it('sends range, source, version and conditions', async () => {
    const service = await scriptedService(spec, DONE)
    const client = spec.client(service, { region: 'ap-beijing' })
    await client.uploadPartCopy({
      ...PART,
      PartNumber: 10_000,
      CopySource: { Key: 'a', VersionId: 'v1' },
      CopySourceRange: 'bytes=0-9',
      CopySourceIfMatch: 'e',
    })
    const [{ url, headers, method }] = service.seen as [(typeof service.seen)[number]]
    expect(`${method} ${url}`).to.equal('PUT /spec-1250000000/b?partNumber=10000&uploadId=u')
    expect(headers).to.include({
      'x-cos-copy-source': 'spec-1250000000.cos.ap-beijing.myqcloud.com/a?versionId=v1',
      'x-cos-copy-source-range': 'bytes=0-9',
      'x-cos-copy-source-if-match': '"e"',
      'content-length': '0',
    })
    expect(headers).to.not.have.property('x-cos-metadata-directive')
  })

  it('is refused with 412 where the source is another', async () => {
    const { client, UploadId } = await prepared()
    const error = await refused('SEALSTREAM_SERVICE', () =>
      client.uploadPartCopy({ ...PART, UploadId, CopySourceIfMatch: 'other' }),
    )
    expect(error).to.include({ status: 412 })
    expect((await client.listParts({ Key: 'b', UploadId })).Part).to.deep.equal([])
  })

  it('is refused where the range lies outside the source', async () => {
    const { client, UploadId } = await prepared()
    await refused('SEALSTREAM_SERVICE', () =>
      client.uploadPartCopy({ ...PART, UploadId, CopySourceRange: `bytes=0-${2 * MIB}` }),
    )
  })

  it('takes a 200 with an error document for the error, and tries again where it may pass', async () => {
    const service = await scriptedService(spec, refusal(200, 'InternalError'), DONE)
    await spec.client(service, { retry: { baseDelay: 1 } }).uploadPartCopy(PART)
    expect(service.seen).to.have.length(2)
    const error = await refused('SEALSTREAM_SERVICE', () =>
      scriptedService(spec, refusal(200, 'InternalError')).then((failing) =>
        spec.client(failing).uploadPartCopy(PART),
      ),
    )
    expect(error).to.include({ status: 200, serviceCode: 'InternalError' })
  })

  it('does not take a 200 without ETag for success', async () => {
    const service = await scriptedService(spec, { body: '<CopyPartResult></CopyPartResult>' })
    await refused('SEALSTREAM_ANSWER', () => spec.client(service).uploadPartCopy(PART))
  })

  const bad: [params: object, option: string][] = [
    [{ UploadId: '' }, 'UploadId'],
    [{ PartNumber: 0 }, 'PartNumber'],
    [{ PartNumber: 10_001 }, 'PartNumber'],
    [{ CopySource: undefined }, 'CopySource'],
    [{ ContentType: 'text/x' }, 'ContentType'],
    [{ ServerSideEncryption: 'AES256' }, 'ServerSideEncryption'],
    ...['bytes=5-4', 'bytes=5-', 'bytes=-5', '0-5', 'bytes=0-5,7-9', 'bytes=a-b', 5].map(
      (CopySourceRange): [object, string] => [{ CopySourceRange }, 'CopySourceRange'],
    ),
  ]
  for (const [params, option] of bad) {
    it(`refuses ${JSON.stringify(params)}, naming ${option}`, async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const error = await refused('SEALSTREAM_OPTION', () => client.uploadPartCopy({ ...PART, ...params }))
      expect(error).to.have.property('option', option)
    })
  }
})
