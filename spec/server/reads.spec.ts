import { readdirSync, readlinkSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { judgeRead, judgeWrite } from '../../lib/server/conditions.js'
import { type RunningServer } from '../../lib/server/index.js'
import { resolveRange } from '../../lib/server/range.js'
import { eventually } from '../support/eventually.js'
import { objectPath, put, rawRequest, sign, xmlText } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

const TEN = '0123456789'

describe('server: ranges', () => {
  const start = serversOfSpec()

  for (const [range, first, last] of [
    ['bytes=0-0', 0, 0],
    ['bytes=3-5', 3, 5],
    ['bytes=3-', 3, 9],
    ['bytes=-4', 6, 9],
    ['bytes=-400', 0, 9],
    ['bytes=9-400', 9, 9],
    ['bytes=0-99999999999999999999999999', 0, 9],
    ['Bytes = 1 - 2', 1, 2],
  ] as const) {
    it(`answers ${range} of ten bytes with bytes ${first} to ${last}`, async () => {
      const server = await start()
      const { headers: whole } = await put(server, 'a', TEN)
      const { status, headers, text } = await rawRequest(server, {
        path: objectPath('a'),
        headers: { range },
      })
      expect([status, text]).to.deep.equal([206, TEN.slice(first, last + 1)])
      expect(headers['content-range']).to.equal(`bytes ${first}-${last}/10`)
      expect(headers['content-length']).to.equal(String(last - first + 1))
      expect(headers['x-cos-hash-crc64ecma']).to.equal(whole['x-cos-hash-crc64ecma'])
    })
  }

  for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999-']) {
    it(`answers ${range} of ten bytes with 416 and the size`, async () => {
      const server = await start()
      await put(server, 'a', TEN)
      const answer = await rawRequest(server, { path: objectPath('a'), headers: { range } })
      expect([answer.status, xmlText(answer.text, 'Code')]).to.deep.equal([416, 'InvalidRange'])
      expect(answer.headers['content-range']).to.equal('bytes */10')
    })
  }

  for (const range of ['bytes=5-3', 'bytes=a-b', 'bytes=-', 'bytes=1-2,4-5', 'items=0-1', 'bytes', '-']) {
    it(`answers ${range} with the whole object`, async () => {
      const server = await start()
      await put(server, 'a', TEN)
      const { status, text } = await rawRequest(server, { path: objectPath('a'), headers: { range } })
      expect([status, text]).to.deep.equal([200, TEN])
    })
  }

  it('has no range in an empty object', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
      expect(resolveRange(header, 0)).to.equal('unsatisfiable')
    }
    expect(resolveRange(undefined, 0)).to.equal('whole')
  })

  it('answers a ranged HEAD with the lengths of the range', async () => {
    const server = await start()
    await put(server, 'a', TEN)
    const headers = { range: 'bytes=2-4' }
    const answer = await rawRequest(server, { method: 'HEAD', path: objectPath('a'), headers })
    expect(answer.status).to.equal(206)
    expect(answer.headers).to.include({ 'content-range': 'bytes 2-4/10', 'content-length': '3' })
  })
})

