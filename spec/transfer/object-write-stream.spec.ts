import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, Readable, type Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { SealstreamError } from '../../lib/errors.js'
import type { OperationName, RequestEvent, RunningServer } from '../../lib/server/index.js'
import { bodyOf, checksumsOf, cosSpec, KEYS, type FakeService } from '../support/cos-service.js'
import { eventually } from '../support/eventually.js'
import { BUCKET, objectPath, rawRequest, xmlTexts } from '../support/raw-request.js'
import { failureOf, refused } from '../support/refused.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { becomesEmpty } from '../support/server-files.js'

const PART = 1024 * 1024
const all = new Seeded(5).bytes(3 * PART + 5)

/** Upload ids that a server has. */
async function uploadsOf(server: RunningServer): Promise<string[]> {
  const { text } = await rawRequest(server, { path: `/${BUCKET}/`, query: { uploads: '' } })
  return xmlTexts(text, 'UploadId')
}

async function storedAt(server: RunningServer, key = 'a'): Promise<Buffer | undefined> {
  const { status, body } = await rawRequest(server, { path: objectPath(key) })
  return status === 200 ? body : undefined
}

/** `once(stream, 'close')` would reject on an error before it. */
async function closed(stream: Writable): Promise<void> {
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve))
}

describe('createWriteStream', () => {
  const spec = cosSpec()

  for (const size of [0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 5]) {
    for (const write of [size + 1, 4096, 65_537, PART - 1, PART + 3]) {
      it(`stores ${size} bytes written ${write} at a time`, async () => {
        const server = await spec.server()
        const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
        const bytes = all.subarray(0, size)
        for (const piece of piecesOf(bytes, write)) {
          if (!stream.write(piece)) await once(stream, 'drain')
        }
        stream.end()
        await finished(stream)
        expect((await storedAt(server))?.equals(bytes)).to.equal(true)
        const { ETag, ...result } = await stream.result
        const parts = size <= PART ? 0 : Math.ceil(size / PART)
        expect(result).to.deep.equal({
          Bucket: BUCKET,
          Key: 'a',
          HashCrc64ecma: String(crc64(bytes)),
          StoredLength: size,
          PartCount: parts,
          verified: 'crc64',
        })
        expect(ETag).to.match(parts === 0 ? /^"[0-9a-f]{32}"$/ : new RegExp(`^"[0-9a-f]{32}-${parts}"$`))
        expect(await uploadsOf(server)).to.deep.equal([])
      })
    }
  }

  it('takes one byte at a time, text in any encoding, and zero-length chunks', async () => {
    const server = await spec.server()
    const stream = spec.client(server).createWriteStream({ Key: 'a' })
    for (const byte of Buffer.from('abc')) stream.write(Buffer.of(byte))
    stream.write('é')
    stream.write('ff00', 'hex')
    stream.write(Buffer.alloc(0))
    stream.end(new Uint8Array([1, 2, 3, 4]).subarray(2))
    await finished(stream)
    expect(await storedAt(server)).to.deep.equal(Buffer.from([0x61, 0x62, 0x63, 0xc3, 0xa9, 0xff, 0, 3, 4]))
  })

  it('does not mind a caller that writes over its buffer afterwards', async () => {
    const server = await spec.server()
    const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
    const reused = Buffer.alloc(100_000)
    for (let at = 0; at < all.length; at += reused.length) {
      const piece = all.subarray(at, at + reused.length)
      piece.copy(reused)
      const view = reused.subarray(0, piece.length)
      await new Promise<void>((resolve, reject) => {
        stream.write(view, (error) => (error ? reject(error) : resolve()))
      })
      reused.fill(0)
    }
    stream.end()
    await finished(stream)
    expect((await storedAt(server))?.equals(all)).to.equal(true)
  })

  it('stores headers and metadata, with one PUT and with parts', async () => {
    const server = await spec.server()
    const client = spec.client(server)
    for (const size of [10, 2 * PART]) {
      const described = { ContentType: 'text/plain', CacheControl: 'no-cache', Metadata: { color: 'red' } }
      const stream = client.createWriteStream({ Key: 'a', PartSize: PART, ...described })
      await pipeline(Readable.from([all.subarray(0, size)]), stream)
      expect(await client.headObject({ Key: 'a' })).to.deep.include({ ...described, ContentLength: size })
    }
  })

  it('is stored when finish comes, when pipeline resolves, and when end calls back', async () => {
    const server = await spec.server()
    const client = spec.client(server)
    for (const size of [100, 2 * PART + 1]) {
      const bytes = all.subarray(0, size)
      const first = client.createWriteStream({ Key: `finish${size}`, PartSize: PART })
      let resolved = false
      void first.result.then(() => (resolved = true))
      const atFinish = new Promise<boolean>((resolve) => first.once('finish', () => resolve(resolved)))
      first.end(bytes)
      expect(await atFinish).to.equal(true)
      expect((await storedAt(server, `finish${size}`))?.equals(bytes)).to.equal(true)

      await pipeline(Readable.from([bytes]), client.createWriteStream({ Key: `pipe${size}`, PartSize: PART }))
      expect((await storedAt(server, `pipe${size}`))?.equals(bytes)).to.equal(true)

      const third = client.createWriteStream({ Key: `end${size}`, PartSize: PART })
      await new Promise<void>((resolve) => void third.end(bytes, resolve))
      expect((await storedAt(server, `end${size}`))?.equals(bytes)).to.equal(true)
    }
  })

  it('reports progress by parts stored', async () => {
    const server = await spec.server()
    const seen: unknown[] = []
    const stream = spec.client(server).createWriteStream({
      Key: 'a',
      PartSize: PART,
      Concurrency: 1,
      onProgress: (progress) => seen.push(progress),
    })
    await pipeline(Readable.from([all]), stream)
    expect(seen).to.deep.equal(
      [PART, 2 * PART, 3 * PART, 3 * PART + 5].map((bytes) => ({ bytes, total: undefined })),
    )
  })

  it('fails when onProgress throws, and leaves nothing', async () => {
    const server = await spec.server()
    const stop = new Error('enough')
    const stream = spec.client(server).createWriteStream({
      Key: 'a',
      PartSize: PART,
      onProgress: () => {
        throw stop
      },
    })
    const failure = await pipeline(Readable.from([all]), stream).catch((error: unknown) => error)
    expect(failure).to.equal(stop)
    expect(await stream.result.catch((error: unknown) => error)).to.equal(stop)
    await becomesEmpty(server)
  })

  describe('requests', () => {
    interface Seen {
      line: string
      length: number
    }

    /** A service that keeps nothing but notes what it is asked; `fault` may answer in its place. */
    async function noting(
      fault: (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean = () => false,
    ): Promise<{ service: FakeService; seen: Seen[] }> {
      const seen: Seen[] = []
      const bodies: Buffer[] = []
      const service = await spec.http((request, response) => {
        bodyOf(request).then(
          (body) => {
            const { searchParams } = new URL(request.url!, 'http://x')
            const query = [...searchParams].map(([name, value]) => `${name}=${value}`).join('&')
            seen.push({ line: `${request.method} ${query}`, length: body.length })
            if (fault(request, response, body)) return
            if (request.method === 'POST' && searchParams.has('uploads')) {
              response.end(
                '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
              )
            } else if (request.method === 'POST') {
              response.writeHead(200, {
                'x-cos-hash-crc64ecma': checksumsOf(Buffer.concat(bodies))['x-cos-hash-crc64ecma'],
              })
              response.end(
                '<CompleteMultipartUploadResult><ETag>"e-3"</ETag></CompleteMultipartUploadResult>',
              )
            } else if (request.method === 'PUT') {
              bodies.push(body)
              response.writeHead(200, checksumsOf(body)).end()
            } else {
              response.writeHead(204).end()
            }
          },
          () => undefined,
        )
      })
      return { service, seen }
    }

    function writing(
      service: FakeService,
      options = {},
    ): ReturnType<ReturnType<typeof spec.client>['createWriteStream']> {
      return spec.client(service, options).createWriteStream({ Key: 'a', PartSize: PART, Concurrency: 1 })
    }

    it('are one PUT for what fits exactly a part', async () => {
      const { service, seen } = await noting()
      await pipeline(Readable.from([all.subarray(0, PART)]), writing(service))
      expect(seen).to.deep.equal([{ line: 'PUT ', length: PART }])
    })

    it('are one empty PUT for nothing', async () => {
      const { service, seen } = await noting()
      writing(service).end()
      await eventually(() => seen.length === 1)
      expect(seen).to.deep.equal([{ line: 'PUT ', length: 0 }])
    })

    it('are initiate, parts from 1 on, complete for more', async () => {
      const { service, seen } = await noting()
      await pipeline(Readable.from([all.subarray(0, 2 * PART + 7)]), writing(service))
      expect(seen.map(({ line }) => line)).to.deep.equal([
        'POST uploads=',
        'PUT partNumber=1&uploadId=u',
        'PUT partNumber=2&uploadId=u',
        'PUT partNumber=3&uploadId=u',
        'POST uploadId=u',
      ])
      expect(seen.slice(1, 4).map(({ length }) => length)).to.deep.equal([PART, PART, 7])
    })

    for (const [title, matches] of [
      ['the only PUT', (line: string) => line === 'PUT /'],
      ['initiate', (line: string) => line === 'POST /?uploads='],
      ['part 1', (line: string) => line.includes('partNumber=1&')],
      ['part 3', (line: string) => line.includes('partNumber=3&')],
      ['complete', (line: string) => line === 'POST /?uploadId=u'],
    ] as const) {
      it(`that fail at ${title} with 503 fail the stream and drop the upload`, async () => {
        const { service, seen } = await noting((request, response) => {
          const line = `${request.method} ${request.url!.replace(/^\/[^?]*/, '/')}`
          if (!matches(line)) return false
          response.writeHead(503).end('<Error><Code>ServiceUnavailable</Code></Error>')
          return true
        })
        const stream = writing(service)
        let finishedEarly = false
        stream.on('finish', () => (finishedEarly = true))
        const size = title === 'the only PUT' ? 5 : 2 * PART + 7
        const error = await refused('SEALSTREAM_SERVICE', () =>
          pipeline(Readable.from([all.subarray(0, size)]), stream),
        )
        expect(error).to.include({ status: 503, serviceCode: 'ServiceUnavailable' })
        expect(await failureOf(() => stream.result)).to.equal(error)
        expect(finishedEarly).to.equal(false)
        await closed(stream)
        const drops = title === 'the only PUT' || title === 'initiate' ? 0 : 1
        await eventually(() =>
          expect(seen.filter(({ line }) => line === 'DELETE uploadId=u')).to.have.length(drops),
        )
        expect(inspect(error, { depth: 10 }))
          .to.not.include('q-signature')
          .and.to.not.include(KEYS.secretKey)
      })
    }

    it('that break off at a part fail the stream and drop the upload', async () => {
      const { service, seen } = await noting((request) => {
        if (!request.url!.includes('partNumber=2')) return false
        request.socket.destroy()
        return true
      })
      const stream = writing(service)
      // A keep-alive connection that breaks is tried once more before that is the answer.
      await refused('SEALSTREAM_CONNECTION', () => pipeline(Readable.from([all]), stream))
      await closed(stream)
      await eventually(() => expect(seen.at(-1)!.line).to.equal('DELETE uploadId=u'))
    })

    it('whose part is stored with other bytes fail the stream', async () => {
      const { service } = await noting((request, response) => {
        if (!request.url!.includes('partNumber=2')) return false
        response.writeHead(200, checksumsOf(Buffer.from('other'))).end()
        return true
      })
      await refused('SEALSTREAM_INTEGRITY', () => pipeline(Readable.from([all]), writing(service)))
    })

    it('whose whole has another CRC-64 on complete fail the stream', async () => {
      const { service } = await noting((request, response) => {
        if (request.method !== 'POST' || request.url!.includes('uploads')) return false
        response.writeHead(200, { 'x-cos-hash-crc64ecma': '1' })
        response.end('<CompleteMultipartUploadResult><ETag>"e-4"</ETag></CompleteMultipartUploadResult>')
        return true
      })
      const error = await refused('SEALSTREAM_INTEGRITY', () =>
        pipeline(Readable.from([all]), writing(service)),
      )
      expect(error).to.include({ etag: '"e-4"', algorithm: 'crc64' })
    })

    for (const [title, head, outcome] of [
      ['its CRC-64', { 'x-cos-hash-crc64ecma': String(crc64(all)), 'content-length': all.length }, 'crc64'],
      [
        'another CRC-64',
        { 'x-cos-hash-crc64ecma': '1', 'content-length': all.length },
        'SEALSTREAM_INTEGRITY',
      ],
      ['the length alone', { 'content-length': all.length }, 'length'],
      ['another length', { 'content-length': all.length + 1 }, 'SEALSTREAM_INTEGRITY'],
    ] as const) {
      it(`ask by HEAD where complete states no CRC-64, and find ${title}: ${outcome}`, async () => {
        const { service, seen } = await noting((request, response) => {
          if (request.method === 'HEAD') {
            expect(request.headers['if-match']).to.equal('"e-4"')
            response.writeHead(200, { etag: '"e-4"', ...head }).end()
            return true
          }
          if (request.method !== 'POST' || request.url!.includes('uploads')) return false
          response.end('<CompleteMultipartUploadResult><ETag>"e-4"</ETag></CompleteMultipartUploadResult>')
          return true
        })
        const stream = writing(service)
        const failure = await pipeline(Readable.from([all]), stream).catch((error: unknown) => error)
        expect(seen.at(-1)!.line).to.equal('HEAD ')
        if (outcome.startsWith('SEAL')) expect((failure as SealstreamError).code).to.equal(outcome)
        else expect((await stream.result).verified).to.equal(outcome)
      })
    }

    it('take a 200 with an Error document on complete for a failure', async () => {
      const { service } = await noting((request, response) => {
        if (request.method !== 'POST' || request.url!.includes('uploads')) return false
        response.end('\n\n<Error><Code>InternalError</Code></Error>')
        return true
      })
      const error = await refused('SEALSTREAM_SERVICE', () =>
        pipeline(Readable.from([all]), writing(service)),
      )
      expect(error).to.include({ status: 200, serviceCode: 'InternalError' })
    })
  })

  describe('destroyed', () => {
    for (const size of [0, 10, PART, 2 * PART + 1]) {
      for (const error of [undefined, new Error('changed my mind')]) {
        it(`after ${size} bytes ${error ? 'with' : 'without'} an error leaves nothing`, async () => {
          const server = await spec.server()
          const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
          let errors = 0
          stream.on('error', () => (errors += 1))
          for (const piece of piecesOf(all.subarray(0, size), 100_000)) {
            if (!stream.write(piece)) await once(stream, 'drain')
          }
          stream.destroy(error)
          await closed(stream)
          expect(errors).to.equal(error ? 1 : 0)
          const failure: unknown = await stream.result.catch((reason: unknown) => reason)
          if (error) expect(failure).to.equal(error)
          else expect(failure).to.have.property('code', 'SEALSTREAM_ABORTED')
          await becomesEmpty(server)
        })
      }
    }

    it('while a part is on its way leaves nothing', async () => {
      const server = await spec.server()
      const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
      stream.write(all)
      await new Promise((resolve) => setImmediate(resolve))
      stream.destroy()
      await closed(stream)
      await becomesEmpty(server)
    })

    it('while the service carries out initiate drops the upload that comes of it', async () => {
      const ended: string[] = []
      const server = await spec.server({
        // Asked for the time, it has the request.
        clock: () => {
          stream.destroy()
          return Date.now()
        },
        onRequest: ({ operation, status }) => ended.push(`${operation} ${status}`),
      })
      const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
      stream.write(all)
      await closed(stream)
      await eventually(() =>
        expect(ended).to.deep.equal(['createMultipartUpload 200', 'abortMultipartUpload 204']),
      )
      await becomesEmpty(server)
    })

    it('while initiate is on its way drops what came of it, 12 moments', async () => {
      const ended: RequestEvent[] = []
      const server = await spec.server({ onRequest: (event) => ended.push(event) })
      const count = (asked: OperationName): number =>
        ended.filter(({ operation, status }) => operation === asked && status < 300).length
      const client = spec.client(server)
      for (let turns = 0; turns < 12; turns++) {
        const stream = client.createWriteStream({ Key: 'a', PartSize: PART })
        stream.write(all)
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
        stream.destroy()
        await closed(stream)
        // Not before: what has not arrived yet is not there either.
        await eventually(() => expect(count('abortMultipartUpload')).to.equal(count('createMultipartUpload')))
        await becomesEmpty(server)
      }
    })

    it('before anything was written makes no request', async () => {
      const service = await spec.net(() => undefined)
      const stream = spec.client(service).createWriteStream({ Key: 'a' })
      stream.destroy()
      await closed(stream)
      expect(service.accepted).to.equal(0)
    })

    it('after finish changes nothing', async () => {
      const server = await spec.server()
      const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
      stream.end(all)
      await once(stream, 'finish')
      stream.destroy()
      expect((await stream.result).StoredLength).to.equal(all.length)
      expect((await storedAt(server))?.equals(all)).to.equal(true)
    })

    it('by its signal: SEALSTREAM_ABORTED with the reason, nothing left', async () => {
      const server = await spec.server()
      const controller = new AbortController()
      const reason = new Error('changed my mind')
      const stream = spec
        .client(server)
        .createWriteStream({ Key: 'a', PartSize: PART, signal: controller.signal })
      let errors = 0
      stream.on('error', () => (errors += 1))
      stream.write(all, () => controller.abort(reason))
      const error = await refused('SEALSTREAM_ABORTED', () => finished(stream))
      expect(error.cause).to.equal(reason)
      await closed(stream)
      expect(errors).to.equal(1)
      expect(await failureOf(() => stream.result)).to.equal(error)
      await becomesEmpty(server)
    })

    it('by a signal that was aborted before makes no request', async () => {
      const service = await spec.net(() => undefined)
      const stream = spec.client(service).createWriteStream({ Key: 'a', signal: AbortSignal.abort('no') })
      const error = await refused('SEALSTREAM_ABORTED', () => finished(stream))
      expect(error.cause).to.equal('no')
      expect(service.accepted).to.equal(0)
    })
  })

  describe('under pipe', () => {
    for (const how of ['fails', 'closes'] as const) {
      it(`leaves nothing when the source ${how}`, async () => {
        const server = await spec.server()
        const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
        const source = new PassThrough()
        const broken = new Error('disk on fire')
        source.on('error', () => undefined)
        source.pipe(stream)
        source.write(all, () => source.destroy(how === 'fails' ? broken : undefined))
        const error = await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () => finished(stream))
        expect(error.cause ?? undefined).to.equal(how === 'fails' ? broken : undefined)
        await closed(stream)
        await becomesEmpty(server)
      })
    }

    it('ends when the source ends', async () => {
      const server = await spec.server()
      const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
      Readable.from(piecesOf(all, 50_000)).pipe(stream)
      await finished(stream)
      expect((await storedAt(server))?.equals(all)).to.equal(true)
    })

    it("passes on a source's own error under pipeline, and leaves nothing", async () => {
      const server = await spec.server()
      const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
      const broken = new Error('disk on fire')
      const source = Readable.from(
        (async function* () {
          yield all
          await Promise.resolve()
          throw broken
        })(),
      )
      const failure = await pipeline(source, stream).catch((error: unknown) => error)
      expect(failure).to.equal(broken)
      await closed(stream)
      await becomesEmpty(server)
    })
  })

  it('holds back a fast writer', async () => {
    const server = await spec.server()
    const stream = spec.client(server).createWriteStream({ Key: 'a', PartSize: PART })
    expect(stream.write(all)).to.equal(false)
    expect(stream.writableNeedDrain).to.equal(true)
    await once(stream, 'drain')
    stream.end()
    await finished(stream)
  })

  for (const [params, option] of [
    [{ Key: 'a', PartSize: 8 }, 'PartSize'],
    [{ Key: 'a', PartSize: PART + 8 }, 'PartSize'],
    [{ Key: '..' }, 'Key'],
    [{ Key: 'a', Body: 'x' }, 'Body'],
    [{ Key: 'a', SliceSize: 5 }, 'SliceSize'],
    [{ Key: 'a', ContentType: '\n' }, 'ContentType'],
    [{ Key: 'a', signal: {} }, 'signal'],
    [{ Key: 'a', onProgress: 5 }, 'onProgress'],
  ] as const) {
    it(`refuses ${JSON.stringify(params)} at once`, async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const error = await refused('SEALSTREAM_OPTION', () => {
        const stream = client.createWriteStream(params as never)
        stream.destroy()
        return stream
      })
      expect(error).to.include({ option })
    })
  }

  it('refuses too much metadata at once', async () => {
    const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
    await refused('SEALSTREAM_METADATA', () => {
      client.createWriteStream({ Key: 'a', Metadata: { a: 'x'.repeat(2048) } })
    })
  })
})
