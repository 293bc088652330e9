import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import {
  codeOf,
  complete,
  documentOf,
  first,
  initiate,
  last,
  type Listed,
  MIB,
  second,
  uploaded,
  uploadPart,
  whole,
} from '../support/multipart-requests.js'
import { BUCKET, objectPath, put, rawRequest, xmlText, xmlTexts } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const path = objectPath('a')

describe('server: multipart uploads', () => {
  const start = serversOfSpec()

  it('make one object of parts that came in any order', async () => {
    const server = await start()
    const uploadId = await initiate(server, { 'content-type': 'text/plain', 'x-cos-meta-a': '1' })
    const parts: [number, string][] = []
    for (const [number, body] of [
      [7, last],
      [2, first],
      [5, second],
    ] as const) {
      const { status, headers } = await uploadPart(server, uploadId, number, body)
      expect(status).to.equal(200)
      expect(headers['x-cos-hash-crc64ecma']).to.equal(crc64(body).toString())
      parts.push([number, headers.etag!])
    }
    parts.sort(([a], [b]) => a - b)
    const answer = await complete(server, uploadId, documentOf(parts))
    expect(answer.status).to.equal(200)

    const md5s = parts.map(([, etag]) => Buffer.from(etag.slice(1, -1), 'hex'))
    const etag = `${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-3`
    expect(xmlText(answer.text, 'ETag')).to.equal(`&quot;${etag}&quot;`)
    expect(xmlText(answer.text, 'Location')).to.equal(`${server.endpoint}/${BUCKET}/a`)
    expect(answer.headers['x-cos-hash-crc64ecma']).to.equal(crc64(whole).toString())

    const { headers, body } = await rawRequest(server, { path })
    expect(body.equals(whole)).to.equal(true)
    expect(headers).to.include({
      etag: `"${etag}"`,
      'content-type': 'text/plain',
      'x-cos-meta-a': '1',
      'x-cos-hash-crc64ecma': crc64(whole).toString(),
    })
  })

  it('give ranges across their parts', async () => {
    const server = await start()
    const { uploadId, etags } = await uploaded(server)
    await complete(server, uploadId, documentOf(etags.map((etag, i) => [i + 1, etag])))
    const edges = [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB + 16, 2 * MIB + 17, whole.length - 1]
    for (const from of edges) {
      for (const to of edges.filter((edge) => edge >= from)) {
        const { body } = await rawRequest(server, { path, headers: { range: `bytes=${from}-${to}` } })
        expect(body.equals(whole.subarray(from, to + 1)), `${from}-${to}`).to.equal(true)
      }
    }
  })

  it('leave only the segments of the object, and no upload', async () => {
    const server = await start()
    const { uploadId, etags } = await uploaded(server)
    const parts: Listed = [
      [1, etags[0]!],
      [3, etags[2]!],
    ]
    await complete(server, uploadId, documentOf(parts))
    expect(await filesOf(server, 'data')).to.have.length(2)
    expect(await filesOf(server, 'uploads')).to.deep.equal([])
    expect(codeOf(await uploadPart(server, uploadId, 4, 'x'))).to.deep.equal([404, 'NoSuchUpload'])
    expect((await rawRequest(server, { path })).body.equals(Buffer.concat([first, last]))).to.equal(true)
  })

  it('take the last of a part sent twice', async () => {
    const server = await start()
    const uploadId = await initiate(server)
    await uploadPart(server, uploadId, 1, 'one')
    const { headers } = await uploadPart(server, uploadId, 1, 'two')
    expect(await filesOf(server, 'data')).to.have.length(1)
    await complete(server, uploadId, documentOf([[1, headers.etag!]]))
    expect((await rawRequest(server, { path })).text).to.equal('two')
  })

  it('accept ETags without quotes, in upper case, and a document with a name space', async () => {
    const server = await start()
    const uploadId = await initiate(server)
    const { headers } = await uploadPart(server, uploadId, 1, 'one')
    const etag = headers.etag!.slice(1, -1).toUpperCase()
    const body =
      `<?xml version="1.0"?>\n<c:CompleteMultipartUpload xmlns:c="http://x/">\n  <c:Part><c:ETag> ${etag} </c:ETag>` +
      '<c:PartNumber>1</c:PartNumber></c:Part>\n</c:CompleteMultipartUpload>'
    expect((await complete(server, uploadId, body)).status).to.equal(200)
  })

  it('replace an object only when they are complete', async () => {
    const server = await start()
    await put(server, 'a', 'before')
    const { uploadId, etags } = await uploaded(server)
    expect((await rawRequest(server, { path })).text).to.equal('before')
    await complete(server, uploadId, documentOf(etags.map((etag, i) => [i + 1, etag])))
    expect((await rawRequest(server, { path })).body.equals(whole)).to.equal(true)
    expect(await filesOf(server, 'data')).to.have.length(3)
  })

  it('are completed once when ten requests try', async () => {
    const server = await start()
    const { uploadId, etags } = await uploaded(server)
    const body = documentOf(etags.map((etag, i) => [i + 1, etag]))
    const answers = await Promise.all(Array.from({ length: 10 }, () => complete(server, uploadId, body)))
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, ...Array<number>(9).fill(404)])
    expect((await rawRequest(server, { path })).body.equals(whole)).to.equal(true)
  })

  it('go away with their parts when aborted', async () => {
    const server = await start()
    const { uploadId } = await uploaded(server)
    const abort = { method: 'DELETE', path, query: { uploadId } }
    expect((await rawRequest(server, abort)).status).to.equal(204)
    expect(await filesOf(server, 'data')).to.deep.equal([])
    expect(await filesOf(server, 'uploads')).to.deep.equal([])
    expect(codeOf(await rawRequest(server, abort))).to.deep.equal([404, 'NoSuchUpload'])
  })

  it('list their parts in pages', async () => {
    const server = await start()
    const uploadId = await initiate(server, { 'x-cos-storage-class': 'STANDARD_IA' })
    for (const number of [1, 2, 10, 9, 100]) await uploadPart(server, uploadId, number, `part ${number}`)
    const seen: string[] = []
    for (let marker = '0', more = true; more;) {
      const query = { uploadId, 'max-parts': '2', 'part-number-marker': marker, 'encoding-type': 'url' }
      const { text } = await rawRequest(server, { path, query })
      expect(xmlText(text, 'Encoding-type')).to.equal('url')
      expect(xmlText(text, 'StorageClass')).to.equal('STANDARD_IA')
      seen.push(...xmlTexts(text, 'PartNumber'))
      more = xmlText(text, 'IsTruncated') === 'true'
      marker = xmlText(text, 'NextPartNumberMarker') ?? ''
    }
    expect(seen).to.deep.equal(['1', '2', '9', '10', '100'])
  })

  it('describe each part', async () => {
    const now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now })
    const query = { uploads: '' }
    const uploadId = xmlText(
      (await rawRequest(server, { method: 'POST', path, query, now })).text,
      'UploadId',
    )!
    const part = { uploadId, partNumber: '3' }
    await rawRequest(server, { method: 'PUT', path, query: part, body: 'hello', now })
    const { text } = await rawRequest(server, { path, query: { uploadId }, now })
    expect(text).to.include(
      '<Part><PartNumber>3</PartNumber><LastModified>2030-01-02T00:00:00.000Z</LastModified>' +
        '<ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag><Size>5</Size></Part>',
    )
  })

  it('are listed by key, then id, in pages', async () => {
    const server = await start()
    const begun: string[] = []
    for (const key of ['b', 'a', 'p/1', 'a', 'p/2']) {
      const request = { method: 'POST', path: objectPath(key), query: { uploads: '' } }
      begun.push(`${key} ${xmlText((await rawRequest(server, request)).text, 'UploadId')!}`)
    }
    const list = { path: `/${BUCKET}/` }
    const seen: string[] = []
    for (let key = '', id = '', more = true; more;) {
      const query = { uploads: '', 'max-uploads': '1', 'key-marker': key, 'upload-id-marker': id }
      const { text } = await rawRequest(server, { ...list, query })
      seen.push(`${xmlText(text, 'Key')!} ${xmlText(text, 'UploadId')!}`)
      more = xmlText(text, 'IsTruncated') === 'true'
      key = xmlText(text, 'NextKeyMarker') ?? ''
      id = xmlText(text, 'NextUploadIdMarker') ?? ''
    }
    expect(seen).to.deep.equal([...begun].sort())
    const { text } = await rawRequest(server, {
      ...list,
      query: { uploads: '', delimiter: '/', prefix: 'p' },
    })
    expect(xmlTexts(text, 'Key')).to.deep.equal([])
    expect(text).to.include('<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>')
  })
})
