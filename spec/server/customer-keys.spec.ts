import { readdir, readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { RunningServer } from '../../lib/server/index.js'
import { codeOf, documentOf, initiate, MIB } from '../support/multipart-requests.js'
import { copyOf, customerKey, plainEtag, send } from '../support/object-requests.js'
import { put, type RawAnswer, xmlText } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const NAME = 'x-cos-server-side-encryption-customer'
const key = Buffer.from('a key of 32 bytes, not a secret!')
const otherKey = Buffer.alloc(32, 7)
const right = customerKey(key)
const wrong = customerKey(otherKey)
const restore = '<RestoreRequest><Days>1</Days></RestoreRequest>'

describe("server: encryption with the customer's key", () => {
  const start = serversOfSpec()

  const putPart = (
    server: RunningServer,
    uploadId: string,
    headers: Record<string, string>,
    body: Buffer | string = 'hello',
  ): Promise<RawAnswer> => send(server, 'PUT', 'a', { query: { uploadId, partNumber: '1' }, headers, body })

  it('is told by PUT, GET and HEAD, and the ETag is no MD5', async () => {
    const server = await start()
    const answers = [
      await put(server, 'a', 'hello', right),
      await send(server, 'GET', 'a', { headers: right }),
      await send(server, 'HEAD', 'a', { headers: right }),
    ]
    for (const { headers } of answers) {
      expect(headers[`${NAME}-algorithm`]).to.equal('AES256')
      expect(headers[`${NAME}-key-md5`]).to.equal(right[`${NAME}-key-MD5`])
      expect(headers).not.to.have.property(`${NAME}-key`)
      expect(headers['x-cos-hash-crc64ecma']).to.equal(String(crc64(Buffer.from('hello'))))
      expect(headers.etag).to.match(/^"[0-9a-f]{32}"$/)
      expect(headers.etag).not.to.equal(plainEtag('hello'))
    }
    expect(answers[1]!.text).to.equal('hello')
  })

  it('gives two objects of the same bytes different ETags', async () => {
    const server = await start()
    const [a, b] = [await put(server, 'a', 'x', right), await put(server, 'b', 'x', right)]
    expect(a.headers.etag).not.to.equal(b.headers.etag)
  })

  it('leaves no trace of the key or its MD5 on disk or in the log', async () => {
    const lines: unknown[] = []
    const server = await start({ log: (...line) => lines.push(line) })
    await put(server, 'a', 'hello', right)
    await initiate(server, right)
    await send(server, 'GET', 'a', { headers: wrong })
    let kept = JSON.stringify(lines)
    for (const entry of await readdir(server.directory, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) kept += await readFile(join(entry.parentPath, entry.name), 'latin1')
    }
    expect(kept).to.include('"mode":"customer"')
    const forms = [
      right[`${NAME}-key-MD5`]!,
      ...(['latin1', 'hex', 'base64'] as const).map((f) => key.toString(f)),
    ]
    for (const form of forms) expect(kept).not.to.include(form)
  })

  for (const [title, headers, status, code] of [
    ['without the key', {}, 400, 'InvalidRequest'],
    ['with a wrong key', wrong, 403, 'AccessDenied'],
  ] as const) {
    it(`answers GET, HEAD, restore and copy ${title} with ${code}`, async () => {
      const server = await start()
      await put(server, 'a', 'hello', { ...right, 'x-cos-storage-class': 'ARCHIVE' })
      const forSource = title === 'with a wrong key' ? customerKey(otherKey, 'x-cos-copy-source') : {}
      const uploadId = await initiate(server)
      for (const answer of [
        await send(server, 'GET', 'a', { headers }),
        await send(server, 'POST', 'a', { query: { restore: '' }, headers, body: restore }),
        await send(server, 'PUT', 'b', { headers: { ...copyOf(server, 'a'), ...forSource } }),
        await send(server, 'PUT', 'a', {
          query: { uploadId, partNumber: '1' },
          headers: { ...copyOf(server, 'a'), ...forSource },
        }),
      ]) {
        expect(codeOf(answer)).to.deep.equal([status, code])
      }
      const head = await send(server, 'HEAD', 'a', { headers })
      expect([head.status, head.headers['x-cos-error-code']]).to.deep.equal([status, code])
    })
  }

  it('answers a key for an object that has none with InvalidRequest', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    for (const method of ['GET', 'HEAD']) {
      expect((await send(server, method, 'a', { headers: right })).status).to.equal(400)
    }
    const headers = { ...copyOf(server, 'a'), ...customerKey(key, 'x-cos-copy-source') }
    expect(codeOf(await send(server, 'PUT', 'b', { headers }))).to.deep.equal([400, 'InvalidRequest'])
  })

  it('can be restored with the key', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { ...right, 'x-cos-storage-class': 'ARCHIVE' })
    const request = { query: { restore: '' }, headers: right, body: restore }
    expect((await send(server, 'POST', 'a', request)).status).to.equal(202)
    expect((await send(server, 'GET', 'a', { headers: right })).text).to.equal('hello')
  })

  it('goes from one key to another, to none and back by copies', async () => {
    const server = await start()
    await put(server, 'a', 'hello', right)
    const fromRight = { ...copyOf(server, 'a'), ...customerKey(key, 'x-cos-copy-source') }
    const copied = await send(server, 'PUT', 'b', { headers: { ...fromRight, ...wrong } })
    expect(copied.headers[`${NAME}-key-md5`]).to.equal(wrong[`${NAME}-key-MD5`])
    expect((await send(server, 'GET', 'b', { headers: wrong })).text).to.equal('hello')
    expect((await send(server, 'GET', 'b', { headers: right })).status).to.equal(403)
    await send(server, 'PUT', 'plain', { headers: fromRight })
    const plain = await send(server, 'GET', 'plain')
    expect([plain.text, plain.headers.etag]).to.deep.equal(['hello', plainEtag('hello')])
    await send(server, 'PUT', 'c', { headers: { ...copyOf(server, 'plain'), ...right } })
    expect((await send(server, 'GET', 'c', { headers: right })).text).to.equal('hello')
  })

  it('wants the key of initiate with every part, also a copied one', async () => {
    const server = await start()
    await put(server, 'source', 'hello')
    const uploadId = await initiate(server, right)
    for (const headers of [{}, wrong]) {
      expect(codeOf(await putPart(server, uploadId, headers))).to.deep.equal([400, 'InvalidRequest'])
      const copy = await send(server, 'PUT', 'a', {
        query: { uploadId, partNumber: '1' },
        headers: { ...copyOf(server, 'source'), ...headers },
      })
      expect(codeOf(copy)).to.deep.equal([400, 'InvalidRequest'])
    }
    const plain = await initiate(server)
    expect(codeOf(await putPart(server, plain, right))).to.deep.equal([400, 'InvalidRequest'])
    expect(await filesOf(server, 'data')).to.have.length(1)
  })

  for (const [title, atEnd] of [
    ['without the key at the end', {}],
    ['with it', right],
  ] as const) {
    it(`completes an upload ${title}`, async () => {
      const server = await start()
      const bytes = Buffer.alloc(MIB, 'part')
      const uploadId = await initiate(server, right)
      const part = await putPart(server, uploadId, right, bytes)
      expect(part.headers[`${NAME}-algorithm`]).to.equal('AES256')
      expect(part.headers.etag).not.to.equal(plainEtag(bytes))
      const body = documentOf([[1, part.headers.etag!]])
      const refused = await send(server, 'POST', 'a', { query: { uploadId }, headers: wrong, body })
      expect(codeOf(refused)).to.deep.equal([400, 'InvalidRequest'])
      const completed = await send(server, 'POST', 'a', { query: { uploadId }, headers: atEnd, body })
      expect(completed.headers[`${NAME}-algorithm`]).to.equal('AES256')
      expect((await send(server, 'GET', 'a')).status).to.equal(400)
      const { body: got } = await send(server, 'GET', 'a', { headers: right })
      expect(got.equals(bytes)).to.equal(true)
    })
  }

  const without = (suffix: string): Record<string, string> =>
    Object.fromEntries(Object.entries(right).filter(([name]) => name !== `${NAME}-${suffix}`))
  for (const [title, headers, code] of [
    ['no algorithm', without('algorithm'), 'InvalidArgument'],
    ['no key', without('key'), 'InvalidArgument'],
    ['no MD5', without('key-MD5'), 'InvalidArgument'],
    ['another algorithm', { ...right, [`${NAME}-algorithm`]: 'SM4' }, 'InvalidArgument'],
    ['a key of 31 bytes', customerKey(key.subarray(1)), 'InvalidArgument'],
    ['a key that is no Base64', { ...right, [`${NAME}-key`]: key.toString() }, 'InvalidArgument'],
    ['the MD5 of another key', { ...right, [`${NAME}-key-MD5`]: wrong[`${NAME}-key-MD5`]! }, 'InvalidDigest'],
    ['an MD5 in hexadecimal', { ...right, [`${NAME}-key-MD5`]: plainEtag(key) }, 'InvalidDigest'],
    [
      'a key of the service besides',
      { ...right, 'x-cos-server-side-encryption': 'AES256' },
      'InvalidArgument',
    ],
  ] as const) {
    it(`is refused with ${title}: ${code}, which does not quote the key`, async () => {
      const server = await start()
      const answer = await send(server, 'PUT', 'a', { headers, body: 'hello' })
      expect(codeOf(answer)).to.deep.equal([400, code])
      expect(answer.text).not.to.include(key.toString('base64'))
      expect(answer.text).not.to.include(key.toString())
      expect(await filesOf(server, 'data')).to.deep.equal([])
    })
  }

  it('judges the key before conditions and ranges', async () => {
    const server = await start()
    const { headers } = await put(server, 'a', 'hello', right)
    const conditions = { 'if-none-match': headers.etag!, range: 'bytes=90-' }
    expect(codeOf(await send(server, 'GET', 'a', { headers: conditions }))[1]).to.equal('InvalidRequest')
    const { status } = await send(server, 'GET', 'a', { headers: { ...right, ...conditions } })
    expect(status).to.equal(304)
  })

  it('takes no key in the clear but by a loopback address: other machines come by the others, if it has any', async () => {
    const server = await start({ host: '0.0.0.0' })
    const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
    for (const { address, internal } of addresses.filter(({ family }) => family === 'IPv4')) {
      const there = { ...server, endpoint: `http://${address}:${server.port}` }
      const answer = await send(there, 'PUT', 'a', { headers: right, body: 'hello' })
      if (internal) {
        expect(answer.status, address).to.equal(200)
        continue
      }
      expect(codeOf(answer), address).to.deep.equal([400, 'InvalidRequest'])
      expect(xmlText(answer.text, 'Message')).to.match(/HTTPS/)
    }
  })
})
