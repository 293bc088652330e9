import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import { codeOf, complete, documentOf, uploaded, whole } from '../support/multipart-requests.js'
import { copyOf, plainEtag, send } from '../support/object-requests.js'
import { BUCKET, objectPath, put, xmlText } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const KEYS = ['plain', 'a b/c+d', '100%', '%2F%20', 'x#y?z&w=1', '目录/文件 🔑', '/lead', 'a//b']
const HOUR = 60 * 60 * 1000

describe('server: copies', () => {
  const start = serversOfSpec()

  for (const key of KEYS) {
    it(`are taken from "${key}"`, async () => {
      const server = await start()
      await put(server, key, `bytes of ${key}`)
      const { status } = await send(server, 'PUT', 'copy', { headers: copyOf(server, key) })
      expect(status).to.equal(200)
      expect((await send(server, 'GET', 'copy')).text).to.equal(`bytes of ${key}`)
    })
  }

  it('answer with ETag, time and CRC-64, without a version where the bucket keeps none', async () => {
    const now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now })
    await send(server, 'PUT', 'a', { body: '123456789', now })
    const { text, headers } = await send(server, 'PUT', 'b', { headers: copyOf(server, 'a'), now })
    expect(text).to.equal(
      '<?xml version="1.0" encoding="UTF-8"?>\n<CopyObjectResult>' +
        '<ETag>&quot;25f9e794323b453885f5181f1b624d0b&quot;</ETag>' +
        '<LastModified>2030-01-02T00:00:00.000Z</LastModified><CRC64>11051210869376104954</CRC64>' +
        '</CopyObjectResult>',
    )
    expect(headers['x-cos-hash-crc64ecma']).to.equal('11051210869376104954')
  })

  it('find a source in virtual-host style, in another bucket', async () => {
    const server = await start()
    await send(server, 'PUT', 'x/y', { bucket: 'other-1250000000', body: 'theirs' })
    const source = 'other-1250000000.cos.ap-guangzhou.myqcloud.com/x%2Fy'
    await send(server, 'PUT', 'copy', { headers: { 'x-cos-copy-source': source } })
    expect((await send(server, 'GET', 'copy')).text).to.equal('theirs')
  })

  it('outlive their source', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
    await send(server, 'DELETE', 'a')
    expect((await send(server, 'GET', 'b')).text).to.equal('hello')
    expect(await filesOf(server, 'data')).to.have.length(1)
  })

  it('of an empty object are empty', async () => {
    const server = await start()
    await put(server, 'a', '')
    expect((await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })).status).to.equal(200)
    expect((await send(server, 'GET', 'b')).headers['content-length']).to.equal('0')
  })

  it('of an object of several parts are one piece with the MD5 as ETag', async () => {
    const server = await start()
    const { uploadId, etags } = await uploaded(server)
    await complete(server, uploadId, documentOf(etags.map((etag, i) => [i + 1, etag])))
    await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
    const { body, headers } = await send(server, 'GET', 'b')
    expect(body.equals(whole)).to.equal(true)
    expect(headers.etag).to.equal(plainEtag(whole))
    expect(headers['x-cos-hash-crc64ecma']).to.equal(crc64(whole).toString())
  })

  it('replace what is under their key, and leave no other file', async () => {
    const server = await start()
    await put(server, 'a', 'new')
    await put(server, 'b', 'old')
    await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
    expect((await send(server, 'GET', 'b')).text).to.equal('new')
    expect(await filesOf(server, 'data')).to.have.length(2)
  })

  it('are whole when the source is overwritten meanwhile', async () => {
    const server = await start()
    const bodies = ['1', '2', '3', '4'].map((digit) => digit.repeat(300_000))
    await put(server, 'a', bodies[0]!)
    const copies = Array.from({ length: 8 }, (_, i) =>
      send(server, 'PUT', `copy ${i}`, { headers: copyOf(server, 'a') }),
    )
    await Promise.all([...copies, ...bodies.map((body) => put(server, 'a', body))])
    for (let i = 0; i < 8; i++) expect(bodies).to.include((await send(server, 'GET', `copy ${i}`)).text)
  })

  describe('and metadata', () => {
    const given = { 'content-type': 'text/plain', 'cache-control': 'no-cache', 'x-cos-meta-a': '1' }

    for (const directive of [undefined, 'Copy', 'copy']) {
      it(`keep the source's with the directive ${directive ?? 'left out'}`, async () => {
        const server = await start()
        await put(server, 'a', 'hello', given)
        const headers = {
          ...copyOf(server, 'a'),
          'content-type': 'text/html',
          'x-cos-meta-b': '2',
          ...(directive === undefined ? {} : { 'x-cos-metadata-directive': directive }),
        }
        await send(server, 'PUT', 'b', { headers })
        const copy = await send(server, 'GET', 'b')
        expect(copy.headers).to.include(given)
        expect(copy.headers).not.to.have.property('x-cos-meta-b')
      })
    }

    it("take the request's with the directive Replaced", async () => {
      const server = await start()
      await put(server, 'a', 'hello', given)
      const replaced = { 'content-type': 'text/html', 'x-cos-meta-b': '2' }
      const headers = { ...copyOf(server, 'a'), ...replaced, 'x-cos-metadata-directive': 'Replaced' }
      await send(server, 'PUT', 'b', { headers })
      const copy = await send(server, 'GET', 'b')
      expect(copy.headers).to.include(replaced)
      expect(copy.headers).not.to.have.any.keys('x-cos-meta-a', 'cache-control')
    })

    it('refuse another directive', async () => {
      const server = await start()
      await put(server, 'a', 'hello')
      const headers = { ...copyOf(server, 'a'), 'x-cos-metadata-directive': 'Replace' }
      expect(codeOf(await send(server, 'PUT', 'b', { headers }))).to.deep.equal([400, 'InvalidArgument'])
    })

    it('take their storage class from the request, never from the source', async () => {
      const server = await start()
      await put(server, 'a', 'hello', { 'x-cos-storage-class': 'STANDARD_IA' })
      await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
      expect((await send(server, 'HEAD', 'b')).headers).not.to.have.property('x-cos-storage-class')
      const headers = { ...copyOf(server, 'b'), 'x-cos-storage-class': 'ARCHIVE' }
      await send(server, 'PUT', 'c', { headers })
      expect((await send(server, 'HEAD', 'c')).headers['x-cos-storage-class']).to.equal('ARCHIVE')
    })

    it('keep the tags unless x-cos-tagging-directive says Replaced', async () => {
      const server = await start()
      await put(server, 'a', 'hello', { 'x-cos-tagging': 'k=v' })
      const replaced = { 'x-cos-tagging-directive': 'Replaced', 'x-cos-tagging': 'x=1&y=2' }
      await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
      await send(server, 'PUT', 'c', { headers: { ...copyOf(server, 'a'), ...replaced } })
      expect((await send(server, 'HEAD', 'b')).headers['x-cos-tagging-count']).to.equal('1')
      expect((await send(server, 'HEAD', 'c')).headers['x-cos-tagging-count']).to.equal('2')
    })
  })

  describe('of an object onto itself', () => {
    it('are refused when nothing changes', async () => {
      const server = await start()
      await put(server, 'a', 'hello', { 'x-cos-meta-a': '1' })
      const answer = await send(server, 'PUT', 'a', { headers: copyOf(server, 'a') })
      expect(codeOf(answer)).to.deep.equal([400, 'InvalidRequest'])
      expect(await filesOf(server, 'data')).to.have.length(1)
    })

    for (const change of [
      { 'x-cos-metadata-directive': 'Replaced', 'x-cos-meta-a': '2' },
      { 'x-cos-storage-class': 'STANDARD_IA' },
      { 'x-cos-server-side-encryption': 'AES256' },
      { 'x-cos-acl': 'public-read' },
    ]) {
      const [name] = Object.keys(change)
      it(`change the object with ${name!}`, async () => {
        const server = await start()
        await put(server, 'a', 'hello', { 'x-cos-meta-a': '1' })
        const headers = { ...copyOf(server, 'a'), ...change }
        expect((await send(server, 'PUT', 'a', { headers })).status).to.equal(200)
        const { text, headers: kept } = await send(server, 'GET', 'a')
        expect(text).to.equal('hello')
        expect(kept['x-cos-meta-a']).to.equal(name === 'x-cos-metadata-directive' ? '2' : '1')
        expect(await filesOf(server, 'data')).to.have.length(1)
      })
    }
  })

  describe('with conditions', () => {
    const now = Date.UTC(2030, 0, 2)
    const at = (time: number): string => new Date(time).toUTCString()
    const etag = plainEtag('hello')
    const [before, after] = [at(now - HOUR), at(now + HOUR)]
    for (const [conditions, status] of [
      [{ 'If-Match': etag }, 200],
      [{ 'If-Match': '"x"' }, 412],
      [{ 'If-None-Match': '"x"' }, 200],
      [{ 'If-None-Match': etag }, 412],
      [{ 'If-Modified-Since': before }, 200],
      [{ 'If-Modified-Since': after }, 412],
      [{ 'If-Unmodified-Since': after }, 200],
      [{ 'If-Unmodified-Since': before }, 412],
      [{ 'If-Match': etag, 'If-Unmodified-Since': before }, 200],
      [{ 'If-None-Match': etag, 'If-Modified-Since': before }, 412],
    ] as const) {
      it(`give ${status} for ${JSON.stringify(conditions)}`, async () => {
        const server = await start({ clock: () => now })
        await send(server, 'PUT', 'a', { body: 'hello', now })
        const named = Object.entries(conditions).map(([name, value]) => [`x-cos-copy-source-${name}`, value])
        const headers = { ...copyOf(server, 'a'), ...(Object.fromEntries(named) as Record<string, string>) }
        const answer = await send(server, 'PUT', 'b', { headers, now })
        expect(answer.status).to.equal(status)
        if (status === 412) expect(xmlText(answer.text, 'Code')).to.equal('PreconditionFailed')
        expect((await send(server, 'HEAD', 'b', { now })).status).to.equal(status === 200 ? 200 : 404)
      })
    }

    it('heed If-None-Match for what they would replace', async () => {
      const server = await start()
      await put(server, 'a', 'new')
      await put(server, 'b', 'old')
      const headers = { ...copyOf(server, 'a'), 'if-none-match': '*' }
      const answer = await send(server, 'PUT', 'b', { headers })
      expect(codeOf(answer)).to.deep.equal([412, 'PreconditionFailed'])
      expect((await send(server, 'GET', 'b')).text).to.equal('old')
    })
  })

  describe('are refused', () => {
    for (const [source, status, code] of [
      ['', 400, 'InvalidArgument'],
      ['key-without-host', 400, 'InvalidArgument'],
      ['/bucket-1250000000/key', 400, 'InvalidArgument'],
      [`${BUCKET}.cos.ap-guangzhou.myqcloud.com/`, 400, 'InvalidArgument'],
      [`127.0.0.1/${BUCKET}`, 400, 'InvalidArgument'],
      ['Not-A-Bucket.example.com/key', 400, 'InvalidBucketName'],
      [`${BUCKET}.cos.ap-guangzhou.myqcloud.com/%zz`, 400, 'InvalidURI'],
      [`127.0.0.1/${BUCKET}/${'k'.repeat(851)}`, 400, 'KeyTooLong'],
      [`127.0.0.1/${BUCKET}/nope`, 404, 'NoSuchKey'],
      [`127.0.0.1/${BUCKET}/a?versionId=nope`, 404, 'NoSuchVersion'],
    ] as const) {
      it(`from "${source.slice(0, 60)}" with ${code}`, async () => {
        const server = await start()
        await put(server, 'a', 'hello')
        const answer = await send(server, 'PUT', 'b', {
          // An empty header of this name is sent by no client; a condition alone makes the request a copy, too.
          headers: source === '' ? { 'x-cos-copy-source-If-Match': 'x' } : { 'x-cos-copy-source': source },
        })
        expect(codeOf(answer)).to.deep.equal([status, code])
        expect(await filesOf(server, 'data')).to.have.length(1)
      })
    }

    it('from a source over 5 GiB', async () => {
      const server = await start()
      await put(server, 'a', 'hello')
      const folder = join(server.directory, BUCKET, 'objects')
      const path = join(folder, (await readdir(folder))[0]!)
      // A record that says so spares the disk 5 GiB: the size is judged before a byte is read.
      const record = JSON.parse(await readFile(path, 'utf8')) as object
      await writeFile(path, JSON.stringify({ ...record, size: 5 * 1024 ** 3 + 1 }))
      const answer = await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
      expect(codeOf(answer)).to.deep.equal([400, 'InvalidRequest'])
    })

    it('with other methods', async () => {
      const server = await start()
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
        const { status } = await send(server, method, 'b', { headers: copyOf(server, 'a') })
        expect(status).to.equal(501)
      }
    })
  })

  it('name nothing of this machine in an error', async () => {
    const server = await start()
    const { text } = await send(server, 'PUT', 'b', { headers: copyOf(server, 'nope') })
    expect(text).not.to.include(server.directory)
    expect(xmlText(text, 'Resource')).to.equal(objectPath('b'))
  })
})
