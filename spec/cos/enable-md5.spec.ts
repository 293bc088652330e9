import { createHash } from 'node:crypto'
import { appendFile, open, truncate, writeFile, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { CosClient, CosClientOptions } from '../../lib/cos-client.js'
import type { BodyInput } from '../../lib/cos/request-body.js'
import type { RunningServer } from '../../lib/server/index.js'
import { cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService, stored } from '../support/scripted-service.js'
import { Seeded } from '../support/seeded.js'
import { filesOf } from '../support/server-files.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const BYTES = new Seeded(51).bytes(2_500_000)
const MD5 = createHash('md5').update(BYTES).digest('base64')

type Send = (client: CosClient, Body: BodyInput, more?: object) => Promise<{ md5?: string; verified: string }>

const SENDS: Record<string, Send> = {
  putObject: (client, Body, more = {}) => client.putObject({ Key: 'a', Body, ...more }),
  uploadPart: (client, Body, more = {}) =>
    client.uploadPart({ Key: 'a', UploadId: 'u', PartNumber: 1, Body, ...more }),
}

describe('EnableMD5', () => {
  const spec = cosSpec()
  const at = temporaryFolder()
  let handle: FileHandle

  beforeEach(async () => {
    await writeFile(at('file'), BYTES)
    handle = await open(at('file'))
  })
  afterEach(() => handle.close())

  const bodies: [title: string, body: () => BodyInput, md5: 'sent' | 'etag'][] = [
    ['bytes', () => BYTES, 'sent'],
    ['a view on bytes', () => new DataView(BYTES.buffer, BYTES.byteOffset, BYTES.length), 'sent'],
    ['a Blob', () => new Blob([BYTES.subarray(0, 9), BYTES.subarray(9)]), 'sent'],
    ['a file handle', () => handle, 'sent'],
    ['a stream', () => Readable.from([BYTES]), 'etag'],
    ['an iterable', () => [BYTES.subarray(0, 5), BYTES.subarray(5)], 'etag'],
  ]
  for (const [name, send] of Object.entries(SENDS)) {
    for (const [title, body, md5] of bodies) {
      it(`${name} of ${title}: ${md5}`, async () => {
        const service = await scriptedService(spec, stored)
        const ContentLength = BYTES.length
        const result = await send(spec.client(service), body(), { EnableMD5: true, ContentLength })
        expect(result).to.include({ md5, verified: 'crc64' })
        expect(service.seen).to.have.length(1)
        expect(service.seen[0]!.body.equals(BYTES)).to.equal(true)
        expect(service.seen[0]!.headers['content-md5']).to.equal(md5 === 'sent' ? MD5 : undefined)
        if (md5 === 'sent') {
          expect(service.seen[0]!.headers.authorization).to.match(/q-header-list=[^&]*content-md5/)
        }
      })
    }

    it(`${name} without it sends and says nothing`, async () => {
      const service = await scriptedService(spec, stored)
      for (const more of [{}, { EnableMD5: false }]) {
        expect(await send(spec.client(service), BYTES, more)).to.not.have.property('md5')
        expect(service.seen.at(-1)!.headers).to.not.have.property('content-md5')
      }
    })

    it(`${name} of a stream whose ETag is no MD5: none`, async () => {
      const service = await scriptedService(spec, (request) => ({
        headers: { ...stored(request).headers, etag: '"opaque"' },
      }))
      const more = { EnableMD5: true, ContentLength: BYTES.length }
      expect(await send(spec.client(service), [BYTES], more)).to.include({ md5: 'none', verified: 'crc64' })
    })

    it(`${name} computes MD5 also where integrity is crc64`, async () => {
      const service = await scriptedService(spec, stored)
      const options: CosClientOptions = { integrity: 'crc64' }
      const sent = await send(spec.client(service, options), handle, { EnableMD5: true })
      expect(sent.md5).to.equal('sent')
      expect(service.seen[0]!.headers['content-md5']).to.equal(MD5)
      const more = { EnableMD5: true, ContentLength: BYTES.length }
      expect(await send(spec.client(service, options), [BYTES], more)).to.include({ md5: 'etag' })
      const wrong = await scriptedService(spec, { headers: { etag: `"${'0'.repeat(32)}"` } })
      await refused('SEALSTREAM_INTEGRITY', () => send(spec.client(wrong, options), [BYTES], more))
    })

    it(`${name} sends the same again with a retry`, async () => {
      const service = await scriptedService(spec, refusal(503, 'SlowDown'), stored)
      await send(spec.client(service, { retry: { baseDelay: 1 } }), BYTES, { EnableMD5: true })
      expect(service.seen.map(({ headers }) => headers['content-md5'])).to.deep.equal([MD5, MD5])
    })

    it(`${name} refuses what is neither true nor false`, async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const error = await refused('SEALSTREAM_OPTION', () => send(client, BYTES, { EnableMD5: 'yes' }))
      expect(error).to.have.property('option', 'EnableMD5')
    })
  }

  it('stores an empty file', async () => {
    await truncate(at('file'))
    const client = spec.client(await spec.server())
    expect(await client.putObject({ Key: 'a', Body: handle, EnableMD5: true })).to.include({ md5: 'sent' })
    expect((await client.headObject({ Key: 'a' })).ContentLength).to.equal(0)
  })

  it('reads a file handle from its beginning, twice, wherever it stands, and leaves it open', async () => {
    const client = spec.client(await spec.server())
    await handle.read(Buffer.alloc(1000), 0, 1000, null)
    await client.putObject({ Key: 'a', Body: handle, EnableMD5: true })
    const { Body } = await client.getObject({ Key: 'a' })
    expect(Buffer.from(await Body.transformToByteArray()).equals(BYTES)).to.equal(true)
    expect((await handle.stat()).size).to.equal(BYTES.length)
  })

  it('has the service refuse bytes that were altered on their way', async () => {
    const service = await spec.server()
    const client = spec.client(service)
    const ContentMD5 = createHash('md5').update('other').digest('base64')
    const error = await refused('SEALSTREAM_SERVICE', () =>
      client.putObject({ Key: 'a', Body: BYTES, ContentMD5, EnableMD5: true }),
    )
    expect(error).to.include({ status: 400, serviceCode: 'BadDigest' })
    expect(await filesOf(service, 'objects')).to.deep.equal([])
  })

  describe('with a file that changes between its two passes stores nothing', () => {
    /** Keys are asked for when the first pass is over and the second has not begun. */
    async function changing(
      change: () => Promise<void>,
    ): Promise<{ server: RunningServer; client: CosClient }> {
      const server = await spec.server()
      const credentials = async (): Promise<typeof server.credentials> => {
        await change()
        return server.credentials
      }
      return { server, client: spec.client(server, { credentials }) }
    }

    const altered = Buffer.from(BYTES)
    altered[1_000_000]! ^= 1
    const changes: [title: string, change: () => Promise<void>][] = [
      ['one bit', () => writeFile(at('file'), altered)],
      ['longer', () => appendFile(at('file'), 'x')],
      ['shorter', () => truncate(at('file'), 1_000_000)],
    ]
    for (const [title, change] of changes) {
      it(`(${title}): SEALSTREAM_SOURCE_CHANGED`, async () => {
        const { server, client } = await changing(change)
        const error = await refused('SEALSTREAM_SOURCE_CHANGED', () =>
          client.putObject({ Key: 'a', Body: handle, EnableMD5: true }),
        )
        expect(error.message).to.include('changed')
        expect(await filesOf(server, 'objects')).to.deep.equal([])
      })
    }

    it('whatever the change: no object, no part', async () => {
      for (const [, change] of changes) {
        await writeFile(at('file'), BYTES)
        const { server, client } = await changing(change)
        const { UploadId } = await spec.client(server).createMultipartUpload({ Key: 'a' })
        await client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: handle, EnableMD5: true }).then(
          () => expect.fail('stored'),
          () => undefined,
        )
        expect((await spec.client(server).listParts({ Key: 'a', UploadId })).Part).to.deep.equal([])
      }
    })
  })
})
