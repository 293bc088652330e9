import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import { codeOf, complete, documentOf, initiate, MIB, uploadPart } from '../support/multipart-requests.js'
import { copyOf, plainEtag, send } from '../support/object-requests.js'
import { put, type RawAnswer, xmlText } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'
import type { RunningServer } from '../../lib/server/index.js'

const bytes = Buffer.from(Array.from({ length: 3 * MIB }, (_, i) => (i * 31) >> 3))

describe('server: copied parts', () => {
  const start = serversOfSpec()

  function copyPart(
    server: RunningServer,
    uploadId: string,
    partNumber: number | string,
    headers: Record<string, string>,
  ): Promise<RawAnswer> {
    const query = { uploadId, partNumber: String(partNumber) }
    return send(server, 'PUT', 'a', { query, headers: { ...copyOf(server, 'source'), ...headers } })
  }

  it('make an object of ranges of another, beside parts that were sent', async () => {
    const server = await start()
    await put(server, 'source', bytes)
    const uploadId = await initiate(server)
    const [from, to] = [MIB - 7, 2 * MIB + 9]
    const first = await copyPart(server, uploadId, 1, { 'x-cos-copy-source-range': `bytes=${from}-${to}` })
    const second = await uploadPart(server, uploadId, 2, Buffer.alloc(MIB, 'sent'))
    const third = await copyPart(server, uploadId, 3, { 'x-cos-copy-source-range': 'bytes=0-0' })
    const etags = [xmlText(first.text, 'ETag')!, second.headers.etag!, xmlText(third.text, 'ETag')!]
    const list = documentOf(etags.map((etag, i) => [i + 1, etag]))
    expect((await complete(server, uploadId, list)).status).to.equal(200)
    const expected = [bytes.subarray(from, to + 1), Buffer.alloc(MIB, 'sent'), bytes.subarray(0, 1)]
    const { body } = await send(server, 'GET', 'a')
    expect(body.equals(Buffer.concat(expected))).to.equal(true)
  })

  it('answer with ETag, time and CRC-64 of the range', async () => {
    const now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now })
    await send(server, 'PUT', 'source', { body: '0123456789', now })
    const begun = await send(server, 'POST', 'a', { query: { uploads: '' }, now })
    const query = { uploadId: xmlText(begun.text, 'UploadId')!, partNumber: '1' }
    const headers = { ...copyOf(server, 'source'), 'x-cos-copy-source-range': 'bytes=2-4' }
    const { text } = await send(server, 'PUT', 'a', { query, headers, now })
    expect(text).to.equal(
      '<?xml version="1.0" encoding="UTF-8"?>\n<CopyPartResult>' +
        `<ETag>${plainEtag('234').replaceAll('"', '&quot;')}</ETag>` +
        `<LastModified>2030-01-02T00:00:00.000Z</LastModified><CRC64>${crc64(Buffer.from('234'))}</CRC64>` +
        '</CopyPartResult>',
    )
  })

  it('are the whole source without a range', async () => {
    const server = await start()
    await put(server, 'source', bytes)
    const uploadId = await initiate(server)
    const { text } = await copyPart(server, uploadId, 1, {})
    expect(xmlText(text, 'ETag')).to.equal(plainEtag(bytes).replaceAll('"', '&quot;'))
  })

  it('outlive their source, and go when the upload is aborted', async () => {
    const server = await start()
    await put(server, 'source', 'hello')
    const uploadId = await initiate(server)
    const { text } = await copyPart(server, uploadId, 1, {})
    await send(server, 'DELETE', 'source')
    await complete(server, uploadId, documentOf([[1, xmlText(text, 'ETag')!]]))
    expect((await send(server, 'GET', 'a')).text).to.equal('hello')
    const other = await initiate(server)
    await put(server, 'source', 'hello')
    await copyPart(server, other, 1, {})
    await send(server, 'DELETE', 'a', { query: { uploadId: other } })
    expect(await filesOf(server, 'data')).to.have.length(2)
  })

  for (const [range, status, code] of [
    ['bytes=0-10', 416, 'InvalidRange'],
    ['bytes=10-10', 416, 'InvalidRange'],
    ['bytes=5-', 400, 'InvalidArgument'],
    ['bytes=-5', 400, 'InvalidArgument'],
    ['bytes=5-4', 400, 'InvalidArgument'],
    ['bytes=0-1,3-4', 400, 'InvalidArgument'],
    ['0-4', 400, 'InvalidArgument'],
  ] as const) {
    it(`are refused for the range ${range} of ten bytes with ${code}`, async () => {
      const server = await start()
      await put(server, 'source', '0123456789')
      const uploadId = await initiate(server)
      const answer = await copyPart(server, uploadId, 1, { 'x-cos-copy-source-range': range })
      expect(codeOf(answer)).to.deep.equal([status, code])
      expect(await filesOf(server, 'data')).to.have.length(1)
    })
  }

  it('are refused for an unknown upload, part number or source, and an unmet condition', async () => {
    const server = await start()
    const uploadId = await initiate(server)
    expect(codeOf(await copyPart(server, uploadId, 1, {}))).to.deep.equal([404, 'NoSuchKey'])
    await put(server, 'source', 'hello')
    expect(codeOf(await copyPart(server, 'nope', 1, {}))).to.deep.equal([404, 'NoSuchUpload'])
    expect(codeOf(await copyPart(server, uploadId, 0, {}))).to.deep.equal([400, 'InvalidArgument'])
    const condition = { 'x-cos-copy-source-If-None-Match': plainEtag('hello') }
    expect(codeOf(await copyPart(server, uploadId, 1, condition))).to.deep.equal([412, 'PreconditionFailed'])
  })
})
