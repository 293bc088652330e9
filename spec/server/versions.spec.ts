import { mkdtemp, rm } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { RunningServer } from '../../lib/server/index.js'
import { codeOf, complete, documentOf, initiate, uploadPart } from '../support/multipart-requests.js'
import { copyOf, plainEtag, send, sendToBucket } from '../support/object-requests.js'
import { put, type RawAnswer, xmlText, xmlTexts } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const MARKER = 'x-cos-delete-marker'

const idOf = ({ headers }: RawAnswer): string => String(headers['x-cos-version-id'])

describe('server: versions', () => {
  const start = serversOfSpec()

  function setVersioning(server: RunningServer, status: string): Promise<RawAnswer> {
    const body = `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`
    return sendToBucket(server, 'PUT', { versioning: '' }, { body })
  }

  async function versioned(): Promise<RunningServer> {
    const server = await start()
    expect((await setVersioning(server, 'Enabled')).status).to.equal(200)
    return server
  }

  const get = (server: RunningServer, versionId: string): Promise<RawAnswer> =>
    send(server, 'GET', 'a', { query: { versionId } })

  it('are off, then on, then suspended, as GET versioning says', async () => {
    const server = await start()
    const status = async (): Promise<string | undefined> =>
      xmlText((await sendToBucket(server, 'GET', { versioning: '' })).text, 'Status')
    expect(await status()).to.equal(undefined)
    for (const next of ['Enabled', 'Suspended', 'Enabled']) {
      await setVersioning(server, next)
      expect(await status()).to.equal(next)
    }
    expect(codeOf(await setVersioning(server, 'Off'))).to.deep.equal([400, 'MalformedXML'])
  })

  it('outlive the server', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
    const one = await start({ directory })
    await setVersioning(one, 'Enabled')
    const id = idOf(await put(one, 'a', 'old'))
    await put(one, 'a', 'new')
    await one.close()
    const two = await start({ directory })
    expect((await get(two, id)).text).to.equal('old')
    expect(idOf(await put(two, 'a', 'newer'))).to.match(/^[0-9a-f]{32}$/)
    await rm(directory, { recursive: true })
  })

  it('are not named where they are off', async () => {
    const server = await start()
    expect((await put(server, 'a', 'hello')).headers).not.to.have.property('x-cos-version-id')
    expect((await send(server, 'HEAD', 'a')).headers).not.to.have.property('x-cos-version-id')
    expect((await send(server, 'DELETE', 'a')).headers).not.to.have.any.keys('x-cos-version-id', MARKER)
  })

  it('stay when a PUT, a copy and an upload replace them, each with an id of its own', async () => {
    const server = await versioned()
    const ids = [idOf(await put(server, 'a', 'put'))]
    await put(server, 'b', 'copy')
    const copied = await send(server, 'PUT', 'a', { headers: copyOf(server, 'b') })
    ids.push(idOf(copied))
    expect(xmlText(copied.text, 'VersionId')).to.equal(ids[1])
    const uploadId = await initiate(server)
    const part = await uploadPart(server, uploadId, 1, 'upload')
    ids.push(idOf(await complete(server, uploadId, documentOf([[1, part.headers.etag!]]))))
    expect(new Set(ids)).to.have.property('size', 3)
    for (const [i, text] of ['put', 'copy', 'upload'].entries()) {
      const answer = await get(server, ids[i]!)
      expect([answer.text, idOf(answer)]).to.deep.equal([text, ids[i]])
      const head = await send(server, 'HEAD', 'a', { query: { versionId: ids[i]! } })
      expect(head.headers['content-length']).to.equal(String(text.length))
    }
    expect(idOf(await send(server, 'GET', 'a'))).to.equal(ids[2])
  })

  it('give ranges and copies of what they were', async () => {
    const server = await versioned()
    const id = idOf(await put(server, 'a', '0123456789'))
    await put(server, 'a', 'new')
    const part = { query: { versionId: id }, headers: { range: 'bytes=2-4' } }
    expect((await send(server, 'GET', 'a', part)).text).to.equal('234')
    await send(server, 'PUT', 'b', { headers: copyOf(server, 'a', { version: id }) })
    expect((await send(server, 'GET', 'b')).text).to.equal('0123456789')
    const back = await send(server, 'PUT', 'a', { headers: copyOf(server, 'a', { version: id }) })
    expect(back.status).to.equal(200)
    expect((await send(server, 'GET', 'a')).text).to.equal('0123456789')
  })

  it('can be restored one by one', async () => {
    const server = await versioned()
    const headers = { 'x-cos-storage-class': 'ARCHIVE' }
    const [old, current] = [await put(server, 'a', 'old', headers), await put(server, 'a', 'new', headers)]
    const body = '<RestoreRequest><Days>1</Days></RestoreRequest>'
    const query = { restore: '', versionId: idOf(old) }
    expect((await send(server, 'POST', 'a', { query, body })).status).to.equal(202)
    expect((await get(server, idOf(old))).text).to.equal('old')
    expect((await get(server, idOf(current))).status).to.equal(403)
  })

  it('show the access rule and tags of each', async () => {
    const server = await versioned()
    const old = await put(server, 'a', 'old', { 'x-cos-tagging': 'k=v', 'x-cos-acl': 'public-read' })
    await put(server, 'a', 'new')
    const versionId = idOf(old)
    const tagging = await send(server, 'GET', 'a', { query: { tagging: '', versionId } })
    expect(xmlText(tagging.text, 'Key')).to.equal('k')
    const acl = await send(server, 'GET', 'a', { query: { acl: '', versionId } })
    expect(acl.headers['x-cos-acl']).to.equal('public-read')
  })

  it('are hidden by a delete marker, not removed', async () => {
    const server = await versioned()
    const id = idOf(await put(server, 'a', 'hello'))
    const deleted = await send(server, 'DELETE', 'a')
    expect([deleted.status, deleted.headers[MARKER]]).to.deep.equal([204, 'true'])
    const gone = await send(server, 'GET', 'a')
    expect(codeOf(gone)).to.deep.equal([404, 'NoSuchKey'])
    expect([gone.headers[MARKER], idOf(gone)]).to.deep.equal(['true', idOf(deleted)])
    expect((await send(server, 'HEAD', 'a')).headers[MARKER]).to.equal('true')
    expect(xmlTexts((await sendToBucket(server, 'GET', {})).text, 'Key')).to.deep.equal([])
    expect((await get(server, id)).text).to.equal('hello')
    const marker = await get(server, idOf(deleted))
    expect([...codeOf(marker), marker.headers[MARKER]]).to.deep.equal([405, 'MethodNotAllowed', 'true'])
  })

  it('come back when the delete marker is deleted', async () => {
    const server = await versioned()
    await put(server, 'a', 'hello')
    const marker = idOf(await send(server, 'DELETE', 'a'))
    const deleted = await send(server, 'DELETE', 'a', { query: { versionId: marker } })
    expect([deleted.status, deleted.headers[MARKER], idOf(deleted)]).to.deep.equal([204, 'true', marker])
    expect((await send(server, 'GET', 'a')).text).to.equal('hello')
  })

  it('are removed one by one, the next older becoming the object, until no file is left', async () => {
    const server = await versioned()
    const ids = [idOf(await put(server, 'a', 'one')), idOf(await put(server, 'a', 'two'))]
    const deleted = await send(server, 'DELETE', 'a', { query: { versionId: ids[1]! } })
    expect([deleted.status, idOf(deleted), deleted.headers[MARKER]]).to.deep.equal([204, ids[1], undefined])
    expect((await send(server, 'GET', 'a')).text).to.equal('one')
    expect(await filesOf(server, 'data')).to.have.length(1)
    await send(server, 'DELETE', 'a', { query: { versionId: ids[0]! } })
    expect(codeOf(await send(server, 'GET', 'a'))).to.deep.equal([404, 'NoSuchKey'])
    expect(await filesOf(server, 'data')).to.deep.equal([])
    expect(await filesOf(server, 'objects')).to.deep.equal([])
  })

  it('are all kept when ten writers race for a key', async () => {
    const server = await versioned()
    const bodies = Array.from({ length: 10 }, (_, i) => String(i).repeat(10_000))
    const ids = (await Promise.all(bodies.map((body) => put(server, 'a', body)))).map(idOf)
    for (const [i, id] of ids.entries()) expect((await get(server, id)).text).to.equal(bodies[i])
    const listing = await sendToBucket(server, 'GET', { versions: '' })
    expect(xmlTexts(listing.text, 'VersionId').sort()).to.deep.equal([...ids].sort())
  })

  it('that do not exist are NoSuchVersion', async () => {
    const server = await versioned()
    await put(server, 'a', 'hello')
    for (const id of ['nope', 'null', '../../x', '0'.repeat(32)]) {
      expect(codeOf(await get(server, id))).to.deep.equal([404, 'NoSuchVersion'])
      const deletion = await send(server, 'DELETE', 'a', { query: { versionId: id } })
      expect(codeOf(deletion)).to.deep.equal([404, 'NoSuchVersion'])
    }
    const copy = await send(server, 'PUT', 'b', { headers: copyOf(server, 'a', { version: 'nope' }) })
    expect(codeOf(copy)).to.deep.equal([404, 'NoSuchVersion'])
    expect((await send(server, 'GET', 'a', { query: { versionId: '' } })).text).to.equal('hello')
  })

  it('from before they were on, or while suspended, are called null', async () => {
    const server = await start()
    await put(server, 'a', 'before')
    await setVersioning(server, 'Enabled')
    const id = idOf(await put(server, 'a', 'during'))
    expect((await get(server, 'null')).text).to.equal('before')
    await setVersioning(server, 'Suspended')
    const suspended = await put(server, 'a', 'suspended')
    expect(suspended.headers).not.to.have.property('x-cos-version-id')
    expect((await get(server, 'null')).text).to.equal('suspended')
    expect((await get(server, id)).text).to.equal('during')
    expect(await filesOf(server, 'data')).to.have.length(2)
    const deleted = await send(server, 'DELETE', 'a')
    expect([idOf(deleted), deleted.headers[MARKER]]).to.deep.equal(['null', 'true'])
    expect((await get(server, id)).text).to.equal('during')
    expect(await filesOf(server, 'data')).to.have.length(1)
  })

  it('let x-cos-forbid-overwrite pass where a delete marker is the newest', async () => {
    const server = await versioned()
    const headers = { 'x-cos-forbid-overwrite': 'true' }
    await put(server, 'a', 'hello', headers)
    expect((await send(server, 'PUT', 'a', { headers, body: 'x' })).status).to.equal(409)
    await send(server, 'DELETE', 'a')
    await put(server, 'a', 'again', headers)
  })

  it('are deleted by lists of keys and versions', async () => {
    const server = await versioned()
    const id = idOf(await put(server, 'a', 'hello'))
    await put(server, 'b', 'hello')
    const body =
      `<Delete><Object><Key>a</Key><VersionId>${id}</VersionId></Object>` +
      '<Object><Key>b</Key></Object></Delete>'
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64') }
    const { text } = await sendToBucket(server, 'POST', { delete: '' }, { headers, body })
    expect(text).to.include(`<Deleted><Key>a</Key><VersionId>${id}</VersionId></Deleted>`)
    expect(text).to.match(
      /<Deleted><Key>b<\/Key><DeleteMarker>true<\/DeleteMarker><DeleteMarkerVersionId>[0-9a-f]{32}</,
    )
    expect(await filesOf(server, 'data')).to.have.length(1)
  })
})

