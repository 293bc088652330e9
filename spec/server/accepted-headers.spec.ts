import { expect } from 'chai'
import { codeOf, complete, documentOf, initiate, uploadPart } from '../support/multipart-requests.js'
import { copyOf, send } from '../support/object-requests.js'
import { put, xmlText, xmlTexts } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

describe('server: x-cos-acl', () => {
  const start = serversOfSpec()

  for (const [acl, permissions] of [
    ['default', ['FULL_CONTROL']],
    ['private', ['FULL_CONTROL']],
    ['public-read', ['FULL_CONTROL', 'READ']],
    ['authenticated-read', ['FULL_CONTROL', 'READ']],
    ['bucket-owner-read', ['FULL_CONTROL']],
    ['bucket-owner-full-control', ['FULL_CONTROL']],
  ] as const) {
    it(`${acl} is kept by PUT, copy and uploads, and shown by ?acl`, async () => {
      const server = await start()
      const headers = { 'x-cos-acl': acl }
      await put(server, 'put', 'hello', headers)
      await send(server, 'PUT', 'copy', { headers: { ...copyOf(server, 'put'), ...headers } })
      const uploadId = await initiate(server, headers)
      const part = await uploadPart(server, uploadId, 1, 'hello')
      await complete(server, uploadId, documentOf([[1, part.headers.etag!]]))
      for (const key of ['put', 'copy', 'a']) {
        const answer = await send(server, 'GET', key, { query: { acl: '' } })
        expect(answer.headers['x-cos-acl']).to.equal(acl)
        expect(xmlTexts(answer.text, 'Permission')).to.deep.equal(permissions)
        expect(xmlText(answer.text, 'ID')).to.equal('1250000000')
      }
    })
  }

  it('is default where it was not given, and not inherited by a copy', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { 'x-cos-acl': 'public-read' })
    await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') })
    const { headers } = await send(server, 'GET', 'b', { query: { acl: '' } })
    expect(headers['x-cos-acl']).to.equal('default')
    expect(codeOf(await send(server, 'GET', 'c', { query: { acl: '' } }))).to.deep.equal([404, 'NoSuchKey'])
  })

  it('is refused for another value', async () => {
    const server = await start()
    for (const acl of ['public', 'Private', 'public-read-write']) {
      const answer = await send(server, 'PUT', 'a', { headers: { 'x-cos-acl': acl }, body: 'hello' })
      expect(codeOf(answer)).to.deep.equal([400, 'InvalidArgument'])
    }
  })
})

describe('server: x-cos-tagging', () => {
  const start = serversOfSpec()

  it('is kept, counted by GET and HEAD, and shown by ?tagging', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { 'x-cos-tagging': 'k=v&a%26b=%E7%9B%AE+x&empty=' })
    for (const method of ['GET', 'HEAD']) {
      expect((await send(server, method, 'a')).headers['x-cos-tagging-count']).to.equal('3')
    }
    const { text } = await send(server, 'GET', 'a', { query: { tagging: '' } })
    expect(text).to.equal(
      '<?xml version="1.0" encoding="UTF-8"?>\n<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag>' +
        '<Tag><Key>a&amp;b</Key><Value>目 x</Value></Tag><Tag><Key>empty</Key><Value></Value></Tag></TagSet></Tagging>',
    )
  })

  it('is empty and not counted where it was not given', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    expect((await send(server, 'HEAD', 'a')).headers).not.to.have.property('x-cos-tagging-count')
    const { text } = await send(server, 'GET', 'a', { query: { tagging: '' } })
    expect(text).to.include('<Tagging><TagSet></TagSet></Tagging>')
  })

  const tags = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join('&')

  it('takes ten tags, keys of 128 and values of 256 characters', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { 'x-cos-tagging': tags(10) })
    await put(server, 'a', 'hello', { 'x-cos-tagging': `${'k'.repeat(128)}=${'v'.repeat(256)}` })
  })

  for (const [title, tagging] of [
    ['eleven tags', tags(11)],
    ['a key twice', 'k=1&k=2'],
    ['an empty key', '=v'],
    ['a key of 129 characters', `${'k'.repeat(129)}=v`],
    ['a value of 257 characters', `k=${'v'.repeat(257)}`],
  ] as const) {
    it(`is refused with ${title}`, async () => {
      const headers = { 'x-cos-tagging': tagging }
      const answer = await send(await start(), 'PUT', 'a', { headers, body: 'hello' })
      expect(codeOf(answer)).to.deep.equal([400, 'InvalidArgument'])
    })
  }
})

