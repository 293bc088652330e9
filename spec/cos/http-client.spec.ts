import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { RequestError } from 'got'
import { SealstreamError, type ErrorCode } from '../../lib/errors.js'
import {
  answering,
  bodyOf,
  checksumsOf,
  cosSpec,
  KEYS,
  onHeads,
  rawAnswer,
  type FakeService,
} from '../support/cos-service.js'
import { eventually } from '../support/eventually.js'
import { refused } from '../support/refused.js'
import { filesOf } from '../support/server-files.js'

const MIB = 1024 * 1024

/** No library's error and nothing of the signature in it or below it. */
function expectClean(error: unknown): void {
  for (let at = error; at !== undefined; at = (at as Error).cause) {
    expect(at).to.not.be.instanceOf(RequestError)
    expect(at).to.not.have.any.keys('options', 'request', 'response', 'timings', 'rawPacket')
  }
  const shown = inspect(error, { depth: 10, showHidden: true })
  for (const secret of [KEYS.secretKey, 'q-signature', 'q-sign-time', 'uthorization']) {
    expect(shown).to.not.include(secret)
  }
}

/** An endless source that tells how much was taken from it. */
function endless(): { source: Readable; taken: () => number } {
  let taken = 0
  const source = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      taken += 64 * 1024
      this.push(Buffer.alloc(64 * 1024))
    },
  })
  return { source, taken: () => taken }
}

