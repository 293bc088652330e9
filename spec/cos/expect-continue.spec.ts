import type { Socket } from 'node:net'
import { expect } from 'chai'
import type { RequestEvent } from '../../lib/server/index.js'
import { checksumsOf, cosSpec, rawAnswer, type FakeService } from '../support/cos-service.js'
import { eventually } from '../support/eventually.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const BYTES = new Seeded(4).bytes(2_000_000)
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const SMALL = Buffer.from('small body')

describe('option expectContinue', () => {
  const spec = cosSpec()

  /** Takes requests with {@link SMALL}; `onHead` decides about 100. Tells when each body was there. */
  function careful(
    onHead: (socket: Socket) => void,
    arrived: (milliseconds: number) => void,
    heads: string[] = [],
  ): Promise<FakeService> {
    return spec.net((socket) => {
      let since = 0
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        const end = text.indexOf('\r\n\r\n')
        if (end >= 0) {
          since = performance.now()
          heads.push(text.slice(0, end))
          text = text.slice(end + 4)
          onHead(socket)
        }
        if (text !== SMALL.toString()) return
        text = ''
        arrived(performance.now() - since)
        socket.write(rawAnswer('200 OK', checksumsOf(SMALL)))
      })
    })
  }

  it('sends no byte of a body that the service refuses', async () => {
    for (const kind of ['conflict', 'no-such-upload', 'expired-token'] as const) {
      const events: RequestEvent[] = []
      const server = await spec.server({
        faults: [{ kind, operation: 'putObject' }],
        onRequest: (event) => void events.push(event),
      })
      const client = spec.client(server, { expectContinue: true })
      await refused('SEALSTREAM_SERVICE', () => client.putObject({ Key: 'a', Body: BYTES }))
      await eventually(() => events.length > 0)
      expect(events[0]).to.include({ operation: 'putObject', requestBytes: 0 })
    }
  })

  it('reads nothing of a stream that the service refuses, and destroys it', async () => {
    const server = await spec.server({ faults: [{ kind: 'conflict', operation: 'putObject' }] })
    const events: number[] = []
    const client = spec.client(server, { expectContinue: true })
    async function* source(): AsyncGenerator<Buffer> {
      yield BYTES
    }
    await refused('SEALSTREAM_SERVICE', () =>
      client.putObject({
        Key: 'a',
        Body: source(),
        ContentLength: BYTES.length,
        onProgress: ({ bytes }) => void events.push(bytes),
      }),
    )
    await client.putObject({ Key: 'b', Body: BYTES })
    expect((await client.listObjects()).Contents.map(({ Key }) => Key)).to.deep.equal(['b'])
  })

  it('stores bytes, streams and nothing at all', async () => {
    const server = await spec.server()
    const client = spec.client(server, { expectContinue: true })
    for (const Body of [BYTES, [BYTES], '', Buffer.from('x')]) {
      const length = Array.isArray(Body) ? { ContentLength: BYTES.length } : {}
      const stored = await client.putObject({ Key: 'a', Body, ...length })
      expect(stored.verified).to.equal('crc64')
    }
  })

  it('is part of the signature, and only there where there is a body', async () => {
    const heads: string[] = []
    const service = await careful(
      (socket) => void socket.write(CONTINUE),
      () => undefined,
      heads,
    )
    const client = spec.client(service, { expectContinue: true })
    await client.putObject({ Key: 'a', Body: SMALL })
    expect(heads[0]!).to.match(/^expect: 100-continue\r?$/im)
    expect(heads[0]!).to.match(/q-header-list=[^&]*expect/)

    const server = await spec.server()
    const reading = spec.client(server, { expectContinue: true })
    await reading.putObject({ Key: 'a', Body: SMALL })
    const { Body } = await reading.getObject({ Key: 'a' })
    expect(await Body.transformToString()).to.equal(SMALL.toString())
    await reading.deleteObject({ Key: 'a' })
  })

  it('sends the body as soon as the service says 100', async () => {
    const waits: number[] = []
    const service = await careful(
      (socket) => void socket.write(CONTINUE),
      (milliseconds) => void waits.push(milliseconds),
    )
    const client = spec.client(service, { expectContinue: true })
    for (let i = 0; i < 6; i++) await client.putObject({ Key: 'a', Body: SMALL })
    // Without the 100 each of them would have taken a second.
    expect(waits.reduce((sum, wait) => sum + wait)).to.be.below(5000)
  })

  it('sends the body after a second in which the service says nothing', async () => {
    const waits: number[] = []
    const service = await careful(
      () => undefined,
      (milliseconds) => void waits.push(milliseconds),
    )
    const client = spec.client(service, { expectContinue: true })
    await Promise.all([
      client.putObject({ Key: 'a', Body: SMALL }),
      client.putObject({ Key: 'a', Body: [SMALL], ContentLength: SMALL.length }),
      client.putObject({ Key: 'a', Body: SMALL, onProgress: () => undefined }),
    ])
    expect(waits).to.have.length(3)
    // The client's second began a moment before the head was here.
    for (const wait of waits) expect(wait).to.be.at.least(900)
  })

  it('sends the body only where a redirect ends', async () => {
    const events: RequestEvent[] = []
    const server = await spec.server({
      onRequest: (event) => void events.push(event),
      faults: [{ kind: 'redirect', times: 2 }],
    })
    await spec.client(server, { expectContinue: true }).putObject({ Key: 'a', Body: BYTES })
    await eventually(() => events.length === 3)
    expect(events.map(({ requestBytes }) => requestBytes).sort((a, b) => a - b)).to.deep.equal([
      0,
      0,
      BYTES.length,
    ])
  })

  it('is off unless asked for', async () => {
    const heads: string[] = []
    const service = await careful(
      () => undefined,
      () => undefined,
      heads,
    )
    await spec.client(service).putObject({ Key: 'a', Body: SMALL })
    expect(heads[0]!.toLowerCase()).to.not.include('expect')
  })

  it('must be true or false', async () => {
    const error = await refused('SEALSTREAM_OPTION', () =>
      spec.client({ endpoint: 'http://127.0.0.1:1' }, { expectContinue: 'yes' as never }),
    )
    expect(error).to.have.property('option', 'expectContinue')
  })
})
