import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import { BUCKET, objectPath, plainRequest, put, rawRequest, xmlText } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const md5 = (bytes: Buffer | string, form: 'hex' | 'base64' = 'hex'): string =>
  createHash('md5').update(bytes).digest(form)

describe('server: objects', () => {
  const start = serversOfSpec()

  it('answers a PUT with the MD5 as ETag and the CRC-64', async () => {
    const { headers } = await put(await start(), 'a', '123456789')
    expect(headers.etag).to.equal('"25f9e794323b453885f5181f1b624d0b"')
    expect(headers['x-cos-hash-crc64ecma']).to.equal('11051210869376104954')
  })

  for (const size of [0, 1, 65_536, 1_048_576, 1_048_577, 5_000_000]) {
    it(`gives back ${size} bytes as they were put`, async () => {
      const server = await start()
      const bytes = Buffer.alloc(size, 'sealstream ')
      await put(server, 'a', bytes)
      const { status, body, headers } = await rawRequest(server, { path: objectPath('a') })
      expect(status).to.equal(200)
      expect(body.equals(bytes)).to.equal(true)
      expect(headers).to.include({
        'content-length': String(size),
        'content-type': 'application/octet-stream',
        'accept-ranges': 'bytes',
        etag: `"${md5(bytes)}"`,
        'x-cos-hash-crc64ecma': crc64(bytes).toString(),
      })
    })
  }

  it('stamps every answer with the injected clock, a request id and its own name', async () => {
    const now = Date.UTC(2030, 0, 2, 3, 4, 5, 678)
    const server = await start({ clock: () => now })
    await rawRequest(server, { method: 'PUT', path: objectPath('a'), body: 'x', now })
    const { headers } = await rawRequest(server, { path: objectPath('a'), now })
    expect(headers.date).to.equal('Wed, 02 Jan 2030 03:04:05 GMT')
    expect(headers['last-modified']).to.equal('Wed, 02 Jan 2030 03:04:05 GMT')
    expect(headers.server).to.equal('sealstream')
    expect(headers['x-cos-request-id']).to.match(/^.{24}$/)
  })

  it('keeps content headers, user metadata and the storage class', async () => {
    const server = await start()
    const given = {
      'content-type': 'text/plain',
      'cache-control': 'no-cache',
      'content-disposition': 'attachment; filename="x"',
      'content-encoding': 'gzip',
      'content-language': 'de',
      expires: 'Wed, 21 Oct 2037 07:28:00 GMT',
      'x-cos-meta-a': 'Value with  spaces ; é',
      'x-cos-meta-empty': '',
      'x-cos-storage-class': 'STANDARD_IA',
    }
    await put(server, 'a', Buffer.from('x'), { ...given, 'x-cos-acl': 'private' })
    for (const method of ['GET', 'HEAD']) {
      const { headers } = await rawRequest(server, { method, path: objectPath('a') })
      expect(headers).to.include(given)
      expect(headers).not.to.have.property('x-cos-acl')
    }
  })

  it('lower-cases the names of user metadata', async () => {
    const server = await start()
    await put(server, 'a', 'x', { 'X-Cos-Meta-MiXed': 'Va' })
    const { headers } = await rawRequest(server, { path: objectPath('a') })
    expect(headers['x-cos-meta-mixed']).to.equal('Va')
  })

  it('answers HEAD like GET without the body', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { 'x-cos-meta-a': '1' })
    const { status, headers, body } = await rawRequest(server, { method: 'HEAD', path: objectPath('a') })
    expect(status).to.equal(200)
    expect(headers).to.include({ 'content-length': '5', 'x-cos-meta-a': '1' })
    expect(body).to.have.length(0)
  })

  it('puts response-* parameters in place of stored headers', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { 'content-type': 'text/plain', 'cache-control': 'no-cache' })
    const query = {
      'response-content-type': 'text/html',
      'response-expires': '0',
      'response-content-disposition': 'attachment; filename=é',
    }
    const { headers } = await rawRequest(server, { path: objectPath('a'), query })
    expect(headers).to.include({ 'content-type': 'text/html', 'cache-control': 'no-cache', expires: '0' })
    expect(Buffer.from(headers['content-disposition']!, 'latin1').toString()).to.match(/filename=é$/)
  })

  it('refuses control characters in response-* parameters', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const query = { 'response-content-type': 'a\r\nx-evil: 1' }
    const { status, headers, text } = await rawRequest(server, { path: objectPath('a'), query })
    expect([status, xmlText(text, 'Code')]).to.deep.equal([400, 'InvalidArgument'])
    expect(headers).not.to.have.property('x-evil')
  })

  it('answers an unknown key with the error document of COS', async () => {
    const server = await start()
    const { status, headers, text } = await rawRequest(server, { path: objectPath('no&pe') })
    expect(status).to.equal(404)
    expect(headers['content-type']).to.equal('application/xml')
    expect(xmlText(text, 'Code')).to.equal('NoSuchKey')
    expect(xmlText(text, 'Resource')).to.equal(`/${BUCKET}/no%26pe`)
    expect(xmlText(text, 'RequestId')).to.equal(headers['x-cos-request-id'])
    expect(xmlText(text, 'TraceId')).to.equal(headers['x-cos-trace-id'])
  })

  it('answers HEAD of an unknown key without a body but with the code in a header', async () => {
    const { status, headers, body } = await rawRequest(await start(), {
      method: 'HEAD',
      path: objectPath('nope'),
    })
    expect([status, body.length, headers['x-cos-error-code']]).to.deep.equal([404, 0, 'NoSuchKey'])
  })

  it('answers 204 to a DELETE, twice, and leaves no file', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    for (let i = 0; i < 2; i++) {
      const { status } = await rawRequest(server, { method: 'DELETE', path: objectPath('a') })
      expect(status).to.equal(204)
    }
    expect((await rawRequest(server, { path: objectPath('a') })).status).to.equal(404)
    expect(await filesOf(server, 'data')).to.deep.equal([])
    expect(await filesOf(server, 'objects')).to.deep.equal([])
  })

  it('keeps one segment when an object is overwritten', async () => {
    const server = await start()
    for (const text of ['one', 'two', 'three']) await put(server, 'a', text)
    expect((await rawRequest(server, { path: objectPath('a') })).text).to.equal('three')
    expect(await filesOf(server, 'data')).to.have.length(1)
  })

  it('keeps one whole object when ten writers race for a key', async () => {
    const server = await start()
    const bodies = Array.from({ length: 10 }, (_, i) => String(i).repeat(10_000))
    await Promise.all(bodies.map((body) => put(server, 'a', body)))
    expect(bodies).to.include((await rawRequest(server, { path: objectPath('a') })).text)
    expect(await filesOf(server, 'data')).to.have.length(1)
  })

  it('stores files for their owner only', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const mode = async (...path: string[]): Promise<number> =>
      (await stat(join(server.directory, BUCKET, ...path))).mode & 0o777
    for (const folder of ['objects', 'data'] as const) {
      expect(await mode(folder)).to.equal(0o700)
      expect(await mode(folder, (await filesOf(server, folder))[0]!)).to.equal(0o600)
    }
  })

  it('accepts a right Content-MD5', async () => {
    await put(await start(), 'a', 'hello', { 'content-md5': md5('hello', 'base64') })
  })

  for (const [digest, code] of [
    [md5('hallo', 'base64'), 'BadDigest'],
    ['AAAA', 'InvalidDigest'],
    ['not base64', 'InvalidDigest'],
    [md5('hello'), 'InvalidDigest'],
  ] as const) {
    it(`refuses the Content-MD5 "${digest}" with ${code} and stores nothing`, async () => {
      const server = await start()
      const headers = { 'content-md5': digest }
      const request = { method: 'PUT', path: objectPath('a'), body: 'hello', headers }
      const { status, text } = await rawRequest(server, request)
      expect([status, xmlText(text, 'Code')]).to.deep.equal([400, code])
      expect(await filesOf(server, 'data')).to.deep.equal([])
    })
  }

  it('takes a PUT in chunks, as the Python SDK sends empty files', async () => {
    const server = await start()
    const headers = { 'transfer-encoding': 'chunked' }
    const { status } = await rawRequest(server, { method: 'PUT', path: objectPath('a'), headers })
    expect(status).to.equal(200)
    expect((await rawRequest(server, { path: objectPath('a') })).body.length).to.equal(0)
  })

  it('refuses a body that is declared larger than 5 GiB before it comes', async () => {
    const server = await start()
    const headers = { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' }
    const { status, text } = await rawRequest(server, { method: 'PUT', path: objectPath('a'), headers })
    expect([status, xmlText(text, 'Code')]).to.deep.equal([400, 'EntityTooLarge'])
  })

  it('answers an unsigned request with AccessDenied', async () => {
    const { status, text } = await plainRequest(await start(), { path: objectPath('a') })
    expect([status, xmlText(text, 'Code')]).to.deep.equal([403, 'AccessDenied'])
  })

  it('names the operation that it does not have', async () => {
    const server = await start()
    for (const [request, name] of [
      [{ method: 'PUT', path: objectPath('a'), query: { acl: '' } }, 'PUT object?acl'],
      [{ path: '/', query: {} }, 'GET service'],
      [{ method: 'PUT', path: `/${BUCKET}/` }, 'PUT bucket'],
      [
        { method: 'POST', path: objectPath('a'), headers: { 'x-cos-copy-source': 'b' } },
        'POST object with copy',
      ],
    ] as const) {
      const { status, text } = await rawRequest(server, request)
      expect([status, xmlText(text, 'Code')]).to.deep.equal([501, 'NotImplemented'])
      expect(text).to.include(name)
    }
  })
})

describe('server: metadata limits', () => {
  const start = serversOfSpec()
  const name = 'x-cos-meta-a'

  it('keeps one header of 2048 bytes, name included', async () => {
    await put(await start(), 'a', 'x', { [name]: 'v'.repeat(2048 - name.length) })
  })

  it('refuses one header of 2049 bytes', async () => {
    const headers = { [name]: 'v'.repeat(2049 - name.length) }
    const { status, text } = await rawRequest(await start(), {
      method: 'PUT',
      path: objectPath('a'),
      headers,
      body: 'x',
    })
    expect([status, xmlText(text, 'Code')]).to.deep.equal([400, 'MetadataTooLarge'])
  })

  it('keeps 4096 bytes of metadata and refuses 4097', async () => {
    const server = await start()
    const half = 'v'.repeat(2048 - name.length)
    await put(server, 'a', 'x', { [name]: half, 'x-cos-meta-b': half })
    const headers = { [name]: half, 'x-cos-meta-b': half.slice(14), 'x-cos-meta-c': 'vvv' }
    const { text } = await rawRequest(server, { method: 'PUT', path: objectPath('a'), headers, body: 'x' })
    expect(xmlText(text, 'Code')).to.equal('MetadataTooLarge')
  })
})
