import { once } from 'node:events'
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { expect } from 'chai'
import { type RunningServer } from '../../lib/server/index.js'
import { eventually } from '../support/eventually.js'
import { objectPath, put, rawRequest, sign, xmlText } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

/** The head of a signed PUT, as it goes over the wire. */
function headOf(server: RunningServer, headers: Record<string, string>, key = 'a'): string {
  const signed = sign(server, { method: 'PUT', path: objectPath(key), headers })
  const lines = Object.entries(signed.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `PUT ${signed.url} HTTP/1.1\r\n${lines.join('')}\r\n`
}

async function open(server: RunningServer): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return { socket, received: () => text }
}

describe('server: connections', () => {
  const start = serversOfSpec()
  const logged: string[] = []
  const log = (message: string, error?: unknown): void => {
    if (error !== undefined) logged.push(message)
  }
  beforeEach(() => logged.splice(0))

  it('that break inside a PUT leave neither object nor file', async () => {
    const server = await start({ log })
    const { socket } = await open(server)
    socket.write(headOf(server, { 'content-length': '3000000' }) + 'x'.repeat(2_500_000))
    await eventually(async () => (await filesOf(server, 'data')).length === 1)
    socket.destroy()
    await eventually(async () => (await filesOf(server, 'data')).length === 0)
    expect(await filesOf(server, 'objects')).to.deep.equal([])
    expect(logged).to.deep.equal([])
  })

  it('that break inside a PUT leave the object that was there', async () => {
    const server = await start({ log })
    await put(server, 'a', 'before')
    const { socket } = await open(server)
    socket.write(`${headOf(server, { 'content-length': '10' })}12345`)
    await eventually(async () => (await filesOf(server, 'data')).length === 2)
    socket.end()
    await eventually(async () => (await filesOf(server, 'data')).length === 1)
    expect((await rawRequest(server, { path: objectPath('a') })).text).to.equal('before')
  })

  it('that break inside a part leave no part', async () => {
    const server = await start({ log })
    const path = objectPath('a')
    const begun = await rawRequest(server, { method: 'POST', path, query: { uploads: '' } })
    const query = { uploadId: xmlText(begun.text, 'UploadId')!, partNumber: '1' }
    const { url, headers } = sign(server, { method: 'PUT', path, query, headers: { 'content-length': '9' } })
    const outgoing = httpRequest({ port: server.port, host: '127.0.0.1', method: 'PUT', path: url, headers })
    outgoing.on('error', () => undefined)
    outgoing.write('1234')
    await eventually(async () => (await filesOf(server, 'data')).length === 1)
    outgoing.destroy()
    await eventually(async () => (await filesOf(server, 'data')).length === 0)
    const { text } = await rawRequest(server, { path, query: { uploadId: query.uploadId } })
    expect(xmlText(text, 'PartNumber')).to.equal(undefined)
  })

  it('that carry a part of an upload aborted meanwhile hear of it, and leave nothing', async () => {
    const server = await start({ log })
    const path = objectPath('a')
    const begun = await rawRequest(server, { method: 'POST', path, query: { uploads: '' } })
    const uploadId = xmlText(begun.text, 'UploadId')!
    const query = { uploadId, partNumber: '1' }
    const { url, headers } = sign(server, { method: 'PUT', path, query, headers: { 'content-length': '9' } })
    const outgoing = httpRequest({ port: server.port, host: '127.0.0.1', method: 'PUT', path: url, headers })
    outgoing.write('1234')
    await eventually(async () => (await filesOf(server, 'data')).length === 1)
    await rawRequest(server, { method: 'DELETE', path, query: { uploadId } })
    outgoing.end('56789')
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(response.resume().statusCode).to.equal(404)
    expect(await filesOf(server, 'data')).to.deep.equal([])
    expect(await filesOf(server, 'uploads')).to.deep.equal([])
  })

  it('store what Content-Length says of a longer body, and answer 200', async () => {
    const server = await start({ log })
    const { socket, received } = await open(server)
    socket.write(`${headOf(server, { 'content-length': '5' })}hello and more than was said\r\n\r\n`)
    await once(socket, 'close')
    expect(received()).to.match(/^HTTP\/1\.1 200 OK\r\n/)
    expect((await rawRequest(server, { path: objectPath('a') })).text).to.equal('hello')
  })

  it('carry two requests sent at once', async () => {
    const server = await start({ log })
    const { socket, received } = await open(server)
    const headers = { 'content-length': '5' }
    socket.write(`${headOf(server, headers, 'a')}hello${headOf(server, headers, 'b')}world`)
    await eventually(() => received().split('HTTP/1.1 200 OK').length === 3)
    socket.destroy()
    expect((await rawRequest(server, { path: objectPath('b') })).text).to.equal('world')
  })

  it('answer bytes that are no HTTP with a bare 400', async () => {
    const server = await start({ log })
    const { socket, received } = await open(server)
    socket.write('\x16\x03\x01\x02\x00\x01\x00')
    await once(socket, 'close')
    expect(received()).to.match(/^HTTP\/1\.1 400 Bad Request\r\n/)
  })

  it('answer headers beyond all measure with 431', async () => {
    const server = await start({ log })
    const { socket, received } = await open(server)
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(100_000)}\r\n\r\n`)
    await once(socket, 'close')
    expect(received()).to.match(/^HTTP\/1\.1 431 /)
  })

  it('are told to continue once the body is wanted', async () => {
    const server = await start({ log })
    const { socket, received } = await open(server)
    socket.write(headOf(server, { 'content-length': '5', expect: '100-continue' }))
    await eventually(() => received().includes('\r\n\r\n'))
    expect(received()).to.equal('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('hello')
    await eventually(() => received().includes('200 OK'))
    socket.destroy()
  })

  it('hear a refusal instead of 100 Continue', async () => {
    const server = await start({ log })
    const { socket, received } = await open(server)
    const head = headOf(server, { 'content-length': '5', expect: '100-continue' })
    socket.write(head.replace(/q-ak=\w+/, 'q-ak=unknown'))
    await eventually(() => received().includes('</Error>'))
    expect(received()).to.match(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(received()).to.match(/\r\nconnection: close\r\n/i)
    socket.destroy()
  })

  it('get a refusal while they still send, and are then closed', async () => {
    const server = await start({ log })
    const { socket, received } = await open(server)
    const head = headOf(server, { 'content-length': '20000000' })
    socket.write(head.replace(/q-ak=\w+/, 'q-ak=unknown') + 'x'.repeat(1000))
    await eventually(() => received().includes('</Error>'))
    socket.write('x'.repeat(20_000_000 - 1000))
    await once(socket, 'close')
    expect(received()).to.match(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(received()).to.include('InvalidAccessKeyId')
  })

  it('stay open for the next request after a refusal without body', async () => {
    const server = await start({ log })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const sockets = new Set<Socket>()
    for (let i = 0; i < 3; i++) {
      const { url, headers } = sign(server, { path: objectPath('none') })
      const outgoing = httpRequest({ port: server.port, host: '127.0.0.1', path: url, headers, agent })
      outgoing.on('socket', (socket) => sockets.add(socket))
      outgoing.end()
      const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream]
      response.resume()
      await once(response, 'end')
    }
    agent.destroy()
    expect(sockets.size).to.equal(1)
  })

  it('are ended by close, also those in the middle of a request, and files with them', async () => {
    const server = await start({ log })
    const busy = await open(server)
    const idle = await open(server)
    busy.socket.write(`${headOf(server, { 'content-length': '100' })}half`)
    await eventually(async () => (await filesOf(server, 'data')).length === 1)
    const ended = Promise.all([once(busy.socket, 'close'), once(idle.socket, 'close')])
    await server.close()
    await ended
    expect(await filesOf(server, 'data')).to.deep.equal([])
  })
})

describe('server: hostile requests', () => {
  const start = serversOfSpec()

  // A small generator of our own, so that a failure comes back with the same seed.
  function random(seed: number): (limit: number) => number {
    let state = seed
    return (limit) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * limit)
    }
  }

  const NAMES = [
    'range',
    'if-match',
    'if-none-match',
    'if-modified-since',
    'if-unmodified-since',
    'content-md5',
    'content-type',
    'x-cos-meta-a',
    'x-cos-meta-__proto__',
    'x-cos-storage-class',
    'authorization',
    'host',
    'expires',
  ]
  const PARAMS = [
    'prefix',
    'delimiter',
    'marker',
    'max-keys',
    'encoding-type',
    'uploadId',
    'partNumber',
    'uploads',
    'part-number-marker',
    'max-parts',
    'response-content-type',
    'response-expires',
    '__proto__',
    'q-sign-time',
  ]
  const VALUES = [
    '',
    '0',
    '-1',
    '1e999',
    '9'.repeat(50),
    'bytes=0-',
    'bytes=--',
    '%',
    '%00',
    '%ff',
    '\u00e9',
    '"',
    '<!--',
    '..',
    '\\',
    'x'.repeat(3000),
    ';;;',
    '&&==',
  ]
  const METHODS = ['GET', 'PUT', 'POST', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND']

  it('get an answer below 500 or NotImplemented, whatever they hold', async function () {
    this.timeout(60_000)
    const failures: unknown[] = []
    const server = await start({ log: (_, error) => error !== undefined && failures.push(error) })
    await put(server, 'a', 'hello')
    for (let seed = 0; seed < 1500; seed++) {
      const pick = random(seed)
      const one = <Item>(items: readonly Item[]): Item => items[pick(items.length)]!
      const method = one(METHODS)
      const headers: Record<string, string> = {}
      const query: Record<string, string> = {}
      for (let i = pick(4); i > 0; i--) headers[one(NAMES)] = one(VALUES)
      for (let i = pick(4); i > 0; i--) query[one(PARAMS)] = one(VALUES)
      const path = one(['/', objectPath('a'), objectPath('b/\u0000'), '/spec-1250000000/', '//', '/spec-1/'])
      const body = pick(2) === 0 ? {} : { body: '<CompleteMultipartUpload/>' }
      const { status } = await rawRequest(server, { method, path, headers, query, ...body })
      expect([...Array(300).keys()].map((i) => i + 200).concat(501), `seed ${seed}`).to.include(status)
    }
    expect(failures).to.deep.equal([])
  })
})
