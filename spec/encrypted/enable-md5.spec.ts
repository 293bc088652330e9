import { createHash } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { ServiceError } from '../../lib/errors.js'
import { bytesOf } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import type { Exchange } from '../support/tampering-proxy.js'
import { content, ENCRYPTED, MIB, PART, transferBench } from '../support/transfers.js'

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('base64')

describe('EnableMD5 on the encrypting client', () => {
  const bench = transferBench({}, { once: true })

  /** A client behind a proxy, and the last PUT that it made. */
  async function watched(kind = ENCRYPTED[0]!): Promise<{
    client: ReturnType<typeof bench.encrypting>
    put: () => Exchange
  }> {
    const proxy = await bench.proxy((_exchange, forward) => forward())
    const client = bench.encrypting({
      endpoint: proxy.endpoint,
      format: kind.format!,
      masterKey: kind.master!.masterKey(),
    })
    return { client, put: () => proxy.exchanges.filter(({ method }) => method === 'PUT').at(-1)! }
  }

  for (const kind of ENCRYPTED) {
    it(`${kind.name}: putObject of bytes, text, a Blob and a file handle sends the MD5 of the ciphertext ahead`, async () => {
      const { client, put } = await watched(kind)
      for (const size of [0, 1, 17, MIB + 3]) {
        const bytes = content(size, 7)
        await writeFile(bench.path('in'), bytes)
        const handle = await open(bench.path('in'))
        for (const [what, Body] of Object.entries({
          bytes,
          view: new Uint8Array(bytes),
          Blob: new Blob([bytes]),
          handle,
        })) {
          const result = await client.putObject({ Key: 'k', Body: Body as never, EnableMD5: true })
          expect(result, what).to.include({ md5: 'sent', verified: 'crc64' })
          const { body, headers } = put()
          expect(headers['content-md5'], what).to.equal(md5(body))
          expect(body.length).to.equal(size)
          if (size > 1) expect(body.equals(bytes)).to.equal(false)
          expect((await bytesOf((await client.getObject({ Key: 'k' })).Body)).equals(bytes)).to.equal(true)
        }
        await handle.close()
      }
      await client.putObject({ Key: 'k', Body: 'text', EnableMD5: true })
      expect(put().headers['content-md5']).to.equal(md5(put().body))
    })
  }

  it('a stream can be read only once: nothing is sent ahead, the ETag is compared', async () => {
    const { client, put } = await watched()
    const bytes = content(MIB + 3, 7)
    const Body = Readable.from([bytes.subarray(0, 99), bytes.subarray(99)])
    const result = await client.putObject({ Key: 'k', Body, ContentLength: bytes.length, EnableMD5: true })
    expect(result.md5).to.equal('etag')
    expect(put().headers).not.to.have.property('content-md5')
    expect((await bytesOf((await client.getObject({ Key: 'k' })).Body)).equals(bytes)).to.equal(true)
  })

  it('without it no MD5 goes out, and the result does not speak of one', async () => {
    const { client, put } = await watched()
    for (const more of [{}, { EnableMD5: false }]) {
      const result = await client.putObject({ Key: 'k', Body: 'x', ...more })
      expect(result).not.to.have.property('md5')
      expect(put().headers).not.to.have.property('content-md5')
    }
  })

  it('ContentMD5 of the plaintext is checked and stays here; what goes out is that of the ciphertext', async () => {
    const { client, put } = await watched()
    const bytes = content(1000, 7)
    await client.putObject({ Key: 'k', Body: bytes, ContentMD5: md5(bytes), EnableMD5: true })
    expect(put().headers['content-md5']).to.equal(md5(put().body)).and.not.to.equal(md5(bytes))
    for (const Body of [bytes, new Blob([bytes])]) {
      await client.deleteObject({ Key: 'k' })
      await refused('SEALSTREAM_INTEGRITY', () =>
        client.putObject({ Key: 'k', Body, ContentMD5: md5(content(1000, 8)), EnableMD5: true }),
      )
      const missing = await failureOf(() => client.headObject({ Key: 'k' }))
      expect(ofClass(missing, ServiceError).status).to.equal(404)
    }
  })

  it('bytes that were altered on the way are refused by the service, and nothing is stored', async () => {
    const client = bench.encrypting()
    await client.deleteObject({ Key: 'k' })
    const proxy = await bench.proxy(async (exchange, forward) => {
      if (exchange.method === 'PUT') exchange.body[5]! ^= 1
      return forward()
    })
    const victim = bench.encrypting({ endpoint: proxy.endpoint })
    const error = await refused('SEALSTREAM_SERVICE', () =>
      victim.putObject({ Key: 'k', Body: content(1000), EnableMD5: true }),
    )
    expect(ofClass(error, ServiceError).status).to.equal(400)
    const missing = await failureOf(() => client.headObject({ Key: 'k' }))
    expect(ofClass(missing, ServiceError).status).to.equal(404)
  })

  it('a file that changes between the two passes stores nothing', async () => {
    const client = bench.encrypting()
    await client.deleteObject({ Key: 'k' })
    const path = bench.path('in')
    const bytes = content(3 * MIB, 7)
    for (const change of [
      // Same size, other bytes; and another size.
      () => writeFile(path, content(3 * MIB, 8)),
      () => writeFile(path, content(2 * MIB, 7)),
    ]) {
      await writeFile(path, bytes)
      const handle = await open(path, 'r+')
      const read = handle.read.bind(handle) as (...given: unknown[]) => Promise<{ bytesRead: number }>
      const state = { isChanged: false }
      let total = 0
      handle.read = (async (...parameters: unknown[]) => {
        const result = await read(...parameters)
        total += result.bytesRead
        if (total >= bytes.length && result.bytesRead === 0 && !state.isChanged) {
          state.isChanged = true
          await change()
        }
        return result
      }) as never
      const error = await failureOf(() => client.putObject({ Key: 'k', Body: handle, EnableMD5: true }))
      await handle.close()
      if (!state.isChanged) expect.fail('the file was not changed: it is read in another way now')
      expect(error.code).to.be.oneOf([
        'SEALSTREAM_SOURCE_CHANGED',
        'SEALSTREAM_INTEGRITY',
        'SEALSTREAM_BODY_LENGTH',
      ])
      const missing = await failureOf(() => client.headObject({ Key: 'k' }))
      expect(ofClass(missing, ServiceError).status).to.equal(404)
    }
  })

  it('uploadPart of bytes and of a stream sends the MD5 of the ciphertext of that part', async () => {
    const { client, put } = await watched()
    const bytes = content(2 * PART, 7)
    const { UploadId } = await client.createMultipartUpload({ Key: 'k', PartSize: PART })
    for (const PartNumber of [2, 1]) {
      const part = bytes.subarray((PartNumber - 1) * PART, PartNumber * PART)
      const Body = PartNumber === 1 ? part : Readable.from([part])
      const result = await client.uploadPart({ Key: 'k', UploadId, PartNumber, Body, EnableMD5: true })
      expect(result.md5).to.equal('sent')
      expect(put().headers['content-md5']).to.equal(md5(put().body))
      expect(put().body.equals(part)).to.equal(false)
    }
    await client.completeMultipartUpload({ Key: 'k', UploadId })
    expect((await bytesOf((await client.getObject({ Key: 'k' })).Body)).equals(bytes)).to.equal(true)
  })

  it('uploads in parts send the MD5 of every part', async () => {
    const proxy = await bench.proxy((_exchange, forward) => forward())
    const client = bench.encrypting({ endpoint: proxy.endpoint, integrity: 'crc64' })
    const bytes = content(2 * PART + 5, 7)
    await client.upload({ Key: 'k', Body: bytes, PartSize: PART, EnableMD5: true })
    const puts = proxy.exchanges.filter(({ method }) => method === 'PUT')
    expect(puts).to.have.lengthOf(3)
    for (const { headers, body } of puts) expect(headers['content-md5']).to.equal(md5(body))
  })

  it('anything but true and false is an OptionError', async () => {
    const client = bench.encrypting()
    for (const EnableMD5 of [1, 'yes', null]) {
      const params = { Key: 'k', Body: 'x', EnableMD5 } as never
      await refused('SEALSTREAM_OPTION', () => client.putObject(params))
      await refused('SEALSTREAM_OPTION', () =>
        client.uploadPart({ ...(params as object), UploadId: 'x', PartNumber: 1 } as never),
      )
      await refused('SEALSTREAM_OPTION', () => client.upload(params))
    }
    expect(bench.calls).to.deep.equal([])
  })
})