describe('server: conditions', () => {
  const start = serversOfSpec()
  const current = { etag: 'e', lastModified: Date.UTC(2030, 0, 1, 0, 0, 10, 500) }
  const at = (second: number): string => new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toUTCString()

  for (const [headers, verdict] of [
    [{}, 'proceed'],
    [{ 'if-match': '"e"' }, 'proceed'],
    [{ 'if-match': 'e' }, 'proceed'],
    [{ 'if-match': '"x", "e"' }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': 'W/"e"' }, 'failed'],
    [{ 'if-none-match': '"e"' }, 'unmodified'],
    [{ 'if-none-match': 'W/"e"' }, 'unmodified'],
    [{ 'if-none-match': '*' }, 'unmodified'],
    [{ 'if-none-match': '"x"' }, 'proceed'],
    [{ 'if-modified-since': at(10) }, 'unmodified'],
    [{ 'if-modified-since': at(9) }, 'proceed'],
    [{ 'if-modified-since': 'yesterday' }, 'proceed'],
    [{ 'if-unmodified-since': at(10) }, 'proceed'],
    [{ 'if-unmodified-since': at(9) }, 'failed'],
    // The ETag conditions silence the date conditions of their kind, not of the other.
    [{ 'if-match': '"e"', 'if-unmodified-since': at(9) }, 'proceed'],
    [{ 'if-none-match': '"x"', 'if-modified-since': at(10) }, 'proceed'],
    [{ 'if-match': '"e"', 'if-modified-since': at(10) }, 'unmodified'],
    [{ 'if-match': '"x"', 'if-none-match': '"e"' }, 'failed'],
    [{ 'if-unmodified-since': at(9), 'if-none-match': '"e"' }, 'failed'],
  ] as const) {
    it(`judges a read with ${JSON.stringify(headers)} as ${verdict}`, () => {
      expect(judgeRead(headers, current)).to.equal(verdict)
    })
  }

  it('judges writes by what is there', () => {
    expect(judgeWrite({ 'if-none-match': '*' }, undefined)).to.equal('proceed')
    expect(judgeWrite({ 'if-none-match': '*' }, current)).to.equal('failed')
    expect(judgeWrite({ 'if-match': '*' }, undefined)).to.equal('failed')
    expect(judgeWrite({ 'if-match': '*' }, current)).to.equal('proceed')
    expect(judgeWrite({ 'if-match': '"x"' }, current)).to.equal('failed')
  })

  it('answers 304 without a body but with the validators', async () => {
    const server = await start()
    const { headers } = await put(server, 'a', TEN)
    const condition = { 'if-none-match': headers.etag! }
    for (const method of ['GET', 'HEAD']) {
      const answer = await rawRequest(server, { method, path: objectPath('a'), headers: condition })
      expect([answer.status, answer.body.length]).to.deep.equal([304, 0])
      expect(answer.headers).to.include({ etag: headers.etag })
      expect(answer.headers).not.to.have.property('content-length')
    }
  })

  it('answers 412 where a read condition fails', async () => {
    const server = await start()
    await put(server, 'a', TEN)
    const headers = { 'if-match': '"other"' }
    const { status, text } = await rawRequest(server, { path: objectPath('a'), headers })
    expect([status, xmlText(text, 'Code')]).to.deep.equal([412, 'PreconditionFailed'])
  })

  it('lets one of ten PUTs with If-None-Match: * through', async () => {
    const server = await start()
    const headers = { 'if-none-match': '*' }
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        rawRequest(server, { method: 'PUT', path: objectPath('a'), headers, body: `body ${i}` }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, ...Array<number>(9).fill(412)])
  })
})

describe('server: readers', () => {
  const start = serversOfSpec()
  const big = Buffer.alloc(24 * 1024 * 1024, 'old bytes ')

  /** Starts a GET and gives the answer before its body is read. */
  function open(server: RunningServer, key: string): Promise<IncomingMessage> {
    const { url, headers } = sign(server, { path: objectPath(key) })
    return new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: server.port, path: url, headers, agent: false }, resolve)
        .on('error', reject)
        .end()
    })
  }

  it('go on reading the old bytes when the object is overwritten or deleted', async () => {
    const server = await start()
    for (const [key, change] of [
      ['overwritten', { method: 'PUT', body: 'new' }],
      ['deleted', { method: 'DELETE' }],
    ] as const) {
      await put(server, key, big)
      const answer = await open(server, key)
      await rawRequest(server, { path: objectPath(key), ...change })
      const chunks = (await answer.toArray()) as Buffer[]
      expect(Buffer.concat(chunks).equals(big)).to.equal(true)
    }
  })

  it('that disconnect leave no descriptor open (which is to be seen on Linux)', async () => {
    const logged: string[] = []
    const server = await start({ log: (message, error) => error !== undefined && logged.push(message) })
    await put(server, 'a', big)
    const answer = await open(server, 'a')
    expect(openFilesBelow(server.directory)).to.equal(process.platform === 'linux' ? 1 : 0)
    answer.destroy()
    await eventually(() => expect(openFilesBelow(server.directory)).to.equal(0))
    expect(logged).to.deep.equal([])
  })

  it('see an old or a new object, never a mixture, while it is overwritten', async () => {
    const server = await start()
    await put(server, 'a', Buffer.alloc(100_000, 'a'))
    const writes = Array.from('bcdefgh', (letter) => put(server, 'a', Buffer.alloc(100_000, letter)))
    const reads = Array.from({ length: 40 }, () => rawRequest(server, { path: objectPath('a') }))
    for (const { status, body } of await Promise.all(reads)) {
      expect(status).to.equal(200)
      expect(body.equals(Buffer.alloc(100_000, body.subarray(0, 1)))).to.equal(true)
    }
    await Promise.all(writes)
  })
})

function openFilesBelow(directory: string): number {
  if (process.platform !== 'linux') return 0
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory)
    } catch {
      return false
    }
  }).length
}
