import { expect } from 'chai'
import type { RunningServer } from '../../lib/server/index.js'
import { codeOf, initiate } from '../support/multipart-requests.js'
import { copyOf, send } from '../support/object-requests.js'
import { put, type RawAnswer } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

const DAY = 24 * 60 * 60 * 1000
const archive = { 'x-cos-storage-class': 'ARCHIVE' }

function bodyOf(days: number | string, tier?: string): string {
  const parameters = tier === undefined ? '' : `<CASJobParameters><Tier>${tier}</Tier></CASJobParameters>`
  return `<RestoreRequest><Days>${days}</Days>${parameters}</RestoreRequest>`
}

describe('server: restored objects', () => {
  const start = serversOfSpec()

  const restore = (server: RunningServer, body: string, now?: number): Promise<RawAnswer> =>
    send(server, 'POST', 'a', { query: { restore: '' }, body, ...(now === undefined ? {} : { now }) })

  for (const storageClass of ['ARCHIVE', 'DEEP_ARCHIVE']) {
    it(`of the class ${storageClass} can be asked about, but not be read or copied before`, async () => {
      const server = await start()
      await put(server, 'a', 'hello', { 'x-cos-storage-class': storageClass })
      const head = await send(server, 'HEAD', 'a')
      expect([head.status, head.headers['x-cos-storage-class']]).to.deep.equal([200, storageClass])
      expect(head.headers).not.to.have.property('x-cos-restore')
      const uploadId = await initiate(server)
      for (const answer of [
        await send(server, 'GET', 'a'),
        await send(server, 'GET', 'a', { headers: { range: 'bytes=0-1' } }),
        await send(server, 'PUT', 'b', { headers: copyOf(server, 'a') }),
        await send(server, 'PUT', 'a', {
          query: { uploadId, partNumber: '1' },
          headers: copyOf(server, 'a'),
        }),
      ]) {
        expect(codeOf(answer)).to.deep.equal([403, 'InvalidObjectState'])
      }
    })
  }

  it('can be read until they expire, and say when that is', async () => {
    let now = Date.UTC(2030, 0, 2, 3, 4, 5, 678)
    const server = await start({ clock: () => now })
    await send(server, 'PUT', 'a', { body: 'hello', headers: archive, now })
    expect((await restore(server, bodyOf(2, 'Expedited'), now)).status).to.equal(202)
    const expected = 'ongoing-request="false", expiry-date="Fri, 04 Jan 2030 03:04:05 GMT"'
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await send(server, method, 'a', { now })
      expect([status, headers['x-cos-restore']]).to.deep.equal([200, expected])
    }
    expect((await send(server, 'PUT', 'b', { headers: copyOf(server, 'a'), now })).status).to.equal(200)
    now += 2 * DAY
    expect(codeOf(await send(server, 'GET', 'a', { now }))).to.deep.equal([403, 'InvalidObjectState'])
    expect((await send(server, 'HEAD', 'a', { now })).headers).not.to.have.property('x-cos-restore')
    expect((await restore(server, bodyOf(1), now)).status).to.equal(202)
  })

  it('are given a new expiry with 200 when asked for again', async () => {
    const now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now })
    await send(server, 'PUT', 'a', { body: 'hello', headers: archive, now })
    expect((await restore(server, bodyOf(1, 'Standard'), now)).status).to.equal(202)
    expect((await restore(server, bodyOf(3, 'Bulk'), now)).status).to.equal(200)
    const { headers } = await send(server, 'HEAD', 'a', { now })
    expect(headers['x-cos-restore']).to.include('expiry-date="Sat, 05 Jan 2030 00:00:00 GMT"')
  })

  it('are frozen anew when they are overwritten', async () => {
    const server = await start()
    await put(server, 'a', 'hello', archive)
    await restore(server, bodyOf(1))
    await put(server, 'a', 'world', archive)
    expect(codeOf(await send(server, 'GET', 'a'))).to.deep.equal([403, 'InvalidObjectState'])
  })

  it('are thawed by a copy onto themselves with another class', async () => {
    const server = await start()
    await put(server, 'a', 'hello', archive)
    await restore(server, bodyOf(1))
    await send(server, 'PUT', 'a', { headers: { ...copyOf(server, 'a'), 'x-cos-storage-class': 'STANDARD' } })
    const { text, headers } = await send(server, 'GET', 'a')
    expect(text).to.equal('hello')
    expect(headers).not.to.have.property('x-cos-restore')
  })

  it('must be archived', async () => {
    const server = await start()
    expect(codeOf(await restore(server, bodyOf(1)))).to.deep.equal([404, 'NoSuchKey'])
    await put(server, 'a', 'hello', { 'x-cos-storage-class': 'STANDARD_IA' })
    expect(codeOf(await restore(server, bodyOf(1)))).to.deep.equal([403, 'InvalidObjectState'])
  })

  it('of the class DEEP_ARCHIVE come by Standard and Bulk, not by Expedited', async () => {
    const server = await start()
    await put(server, 'a', 'hello', { 'x-cos-storage-class': 'DEEP_ARCHIVE' })
    expect(codeOf(await restore(server, bodyOf(1, 'Expedited')))).to.deep.equal([400, 'InvalidArgument'])
    expect((await restore(server, bodyOf(1, 'Standard'))).status).to.equal(202)
    expect((await restore(server, bodyOf(1, 'Bulk'))).status).to.equal(200)
  })

  for (const [body, code] of [
    ['', 'MalformedXML'],
    ['<RestoreRequest/>', 'MalformedXML'],
    ['<Other><Days>1</Days></Other>', 'MalformedXML'],
    [bodyOf(0), 'InvalidArgument'],
    [bodyOf(366), 'InvalidArgument'],
    [bodyOf('1.5'), 'InvalidArgument'],
    [bodyOf(1, 'Fast'), 'InvalidArgument'],
    [bodyOf(1, 'standard'), 'InvalidArgument'],
  ] as const) {
    it(`are not asked for by "${body}": ${code}`, async () => {
      const server = await start()
      await put(server, 'a', 'hello', archive)
      expect(codeOf(await restore(server, body))).to.deep.equal([400, code])
      expect((await send(server, 'GET', 'a')).status).to.equal(403)
    })
  }
})
