import { expect } from 'chai'
import { BUCKET, put, rawRequest, xmlText, xmlTexts } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

describe('server: list objects', () => {
  const start = serversOfSpec()
  const path = `/${BUCKET}/`

  async function withKeys(keys: readonly string[]): Promise<Awaited<ReturnType<typeof start>>> {
    const server = await start()
    for (const key of keys) await put(server, key, key)
    return server
  }

  it('lists nothing in a bucket that nothing was written to', async () => {
    const { status, text } = await rawRequest(await start(), { path: '/never-1/' })
    expect(status).to.equal(200)
    expect(xmlText(text, 'Name')).to.equal('never-1')
    expect(xmlTexts(text, 'Key')).to.deep.equal([])
  })

  it('describes each object', async () => {
    const now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now })
    const headers = { 'x-cos-storage-class': 'STANDARD_IA' }
    await rawRequest(server, { method: 'PUT', path: `${path}a`, body: 'hello', headers, now })
    const { headers: answered, text } = await rawRequest(server, { path, now })
    expect(answered['content-type']).to.equal('application/xml')
    expect(text).to.include(
      '<Contents><Key>a</Key><LastModified>2030-01-02T00:00:00.000Z</LastModified>' +
        '<ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag><Size>5</Size>' +
        '<Owner><ID>1250000000</ID><DisplayName>1250000000</DisplayName></Owner>' +
        '<StorageClass>STANDARD_IA</StorageClass></Contents>',
    )
    expect(xmlText(text, 'MaxKeys')).to.equal('1000')
    expect(xmlText(text, 'IsTruncated')).to.equal('false')
  })

  it('orders keys by their UTF-8 bytes', async () => {
    // In UTF-16 the surrogates of U+1F511 come before U+FF5E.
    const keys = ['\u{1f511}', '\uff5e', 'b', 'B', 'a', 'ä', 'a/']
    const server = await withKeys(keys)
    const { text } = await rawRequest(server, { path })
    expect(xmlTexts(text, 'Key')).to.deep.equal(['B', 'a', 'a/', 'b', 'ä', '\uff5e', '\u{1f511}'])
  })

  it('groups by delimiter below a prefix', async () => {
    const server = await withKeys(['a', 'p/', 'p/1', 'p/q/1', 'p/q/2', 'p/r/1', 'z'])
    const { text } = await rawRequest(server, { path, query: { prefix: 'p/', delimiter: '/' } })
    expect(xmlTexts(text, 'Key')).to.deep.equal(['p/', 'p/1'])
    expect([...text.matchAll(/<CommonPrefixes><Prefix>([^<]*)/g)].map((match) => match[1])).to.deep.equal([
      'p/q/',
      'p/r/',
    ])
  })

  for (const limit of [1, 2, 3, 7, 1000]) {
    it(`gives every key and group once in pages of ${limit}`, async () => {
      const server = await withKeys(['a', 'b/1', 'b/2', 'b/3', 'b0', 'c/1', 'd'])
      const seen: string[] = []
      for (let marker = '', more = true; more;) {
        const query = { delimiter: '/', marker, 'max-keys': String(limit) }
        const { text } = await rawRequest(server, { path, query })
        const names = [...text.matchAll(/<(?:Key|CommonPrefixes><Prefix)>([^<]*)/g)].map((match) => match[1]!)
        expect(names.length).to.be.at.most(limit)
        seen.push(...names)
        more = xmlText(text, 'IsTruncated') === 'true'
        if (more) expect(names).to.include((marker = xmlText(text, 'NextMarker')!))
        else expect(xmlText(text, 'NextMarker')).to.equal(undefined)
      }
      expect(seen.sort()).to.deep.equal(['a', 'b/', 'b0', 'c/', 'd'])
    })
  }

  it('takes a marker that is no key', async () => {
    const server = await withKeys(['a', 'b/1', 'b/2', 'c'])
    const { text } = await rawRequest(server, { path, query: { marker: 'b/1', delimiter: '/' } })
    expect(xmlTexts(text, 'Key')).to.deep.equal(['c'])
    expect(xmlText(text, 'CommonPrefixes')).to.equal(undefined)
    expect(text).to.include('<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>')
  })

  it('encodes keys, prefixes and markers when asked to', async () => {
    const server = await withKeys(['x y/ü+1', 'x y/ü+2'])
    const query = { prefix: 'x y/', marker: 'x y/ü', 'max-keys': '1', 'encoding-type': 'url' }
    const { text } = await rawRequest(server, { path, query })
    expect(xmlText(text, 'EncodingType')).to.equal('url')
    expect(xmlText(text, 'Prefix')).to.equal('x%20y%2F')
    expect(xmlText(text, 'Marker')).to.equal('x%20y%2F%C3%BC')
    expect(xmlText(text, 'Key')).to.equal('x%20y%2F%C3%BC%2B1')
    expect(xmlText(text, 'NextMarker')).to.equal('x%20y%2F%C3%BC%2B1')
  })

  it('escapes what XML gives a meaning to', async () => {
    const server = await withKeys(['<a&b>"\'\u0001\r'])
    const { text } = await rawRequest(server, { path })
    expect(xmlText(text, 'Key')).to.equal('&lt;a&amp;b&gt;&quot;&#x27;&#x1;&#xD;')
  })

  for (const [name, value] of [
    ['max-keys', '0'],
    ['max-keys', '1001'],
    ['max-keys', '-1'],
    ['max-keys', '1.5'],
    ['max-keys', 'x'],
    ['encoding-type', 'base64'],
  ] as const) {
    it(`refuses ${name}=${value}`, async () => {
      const { status, text } = await rawRequest(await start(), { path, query: { [name]: value } })
      expect([status, xmlText(text, 'Code')]).to.deep.equal([400, 'InvalidArgument'])
    })
  }

  it('answers HEAD of any bucket with 200', async () => {
    const { status } = await rawRequest(await start(), { method: 'HEAD', path: '/never-1/' })
    expect(status).to.equal(200)
  })
})
