import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { RunningServer } from '../../lib/server/index.js'
import { codeOf, complete, documentOf, initiate } from '../support/multipart-requests.js'
import { copyOf, plainEtag, send } from '../support/object-requests.js'
import { put, type RawAnswer, xmlText } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const SSE = 'x-cos-server-side-encryption'
const KEY_ID = `${SSE}-cos-kms-key-id`
const CONTEXT = `${SSE}-context`
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')
const crcOfHello = String(crc64(Buffer.from('hello')))

describe('server: encryption with keys of the service', () => {
  const start = serversOfSpec()

  const putPart = (
    server: RunningServer,
    uploadId: string,
    headers: Record<string, string> = {},
  ): Promise<RawAnswer> =>
    send(server, 'PUT', 'a', { query: { uploadId, partNumber: '1' }, headers, body: 'hello' })

  for (const [given, shown, isMd5] of [
    [{ [SSE]: 'AES256' }, { [SSE]: 'AES256' }, true],
    [{ [SSE]: 'SM4' }, { [SSE]: 'SM4' }, true],
    [{ [SSE]: 'cos/kms', [KEY_ID]: 'my-key' }, { [SSE]: 'cos/kms', [KEY_ID]: 'my-key' }, false],
    [{ [SSE]: 'cos/kms', [CONTEXT]: base64({ a: 'b' }) }, { [SSE]: 'cos/kms' }, false],
  ] as const) {
    const name = `${given[SSE]}${Object.keys(given).length > 1 ? ' and more' : ''}`

    it(`${name} is told by PUT, HEAD, GET and copy, and the ETag is ${isMd5 ? 'the' : 'no'} MD5`, async () => {
      const server = await start()
      const answers = [
        await put(server, 'a', 'hello', given),
        await send(server, 'HEAD', 'a'),
        await send(server, 'GET', 'a'),
      ]
      await put(server, 'plain', 'hello')
      const copied = await send(server, 'PUT', 'b', { headers: { ...copyOf(server, 'plain'), ...given } })
      for (const { headers } of [...answers, copied, await send(server, 'HEAD', 'b')]) {
        expect(headers).to.include(shown)
        expect(headers).not.to.have.property(CONTEXT)
        expect(headers['x-cos-hash-crc64ecma']).to.equal(crcOfHello)
      }
      for (const { headers } of answers) {
        expect(headers.etag).to.match(/^"[0-9a-f]{32}"$/)
        expect(headers.etag === plainEtag('hello')).to.equal(isMd5)
      }
      const etagOfCopy = xmlText(copied.text, 'ETag')!.replaceAll('&quot;', '"')
      expect(etagOfCopy === plainEtag('hello')).to.equal(isMd5)
    })

    it(`${name} is told by initiate, part, complete and HEAD, and the parts' ETags are ${isMd5 ? '' : 'no '}MD5s`, async () => {
      const server = await start()
      const begun = await send(server, 'POST', 'a', { query: { uploads: '' }, headers: given })
      const uploadId = xmlText(begun.text, 'UploadId')!
      const part = await putPart(server, uploadId)
      expect(part.headers.etag === plainEtag('hello')).to.equal(isMd5)
      const completed = await complete(server, uploadId, documentOf([[1, part.headers.etag!]]))
      for (const { headers } of [begun, part, completed, await send(server, 'HEAD', 'a')]) {
        expect(headers).to.include(shown)
      }
      expect(completed.headers['x-cos-hash-crc64ecma']).to.equal(crcOfHello)
    })
  }

  it('names a default key where none is given', async () => {
    const server = await start()
    const { headers } = await put(server, 'a', 'hello', { [SSE]: 'cos/kms' })
    expect(headers[KEY_ID]).to.match(/^[0-9a-f-]{36}$/)
    expect((await send(server, 'HEAD', 'a')).headers[KEY_ID]).to.equal(headers[KEY_ID])
  })

  it('is not inherited by a copy', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { [SSE]: 'cos/kms' })
    const { headers, text } = await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
    expect(headers).not.to.have.property(SSE)
    expect(xmlText(text, 'ETag')).to.include(plainEtag('hello').slice(1, -1))
    expect((await send(server, 'HEAD', 'b')).headers).not.to.have.property(SSE)
  })

  it('gives a copied part of an upload under KMS an ETag that is no MD5', async () => {
    const server = await start()
    await put(server, 'source', 'hello')
    const uploadId = await initiate(server, { [SSE]: 'cos/kms' })
    const query = { uploadId, partNumber: '1' }
    const { headers, text } = await send(server, 'PUT', 'a', { query, headers: copyOf(server, 'source') })
    expect(headers[SSE]).to.equal('cos/kms')
    expect(text).not.to.include(plainEtag('hello').slice(1, -1))
    expect(xmlText(text, 'CRC64')).to.equal(crcOfHello)
  })

  for (const [title, headers] of [
    ['an unknown mode', { [SSE]: 'aes256' }],
    ['a key id without KMS', { [SSE]: 'AES256', [KEY_ID]: 'key' }],
    ['a context without KMS', { [CONTEXT]: base64({ a: 'b' }) }],
    ['a context that is no Base64', { [SSE]: 'cos/kms', [CONTEXT]: '{"a":"b"}' }],
    ['a context that is no JSON', { [SSE]: 'cos/kms', [CONTEXT]: Buffer.from('a=b').toString('base64') }],
    ['a context that is a list', { [SSE]: 'cos/kms', [CONTEXT]: base64(['a']) }],
    ['a context that is null', { [SSE]: 'cos/kms', [CONTEXT]: base64(null) }],
    ['a context with a number', { [SSE]: 'cos/kms', [CONTEXT]: base64({ a: 1 }) }],
    ['a header that COS has not', { [SSE]: 'AES256', [`${SSE}-bucket-key`]: 'true' }],
  ] as const) {
    it(`refuses ${title} on PUT, initiate and copy`, async () => {
      const server = await start()
      await put(server, 'source', 'hello')
      for (const answer of [
        await send(server, 'PUT', 'a', { headers, body: 'hello' }),
        await send(server, 'POST', 'a', { query: { uploads: '' }, headers }),
        await send(server, 'PUT', 'a', { headers: { ...copyOf(server, 'source'), ...headers } }),
      ]) {
        expect(codeOf(answer)).to.deep.equal([400, 'InvalidArgument'])
      }
      expect(await filesOf(server, 'data')).to.have.length(1)
      expect(await filesOf(server, 'uploads')).to.deep.equal([])
    })
  }

  it('refuses its headers on GET and HEAD', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { [SSE]: 'AES256' })
    for (const headers of [{ [SSE]: 'AES256' }, { [SSE]: 'cos/kms' }, { [KEY_ID]: 'key' }]) {
      expect(codeOf(await send(server, 'GET', 'a', { headers }))).to.deep.equal([400, 'InvalidRequest'])
      const head = await send(server, 'HEAD', 'a', { headers })
      expect([head.status, head.headers['x-cos-error-code']]).to.deep.equal([400, 'InvalidRequest'])
    }
  })

  it('takes its headers with parts and complete where they say the same as initiate', async () => {
    const server = await start()
    for (const given of [{ [SSE]: 'AES256' }, { [SSE]: 'cos/kms', [KEY_ID]: 'key' }]) {
      const uploadId = await initiate(server, given)
      const part = await putPart(server, uploadId, given)
      expect(part.status).to.equal(200)
      expect((await putPart(server, uploadId, { [SSE]: 'SM4' })).status).to.equal(400)
      const body = documentOf([[1, part.headers.etag!]])
      const other = await send(server, 'POST', 'a', { query: { uploadId }, headers: { [SSE]: 'SM4' }, body })
      expect(codeOf(other)).to.deep.equal([400, 'InvalidRequest'])
      const same = await send(server, 'POST', 'a', { query: { uploadId }, headers: given, body })
      expect(same.status).to.equal(200)
    }
    const uploadId = await initiate(server)
    const answer = await putPart(server, uploadId, { [SSE]: 'AES256' })
    expect(codeOf(answer)).to.deep.equal([400, 'InvalidRequest'])
  })
})
