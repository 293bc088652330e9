/** Every format under every kind of key: the same bytes whichever way an object is written, and read back right. */
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { crc64 } from '../../lib/checksum/crc64.js'
import { bytesOf } from '../support/encrypting-store.js'
import { expectedBytes, rawObject, storedSizeOf, WAYS, WRITERS, writing } from '../support/format-writers.js'
import { content, MIB, PART, transferBench } from '../support/transfers.js'

const SIZES = [0, 1, 15, 16, 17, 16_383, 16_384, 16_385, 32_768, MIB - 1, MIB, MIB + 1, 3 * MIB + 5]

describe('an object of every format', () => {
  const bench = transferBench({}, { once: true })

  const READS: Record<string, (client: CosEncryptionClient) => Promise<Buffer>> = {
    getObject: async (client) => bytesOf((await client.getObject({ Key: 'k' })).Body),
    createReadStream: (client) => bytesOf(client.createReadStream({ Key: 'k' })),
    'downloadFile by 1': (client) => download(client, 1),
    'downloadFile by 4': (client) => download(client, 4),
  }
  const ways = Object.entries(WAYS)
  const reads = Object.entries(READS)

  async function download(client: CosEncryptionClient, Concurrency: number): Promise<Buffer> {
    const DestFilePath = bench.path('out')
    await client.downloadFile({ Key: 'k', DestFilePath, PartSize: PART, Concurrency })
    return readFile(DestFilePath)
  }

  for (const [n, writer] of WRITERS.entries()) {
    for (const [m, size] of SIZES.entries()) {
      // Each pair of writer, way, size and reading comes together somewhere.
      const [way, write] = ways[(n + m) % ways.length]!
      const [reading, read] = reads[(n + 2 * m + Math.floor((n + m) / ways.length)) % reads.length]!

      it(`${writer.name}, ${size} bytes by ${way}, read by ${reading}`, async () => {
        const plain = content(size, n + 1)
        const told = await write(writing(bench, writer), plain, bench.path('in'))
        const length = storedSizeOf(writer.format, size)
        const stored = await rawObject(bench)
        expect([told.StoredLength, told.verified, stored.bytes.length]).to.deep.equal([
          length,
          'crc64',
          length,
        ])
        expect(told.HashCrc64ecma).to.equal(String(crc64(stored.bytes)))
        if ('ContentLength' in told) {
          expect(told).to.include({
            ContentLength: size,
            format: writer.format,
            authenticated: writer.format === 'sealed',
          })
        }
        if ('PartCount' in told) {
          expect(told.PartCount).to.equal(length <= PART ? 0 : Math.ceil(length / PART))
        }
        const expected = await expectedBytes(writer.masterKey(bench), stored, plain)
        expect(stored.bytes.equals(expected), 'one message under one key').to.equal(true)
        expect((await read(writing(bench, writer))).equals(plain), 'reads back').to.equal(true)
      })
    }
  }

  for (const writer of WRITERS) {
    it(`${writer.name}: what is told of it, by getObject, headObject and downloadFile`, async () => {
      const { format } = writer
      const size = MIB + 77
      const plain = content(size, 9)
      await writing(bench, writer).putObject({ Key: 'k', Body: plain, Metadata: { colour: 'blue' } })
      const client = writing(bench, writer)
      const isUnverified = writer.name === 'cos-python under AES'
      const common = {
        ContentLength: size,
        StoredLength: storedSizeOf(format, size),
        format,
        authenticated: format === 'sealed',
      }
      const head = await client.headObject({ Key: 'k' })
      expect(head).to.include(common)
      const got = await client.getObject({ Key: 'k' })
      expect(got).to.include({ ...common, keyVerified: !isUnverified, verified: 'crc64' })
      expect((await bytesOf(got.Body)).equals(plain)).to.equal(true)
      const DestFilePath = bench.path('out')
      const file = await client.downloadFile({ Key: 'k', DestFilePath, PartSize: PART })
      const isProven = format === 'sealed' || format === 'cos-java-gcm'
      expect(file).to.include({
        ...common,
        keyVerified: !isUnverified,
        verified: isProven ? 'aead' : 'crc64',
        DestFilePath,
      })
      for (const { Metadata } of [head, got, file]) expect(Metadata).to.deep.equal({ colour: 'blue' })
      expect((await readFile(DestFilePath)).equals(plain)).to.equal(true)
    })
  }

  for (const writer of WRITERS) {
    it(`${writer.name}: no two objects have a data key in common`, async () => {
      const seen = new Set<string>()
      for (const [, write] of ways) {
        await write(writing(bench, writer), Buffer.alloc(64), bench.path('in'))
        seen.add((await rawObject(bench)).bytes.toString('hex'))
      }
      expect(seen.size).to.equal(ways.length)
    })
  }
})
