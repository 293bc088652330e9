import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import type { ObjectWriteParams } from '../../lib/cos/object-headers.js'
import { cosSpec } from '../support/cos-service.js'
import { send } from '../support/object-requests.js'
import { xmlText, xmlTexts } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { scriptedService, stored, type SeenRequest } from '../support/scripted-service.js'

type Write = (client: CosClient, params: ObjectWriteParams) => Promise<unknown>

const WRITES: Record<string, Write> = {
  putObject: (client, params) => client.putObject({ Key: 'a', Body: 'x', ...params }),
  createMultipartUpload: (client, params) => client.createMultipartUpload({ Key: 'a', ...params }),
  copyObject: (client, params) => client.copyObject({ Key: 'a', CopySource: { Key: 'b' }, ...params }),
}

const OVERRIDES = {
  ResponseCacheControl: 'no-store',
  ResponseContentDisposition: 'attachment; filename="u%+&.txt"',
  ResponseContentEncoding: 'x-none',
  ResponseContentLanguage: 'de',
  ResponseContentType: 'text/x; charset=utf-8',
  ResponseExpires: 'Thu, 01 Jan 2026 00:00:00 GMT',
}

describe('what a request says about the object that it makes', () => {
  const spec = cosSpec()

  async function sent(write: Write, params: ObjectWriteParams): Promise<SeenRequest['headers']> {
    const service = await scriptedService(spec, (request) =>
      request.method === 'POST'
        ? { body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>' }
        : request.headers['x-cos-copy-source'] === undefined
          ? stored(request)
          : { body: '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>' },
    )
    await write(spec.client(service), params)
    return service.seen[0]!.headers
  }

  for (const [name, write] of Object.entries(WRITES)) {
    it(`${name} sends class, ACL, tags, ForbidOverwrite and other headers, all signed`, async () => {
      const headers = await sent(write, {
        StorageClass: 'INTELLIGENT_TIERING',
        ACL: 'public-read',
        Tagging: { 'a b': 'ü', 'c&d': 'e=f' },
        ForbidOverwrite: true,
        CustomHeaders: { 'X-Cos-Something': 'some thing', Origin: 'https://example.com' },
      })
      expect(headers).to.include({
        'x-cos-storage-class': 'INTELLIGENT_TIERING',
        'x-cos-acl': 'public-read',
        'x-cos-tagging': 'a%20b=%C3%BC&c%26d=e%3Df',
        'x-cos-forbid-overwrite': 'true',
        'x-cos-something': 'some thing',
        origin: 'https://example.com',
      })
      const signed = /q-header-list=([^&]*)/.exec(headers.authorization!)![1]!.split(';')
      for (const header of ['x-cos-acl', 'x-cos-tagging', 'x-cos-forbid-overwrite', 'x-cos-something']) {
        expect(signed).to.include(header)
      }
    })

    it(`${name} sends none of these unless asked`, async () => {
      const headers = await sent(write, { ForbidOverwrite: false })
      expect(Object.keys(headers).filter((header) => /acl|tagging|forbid|class/.test(header))).to.deep.equal(
        [],
      )
    })
  }

  it('is what the service then has', async () => {
    const server = await spec.server()
    const client = spec.client(server)
    await client.putObject({
      Key: 'a',
      Body: 'x',
      StorageClass: 'STANDARD_IA',
      ACL: 'public-read',
      Tagging: { color: 'dark red', ü: '€' },
    })
    expect(await client.headObject({ Key: 'a' })).to.include({ StorageClass: 'STANDARD_IA' })
    expect(xmlText((await send(server, 'GET', 'a', { query: { acl: '' } })).text, 'Permission')).to.be.a(
      'string',
    )
    expect((await send(server, 'GET', 'a', { query: { acl: '' } })).text).to.include('AllUsers')
    const tags = (await send(server, 'GET', 'a', { query: { tagging: '' } })).text
    expect(xmlTexts(tags, 'Key').concat(xmlTexts(tags, 'Value')).sort()).to.deep.equal(
      ['color', 'dark red', 'ü', '€'].sort(),
    )
  })

  it('is refused by the service where it may not overwrite: 409, for put, copy and uploads', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: 'old', ForbidOverwrite: true })
    const complete = async (): Promise<unknown> => {
      const { UploadId } = await client.createMultipartUpload({ Key: 'a', ForbidOverwrite: true })
      const { ETag } = await client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: 'x' })
      const MultipartUpload = { Part: [{ PartNumber: 1, ETag }] }
      return client.completeMultipartUpload({ Key: 'a', UploadId, MultipartUpload })
    }
    await client.putObject({ Key: 'b', Body: 'x' })
    for (const run of [
      () => client.putObject({ Key: 'a', Body: 'new', ForbidOverwrite: true }),
      () => client.copyObject({ Key: 'a', CopySource: { Key: 'b' }, ForbidOverwrite: true }),
      complete,
    ]) {
      expect(await refused('SEALSTREAM_SERVICE', run)).to.include({ status: 409 })
    }
    const { Body } = await client.getObject({ Key: 'a' })
    expect(await Body.transformToString()).to.equal('old')
    await client.putObject({ Key: 'a', Body: 'new' })
  })

  const bad: [params: object, option: string][] = [
    [{ ACL: '' }, 'ACL'],
    [{ ACL: 'a\r\nb' }, 'ACL'],
    [{ ACL: 5 }, 'ACL'],
    [{ Tagging: {} }, 'Tagging'],
    [{ Tagging: { a: 5 } }, 'Tagging'],
    [{ Tagging: 'ü=1' }, 'Tagging'],
    [{ Tagging: 5 }, 'Tagging'],
    [{ ForbidOverwrite: 'true' }, 'ForbidOverwrite'],
    [{ StorageClass: 'a\nb' }, 'StorageClass'],
    [{ CustomHeaders: 'x' }, 'CustomHeaders'],
    [{ CustomHeaders: null }, 'CustomHeaders'],
    [{ CustomHeaders: { 'a b': 'x' } }, 'CustomHeaders["a b"]'],
    [{ CustomHeaders: { '': 'x' } }, 'CustomHeaders[""]'],
    [{ CustomHeaders: { ü: 'x' } }, 'CustomHeaders["ü"]'],
    [{ CustomHeaders: { 'a:b': 'x' } }, 'CustomHeaders["a:b"]'],
    [{ CustomHeaders: { 'x-a': 'b\r\nc: d' } }, 'CustomHeaders["x-a"]'],
    [{ CustomHeaders: { 'x-a': 'ü' } }, 'CustomHeaders["x-a"]'],
    [{ CustomHeaders: { 'x-a': ' b' } }, 'CustomHeaders["x-a"]'],
    [{ CustomHeaders: { 'x-a': 5 } }, 'CustomHeaders["x-a"]'],
    [{ CustomHeaders: { 'x-a': 'b', 'X-A': 'c' } }, 'CustomHeaders["X-A"]'],
    ...[
      ...['Authorization', 'host', 'Connection', 'Content-Length', 'content-md5', 'Content-Type', 'expect'],
      ...['transfer-encoding', 'Range', 'If-Match', 'if-none-match', 'Accept-Encoding', 'Cookie', 'te'],
      ...[
        'trailer',
        'upgrade',
        'keep-alive',
        'Proxy-Authorization',
        'User-Agent',
        'cache-control',
        'expires',
      ],
      ...['content-encoding', 'content-disposition', 'content-language', 'content-range'],
      ...['x-cos-security-token', 'x-cos-sdk-retry', 'x-cos-acl', 'x-cos-tagging', 'x-cos-storage-class'],
      ...['x-cos-traffic-limit', 'x-cos-forbid-overwrite', 'x-cos-metadata-directive', 'X-Cos-Copy-Source'],
      ...['x-cos-copy-source-if-match', 'x-cos-server-side-encryption', 'x-cos-meta-color'],
      ...[
        'x-cos-server-side-encryption-customer-key',
        'x-cos-copy-source-server-side-encryption-customer-key',
      ],
    ].map((name): [object, string] => [{ CustomHeaders: { [name]: 'x' } }, `CustomHeaders["${name}"]`]),
  ]
  for (const [params, option] of bad) {
    it(`is refused with ${JSON.stringify(params)}, naming ${option}`, async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      for (const write of Object.values(WRITES)) {
        const error = await refused('SEALSTREAM_OPTION', () => write(client, params))
        expect(error).to.have.property('option', option)
      }
    })
  }

  it('takes a header whose name is that of an inherited member', async () => {
    const headers = await sent(WRITES.putObject!, { CustomHeaders: { constructor: 'x' } })
    expect(Object.entries(headers)).to.deep.include(['constructor', 'x'])
  })

  for (const params of [
    { ContentType: ' text/x' },
    { ACL: 'private ' },
    { Tagging: ' a=b' },
    { StorageClass: 'STANDARD ' },
  ] as ObjectWriteParams[]) {
    it(`is refused with ${JSON.stringify(params)}: HTTP strips blanks at the ends of a header`, async () => {
      const client = spec.client(await spec.server())
      const error = await refused('SEALSTREAM_OPTION', () =>
        client.putObject({ Key: 'a', Body: 'x', ...params }),
      )
      expect(error).to.have.property('option', Object.keys(params)[0])
    })
  }

  it('may have a header without a value', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: 'x', CustomHeaders: { 'x-cos-empty': '' } })
  })

  describe('TrafficLimit', () => {
    it('goes with put, part and get', async () => {
      const body = Buffer.from('x')
      const service = await scriptedService(spec, (request) =>
        request.method === 'GET' ? { headers: { etag: '"e"' }, body: 'x' } : stored(request),
      )
      const client = spec.client(service)
      await client.putObject({ Key: 'a', Body: body, TrafficLimit: 819_200 })
      await client.uploadPart({
        Key: 'a',
        UploadId: 'u',
        PartNumber: 1,
        Body: body,
        TrafficLimit: 838_860_800,
      })
      const { Body } = await client.getObject({ Key: 'a', TrafficLimit: 1_000_000 })
      await Body.transformToByteArray()
      expect(service.seen.map(({ headers }) => headers['x-cos-traffic-limit'])).to.deep.equal([
        '819200',
        '838860800',
        '1000000',
      ])
    })

    for (const TrafficLimit of [819_199, 838_860_801, 1e6 + 0.5, '1000000', null]) {
      it(`refuses ${JSON.stringify(TrafficLimit)}`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        const limit = { TrafficLimit: TrafficLimit as number }
        for (const run of [
          () => client.putObject({ Key: 'a', Body: 'x', ...limit }),
          () => client.uploadPart({ Key: 'a', UploadId: 'u', PartNumber: 1, Body: 'x', ...limit }),
          () => client.getObject({ Key: 'a', ...limit }),
        ]) {
          expect(await refused('SEALSTREAM_OPTION', run)).to.have.property('option', 'TrafficLimit')
        }
      })
    }
  })

  describe('response headers', () => {
    it('are those that get and presign ask for', async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: 'hello', ContentType: 'text/plain', ContentLanguage: 'en' })
      const expected = {
        'cache-control': OVERRIDES.ResponseCacheControl,
        'content-disposition': OVERRIDES.ResponseContentDisposition,
        'content-encoding': OVERRIDES.ResponseContentEncoding,
        'content-language': OVERRIDES.ResponseContentLanguage,
        'content-type': OVERRIDES.ResponseContentType,
        expires: OVERRIDES.ResponseExpires,
      }
      const got = await client.getObject({ Key: 'a', ...OVERRIDES })
      expect(await got.Body.transformToString()).to.equal('hello')
      expect(got.$metadata.headers).to.include(expected)
      const url = await client.presign({ Key: 'a', ...OVERRIDES })
      const answer = await fetch(url, { headers: { 'accept-encoding': 'identity' } })
      for (const [name, value] of Object.entries(expected)) expect(answer.headers.get(name)).to.equal(value)
      expect((await fetch(url.replace('no-store', 'no-cache'))).status).to.equal(403)
    })

    for (const name of Object.keys(OVERRIDES)) {
      it(`are refused where ${name} is no text`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        for (const value of [5, null, '\ud800']) {
          for (const run of [
            () => client.getObject({ Key: 'a', [name]: value }),
            () => client.presign({ Key: 'a', [name]: value }),
          ]) {
            expect(await refused('SEALSTREAM_OPTION', run)).to.have.property('option', name)
          }
        }
      })
    }
  })
})
