import { readFile, stat, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import { CosEncryptionClient } from '../../lib/client.js'
import { eventually } from '../support/eventually.js'
import { refused } from '../support/refused.js'
import { content, KINDS, PART, PLAIN, storeInParts, transferBench } from '../support/transfers.js'

const SIZES = [0, 1, 15, 16, 17, PART - 1, PART, PART + 1, 3 * PART + 5]

describe('downloadFile', () => {
  const bench = transferBench()

  for (const kind of KINDS) {
    for (const way of ['one PUT', 'parts']) {
      const sizes = SIZES.join(', ')
      it(`${kind.name}: gives back ${sizes} bytes stored by ${way}, 1, 2 and 8 ranges at a time`, async () => {
        const client = bench.client(kind)
        for (const size of SIZES) {
          const Key = `object-${size}`
          const bytes = content(size)
          if (way === 'parts') await storeInParts(client, Key, bytes)
          else await client.putObject({ Key, Body: bytes })
          for (const Concurrency of size > PART ? [1, 2, 8] : [2]) {
            const DestFilePath = bench.path(`file-${size}-${Concurrency}`)
            const result = await client.downloadFile({ Key, DestFilePath, PartSize: PART, Concurrency })
            expect((await readFile(DestFilePath)).equals(bytes), `${size} bytes`).to.equal(true)
            expect(result).to.include({ ContentLength: size, DestFilePath, verified: 'crc64' })
            expect((await stat(DestFilePath)).mode & 0o777).to.equal(0o600)
          }
        }
        expect(await bench.hidden()).to.deep.equal([])
      })
    }

    it(`${kind.name}: asks for as many ranges as there are, and no more than once`, async () => {
      const client = bench.client(kind)
      for (const [size, ranges] of [
        [0, 0],
        [1, 1],
        [PART, 1],
        [PART + 1, 2],
        [3 * PART + 5, 4],
      ] as const) {
        await client.putObject({ Key: 'k', Body: content(size) })
        bench.calls.length = 0
        await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 3 })
        await eventually(() => bench.count('getObject') >= ranges)
        expect(bench.count('getObject'), `${size} bytes`).to.equal(ranges)
        expect(bench.count('headObject'), `${size} bytes`).to.equal(1)
      }
    })

    it(`${kind.name}: reports progress that only goes forward and ends at the total, 2097169 bytes`, async () => {
      const client = bench.client(kind)
      const size = 2 * PART + 17
      await client.putObject({ Key: 'k', Body: content(size) })
      for (const Concurrency of [1, 3]) {
        const seen: { bytes: number; total?: number | undefined }[] = []
        await client.downloadFile({
          Key: 'k',
          DestFilePath: bench.path('f'),
          PartSize: PART,
          Concurrency,
          onProgress: (progress) => void seen.push(progress),
        })
        expect(seen[0]).to.deep.equal({ bytes: 0, total: size })
        expect(seen.at(-1)).to.deep.equal({ bytes: size, total: size })
        for (const [i, { bytes, total }] of seen.entries()) {
          expect(total).to.equal(size)
          if (i > 0) expect(bytes).to.be.above(seen[i - 1]!.bytes)
        }
      }
    })

    it(`${kind.name}: reports 0 of 0 for an empty object`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: '' })
      const seen: unknown[] = []
      const DestFilePath = bench.path('f')
      await client.downloadFile({
        Key: 'k',
        DestFilePath,
        onProgress: (progress) => void seen.push(progress),
      })
      expect(seen).to.deep.equal([{ bytes: 0, total: 0 }])
      expect((await readFile(DestFilePath)).length).to.equal(0)
    })

    it(`${kind.name}: tells what HEAD tells, metadata without an envelope`, async () => {
      const client = bench.client(kind)
      const bytes = content(40)
      const put = await client.putObject({
        Key: 'k',
        Body: bytes,
        ContentType: 'text/x-spec',
        CacheControl: 'max-age=7',
        Metadata: { colour: 'blue' },
      })
      const DestFilePath = bench.path('f')
      const result = await client.downloadFile({ Key: 'k', DestFilePath })
      expect(result).to.include({
        ETag: put.ETag,
        ContentType: 'text/x-spec',
        CacheControl: 'max-age=7',
        ContentLength: 40,
        verified: 'crc64',
        HashCrc64ecma: put.HashCrc64ecma,
        DestFilePath,
      })
      expect(result.Metadata).to.deep.equal({ colour: 'blue' })
      expect(result.LastModified).to.be.instanceOf(Date)
      expect(result).not.to.have.property('$metadata')
      const isEncrypted = client instanceof CosEncryptionClient
      if (!isEncrypted) {
        expect(result.HashCrc64ecma).to.equal(String(crc64(bytes)))
        expect(result).not.to.have.any.keys('format', 'StoredLength')
        return
      }
      const keyVerified = kind.name !== 'cos-python under AES'
      expect(result).to.include({ StoredLength: 40, format: kind.format, authenticated: false, keyVerified })
    })
  }

  it('asks for ranges of 8 MiB unless told otherwise', async () => {
    const client = bench.plain()
    const bytes = content(8 * PART + 1)
    await client.putObject({ Key: 'k', Body: bytes })
    await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') })
    await eventually(() => bench.count('getObject') >= 2)
    expect(bench.count('getObject', 206)).to.equal(2)
    expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)
  })

  it('opens a file of objects whose names have spaces, plus signs and non-ASCII letters', async () => {
    for (const kind of KINDS.slice(0, 2)) {
      const client = bench.client(kind)
      const Key = 'a b/c+d/ü %.txt'
      await client.putObject({ Key, Body: 'x' })
      await client.downloadFile({ Key, DestFilePath: bench.path('f') })
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('x')
    }
  })

  it('takes a stored Content-Encoding of gzip for what it is: a header', async () => {
    for (const kind of KINDS.slice(0, 2)) {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: 'not compressed', ContentEncoding: 'gzip' })
      const result = await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') })
      expect(result.ContentEncoding).to.equal('gzip')
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('not compressed')
    }
  })

  it('replaces a file that is there, with mode 0600 whatever that one had', async () => {
    const client = bench.client(PLAIN)
    await client.putObject({ Key: 'k', Body: 'new' })
    await writeFile(bench.path('f'), 'old and longer', { mode: 0o644 })
    await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') })
    expect(await readFile(bench.path('f'), 'utf8')).to.equal('new')
    expect((await stat(bench.path('f'))).mode & 0o777).to.equal(0o600)
  })

  it('says verified: length where the service states no CRC-64, and refuses that with requireChecksum', async () => {
    const bytes = content(PART + 3)
    await bench.plain().putObject({ Key: 'k', Body: bytes })
    const proxy = await bench.proxy(async (_exchange, forward) => {
      const reply = await forward()
      const { 'x-cos-hash-crc64ecma': _, ...headers } = reply.headers
      return { ...reply, headers }
    })
    const DestFilePath = bench.path('f')
    const lenient = bench.plain({ endpoint: proxy.endpoint })
    const result = await lenient.downloadFile({ Key: 'k', DestFilePath, PartSize: PART })
    expect(result.verified).to.equal('length')
    expect((await readFile(DestFilePath)).equals(bytes)).to.equal(true)
    await writeFile(DestFilePath, 'mine')
    const strict = bench.plain({ endpoint: proxy.endpoint, requireChecksum: true })
    await refused('SEALSTREAM_INTEGRITY', () =>
      strict.downloadFile({ Key: 'k', DestFilePath, PartSize: PART }),
    )
    expect(await readFile(DestFilePath, 'utf8')).to.equal('mine')
    expect(await bench.hidden()).to.deep.equal([])
  })
})
