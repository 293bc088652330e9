import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { Fault, RunningServer } from '../../lib/server/index.js'
import { complete, documentOf, initiate, uploaded, uploadPart, whole } from '../support/multipart-requests.js'
import { objectPath, put, type RawAnswer, rawRequest, xmlText } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

const path = objectPath('a')
const BYTES = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff))

describe('server: faults in answers', () => {
  const start = serversOfSpec()

  /** A server that has the object already, and then the fault. */
  async function stored(fault: Fault): Promise<RunningServer> {
    const server = await start()
    await put(server, 'a', BYTES)
    server.faults.add(fault)
    return server
  }

  async function got(fault: Fault, headers: Record<string, string> = {}): Promise<RawAnswer> {
    return rawRequest(await stored(fault), { path, headers })
  }

  it('short-body: bytes are missing at the end, and Content-Length agrees', async () => {
    const { headers, body } = await got({ kind: 'short-body', bytes: 7 })
    expect(headers['content-length']).to.equal('199993')
    expect(body.equals(BYTES.subarray(0, -7))).to.equal(true)
  })

  it('short-body: in a range, Content-Range stays', async () => {
    const { headers, body } = await got({ kind: 'short-body' }, { range: 'bytes=10-19' })
    expect(headers).to.include({ 'content-length': '9', 'content-range': 'bytes 10-19/200000' })
    expect(body.equals(BYTES.subarray(10, 19))).to.equal(true)
  })

  it('short-body and long-body: HEAD announces as much', async () => {
    const server = await stored({ kind: 'short-body' })
    server.faults.add({ kind: 'long-body' })
    const lengths = []
    for (let i = 0; i < 3; i++) {
      lengths.push((await rawRequest(server, { method: 'HEAD', path })).headers['content-length'])
    }
    expect(lengths).to.deep.equal(['199999', '200001', '200000'])
  })

  it('long-body: zeros follow the object, and Content-Length agrees', async () => {
    const { headers, body } = await got({ kind: 'long-body', bytes: 3 })
    expect(headers['content-length']).to.equal('200003')
    expect(body.equals(Buffer.concat([BYTES, Buffer.alloc(3)]))).to.equal(true)
  })

  it('long-body: an answer without body gets one', async () => {
    const server = await start({ faults: [{ kind: 'long-body' }] })
    expect((await put(server, 'a', 'hello')).body.length).to.equal(1)
  })

  for (const [at, place] of [
    [undefined, 100_000],
    [0, 0],
    [131_072, 131_072],
    [10_000_000, 199_999],
  ] as const) {
    it(`flip-bit-sent: at ${at ?? 'the middle'} alters one bit of byte ${place}`, async () => {
      const { headers, body } = await got({ kind: 'flip-bit-sent', at })
      const expected = Buffer.from(BYTES)
      expected[place]! ^= 1
      expect(body.equals(expected)).to.equal(true)
      expect(headers['x-cos-hash-crc64ecma']).to.equal(String(crc64(BYTES)))
    })
  }

  it('drop-tail: half of the object, lengths and range agreeing, checksums those of the whole', async () => {
    const server = await stored({ kind: 'drop-tail' })
    const half = await rawRequest(server, { path })
    expect(half.headers['content-length']).to.equal('100000')
    expect(half.headers['x-cos-hash-crc64ecma']).to.equal(String(crc64(BYTES)))
    server.faults.add({ kind: 'drop-tail', at: 5 })
    const range = await rawRequest(server, { path, headers: { range: 'bytes=100-199' } })
    expect(range.headers).to.include({ 'content-length': '5', 'content-range': 'bytes 100-104/105' })
    expect(range.body.equals(BYTES.subarray(100, 105))).to.equal(true)
  })

  for (const [range, at, first] of [
    ['bytes=1000-1099', undefined, 900],
    ['bytes=0-99', undefined, 100],
    ['bytes=0-149999', undefined, 50_000],
    ['bytes=50-199999', undefined, 0],
    ['bytes=0-199999', undefined, 0],
    ['bytes=0-9', 77, 77],
    ['bytes=0-9', 500_000, 199_990],
  ] as const) {
    it(`repeat-range: ${range}${at === undefined ? '' : ` with at ${at}`} gets the bytes from ${first}`, async () => {
      const { status, headers, body } = await got({ kind: 'repeat-range', at }, { range })
      expect([status, headers['content-range']]).to.deep.equal([206, `${range.replace('=', ' ')}/200000`])
      expect(body.equals(BYTES.subarray(first, first + Number(headers['content-length'])))).to.equal(true)
    })
  }

  it('wrong-etag and wrong-crc64: another value of the same form, the object right', async () => {
    const server = await start({ faults: [{ kind: 'wrong-etag' }, { kind: 'wrong-crc64' }] })
    const etag = `"${createHash('md5').update(BYTES).digest('hex')}"`
    const one = (await put(server, 'a', BYTES)).headers
    expect(one.etag)
      .to.match(/^"[0-9a-f]{32}"$/)
      .and.not.equal(etag)
    expect(one['x-cos-hash-crc64ecma']).to.equal(String(crc64(BYTES)))
    const two = (await put(server, 'a', BYTES)).headers
    expect(two.etag).to.equal(etag)
    expect(two['x-cos-hash-crc64ecma'])
      .to.match(/^\d+$/)
      .and.not.equal(String(crc64(BYTES)))
    expect((await rawRequest(server, { path })).headers.etag).to.equal(etag)
  })

  it('wrong-etag: alters the document of complete', async () => {
    const server = await start({ faults: [{ kind: 'wrong-etag', operation: 'completeMultipartUpload' }] })
    const { uploadId, etags } = await uploaded(server)
    const { text } = await complete(server, uploadId, documentOf(etags.map((etag, i) => [i + 1, etag])))
    const { headers } = await rawRequest(server, { path })
    const said = xmlText(text, 'ETag')!.replaceAll('&quot;', '"')
    expect(said)
      .to.match(/^"[0-9a-f]{32}-3"$/)
      .and.not.equal(headers.etag)
  })

  it('malformed-xml: complete is carried out, its document ends with a foreign tag', async () => {
    const server = await start({ faults: [{ kind: 'malformed-xml', operation: 'completeMultipartUpload' }] })
    const { uploadId, etags } = await uploaded(server)
    const { status, text } = await complete(
      server,
      uploadId,
      documentOf(etags.map((etag, i) => [i + 1, etag])),
    )
    expect(status).to.equal(200)
    expect(text).to.match(/<CompleteMultipartUploadResult>.*<\/Unexpected>$/)
    expect((await rawRequest(server, { path })).body.equals(whole)).to.equal(true)
  })

  it('truncated-xml: the upload is begun, its document cut where asked, Content-Length agreeing', async () => {
    const server = await start({ faults: [{ kind: 'truncated-xml', at: 60 }] })
    const { headers, text } = await rawRequest(server, { method: 'POST', path, query: { uploads: '' } })
    expect([headers['content-length'], text.length]).to.deep.equal(['60', 60])
    expect((await rawRequest(server, { path: objectPath(''), query: { uploads: '' } })).text).to.include(
      '<UploadId>',
    )
  })

  for (const kind of ['malformed-xml', 'truncated-xml'] as const) {
    it(`${kind}: a PUT is carried out and answered with the damaged document of a 500`, async () => {
      const server = await start({ faults: [{ kind }] })
      const { status, text } = await rawRequest(server, { method: 'PUT', path, body: 'hello' })
      expect([status, text.startsWith('<?xml'), text.endsWith('</Error>')]).to.deep.equal([500, true, false])
      expect((await rawRequest(server, { path })).text).to.equal('hello')
    })
  }

  for (const kind of [
    'malformed-xml',
    'truncated-xml',
    'short-body',
    'flip-bit-sent',
    'wrong-etag',
  ] as const) {
    it(`${kind}: a refusal stays as it is`, async () => {
      const server = await start({ faults: [{ kind }] })
      const { status, text } = await rawRequest(server, { path })
      expect([status, xmlText(text, 'Code'), text.endsWith('</Error>')]).to.deep.equal([
        404,
        'NoSuchKey',
        true,
      ])
    })
  }
})

