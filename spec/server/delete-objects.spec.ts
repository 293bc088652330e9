import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { RunningServer } from '../../lib/server/index.js'
import { codeOf } from '../support/multipart-requests.js'
import { send, sendToBucket } from '../support/object-requests.js'
import { put, type RawAnswer, xmlText, xmlTexts } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\r', '&#xD;')

function listOf(keys: readonly string[], quiet?: boolean): string {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`)
  return `<Delete>${quiet === undefined ? '' : `<Quiet>${quiet}</Quiet>`}${objects.join('')}</Delete>`
}

describe('server: deletions of many objects', () => {
  const start = serversOfSpec()

  const remove = (server: RunningServer, body: string): Promise<RawAnswer> => {
    const md5 = createHash('md5').update(body).digest('base64')
    return sendToBucket(server, 'POST', { delete: '' }, { headers: { 'content-md5': md5 }, body })
  }

  it('remove what they list, and name it, also what was not there', async () => {
    const server = await start()
    for (const key of ['a', 'b', 'c']) await put(server, key, key)
    const { status, text } = await remove(server, listOf(['a', 'c', 'nope']))
    expect(status).to.equal(200)
    expect(text).to.equal(
      '<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult><Deleted><Key>a</Key></Deleted>' +
        '<Deleted><Key>c</Key></Deleted><Deleted><Key>nope</Key></Deleted></DeleteResult>',
    )
    expect(xmlTexts((await sendToBucket(server, 'GET', {})).text, 'Key')).to.deep.equal(['b'])
    expect(await filesOf(server, 'data')).to.have.length(1)
  })

  it('say nothing of what worked when they are quiet', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const { text } = await remove(server, listOf(['a'], true))
    expect(text).to.match(/<DeleteResult><\/DeleteResult>$/)
    expect((await send(server, 'HEAD', 'a')).status).to.equal(404)
  })

  it('tell of errors beside successes, also when they are quiet', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const wrong = '<Object><Key>a</Key><VersionId>nope</VersionId></Object>'
    const body = listOf(['b'], true).replace('</Delete>', `${wrong}</Delete>`)
    const { status, text } = await remove(server, body)
    expect(status).to.equal(200)
    expect(text).to.include('<Error><Key>a</Key><VersionId>nope</VersionId><Code>NoSuchVersion</Code>')
    expect(text).not.to.include('<Deleted>')
    expect((await send(server, 'HEAD', 'a')).status).to.equal(200)
  })

  it('take keys exactly, with their white space and special characters', async () => {
    const server = await start()
    const keys = [' a', 'a ', 'a', 'a\n', 'a\rb', 'a&b<c>', '目录/🔑', '__proto__']
    for (const key of keys) await put(server, key, key)
    await remove(server, listOf(keys.filter((key) => key !== 'a')))
    expect(xmlTexts((await sendToBucket(server, 'GET', {})).text, 'Key')).to.deep.equal(['a'])
  })

  it('take 1000 keys and refuse 1001', async () => {
    const server = await start()
    const keys = Array.from({ length: 1001 }, (_, i) => `key ${i}`)
    const { text } = await remove(server, listOf(keys.slice(1)))
    expect(xmlTexts(text, 'Key')).to.have.length(1000)
    expect(codeOf(await remove(server, listOf(keys)))).to.deep.equal([400, 'MalformedXML'])
  })

  for (const body of ['', '<Delete/>', '<Delete><Object/></Delete>', '<Other/>', listOf([''])]) {
    it(`refuse "${body}"`, async () => {
      expect(codeOf(await remove(await start(), body))).to.deep.equal([400, 'MalformedXML'])
    })
  }

  it('need a Content-MD5, the right one, and delete nothing otherwise', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    const missing = await sendToBucket(server, 'POST', { delete: '' }, { body: listOf(['a']) })
    expect(codeOf(missing)).to.deep.equal([400, 'InvalidRequest'])
    expect(xmlText(missing.text, 'Message')).to.include('Content-MD5')
    const md5 = createHash('md5').update('another').digest('base64')
    const wrong = { headers: { 'content-md5': md5 }, body: listOf(['a']) }
    const answer = await sendToBucket(server, 'POST', { delete: '' }, wrong)
    expect(codeOf(answer)).to.deep.equal([400, 'BadDigest'])
    expect((await send(server, 'HEAD', 'a')).status).to.equal(200)
  })
})