describe('server: x-cos-traffic-limit', () => {
  const start = serversOfSpec()
  const name = 'x-cos-traffic-limit'

  for (const limit of ['819200', '838860800']) {
    it(`of ${limit} bit/s is taken, as header and as parameter`, async () => {
      const server = await start()
      await put(server, 'a', 'hello', { [name]: limit })
      expect((await send(server, 'GET', 'a', { headers: { [name]: limit } })).text).to.equal('hello')
      expect((await send(server, 'GET', 'a', { query: { [name]: limit } })).text).to.equal('hello')
    })
  }

  for (const limit of ['819199', '838860801', '1e6', '-819200', '819200.0', 'fast']) {
    it(`of ${limit} is refused by PUT, GET, HEAD and parts, as header and as parameter`, async () => {
      const server = await start()
      await put(server, 'a', 'hello')
      const uploadId = await initiate(server)
      for (const extras of [{ headers: { [name]: limit } }, { query: { [name]: limit } }]) {
        const part = { uploadId, partNumber: '1' }
        for (const answer of [
          await send(server, 'PUT', 'b', { ...extras, body: 'hello' }),
          await send(server, 'GET', 'a', extras),
          await send(server, 'PUT', 'a', { ...extras, query: { ...part, ...extras.query }, body: 'x' }),
        ]) {
          expect(codeOf(answer)).to.deep.equal([400, 'InvalidArgument'])
        }
        expect((await send(server, 'HEAD', 'a', extras)).status).to.equal(400)
      }
    })
  }
})

describe('server: x-cos-forbid-overwrite', () => {
  const start = serversOfSpec()
  const forbid = { 'x-cos-forbid-overwrite': 'true' }

  it('lets a PUT make an object, and not replace it', async () => {
    const server = await start()
    await put(server, 'a', 'first', forbid)
    const answer = await send(server, 'PUT', 'a', { headers: forbid, body: 'second' })
    expect(codeOf(answer)).to.deep.equal([409, 'FileAlreadyExists'])
    expect((await send(server, 'GET', 'a')).text).to.equal('first')
    expect(await filesOf(server, 'data')).to.have.length(1)
    await put(server, 'a', 'third', { 'x-cos-forbid-overwrite': 'false' })
  })

  it('lets one of ten racing PUTs win', async () => {
    const server = await start()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => send(server, 'PUT', 'a', { headers: forbid, body: 'x'.repeat(9999) })),
    )
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).to.deep.equal([200, ...Array<number>(9).fill(409)])
    expect(await filesOf(server, 'data')).to.have.length(1)
  })

  it('holds for copies', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const headers = { ...copyOf(server, 'a'), ...forbid }
    expect((await send(server, 'PUT', 'b', { headers })).status).to.equal(200)
    expect(codeOf(await send(server, 'PUT', 'b', { headers }))).to.deep.equal([409, 'FileAlreadyExists'])
  })

  for (const [where, atStart, atEnd] of [
    ['complete', {}, forbid],
    ['initiate', forbid, {}],
  ] as const) {
    it(`holds for an upload when it is said at ${where}, and the upload stays`, async () => {
      const server = await start()
      const uploadId = await initiate(server, atStart)
      const { headers } = await uploadPart(server, uploadId, 1, 'parts')
      await put(server, 'a', 'meanwhile')
      const request = { query: { uploadId }, headers: atEnd, body: documentOf([[1, headers.etag!]]) }
      const answer = await send(server, 'POST', 'a', request)
      expect(codeOf(answer)).to.deep.equal([409, 'FileAlreadyExists'])
      expect((await send(server, 'GET', 'a')).text).to.equal('meanwhile')
      await send(server, 'DELETE', 'a')
      expect((await send(server, 'POST', 'a', request)).status).to.equal(200)
      expect((await send(server, 'GET', 'a')).text).to.equal('parts')
    })
  }

  it('refuses initiate at once where the object exists', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const answer = await send(server, 'POST', 'a', { query: { uploads: '' }, headers: forbid })
    expect(codeOf(answer)).to.deep.equal([409, 'FileAlreadyExists'])
  })

  it('must be true or false', async () => {
    const headers = { 'x-cos-forbid-overwrite': 'yes' }
    const answer = await send(await start(), 'PUT', 'a', { headers, body: 'hello' })
    expect(codeOf(answer)).to.deep.equal([400, 'InvalidArgument'])
  })
})