describe('server: faults in stored bytes', () => {
  const start = serversOfSpec()

  it('flip-bit-stored: one bit of a PUT is altered, and the checksums are those of the altered bytes', async () => {
    const server = await start({ faults: [{ kind: 'flip-bit-stored', at: 70_000 }] })
    const { headers } = await put(server, 'a', BYTES, {
      'content-md5': createHash('md5').update(BYTES).digest('base64'),
    })
    const expected = Buffer.from(BYTES)
    expected[70_000]! ^= 1
    expect(headers.etag).to.equal(`"${createHash('md5').update(expected).digest('hex')}"`)
    expect(headers['x-cos-hash-crc64ecma']).to.equal(String(crc64(expected)))
    expect((await rawRequest(server, { path })).body.equals(expected)).to.equal(true)
  })

  it('flip-bit-stored: of a part, the one whose number is given', async () => {
    const server = await start({ faults: [{ kind: 'flip-bit-stored', partNumber: 2 }] })
    const uploadId = await initiate(server)
    const etags = []
    for (const number of [1, 2]) etags.push((await uploadPart(server, uploadId, number, BYTES)).headers.etag)
    const right = `"${createHash('md5').update(BYTES).digest('hex')}"`
    expect(etags.map((etag) => etag === right)).to.deep.equal([true, false])
  })

  it('drop-tail: only the first bytes of a PUT are stored, and the checksums are theirs', async () => {
    const server = await start({ faults: [{ kind: 'drop-tail', at: 100 }] })
    const { headers } = await put(server, 'a', BYTES)
    expect(headers['x-cos-hash-crc64ecma']).to.equal(String(crc64(BYTES.subarray(0, 100))))
    expect((await rawRequest(server, { path })).body.equals(BYTES.subarray(0, 100))).to.equal(true)
  })

  it('drop-tail: nothing of the part is stored with at 0', async () => {
    const server = await start({ faults: [{ kind: 'drop-tail', at: 0 }] })
    expect((await put(server, 'a', BYTES)).status).to.equal(200)
    expect((await rawRequest(server, { path })).body.length).to.equal(0)
  })
})