describe('server: the list of versions', () => {
  const start = serversOfSpec()

  async function filled(): Promise<RunningServer> {
    const server = await start()
    await put(server, 'b', 'before')
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    await sendToBucket(server, 'PUT', { versioning: '' }, { body })
    for (const key of ['a/1', 'b', 'b', 'a/2', '目 录']) await put(server, key, `bytes of ${key}`)
    await send(server, 'DELETE', 'a/1')
    return server
  }

  const list = async (server: RunningServer, query: Record<string, string> = {}): Promise<string> =>
    (await sendToBucket(server, 'GET', { versions: '', ...query })).text

  it('goes by key, then from the newest, and tells versions from delete markers', async () => {
    const text = await list(await filled())
    const entries = [...text.matchAll(/<(Version|DeleteMarker)><Key>([^<]*).*?<IsLatest>([^<]*)/g)]
    expect(entries.map(([, kind, key, latest]) => `${kind!} ${key!} ${latest!}`)).to.deep.equal([
      'DeleteMarker a/1 true',
      'Version a/1 false',
      'Version a/2 true',
      'Version b true',
      'Version b false',
      'Version b false',
      'Version 目 录 true',
    ])
    expect(xmlTexts(text, 'VersionId').at(-2)).to.equal('null')
  })

  it('describes each version', async () => {
    const now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now })
    const headers = { 'x-cos-storage-class': 'STANDARD_IA' }
    await send(server, 'PUT', 'a', { body: 'hello', headers, now })
    const { text } = await sendToBucket(server, 'GET', { versions: '' }, { now })
    const owner = '<Owner><ID>1250000000</ID><DisplayName>1250000000</DisplayName></Owner>'
    expect(text).to.include(
      '<Version><Key>a</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>' +
        '<LastModified>2030-01-02T00:00:00.000Z</LastModified>' +
        `<ETag>${plainEtag('hello').replaceAll('"', '&quot;')}</ETag><Size>5</Size>` +
        `<StorageClass>STANDARD_IA</StorageClass>${owner}</Version>`,
    )
  })

  for (const limit of ['1', '2', '3', '7']) {
    it(`comes whole in pages of ${limit}`, async () => {
      const server = await filled()
      const all = xmlTexts(await list(server), 'VersionId')
      const seen: string[] = []
      for (let key = '', id = '', more = true; more;) {
        const text = await list(server, { 'max-keys': limit, 'key-marker': key, 'version-id-marker': id })
        seen.push(...xmlTexts(text, 'VersionId'))
        more = xmlText(text, 'IsTruncated') === 'true'
        key = xmlText(text, 'NextKeyMarker') ?? ''
        id = xmlText(text, 'NextVersionIdMarker') ?? ''
      }
      expect(seen).to.deep.equal(all)
    })
  }

  it('lets a bucket be emptied page by page', async () => {
    const server = await filled()
    for (let key = '', id = '', more = true; more;) {
      const text = await list(server, { 'max-keys': '2', 'key-marker': key, 'version-id-marker': id })
      const ids = xmlTexts(text, 'VersionId')
      for (const [i, name] of xmlTexts(text, 'Key').entries()) {
        const answer = await send(server, 'DELETE', name, { query: { versionId: ids[i]! } })
        expect(answer.status).to.equal(204)
      }
      more = xmlText(text, 'IsTruncated') === 'true'
      key = xmlText(text, 'NextKeyMarker') ?? ''
      id = xmlText(text, 'NextVersionIdMarker') ?? ''
    }
    expect(xmlTexts(await list(server), 'Key')).to.deep.equal([])
    expect(await filesOf(server, 'data')).to.deep.equal([])
    expect(await filesOf(server, 'objects')).to.deep.equal([])
  })

  it('takes a prefix, a delimiter, a key marker alone, and encoding-type=url', async () => {
    const server = await filled()
    expect(xmlTexts(await list(server, { prefix: 'a/' }), 'Key')).to.deep.equal(['a/1', 'a/1', 'a/2'])
    expect(await list(server, { delimiter: '/' })).to.include('<CommonPrefixes><Prefix>a/</Prefix>')
    const encoded = await list(server, { 'key-marker': 'b', 'encoding-type': 'url' })
    expect(xmlTexts(encoded, 'Key')).to.deep.equal(['%E7%9B%AE%20%E5%BD%95'])
    expect(xmlText(encoded, 'EncodingType')).to.equal('url')
  })
})
