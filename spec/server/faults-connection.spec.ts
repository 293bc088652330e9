import { expect } from 'chai'
import type { Fault, RunningServer, ServerOptions } from '../../lib/server/index.js'
import { eventually } from '../support/eventually.js'
import { outcomeOf, type Outcome } from '../support/outcome.js'
import { objectPath, put, rawRequest, xmlText, xmlTexts } from '../support/raw-request.js'
import { becomesEmpty, filesOf, serversOfSpec } from '../support/server-files.js'

const path = objectPath('a')
const BYTES = Buffer.alloc(300_000, 'some bytes of an object ')

for (const https of [false, true]) {
  describe(`server: faults of the connection, ${https ? 'HTTPS' : 'HTTP'}`, () => {
    const startAny = serversOfSpec()
    const start = (options: ServerOptions): Promise<RunningServer> => startAny({ https, ...options })
    const putBytes = (server: RunningServer): Promise<Outcome> =>
      outcomeOf(server, { method: 'PUT', path, body: BYTES })
    const get = (server: RunningServer): Promise<Outcome> => outcomeOf(server, { path })

    /** A server that has the object already, and then the fault. */
    async function stored(fault: Fault): Promise<RunningServer> {
      const server = await start({})
      expect((await putBytes(server)).status).to.equal(200)
      server.faults.add(fault)
      return server
    }

    it('connect-refused: resets, and then refuses', async () => {
      const server = await start({ faults: [{ kind: 'connect-refused', ms: 60_000 }] })
      const outcomes = [await get(server), await get(server), await get(server)]
      expect(outcomes.map(({ error }) => error)).to.deep.equal(['ECONNRESET', 'ECONNREFUSED', 'ECONNREFUSED'])
    })

    it('connect-refused: listens on the same port again', async () => {
      const server = await start({ faults: [{ kind: 'connect-refused' }] })
      expect(await get(server)).to.include({ status: 0, error: 'ECONNRESET' })
      let last: Outcome | undefined
      await eventually(async () => (last = await get(server)).status !== 0)
      expect(last).to.include({ status: 404, code: 'NoSuchKey' })
      expect(server.faults.hits).to.have.length(1)
    })

    it('connect-refused: a server closed meanwhile stays closed', async () => {
      const server = await start({ faults: [{ kind: 'connect-refused', ms: 1 }] })
      await get(server)
      await server.close()
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect((await get(server)).error).to.equal('ECONNREFUSED')
    })

    it('reset-before-headers: nothing is answered or stored', async () => {
      const server = await start({ faults: [{ kind: 'reset-before-headers', operation: 'putObject' }] })
      expect(await putBytes(server)).to.include({ status: 0 })
      expect((await get(server)).status).to.equal(404)
    })

    it('reset-in-request-body: nothing is stored, half of the body read', async () => {
      let bytes = 0
      const server = await start({
        faults: [{ kind: 'reset-in-request-body' }],
        onBody: (event) => (bytes = event.offset + event.bytes.length),
      })
      const { status, error } = await putBytes(server)
      expect([status, ['ECONNRESET', 'EPIPE'].includes(error ?? '')]).to.deep.equal([0, true])
      expect(bytes).to.be.within(BYTES.length / 2, BYTES.length)
      await becomesEmpty(server)
    })

    it('reset-in-request-body: a request without body is reset at once', async () => {
      const server = await start({ faults: [{ kind: 'reset-in-request-body' }] })
      expect(await get(server)).to.include({ status: 0, error: 'ECONNRESET' })
    })

    it('reset-in-response-body: a prefix of the body arrives, then a reset', async () => {
      const server = await stored({ kind: 'reset-in-response-body', at: 1000 })
      const { status, headers, body, error } = await get(server)
      expect([status, headers['content-length'], error]).to.deep.equal([200, '300000', 'ECONNRESET'])
      expect(body.equals(BYTES.subarray(0, 1000))).to.equal(true)
    })

    it('answer-lost: the object is stored, the answer is not sent', async () => {
      const server = await start({ faults: [{ kind: 'answer-lost', operation: 'putObject' }] })
      expect(await putBytes(server)).to.include({ status: 0, error: 'ECONNRESET' })
      expect((await get(server)).body.equals(BYTES)).to.equal(true)
    })

    it('answer-lost: the upload that nobody learned of is listed', async () => {
      const server = await start({ faults: [{ kind: 'answer-lost', operation: 'createMultipartUpload' }] })
      const initiate = { method: 'POST', path, query: { uploads: '' } }
      expect((await outcomeOf(server, initiate)).status).to.equal(0)
      const { body } = await outcomeOf(server, { path: objectPath(''), query: { uploads: '' } })
      expect(xmlTexts(body.toString(), 'UploadId')).to.have.length(1)
    })

    it('early-close: the connection ends in order, short of the length announced', async () => {
      const server = await stored({ kind: 'early-close', at: 100_000 })
      const { headers, body, error } = await get(server)
      expect([headers['content-length'], body.length, error]).to.deep.equal(['300000', 100_000, 'ECONNRESET'])
      expect((await get(server)).body.equals(BYTES)).to.equal(true)
    })

    it('stall-before-headers: the answer comes after ms', async () => {
      const server = await stored({ kind: 'stall-before-headers', ms: 30 })
      const before = performance.now()
      expect((await get(server)).body.equals(BYTES)).to.equal(true)
      expect(performance.now() - before).to.be.greaterThan(25)
    })

    it('stall-before-headers: without ms until the client goes, the operation carried out', async () => {
      const server = await start({ faults: [{ kind: 'stall-before-headers' }] })
      const abort = new AbortController()
      const pending = outcomeOf(server, { method: 'PUT', path, body: BYTES }, { signal: abort.signal })
      await eventually(async () => (await filesOf(server, 'objects')).length === 1)
      abort.abort()
      expect(await pending).to.include({ status: 0, error: 'ABORT_ERR' })
      await server.close()
    })

    it('stall-in-body: the rest comes after ms', async () => {
      const server = await stored({ kind: 'stall-in-body', at: 5, ms: 30 })
      const { body, error } = await get(server)
      expect([body.equals(BYTES), error]).to.deep.equal([true, undefined])
    })

    it('stall-in-body: without ms nothing more comes', async () => {
      const server = await stored({ kind: 'stall-in-body', at: 5 })
      const abort = new AbortController()
      const onChunk = (): void => void setTimeout(() => abort.abort(), 20)
      const { body } = await outcomeOf(server, { path }, { signal: abort.signal, onChunk })
      expect(body.toString()).to.equal('some ')
    })

    it('a server with a stalled request closes', async () => {
      const server = await start({ faults: [{ kind: 'stall-before-headers' }] })
      const pending = get(server)
      await eventually(() => server.faults.hits.length === 1)
      await server.close()
      expect((await pending).status).to.equal(0)
    })

    for (const kind of ['reset-in-response-body', 'early-close', 'stall-in-body'] as const) {
      it(`${kind}: HEAD has no body to stop in, so it ends after the headers`, async () => {
        const server = await stored(kind === 'stall-in-body' ? { kind, ms: 1 } : { kind })
        const { status, headers } = await outcomeOf(server, { method: 'HEAD', path })
        expect([status, headers['content-length']]).to.deep.equal([200, '300000'])
      })
    }
  })
}

