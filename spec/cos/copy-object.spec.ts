import { inspect } from 'node:util'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { CosClient, CosClientOptions } from '../../lib/cos-client.js'
import type { CopyObjectParams } from '../../lib/cos/copy-object.js'
import { checksumsOf, cosSpec } from '../support/cos-service.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService, type ScriptedAnswer } from '../support/scripted-service.js'
import { Seeded } from '../support/seeded.js'

const BYTES = new Seeded(21).bytes(300_000)
const ETAG = checksumsOf(BYTES).etag
const SOURCE_HEADERS = { ContentType: 'text/x', CacheControl: 'no-store', Metadata: { color: 'red' } }
const COPIED: ScriptedAnswer = {
  headers: { 'x-cos-hash-crc64ecma': '77', 'x-cos-version-id': 'v9' },
  body: '<CopyObjectResult><ETag>"e"</ETag><LastModified>2024-05-06T07:08:09Z</LastModified></CopyObjectResult>',
}

const textOf = async (client: CosClient, Key: string, Bucket = BUCKET): Promise<boolean> => {
  const { Body } = await client.getObject({ Key, Bucket })
  return Buffer.from(await Body.transformToByteArray()).equals(BYTES)
}

describe('copyObject', () => {
  const spec = cosSpec()

  const prepared = async (): Promise<CosClient> => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: BYTES, StorageClass: 'STANDARD_IA', ...SOURCE_HEADERS })
    return client
  }

  it('copies bytes, headers and metadata, not the storage class, and tells what it made', async () => {
    const client = await prepared()
    const copied = await client.copyObject({ Key: 'b', CopySource: { Key: 'a' } })
    expect(copied).to.include({ ETag: ETAG, HashCrc64ecma: String(crc64(BYTES)) })
    expect(copied.LastModified).to.be.instanceOf(Date)
    expect(copied.$metadata.status).to.equal(200)
    const head = await client.headObject({ Key: 'b' })
    expect(head).to.deep.include(SOURCE_HEADERS)
    expect(head.StorageClass ?? 'STANDARD').to.equal('STANDARD')
    expect(await textOf(client, 'b')).to.equal(true)
  })

  it('with Replaced has only what is given', async () => {
    const client = await prepared()
    await client.copyObject({
      Key: 'b',
      CopySource: { Key: 'a' },
      MetadataDirective: 'Replaced',
      ContentLanguage: 'de',
      StorageClass: 'ARCHIVE',
      Metadata: { shape: 'round' },
    })
    const head = await client.headObject({ Key: 'b' })
    expect(head).to.deep.include({
      ContentLanguage: 'de',
      ContentType: 'application/octet-stream',
      StorageClass: 'ARCHIVE',
      Metadata: { shape: 'round' },
    })
    expect(head).to.not.have.property('CacheControl')
  })

  it('copies to another bucket, over another object, and onto itself with a new class', async () => {
    const client = await prepared()
    const Bucket = 'other-1250000000'
    await client.putObject({ Bucket, Key: 'b', Body: 'old' })
    await client.copyObject({ Bucket, Key: 'b', CopySource: { Bucket: BUCKET, Key: 'a' } })
    expect(await textOf(client, 'b', Bucket)).to.equal(true)
    await client.copyObject({ Key: 'back', CopySource: { Bucket, Key: 'b' } })
    expect(await textOf(client, 'back')).to.equal(true)
    await client.copyObject({ Key: 'a', CopySource: { Key: 'a' }, StorageClass: 'MAZ_STANDARD' })
    expect(await client.headObject({ Key: 'a' })).to.include({ StorageClass: 'MAZ_STANDARD' })
  })

  for (const Key of ['dir/a b', '+%?#&=;', 'ü/€/😀', '//double//', "it's (so)!*~", 'a%2Fb', '?versionId=x']) {
    it(`copies from and to ${JSON.stringify(Key)}`, async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key, Body: BYTES })
      await client.copyObject({ Key: `copy of ${Key}`, CopySource: { Key } })
      expect(await textOf(client, `copy of ${Key}`)).to.equal(true)
    })
  }

  describe('conditions on the source', () => {
    const past = new Date('2001-01-01T00:00:00Z')
    const conditions: [params: Partial<CopyObjectParams>, holds: boolean][] = [
      [{ CopySourceIfMatch: ETAG }, true],
      [{ CopySourceIfMatch: ETAG.slice(1, -1) }, true],
      [{ CopySourceIfMatch: '*' }, true],
      [{ CopySourceIfMatch: 'x' }, false],
      [{ CopySourceIfNoneMatch: 'x' }, true],
      [{ CopySourceIfNoneMatch: ETAG.slice(1, -1) }, false],
      [{ CopySourceIfModifiedSince: past }, true],
      [{ CopySourceIfModifiedSince: past.toUTCString() }, true],
      [{ CopySourceIfUnmodifiedSince: past }, false],
      [{ CopySourceIfUnmodifiedSince: new Date(Date.now() + 60_000) }, true],
    ]
    for (const [params, holds] of conditions) {
      it(`${inspect(params)}: ${holds ? 'copies' : '412'}`, async () => {
        const client = await prepared()
        const run = (): Promise<unknown> =>
          client.copyObject({ Key: 'b', CopySource: { Key: 'a' }, ...params })
        if (holds) await run()
        else {
          expect(await refused('SEALSTREAM_SERVICE', run)).to.include({ status: 412 })
          expect((await client.listObjects()).Contents).to.have.length(1)
        }
      })
    }
  })

  it('names the source as the service has it: host of the region, encoded key, version', async () => {
    const service = await scriptedService(spec, COPIED)
    const named = async (options: CosClientOptions, CopySource: object): Promise<unknown> => {
      const client = spec.client(service, options)
      await client.copyObject({ Key: 'b', CopySource: { Key: 'ü a/b', ...CopySource } })
      return service.seen.at(-1)!.headers['x-cos-copy-source']
    }
    const path = '%C3%BC%20a/b'
    const cos = 'myqcloud.com'
    expect(await named({ region: 'ap-beijing' }, {})).to.equal(`${BUCKET}.cos.ap-beijing.${cos}/${path}`)
    expect(
      await named(
        { region: 'ap-beijing' },
        { Bucket: 'other-1', Region: 'eu-frankfurt', VersionId: 'a+b/c' },
      ),
    ).to.equal(`other-1.cos.eu-frankfurt.${cos}/${path}?versionId=a%2Bb%2Fc`)
    expect(service.seen.every(({ headers }) => headers['x-cos-metadata-directive'] === 'Copy')).to.equal(true)
    expect(service.seen[0]!.headers).to.not.have.property('content-type')
    expect(service.seen[0]!.headers['content-length']).to.equal('0')
  })

  it('gives CRC-64 and version out of headers or document', async () => {
    const inDocument =
      '<CopyObjectResult><ETag>"e"</ETag><CRC64>88</CRC64><VersionId>v8</VersionId></CopyObjectResult>'
    const service = await scriptedService(spec, COPIED, { body: inDocument })
    const client = spec.client(service)
    const run = (): Promise<object> => client.copyObject({ Key: 'b', CopySource: { Key: 'a' } })
    expect(await run()).to.include({ ETag: '"e"', HashCrc64ecma: '77', VersionId: 'v9' })
    const second = await run()
    expect(second).to.include({ ETag: '"e"', HashCrc64ecma: '88', VersionId: 'v8' })
    expect(second).to.not.have.property('LastModified')
  })

  it('takes a 200 with an error document for the error, and tries again where it may pass', async () => {
    const denied = await scriptedService(spec, refusal(200, 'AccessDenied'))
    const error = await refused('SEALSTREAM_SERVICE', () =>
      spec.client(denied).copyObject({ Key: 'b', CopySource: { Key: 'a' } }),
    )
    expect(error).to.include({ status: 200, serviceCode: 'AccessDenied' })
    const failing = await scriptedService(spec, refusal(200, 'InternalError'), COPIED)
    await spec.client(failing, { retry: { baseDelay: 1 } }).copyObject({ Key: 'b', CopySource: { Key: 'a' } })
    expect(failing.seen).to.have.length(2)
  })

  for (const body of [
    '',
    '<CopyObjectResult/>',
    '<CopyObjectResult><ETag></ETag></CopyObjectResult>',
    '<Other/>',
  ]) {
    it(`does not take a 200 with ${JSON.stringify(body)} for success`, async () => {
      const service = await scriptedService(spec, { body })
      await refused('SEALSTREAM_ANSWER', () =>
        spec.client(service).copyObject({ Key: 'b', CopySource: { Key: 'a' } }),
      )
    })
  }

  const bad: [params: object, option: string][] = [
    [{}, 'CopySource'],
    [{ CopySource: 'bucket/key' }, 'CopySource'],
    [{ CopySource: { Bucket: BUCKET } }, 'CopySource.Key'],
    [{ CopySource: { Key: '../x' } }, 'CopySource.Key'],
    [{ CopySource: { Key: 'a', Bucket: 'Evil.example.com/' } }, 'CopySource.Bucket'],
    [{ CopySource: { Key: 'a', Region: 'x.evil.com/' } }, 'CopySource.Region'],
    [{ CopySource: { Key: 'a', VersionId: 5 } }, 'CopySource.VersionId'],
    [{ CopySource: { Key: 'a', Version: 'v' } }, 'CopySource.Version'],
    [{ CopySource: { Key: 'a' }, MetadataDirective: 'REPLACE' }, 'MetadataDirective'],
    [{ CopySource: { Key: 'a' }, ContentType: 'text/x' }, 'ContentType'],
    [{ CopySource: { Key: 'a' }, MetadataDirective: 'Copy', Metadata: { a: 'b' } }, 'Metadata'],
    [{ CopySource: { Key: 'a' }, CopySourceIfMatch: 'a\r\nb' }, 'CopySourceIfMatch'],
    [{ CopySource: { Key: 'a' }, CopySourceIfModifiedSince: 5 }, 'CopySourceIfModifiedSince'],
    [{ CopySource: { Key: 'a' }, Body: 'x' }, 'Body'],
  ]
  for (const [params, option] of bad) {
    it(`refuses ${JSON.stringify(params)}, naming ${option}`, async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const error = await refused('SEALSTREAM_OPTION', () =>
        client.copyObject({ Key: 'b', ...params } as CopyObjectParams),
      )
      expect(error).to.have.property('option', option)
    })
  }

  it('takes fields that are undefined for absent ones', async () => {
    const client = await prepared()
    const params = {
      Key: 'b',
      CopySource: { Key: 'a' },
      ContentType: undefined,
    } as unknown as CopyObjectParams
    await client.copyObject(params)
  })
})
