import { request as httpRequest } from 'node:http'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import { ServiceError } from '../../lib/errors.js'
import { answering, bodyOf, checksumsOf, cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const bytes = new Seeded(7).bytes(5000)

async function serviceFailure(run: () => unknown): Promise<ServiceError> {
  const error = await refused('SEALSTREAM_SERVICE', run)
  return error instanceof ServiceError ? error : expect.fail(`expected a ServiceError, got ${error.name}`)
}

describe('objects', () => {
  const spec = cosSpec()

  it('stores one and tells everything about it', async () => {
    const client = spec.client(await spec.server())
    const { $metadata, ...stored } = await client.putObject({ Key: 'a', Body: bytes })
    const { etag } = checksumsOf(bytes)
    expect(stored).to.deep.equal({ ETag: etag, HashCrc64ecma: String(crc64(bytes)), verified: 'crc64' })
    expect($metadata.status).to.equal(200)
    expect($metadata.requestId).to.be.a('string').and.to.not.equal('')
    expect($metadata.headers.etag).to.equal(etag)
  })

  it('reads one with everything that was stored with it', async () => {
    const server = await spec.server({ clock: () => Date.parse('2024-05-06T07:08:09Z') })
    const client = spec.client(server, { clock: () => Date.parse('2024-05-06T07:08:09Z') })
    const described = {
      CacheControl: 'no-cache',
      ContentDisposition: 'attachment; filename="a.txt"',
      ContentEncoding: 'identity',
      ContentLanguage: 'de',
      ContentType: 'text/plain',
      Expires: 'Thu, 01 Jan 2037 00:00:00 GMT',
      StorageClass: 'STANDARD_IA',
      Metadata: { color: 'red', 'x-y': 'a, b;c="d"' },
    }
    await client.putObject({ Key: 'a', Body: bytes, ...described })
    const expected = {
      ...described,
      ContentLength: 5000,
      ETag: checksumsOf(bytes).etag,
      HashCrc64ecma: String(crc64(bytes)),
      LastModified: new Date('2024-05-06T07:08:09Z'),
    }
    const { Body, $metadata, ...got } = await client.getObject({ Key: 'a' })
    expect(Buffer.from(await Body.transformToByteArray()).equals(bytes)).to.equal(true)
    expect(got).to.deep.equal({ ...expected, verified: 'crc64' })
    expect($metadata.status).to.equal(200)

    const { $metadata: ofHead, ...head } = await client.headObject({ Key: 'a' })
    expect(head).to.deep.equal(expected)
    expect(ofHead.status).to.equal(200)
  })

  it('replaces an object', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: 'first' })
    await client.putObject({ Key: 'a', Body: 'second' })
    expect(await (await client.getObject({ Key: 'a' })).Body.transformToString()).to.equal('second')
  })

  it('deletes one, and what is not there', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: 'x' })
    const { $metadata } = await client.deleteObject({ Key: 'a' })
    expect($metadata.status).to.equal(204)
    await client.deleteObject({ Key: 'a' })
    expect((await serviceFailure(() => client.getObject({ Key: 'a' }))).serviceCode).to.equal('NoSuchKey')
  })

  it('tells of a missing object by GET and by HEAD', async () => {
    const client = spec.client(await spec.server())
    expect(await serviceFailure(() => client.getObject({ Key: 'a' }))).to.include({
      status: 404,
      serviceCode: 'NoSuchKey',
    })
    const error = await serviceFailure(() => client.headObject({ Key: 'a' }))
    expect(error.status).to.equal(404)
    expect(error.requestId).to.not.equal('')
  })

  it('uses the bucket of the call before that of the client', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Bucket: 'other-1250000000', Key: 'a', Body: 'x' })
    expect((await client.listObjects()).Contents).to.deep.equal([])
    expect((await client.listObjects({ Bucket: 'other-1250000000' })).Contents).to.have.length(1)
  })

  it('asks for a bucket where there is none', async () => {
    const client = spec.client(await spec.server(), { bucket: undefined })
    const error = await refused('SEALSTREAM_OPTION', () => client.headObject({ Key: 'a' }))
    expect(error).to.have.property('option', 'Bucket')
  })

  it('has the service check a given Content-MD5', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: '', ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg==' })
    const error = await serviceFailure(() =>
      client.putObject({ Key: 'b', Body: 'x', ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg==' }),
    )
    expect(error.serviceCode).to.equal('BadDigest')
    for (const ContentMD5 of ['', 'x', 'd41d8cd98f00b204e9800998ecf8427e']) {
      await refused('SEALSTREAM_OPTION', () => client.putObject({ Key: 'b', Body: 'x', ContentMD5 }))
    }
  })

  it('reports the progress of a body going out and coming in', async () => {
    const client = spec.client(await spec.server())
    const out: number[] = []
    const body = new Seeded(1).bytes(3_000_000)
    await client.putObject({
      Key: 'a',
      Body: body,
      onProgress: ({ bytes: done, total }) => {
        expect(total).to.equal(3_000_000)
        out.push(done)
      },
    })
    expect(out.at(-1)).to.equal(3_000_000)
    expect([...out].sort((a, b) => a - b)).to.deep.equal(out)
    const inward: number[] = []
    const got = await client.getObject({ Key: 'a', onProgress: ({ bytes: done }) => inward.push(done) })
    await got.Body.transformToByteArray()
    expect(inward.at(-1)).to.equal(3_000_000)
  })

  it('takes an exception from onProgress for the end of the transfer', async () => {
    const server = await spec.server()
    const client = spec.client(server)
    const stop = new Error('enough')
    const onProgress = (): void => {
      throw stop
    }
    const failure = await client
      .putObject({ Key: 'a', Body: bytes, onProgress })
      .catch((error: unknown) => error)
    expect([failure, (failure as Error).cause]).to.include(stop)
    expect((await client.listObjects()).Contents).to.deep.equal([])
  })

  describe('conditions', () => {
    const modified = Date.parse('2024-05-06T07:08:09Z')

    async function stored(): Promise<{ client: ReturnType<typeof spec.client>; ETag: string }> {
      const clock = (): number => modified
      const client = spec.client(await spec.server({ clock }), { clock })
      const { ETag } = await client.putObject({ Key: 'a', Body: bytes })
      return { client, ETag }
    }

    it('hold: the object comes', async () => {
      const { client, ETag } = await stored()
      const bare = ETag.replaceAll('"', '')
      for (const condition of [
        { IfMatch: ETag },
        { IfMatch: bare },
        { IfMatch: '*' },
        { IfNoneMatch: '"other"' },
        { IfNoneMatch: 'other' },
        { IfModifiedSince: new Date(modified - 1000) },
        { IfUnmodifiedSince: new Date(modified) },
        { IfUnmodifiedSince: new Date(modified).toUTCString() },
      ]) {
        const { ContentLength } = await client.headObject({ Key: 'a', ...condition })
        expect(ContentLength).to.equal(5000)
        const { Body } = await client.getObject({ Key: 'a', ...condition })
        expect(await Body.transformToByteArray()).to.have.length(5000)
      }
    })

    it('fail with 304 where the reader has it already', async () => {
      const { client, ETag } = await stored()
      for (const condition of [
        { IfNoneMatch: ETag },
        { IfNoneMatch: ETag.replaceAll('"', '') },
        { IfModifiedSince: new Date(modified) },
      ]) {
        for (const method of ['getObject', 'headObject'] as const) {
          const error = await serviceFailure(() => client[method]({ Key: 'a', ...condition }))
          expect(error).to.include({ status: 304, serviceCode: 'NotModified' })
        }
      }
    })

    it('fail with 412 where the object is another', async () => {
      const { client } = await stored()
      for (const condition of [{ IfMatch: '"other"' }, { IfUnmodifiedSince: new Date(modified - 1000) }]) {
        for (const method of ['getObject', 'headObject'] as const) {
          const error = await serviceFailure(() => client[method]({ Key: 'a', ...condition }))
          expect(error).to.include({ status: 412, serviceCode: 'PreconditionFailed' })
        }
      }
    })

    it('are refused where they could break out of a header', async () => {
      const { client } = await stored()
      for (const condition of [
        { IfMatch: 'a\r\nb' },
        { IfNoneMatch: '' },
        { IfModifiedSince: new Date(Number.NaN) },
        { IfUnmodifiedSince: 5 as unknown as string },
      ]) {
        const error = await refused('SEALSTREAM_OPTION', () => client.headObject({ Key: 'a', ...condition }))
        expect(error).to.have.property('option', Object.keys(condition)[0])
      }
    })
  })

  describe('ranges', () => {
    for (const [range, first, last] of [
      ['bytes=0-0', 0, 0],
      ['bytes=10-19', 10, 19],
      ['bytes=4990-', 4990, 4999],
      ['bytes=4990-99999', 4990, 4999],
      ['bytes=-7', 4993, 4999],
      ['bytes=-99999', 0, 4999],
      ['bytes=0-4999', 0, 4999],
    ] as const) {
      it(`${range} gives bytes ${first} to ${last}`, async () => {
        const client = spec.client(await spec.server())
        await client.putObject({ Key: 'a', Body: bytes })
        const got = await client.getObject({ Key: 'a', Range: range })
        expect(got.ContentRange).to.equal(`bytes ${first}-${last}/5000`)
        expect(got.ContentLength).to.equal(last - first + 1)
        expect(got.$metadata.status).to.equal(206)
        const read = Buffer.from(await got.Body.transformToByteArray())
        expect(read.equals(bytes.subarray(first, last + 1))).to.equal(true)
      })
    }

    it('does not compare the checksum of the whole with a part of it', async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: bytes })
      const got = await client.getObject({ Key: 'a', Range: 'bytes=0-9' })
      expect(got.verified).to.equal('length')
      expect(got.HashCrc64ecma).to.equal(String(crc64(bytes)))
      await got.Body.transformToByteArray()
    })

    for (const range of ['bytes=5000-', 'bytes=9999-10000', 'bytes=-0']) {
      it(`${range} of 5000 bytes is a ServiceError 416 InvalidRange`, async () => {
        const client = spec.client(await spec.server())
        await client.putObject({ Key: 'a', Body: bytes })
        const error = await serviceFailure(() => client.getObject({ Key: 'a', Range: range }))
        expect(error).to.include({ status: 416, serviceCode: 'InvalidRange' })
      })
    }

    for (const range of [
      '',
      '0-9',
      'bytes=',
      'bytes=-',
      'bytes=9-5',
      'bytes=0-1,3-4',
      'bytes=a-b',
      'Bytes=0-1',
      'bytes=0-1\n',
      5,
    ]) {
      it(`refuses ${JSON.stringify(range)}`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.getObject({ Key: 'a', Range: range as string }),
        )
        expect(error).to.have.property('option', 'Range')
      })
    }

    it('does not hand out the whole object where the service ignored the range', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': bytes.length, ...checksumsOf(bytes) }).end(bytes)
      })
      const client = spec.client(service)
      await refused('SEALSTREAM_ANSWER', async () => {
        const { Body } = await client.getObject({ Key: 'a', Range: 'bytes=10-19' })
        return Body.transformToByteArray()
      })
    })

    it('does not hand out another range than it asked for', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(206, { 'content-length': 10, 'content-range': 'bytes 0-9/5000', etag: '"e"' })
        response.end(bytes.subarray(0, 10))
      })
      const client = spec.client(service)
      await refused('SEALSTREAM_ANSWER', async () => {
        const { Body } = await client.getObject({ Key: 'a', Range: 'bytes=10-19' })
        return Body.transformToByteArray()
      })
    })

    it('does not take a part for the whole object that it asked for', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(206, { 'content-length': 10, 'content-range': 'bytes 0-9/5000', etag: '"e"' })
        response.end(bytes.subarray(0, 10))
      })
      const client = spec.client(service)
      await refused('SEALSTREAM_ANSWER', async () => {
        const { Body } = await client.getObject({ Key: 'a' })
        return Body.transformToByteArray()
      })
    })
  })

  describe('versions', () => {
    it('asks for the version by query, signed, and gives the one of the answer', async () => {
      const seen: string[] = []
      const service = await spec.http(
        answering((_body, request, response) => {
          seen.push(`${request.method} ${request.url}`)
          expect(request.headers.authorization).to.include('q-url-param-list=versionid&')
          response.writeHead(200, { 'content-length': 0, etag: '"e"', 'x-cos-version-id': 'v+1' }).end()
        }),
      )
      const client = spec.client(service)
      const { Body, VersionId } = await client.getObject({ Key: 'a', VersionId: 'v+1' })
      Body.destroy()
      expect(VersionId).to.equal('v+1')
      expect((await client.headObject({ Key: 'a', VersionId: 'v+1' })).VersionId).to.equal('v+1')
      expect((await client.deleteObject({ Key: 'a', VersionId: 'v+1' })).VersionId).to.equal('v+1')
      expect(seen).to.deep.equal(
        ['GET', 'HEAD', 'DELETE'].map((method) => `${method} /spec-1250000000/a?versionId=v%2B1`),
      )
    })

    it('gives the version that a PUT made', async () => {
      const service = await spec.http(
        answering((body, _request, response) => {
          response.writeHead(200, { ...checksumsOf(body), 'x-cos-version-id': 'v1' }).end()
        }),
      )
      expect((await spec.client(service).putObject({ Key: 'a', Body: 'x' })).VersionId).to.equal('v1')
    })

    for (const VersionId of ['\ud800', 5, null]) {
      it(`refuses the version ${JSON.stringify(VersionId)}`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.headObject({ Key: 'a', VersionId: VersionId as string }),
        )
        expect(error).to.have.property('option', 'VersionId')
      })
    }
  })

  describe('presigned URLs', () => {
    const now = Date.parse('2024-05-06T07:08:09Z')

    function plain(url: string, method: string, body?: string): Promise<{ status: number; text: string }> {
      return new Promise((resolve, reject) => {
        const outgoing = httpRequest(url, { method, agent: false }, (response) => {
          bodyOf(response).then(
            (answer) => resolve({ status: response.statusCode ?? 0, text: answer.toString() }),
            reject,
          )
        })
        outgoing.on('error', reject)
        outgoing.end(body)
      })
    }

    it('let plain HTTP put, get, head and delete', async () => {
      const client = spec.client(await spec.server())
      const Key = 'a +é/?'
      expect(await plain(await client.presign({ Key, Method: 'PUT' }), 'PUT', 'hello')).to.include({
        status: 200,
      })
      expect(await plain(await client.presign({ Key }), 'GET')).to.deep.equal({ status: 200, text: 'hello' })
      expect(await plain(await client.presign({ Key, Method: 'HEAD' }), 'HEAD')).to.include({ status: 200 })
      expect(await plain(await client.presign({ Key, Method: 'DELETE' }), 'DELETE')).to.include({
        status: 204,
      })
      expect(await plain(await client.presign({ Key }), 'GET')).to.include({ status: 404 })
    })

    it('are good for one method and one key', async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: 'x' })
      await client.putObject({ Key: 'b', Body: 'x' })
      const url = await client.presign({ Key: 'a' })
      expect(await plain(url, 'DELETE')).to.include({ status: 403 })
      expect(await plain(url.replace('/a?', '/b?'), 'GET')).to.include({ status: 403 })
      expect(await plain(url, 'GET')).to.include({ status: 200 })
    })

    it('end when they say', async () => {
      let serverNow = now
      const server = await spec.server({ clock: () => serverNow })
      const client = spec.client(server, { clock: () => now })
      await client.putObject({ Key: 'a', Body: 'x' })
      const url = await client.presign({ Key: 'a', Expires: 60 })
      expect(new URL(url).searchParams.get('q-sign-time')?.split(';')[1]).to.equal(String(now / 1000 + 60))
      serverNow = now + 60_000
      expect(await plain(url, 'GET')).to.include({ status: 200 })
      serverNow = now + 61_000
      expect(await plain(url, 'GET')).to.include({ status: 403 })
    })

    it('sign their host and hold no secret', async () => {
      const server = await spec.server()
      const client = spec.client(server)
      const url = await client.presign({ Key: 'a' })
      expect(new URL(url).searchParams.get('q-header-list')).to.equal('host')
      expect(url).to.not.include(server.credentials.secretKey)
    })

    for (const params of [
      { Method: 'POST' },
      { Method: 'get' },
      { Expires: 0 },
      { Expires: 1.5 },
      { Expires: '60' },
      { Expires: 10 ** 10 },
    ]) {
      it(`refuse ${JSON.stringify(params)}`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.presign({ Key: 'a', ...params } as never),
        )
        expect(error).to.have.property('option', Object.keys(params)[0])
        expect(error).to.have.property('value', Object.values(params)[0])
      })
    }
  })

  it('hands out an object with Content-Encoding: gzip as it is stored', async () => {
    const client = spec.client(await spec.server())
    // Not gzip at all: whoever tries to gunzip it fails.
    await client.putObject({ Key: 'a', Body: bytes, ContentEncoding: 'gzip' })
    const { Body, ContentEncoding } = await client.getObject({ Key: 'a' })
    expect(ContentEncoding).to.equal('gzip')
    expect(Buffer.from(await Body.transformToByteArray()).equals(bytes)).to.equal(true)
  })
})
