import { expect } from 'chai'
import type { BodyEvent, RequestEvent, RunningServer, ServerOptions } from '../../lib/server/index.js'
import { FAULT_KINDS } from '../../lib/server/index.js'
import { eventually } from '../support/eventually.js'
import { initiate, uploadPart } from '../support/multipart-requests.js'
import { outcomeOf } from '../support/outcome.js'
import { BUCKET, objectPath, plainRequest, rawRequest } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

const path = objectPath('a')

describe('server: observers', () => {
  const startAny = serversOfSpec()
  let requests: RequestEvent[]
  let bodies: BodyEvent[]

  function start(options: ServerOptions = {}): Promise<RunningServer> {
    requests = []
    bodies = []
    const onRequest = (event: RequestEvent): void => void requests.push(event)
    const onBody = (event: BodyEvent): void => void bodies.push(event)
    return startAny({ onRequest, onBody, ...options })
  }

  /** The bytes of each body, joined; checks that offsets follow on. */
  function joined(): Map<string, Buffer> {
    const found = new Map<string, Buffer>()
    for (const { bytes, offset, attempt, partNumber = 0 } of bodies) {
      const name = `${partNumber}/${attempt}`
      const before = found.get(name) ?? Buffer.alloc(0)
      expect(offset).to.equal(before.length)
      found.set(name, Buffer.concat([before, bytes]))
    }
    return found
  }

  it('are told of each exchange: operation, target, status, and how much came', async () => {
    const server = await start()
    const uploadId = await initiate(server)
    await uploadPart(server, uploadId, 3, 'part')
    await rawRequest(server, { method: 'HEAD', path })
    await rawRequest(server, { path: objectPath('') })
    await rawRequest(server, { method: 'PATCH', path })
    await plainRequest(server, { path: '/%zz' })
    await eventually(() => requests.length === 6)
    const target = { bucket: BUCKET, key: 'a' }
    expect(requests).to.deep.equal([
      { operation: 'createMultipartUpload', ...target, status: 200, requestBytes: 0 },
      { operation: 'uploadPart', ...target, uploadId, partNumber: 3, status: 200, requestBytes: 4 },
      { operation: 'headObject', ...target, status: 404, requestBytes: 0 },
      { operation: 'listObjects', bucket: BUCKET, key: '', status: 200, requestBytes: 0 },
      { operation: 'unknown', ...target, status: 501, requestBytes: 0 },
      { operation: 'unknown', bucket: '', key: '', status: 400, requestBytes: 0 },
    ])
  })

  for (const kind of [
    'reset-before-headers',
    'reset-in-response-body',
    'answer-lost',
    'early-close',
  ] as const) {
    it(`are told status 0 when ${kind} cut the connection`, async () => {
      const server = await start({ faults: [{ kind }] })
      await outcomeOf(server, { method: 'PUT', path, body: 'hello' })
      await eventually(() => requests.length === 1)
      expect(requests[0]).to.include({ operation: 'putObject', status: 0 })
    })
  }

  it('are told status 0 when the client went before its answer', async () => {
    const server = await start({ faults: [{ kind: 'stall-before-headers' }] })
    const abort = new AbortController()
    const pending = outcomeOf(server, { path }, { signal: abort.signal })
    await eventually(() => server.faults.hits.length === 1)
    abort.abort()
    await pending
    await eventually(() => requests.length === 1)
    expect(requests[0]!.status).to.equal(0)
  })

  it('see all bytes of a body, in order', async () => {
    const server = await start()
    const body = Buffer.from(Array.from({ length: 500_000 }, (_, i) => i % 251))
    await rawRequest(server, { method: 'PUT', path, body })
    expect(bodies[0]).to.include({ operation: 'putObject', bucket: BUCKET, key: 'a', attempt: 1 })
    expect(joined().get('0/1')!.equals(body)).to.equal(true)
  })

  it('see bytes as sent, before a fault alters them', async () => {
    const server = await start({ faults: [{ kind: 'flip-bit-stored' }] })
    await rawRequest(server, { method: 'PUT', path, body: 'hello' })
    expect(joined().get('0/1')!.toString()).to.equal('hello')
  })

  it('tell attempts of a part apart, the cut and the refused among them', async () => {
    const server = await start({
      faults: [
        { kind: 'reset-in-request-body', operation: 'uploadPart', at: 10 },
        { kind: 'slow-down', operation: 'uploadPart' },
      ],
    })
    const uploadId = await initiate(server)
    const query = { uploadId, partNumber: '1' }
    for (const fill of ['a', 'b', 'c']) {
      await outcomeOf(server, { method: 'PUT', path, query, body: Buffer.alloc(100_000, fill) })
    }
    await outcomeOf(server, { method: 'PUT', path, query: { ...query, partNumber: '2' }, body: 'other' })
    await eventually(() => requests.length === 5)
    const found = joined()
    expect([...found.keys()]).to.deep.equal(['1/1', '1/2', '1/3', '2/1'])
    expect(found.get('1/1')!.every((byte) => byte === 'a'.charCodeAt(0))).to.equal(true)
    expect(found.get('1/2')!.toString()).to.equal('b'.repeat(100_000))
    expect(requests[2]).to.include({ status: 503, requestBytes: 100_000 })
  })

  it('see what a refused client sent, also when it went as soon as it was refused', async () => {
    const server = await start({ faults: [{ kind: 'expired-token' }] })
    const abort = new AbortController()
    const sending = { signal: abort.signal, onChunk: () => abort.abort() }
    await outcomeOf(server, { method: 'PUT', path, body: Buffer.alloc(30_000_000) }, sending)
    await eventually(() => requests.length === 1)
    expect(requests[0]!.status).to.equal(403)
  })

  for (const kind of FAULT_KINDS.filter((one) => one !== 'tls-failure')) {
    it(`hear once of a PUT, a GET and a HEAD with ${kind} on each`, async () => {
      const server = await start({ faults: [] })
      await rawRequest(server, { method: 'PUT', path, body: Buffer.alloc(5000) })
      const ms = ['connect-refused', 'stall-before-headers', 'stall-in-body'].includes(kind) ? { ms: 1 } : {}
      for (const method of ['PUT', 'GET', 'HEAD']) {
        server.faults.clear()
        server.faults.add({ kind, ...ms })
        const before = requests.length
        const body = method === 'PUT' ? { body: Buffer.alloc(4000) } : {}
        await outcomeOf(server, { method, path, headers: { range: 'bytes=5-2000' }, ...body })
        await eventually(() => requests.length === before + 1)
        // Until it listens again.
        await eventually(
          async () =>
            (await outcomeOf(server, { path: objectPath('none') })).status === 404 ||
            server.faults.hits.length === 0,
        )
        await eventually(() => requests.length >= before + 2)
      }
    })
  }
})
