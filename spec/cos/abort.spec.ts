import { getEventListeners, once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { inspect } from 'node:util'
import { expect } from 'chai'
import type { SealstreamError } from '../../lib/errors.js'
import { answering, cosSpec, KEYS, rawAnswer, onHeads } from '../support/cos-service.js'
import { eventually } from '../support/eventually.js'
import { refused } from '../support/refused.js'
import { filesOf } from '../support/server-files.js'

const MIB = 1024 * 1024

describe('signals', () => {
  const spec = cosSpec()
  const reason = new Error('changed my mind')

  function expectAborted(error: SealstreamError): void {
    expect(error.code).to.equal('SEALSTREAM_ABORTED')
    expect(error.cause).to.equal(reason)
    expect(inspect(error, { depth: 10 }))
      .to.not.include('q-signature')
      .and.to.not.include(KEYS.secretKey)
  }

  it('aborted before the request: nothing is sent, the body is destroyed', async () => {
    let connections = 0
    const service = await spec.net(() => (connections += 1))
    const client = spec.client(service)
    const signal = AbortSignal.abort(reason)
    const source = Readable.from(['x'])
    const part = { Key: 'a', UploadId: 'u' }
    for (const run of [
      () => client.putObject({ Key: 'a', Body: 'x', signal }),
      () => client.putObject({ Key: 'a', Body: source, ContentLength: 1, signal }),
      () => client.getObject({ Key: 'a', signal }),
      () => client.headObject({ Key: 'a', signal }),
      () => client.deleteObject({ Key: 'a', signal }),
      () => client.listObjects({ signal }),
      () => client.createMultipartUpload({ Key: 'a', signal }),
      () => client.uploadPart({ ...part, PartNumber: 1, Body: 'x', signal }),
      () => client.listParts({ ...part, signal }),
      () => client.abortMultipartUpload({ ...part, signal }),
      () =>
        client.completeMultipartUpload({
          ...part,
          MultipartUpload: { Part: [{ PartNumber: 1, ETag: 'e' }] },
          signal,
        }),
    ]) {
      expectAborted(await refused('SEALSTREAM_ABORTED', run))
    }
    expect(source.destroyed).to.equal(true)
    expect(connections).to.equal(0)
  })

  it('aborted while the service thinks: one rejection, the connection closed', async () => {
    const controller = new AbortController()
    const service = await spec.net((socket) => onHeads(socket, () => controller.abort(reason)))
    const client = spec.client(service)
    let rejections = 0
    await client.headObject({ Key: 'a', signal: controller.signal }).catch((error: unknown) => {
      rejections += 1
      expectAborted(error as SealstreamError)
    })
    expect(rejections).to.equal(1)
    await eventually(() => service.standing === 0)
  })

  it('aborted while a stream goes out: the source is destroyed, nothing stored', async () => {
    const server = await spec.server()
    const controller = new AbortController()
    const source = new PassThrough()
    source.write(Buffer.alloc(MIB))
    const sending = spec.client(server).putObject({
      Key: 'a',
      Body: source,
      ContentLength: 2 * MIB,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    expectAborted(await refused('SEALSTREAM_ABORTED', () => sending))
    expect(source.destroyed).to.equal(true)
    expect(await filesOf(server, 'objects')).to.deep.equal([])
  })

  it('aborted while an XML answer comes in', async () => {
    const controller = new AbortController()
    const service = await spec.net((socket) =>
      onHeads(socket, () =>
        socket.write(rawAnswer('200 OK', { 'Content-Length': 1000 }, '<List'), () => {
          setTimeout(() => controller.abort(reason), 20)
        }),
      ),
    )
    const client = spec.client(service)
    expectAborted(
      await refused('SEALSTREAM_ABORTED', () => client.listObjects({ signal: controller.signal })),
    )
  })

  it('aborted while a body is read: the body fails once, the connection is closed', async () => {
    const controller = new AbortController()
    const service = await spec.http((_request, response) => {
      response.writeHead(200, { 'content-length': 10 * MIB, etag: '"e"' })
      response.write(Buffer.alloc(MIB))
    })
    const { Body } = await spec.client(service).getObject({ Key: 'a', signal: controller.signal })
    let errors = 0
    Body.on('error', () => (errors += 1))
    Body.once('data', () => controller.abort(reason))
    const [error] = (await once(Body, 'error')) as [SealstreamError]
    expectAborted(error)
    if (!Body.closed) await once(Body, 'close')
    expect(errors).to.equal(1)
    await eventually(() => service.standing === 0)
  })

  it('aborted while a body waits unread: it is destroyed', async () => {
    const controller = new AbortController()
    const service = await spec.http((_request, response) => {
      response.writeHead(200, { 'content-length': 10 * MIB, etag: '"e"' })
      response.write(Buffer.alloc(MIB))
    })
    const { Body } = await spec.client(service).getObject({ Key: 'a', signal: controller.signal })
    setImmediate(() => controller.abort(reason))
    const [error] = (await once(Body, 'error')) as [SealstreamError]
    expectAborted(error)
    await eventually(() => service.standing === 0)
  })

  it('aborted with a reason that is no error, or none', async () => {
    const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
    const text = await refused('SEALSTREAM_ABORTED', () =>
      client.headObject({ Key: 'a', signal: AbortSignal.abort('enough') }),
    )
    expect(text.cause).to.equal('enough')
    const bare = await refused('SEALSTREAM_ABORTED', () =>
      client.headObject({ Key: 'a', signal: AbortSignal.abort() }),
    )
    expect((bare.cause as Error).name).to.equal('AbortError')
  })

  it('of a timeout keep their reason', async () => {
    const service = await spec.net((socket) => void socket.resume())
    const error = await refused('SEALSTREAM_ABORTED', () =>
      spec.client(service).headObject({ Key: 'a', signal: AbortSignal.timeout(50) }),
    )
    expect((error.cause as Error).name).to.equal('TimeoutError')
  })

  it('aborted while credentials are fetched', async () => {
    const controller = new AbortController()
    let connections = 0
    const service = await spec.net(() => (connections += 1))
    const client = spec.client(service, {
      credentials: async () => {
        controller.abort(reason)
        return KEYS
      },
    })
    expectAborted(
      await refused('SEALSTREAM_ABORTED', () => client.headObject({ Key: 'a', signal: controller.signal })),
    )
    expect(connections).to.equal(0)
  })

  it('are not listened to any longer once a call is over', async () => {
    const { signal } = new AbortController()
    const service = await spec.http(
      answering((_body, _request, response) =>
        response.writeHead(200, { etag: '"e"', 'content-length': 0 }).end(),
      ),
    )
    const client = spec.client(service)
    for (let run = 0; run < 5; run++) {
      await client.headObject({ Key: 'a', signal })
      await client.putObject({ Key: 'a', Body: 'x', signal })
      await client.putObject({ Key: 'a', Body: ['x'], ContentLength: 1, signal })
      await (await client.getObject({ Key: 'a', signal })).Body.transformToByteArray()
      await client.createReadStream({ Key: 'a', signal }).transformToByteArray()
    }
    await eventually(() => getEventListeners(signal, 'abort').length === 0)
  })

  it('are not listened to any longer once a call has failed', async () => {
    const { signal } = new AbortController()
    const service = await spec.net((socket) => onHeads(socket, () => socket.destroy()))
    const client = spec.client(service)
    for (let run = 0; run < 5; run++) {
      await refused('SEALSTREAM_CONNECTION', () => client.headObject({ Key: 'a', signal }))
      await refused('SEALSTREAM_CONNECTION', () =>
        client.putObject({ Key: 'a', Body: ['x'], ContentLength: 1, signal }),
      )
    }
    await eventually(() => getEventListeners(signal, 'abort').length === 0)
  })

  it('are refused where they are none', async () => {
    const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
    for (const signal of [{}, null, 'x', new AbortController()]) {
      const error = await refused('SEALSTREAM_OPTION', () =>
        client.headObject({ Key: 'a', signal: signal as never }),
      )
      expect(error).to.include({ option: 'signal' })
    }
  })
})
