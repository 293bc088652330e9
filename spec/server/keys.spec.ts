import { expect } from 'chai'
import { BUCKET, objectPath, plainRequest, put, rawRequest, xmlText } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

describe('server: keys', () => {
  const start = serversOfSpec()

  for (const key of [
    '/leading',
    '//two',
    'a//b///',
    'a+b c',
    '100%',
    '%2e%2F',
    'q?x=1&y#z',
    '../../etc/passwd',
    'a/./b/..',
    'ключ/钥匙/🔑',
    "!'()*~;:@=,$",
    'tab\tand\nline',
    'x'.repeat(850),
  ]) {
    it(`keeps the key ${JSON.stringify(key.slice(0, 30))} as it is`, async () => {
      const server = await start()
      await put(server, key, key)
      expect((await rawRequest(server, { path: objectPath(key) })).text).to.equal(key)
      const listing = await rawRequest(server, { path: `/${BUCKET}/`, query: { 'encoding-type': 'url' } })
      expect(decodeURIComponent(xmlText(listing.text, 'Key')!)).to.equal(key)
    })
  }

  it('tells keys apart that URL parsers take for one', async () => {
    const server = await start()
    const keys = ['a', '/a', '//a', './a', 'b/../a', 'a/', 'a%2F', 'a+', 'a ']
    for (const key of keys) await put(server, key, key)
    for (const key of keys) {
      expect((await rawRequest(server, { path: objectPath(key) })).text).to.equal(key)
    }
  })

  it('refuses a key of 851 bytes', async () => {
    const { status, text } = await rawRequest(await start(), { path: objectPath('ü'.repeat(425) + 'x') })
    expect([status, xmlText(text, 'Code')]).to.deep.equal([400, 'KeyTooLong'])
  })

  for (const path of ['%', '%zz', '%c3', '%ff%fe', 'a%', '%u0041']) {
    it(`refuses the path ${path} with InvalidURI`, async () => {
      const { status, text } = await plainRequest(await start(), { path: `/${BUCKET}/${path}` })
      expect([status, xmlText(text, 'Code')]).to.deep.equal([400, 'InvalidURI'])
    })
  }

  it('finds bucket and key in virtual-host style', async () => {
    const server = await start()
    const headers = { host: `${BUCKET}.cos.ap-x.myqcloud.com` }
    await rawRequest(server, { method: 'PUT', path: '//a', headers, body: 'hello' })
    expect((await rawRequest(server, { path: objectPath('/a') })).text).to.equal('hello')
    const other = { host: `${BUCKET}.localhost:${server.port}` }
    expect((await rawRequest(server, { path: '//a', headers: other })).text).to.equal('hello')
  })

  it('finds the host in an absolute request target', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const { status } = await plainRequest(server, { path: `http://${BUCKET}.example.com/a` })
    expect(status).to.equal(403) // Found, but not signed.
    const none = await plainRequest(server, { path: 'http://example.com/a' })
    expect(xmlText(none.text, 'Code')).to.equal('InvalidBucketName')
  })

  for (const path of ['/Upper-1/a', '/nodigits/a', '/a-b/c', '/-1/a', '/../a', '/%2e%2e-1/a', '/a_b-1/a']) {
    it(`refuses the bucket of ${path}`, async () => {
      const { status, text } = await plainRequest(await start(), { path })
      expect([status, xmlText(text, 'Code')]).to.deep.equal([400, 'InvalidBucketName'])
    })
  }
})