describe('HttpClient', () => {
  const spec = cosSpec()

  /** What every operation that could meet a fault makes of it. */
  async function failing(
    code: ErrorCode,
    service: { endpoint: string },
    timeouts = {},
  ): Promise<SealstreamError[]> {
    const client = spec.client(service, { timeouts })
    const errors: SealstreamError[] = []
    for (const run of [
      () => client.headObject({ Key: 'a' }),
      () => client.getObject({ Key: 'a' }),
      () => client.putObject({ Key: 'a', Body: 'body' }),
      () => client.putObject({ Key: 'a', Body: ['body'], ContentLength: 4 }),
      () => client.deleteObject({ Key: 'a' }),
    ]) {
      const error = await refused(code, run)
      expectClean(error)
      errors.push(error)
    }
    return errors
  }

  describe('without a connection', () => {
    it('says that it was refused', async () => {
      const probe = createServer().listen(0, '127.0.0.1')
      await once(probe, 'listening')
      const { port } = probe.address() as AddressInfo
      await new Promise((resolve) => probe.close(resolve))
      const [error] = await failing('SEALSTREAM_CONNECTION', { endpoint: `http://127.0.0.1:${port}` })
      expect(error!.message).to.include('refused').and.to.include(`127.0.0.1:${port}`)
      expect(error!.cause).to.have.property('code', 'ECONNREFUSED')
    })

    it('says that the host does not exist', async () => {
      await failing('SEALSTREAM_CONNECTION', { endpoint: 'http://host.invalid:1' })
    })

    it('says so of an IP address that cannot take the bucket as a subdomain', async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' }, { pathStyle: false })
      const failure = await client.headObject({ Key: 'a' }).catch((error: unknown) => error)
      expect(failure).to.be.instanceOf(SealstreamError)
    })
  })

  describe('with a connection that breaks', () => {
    it('before the head of an answer', async () => {
      const service = await spec.net((socket) => onHeads(socket, () => socket.resetAndDestroy()))
      await failing('SEALSTREAM_CONNECTION', service)
    })

    it('by a plain end before the head', async () => {
      const service = await spec.net((socket) => onHeads(socket, () => socket.end()))
      await failing('SEALSTREAM_CONNECTION', service)
    })

    it('in the middle of the head', async () => {
      const service = await spec.net((socket) =>
        onHeads(socket, () => socket.end('HTTP/1.1 200 OK\r\nETag: "e')),
      )
      await failing('SEALSTREAM_CONNECTION', service)
    })

    it('by an answer that is not HTTP', async () => {
      const service = await spec.net((socket) =>
        onHeads(socket, () => socket.end('220 smtp.example.com ESMTP\r\n')),
      )
      await failing('SEALSTREAM_CONNECTION', service)
    })

    it('in the middle of a body that is read', async () => {
      const service = await spec.net((socket) =>
        onHeads(socket, () => {
          socket.write(rawAnswer('200 OK', { 'Content-Length': 1000, ETag: '"e"' }, 'only this'), () =>
            setImmediate(() => socket.resetAndDestroy()),
          )
        }),
      )
      const error = await refused('SEALSTREAM_CONNECTION', async () => {
        const { Body } = await spec.client(service).getObject({ Key: 'a' })
        return Body.transformToByteArray()
      })
      expectClean(error)
    })

    it('in the middle of an XML answer', async () => {
      const service = await spec.net((socket) =>
        onHeads(socket, () =>
          socket.end(rawAnswer('200 OK', { 'Content-Length': 1000 }, '<ListBucketResult>')),
        ),
      )
      expectClean(await refused('SEALSTREAM_CONNECTION', () => spec.client(service).listObjects()))
    })
  })

  describe('with a service that stalls', () => {
    it('before the head: SEALSTREAM_TIMEOUT', async () => {
      const service = await spec.net((socket) => void socket.resume())
      await failing('SEALSTREAM_TIMEOUT', service, { stall: 150 })
    })

    it('in a body that is read: SEALSTREAM_TIMEOUT', async () => {
      const service = await spec.net((socket) =>
        onHeads(socket, () =>
          socket.write(rawAnswer('200 OK', { 'Content-Length': 1000, ETag: '"e"' }, 'only this')),
        ),
      )
      const error = await refused('SEALSTREAM_TIMEOUT', async () => {
        const { Body } = await spec.client(service, { timeouts: { stall: 150 } }).getObject({ Key: 'a' })
        return Body.transformToByteArray()
      })
      expectClean(error)
    })

    it('in an XML answer: SEALSTREAM_TIMEOUT', async () => {
      const service = await spec.net((socket) =>
        onHeads(socket, () => socket.write(rawAnswer('200 OK', { 'Content-Length': 1000 }, '<List'))),
      )
      const client = spec.client(service, { timeouts: { stall: 150 } })
      expectClean(await refused('SEALSTREAM_TIMEOUT', () => client.listObjects()))
    })

    it('reading a body that is sent: SEALSTREAM_TIMEOUT, the source destroyed', async () => {
      const service = await spec.net((socket) => void socket.pause())
      const { source } = endless()
      const client = spec.client(service, { timeouts: { stall: 150 } })
      expectClean(
        await refused('SEALSTREAM_TIMEOUT', () =>
          client.putObject({ Key: 'a', Body: source, ContentLength: 50 * MIB }),
        ),
      )
      expect(source.destroyed).to.equal(true)
    })

    it('destroys a body that nobody reads', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 50 * MIB, etag: '"e"' })
        Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(MIB))).pipe(response)
      })
      const { Body } = await spec.client(service, { timeouts: { stall: 150 } }).getObject({ Key: 'a' })
      const [error] = (await once(Body, 'error')) as [SealstreamError]
      expect(error.code).to.equal('SEALSTREAM_TIMEOUT')
      expect(Body.destroyed).to.equal(true)
    })
  })

  describe('with an answer before the body has ended', () => {
    const denied = '<Error><Code>AccessDenied</Code><Message>no</Message></Error>'

    /** Answers 403 to the head and leaves the rest of the body in the socket. */
    const sockets: Socket[] = []
    beforeEach(() => void sockets.splice(0))
    const answeringEarly = (answer: string, after: (socket: Socket) => void): Promise<FakeService> =>
      spec.net((socket) => {
        sockets.push(socket)
        socket.once('data', () => {
          socket.pause()
          socket.write(answer, () => after(socket))
        })
      })
    const refusing = (after: (socket: Socket) => void): Promise<FakeService> =>
      answeringEarly(rawAnswer('403 Forbidden', {}, denied), after)

    /** Reads on what was left in the sockets: only then does their end show. */
    async function allClosed(service: FakeService): Promise<void> {
      for (const socket of sockets) socket.resume()
      await eventually(() => service.standing === 0)
    }

    for (const [title, after] of [
      ['goes on standing', () => undefined],
      ['is drained and closed', (socket: Socket) => void socket.resume().end()],
    ] as const) {
      it(`lets the answer win over a 50 MiB stream when the connection ${title}`, async () => {
        const service = await refusing(after)
        const { source, taken } = endless()
        const error = await refused('SEALSTREAM_SERVICE', () =>
          spec.client(service).putObject({ Key: 'a', Body: source, ContentLength: 50 * MIB }),
        )
        expect(error).to.include({ status: 403, serviceCode: 'AccessDenied' })
        expectClean(error)
        expect(source.destroyed).to.equal(true)
        expect(taken()).to.be.below(40 * MIB)
        await allClosed(service)
      })

      it(`lets the answer win over 50 MiB of bytes when the connection ${title}`, async () => {
        const service = await refusing(after)
        const error = await refused('SEALSTREAM_SERVICE', () =>
          spec.client(service).putObject({ Key: 'a', Body: Buffer.alloc(50 * MIB) }),
        )
        expect(error).to.include({ status: 403, serviceCode: 'AccessDenied' })
        await allClosed(service)
      })
    }

    for (const [title, body] of [
      ['a stream', () => endless().source],
      ['bytes', () => Buffer.alloc(50 * MIB)],
    ] as const) {
      it(`does not take an early 200 for ${title} for success`, async () => {
        const service = await answeringEarly(rawAnswer('200 OK', { ETag: '"e"' }), () => undefined)
        const Body = body()
        await refused('SEALSTREAM_ANSWER', () =>
          // Bytes go out in one piece: that they never arrive shows when nothing moves any more.
          spec
            .client(service, { timeouts: { stall: 300 } })
            .putObject({ Key: 'a', Body, ContentLength: 50 * MIB }),
        )
        if (Body instanceof Readable) expect(Body.destroyed).to.equal(true)
        await allClosed(service)
      })
    }
  })

  describe('with odd answers', () => {
    it('keeps the status of an error page that is not XML', async () => {
      const service = await spec.http(
        answering((_body, _request, response) => response.writeHead(502).end('<html><h1>Bad Gateway</h1>')),
      )
      for (const error of await failing('SEALSTREAM_SERVICE', service))
        expect(error).to.include({ status: 502 })
    })

    it('keeps the status of an error with a damaged or hostile document', async () => {
      for (const body of [
        '<Error><Code>X',
        '<!DOCTYPE a [<!ENTITY b "c">]><Error><Code>&b;</Code></Error>',
        '',
      ]) {
        const service = await spec.http(
          answering((_body, _request, response) => response.writeHead(500).end(body)),
        )
        const error = await refused('SEALSTREAM_SERVICE', () => spec.client(service).listObjects())
        expect(error).to.include({ status: 500, serviceCode: '' })
      }
    })

    for (const status of [301, 302, 303, 307, 308]) {
      it(`does not follow a ${status}`, async () => {
        let requests = 0
        const other = await spec.http((_request, response) => {
          requests += 1
          response.end()
        })
        const service = await spec.http(
          answering((_body, _request, response) =>
            response.writeHead(status, { location: `${other.endpoint}/stolen` }).end(),
          ),
        )
        for (const error of await failing('SEALSTREAM_SERVICE', service)) expect(error).to.include({ status })
        expect(requests).to.equal(0)
      })
    }

    for (const status of [429, 500, 503]) {
      it(`does not send a request again after ${status}`, async () => {
        let requests = 0
        const service = await spec.http(
          answering((_body, _request, response) => {
            requests += 1
            response.writeHead(status, { 'retry-after': '0' }).end()
          }),
        )
        await failing('SEALSTREAM_SERVICE', service)
        expect(requests).to.equal(5)
      })
    }

    it('asks for identity encoding and leaves a gzip answer as it is', async () => {
      let asked: string | undefined
      const service = await spec.http((request, response) => {
        asked = request.headers['accept-encoding']
        const body = Buffer.from('not gzip')
        response.writeHead(200, {
          'content-length': body.length,
          'content-encoding': 'gzip',
          ...checksumsOf(body),
        })
        response.end(body)
      })
      const { Body } = await spec.client(service).getObject({ Key: 'a' })
      expect(await Body.transformToString()).to.equal('not gzip')
      expect(asked).to.equal('identity')
    })

    it('declares the length of every body and never chunks', async () => {
      const seen: (string | undefined)[] = []
      const service = await spec.http(
        answering((_body, request, response) => {
          seen.push(
            `${request.method} ${request.headers['content-length']} ${request.headers['transfer-encoding']}`,
          )
          response
            .writeHead(200, { etag: '"e"' })
            .end(
              request.method === 'POST'
                ? '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'
                : '',
            )
        }),
      )
      const client = spec.client(service)
      await client.putObject({ Key: 'a', Body: 'abc' })
      await client.putObject({ Key: 'a', Body: ['abc'], ContentLength: 3 })
      await client.putObject({ Key: 'a', Body: '' })
      await client.putObject({ Key: 'a', Body: [], ContentLength: 0 })
      await client.createMultipartUpload({ Key: 'a' })
      expect(seen).to.deep.equal(
        ['PUT 3', 'PUT 3', 'PUT 0', 'PUT 0', 'POST 0'].map((line) => `${line} undefined`),
      )
    })
  })

  describe('connections', () => {
    it('are kept and used again', async () => {
      const service = await spec.http(
        answering((_body, _request, response) =>
          response.writeHead(200, { 'content-length': 0, etag: '"e"' }).end(),
        ),
      )
      const client = spec.client(service)
      await client.deleteObject({ Key: 'a' })
      await client.putObject({ Key: 'a', Body: 'x' })
      await client.putObject({ Key: 'a', Body: ['x'], ContentLength: 1 })
      await client.headObject({ Key: 'a' })
      await client.deleteObject({ Key: 'a' })
      expect(service.accepted).to.equal(1)
    })

    it('are used again after a body was read to its end', async () => {
      const body = Buffer.alloc(100_000, 'x')
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': body.length, ...checksumsOf(body) }).end(body)
      })
      const client = spec.client(service)
      for (let run = 0; run < 3; run++) {
        await (await client.getObject({ Key: 'a' })).Body.transformToByteArray()
      }
      expect(service.accepted).to.equal(1)
    })

    /** Answers the first request of a connection; resets the connection when the second has come in. */
    const stale = (seen: string[]): Promise<FakeService> =>
      spec.net((socket) =>
        onHeads(socket, (head, index) => {
          seen.push(head.slice(0, head.indexOf(' ')))
          if (index === 0) socket.write(rawAnswer('200 OK', { ETag: '"e"' }))
          else socket.destroy()
        }),
      )

    for (const [title, run] of [
      ['a request without body', (client) => client.deleteObject({ Key: 'a' })],
      ['a request with bytes', (client) => client.putObject({ Key: 'a', Body: '' })],
      ['a HEAD', (client) => client.headObject({ Key: 'a' })],
    ] as [string, (client: ReturnType<typeof spec.client>) => Promise<unknown>][]) {
      it(`that went stale cost ${title} nothing: it is sent once more`, async () => {
        const seen: string[] = []
        const service = await stale(seen)
        const client = spec.client(service)
        await client.deleteObject({ Key: 'a' })
        await run(client)
        expect(seen).to.have.length(3)
        expect(service.accepted).to.equal(2)
      })
    }

    it('that went stale fail a stream, which cannot be had again', async () => {
      const seen: string[] = []
      const service = await stale(seen)
      const client = spec.client(service)
      await client.deleteObject({ Key: 'a' })
      const source = Readable.from(['x'])
      const error = await refused('SEALSTREAM_CONNECTION', () =>
        client.putObject({ Key: 'a', Body: source, ContentLength: 1 }),
      )
      expectClean(error)
      expect(source.destroyed).to.equal(true)
      expect(seen).to.have.length(2)
    })

    it('that break when they are new are not tried again', async () => {
      let requests = 0
      const service = await spec.net((socket) =>
        onHeads(socket, () => {
          requests += 1
          socket.destroy()
        }),
      )
      await refused('SEALSTREAM_CONNECTION', () => spec.client(service).deleteObject({ Key: 'a' }))
      expect(requests).to.equal(1)
    })

    it('that closed between two requests cost nothing', async () => {
      const service = await spec.net((socket) =>
        onHeads(socket, () => socket.end(rawAnswer('200 OK', { 'Keep-Alive': 'timeout=60' }))),
      )
      const client = spec.client(service)
      await client.deleteObject({ Key: 'a' })
      await eventually(() => service.standing === 0)
      await client.deleteObject({ Key: 'a' })
      expect(service.accepted).to.equal(2)
    })

    it('are not used again after a body that was left', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 50 * MIB, etag: '"e"' })
        response.write(Buffer.alloc(MIB))
      })
      const { Body } = await spec.client(service).getObject({ Key: 'a' })
      Body.destroy()
      await eventually(() => service.standing === 0)
    })

    it('are gone after close(), idle or not', async () => {
      const service = await spec.http((request, response) => {
        void bodyOf(request).then(() => {
          if (request.method === 'DELETE') response.end()
        })
      })
      const client = spec.client(service)
      await client.deleteObject({ Key: 'a' })
      expect(service.standing).to.equal(1)
      const pending = client.putObject({ Key: 'a', Body: 'x' })
      const second = client.deleteObject({ Key: 'b' })
      await second
      expect(service.standing).to.equal(2)
      void client.close()
      expectClean(await refused('SEALSTREAM_CONNECTION', () => pending))
      await eventually(() => service.standing === 0)
      void client.close()
    })
  })

  describe('with other keys or another clock than the service', () => {
    it('gives its refusal of keys with a hint and without any key', async () => {
      const now = Date.parse('2024-05-06T07:08:09Z')
      const server = await spec.server({ clock: () => now })
      const { secretId, secretKey } = server.credentials
      for (const [credentials, serviceCode] of [
        [{ secretId, secretKey: KEYS.secretKey }, 'SignatureDoesNotMatch'],
        [KEYS, 'InvalidAccessKeyId'],
      ] as const) {
        for (const skew of [0, 3_600_000, -3_600_000]) {
          const client = spec.client(server, { credentials, clock: () => now + skew })
          const error = await refused('SEALSTREAM_SERVICE', () => client.listObjects())
          expect(error).to.include({ status: 403, serviceCode })
          expect(error.hint).to.be.a('string')
          expectClean(error)
          expect(inspect(error, { depth: 10 })).to.not.include(secretKey)
        }
      }
    })

    it('goes by the clock of the service where its own is an hour off', async () => {
      const now = Date.parse('2024-05-06T07:08:09Z')
      for (const skew of [3_600_000, -3_600_000]) {
        const server = await spec.server({ clock: () => now })
        const client = spec.client(server, { clock: () => now + skew })
        expect((await client.listObjects()).Contents).to.deep.equal([])
      }
    })

    it('is forgiven a minute by which its clock is ahead', async () => {
      const now = Date.parse('2024-05-06T07:08:09Z')
      const server = await spec.server({ clock: () => now })
      await spec.client(server, { clock: () => now + 60_000 }).listObjects()
      await spec.client(server, { clock: () => now - 900_000 }).listObjects()
    })
  })

  it('stores nothing of a request whose body broke off', async () => {
    const server = await spec.server()
    const source = Readable.from(
      (async function* () {
        yield Buffer.alloc(MIB)
        await Promise.resolve()
        throw new Error('gone')
      })(),
    )
    await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () =>
      spec.client(server).putObject({ Key: 'a', Body: source, ContentLength: 2 * MIB }),
    )
    expect(await filesOf(server, 'objects')).to.deep.equal([])
  })
})