describe('server: faults of TLS', () => {
  const start = serversOfSpec()

  it('tls-failure: resets, ends the next connection before its handshake, and no other', async () => {
    const server = await start({ https: true, faults: [{ kind: 'tls-failure' }] })
    const outcomes = [await outcomeOf(server, { path }), await outcomeOf(server, { path })]
    expect(outcomes.map(({ error }) => error)).to.deep.equal(['ECONNRESET', 'ECONNRESET'])
    expect((await outcomeOf(server, { path })).status).to.equal(404)
  })
})

describe('server: faults that refuse', () => {
  const start = serversOfSpec()

  for (const [kind, status, code] of [
    ['request-timeout', 400, 'RequestTimeout'],
    ['expired-token', 403, 'ExpiredToken'],
    ['skewed-clock', 403, 'RequestTimeTooSkewed'],
    ['no-such-upload', 404, 'NoSuchUpload'],
    ['conflict', 409, 'OperationAborted'],
    ['too-many-requests', 429, 'TooManyRequests'],
    ['internal-error', 500, 'InternalError'],
    ['slow-down', 503, 'SlowDown'],
    ['redirect', 307, 'TemporaryRedirect'],
    ['error-in-200', 200, 'InternalError'],
  ] as const) {
    it(`${kind}: ${status} ${code}, the body drained, nothing stored`, async () => {
      const server = await start({ faults: [{ kind, operation: 'putObject' }] })
      const answer = await rawRequest(server, { method: 'PUT', path, body: Buffer.alloc(3_000_000) })
      expect([answer.status, xmlText(answer.text, 'Code')]).to.deep.equal([status, code])
      expect(await filesOf(server, 'objects')).to.deep.equal([])
      expect(await filesOf(server, 'data')).to.deep.equal([])
      await put(server, 'a', 'next')
    })
  }

  it('slow-down: Retry-After 1, or what is asked for', async () => {
    const server = await start({ faults: [{ kind: 'slow-down' }, { kind: 'slow-down', retryAfter: 7 }] })
    expect((await rawRequest(server, { path })).headers['retry-after']).to.equal('1')
    expect((await rawRequest(server, { path })).headers['retry-after']).to.equal('7')
  })

  it('too-many-requests: Retry-After where asked for, as a date too', async () => {
    const retryAfter = 'Fri, 31 Dec 1999 23:59:59 GMT'
    const server = await start({
      faults: [{ kind: 'too-many-requests' }, { kind: 'too-many-requests', retryAfter }],
    })
    expect((await rawRequest(server, { path })).headers).not.to.have.property('retry-after')
    expect((await rawRequest(server, { path })).headers['retry-after']).to.equal(retryAfter)
  })

  it('skewed-clock: ServerTime and Date are off by skewMs', async () => {
    const clock = (): number => Date.UTC(2030, 0, 1, 12)
    const server = await start({ clock, faults: [{ kind: 'skewed-clock', skewMs: -3_600_000 }] })
    const { headers, text } = await rawRequest(server, { path })
    expect(headers.date).to.equal('Tue, 01 Jan 2030 11:00:00 GMT')
    expect(xmlText(text, 'ServerTime')).to.equal('2030-01-01T11:00:00.000Z')
  })

  it('redirect: to the same URL, or to the location given', async () => {
    const location = 'http://127.0.0.1:9/x'
    const server = await start({ faults: [{ kind: 'redirect' }, { kind: 'redirect', location }] })
    const request = { path, query: { 'response-expires': '0' } }
    expect((await rawRequest(server, request)).headers.location).to.equal(
      `${server.endpoint}${path}?response-expires=0`,
    )
    expect((await rawRequest(server, request)).headers.location).to.equal(location)
  })

  it('error-in-200: white space comes before the document', async () => {
    const server = await start({ faults: [{ kind: 'error-in-200' }] })
    const { text, headers } = await rawRequest(server, { path })
    expect(text).to.match(/^\s+<\?xml/)
    expect(headers).not.to.have.property('x-cos-error-code')
  })
})
