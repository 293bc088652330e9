import { expect } from 'chai'
import { CosEncryptionClient } from '../../lib/client.js'
import { OptionError } from '../../lib/errors.js'
import { bytesOf } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { BUCKET, rawRequest } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { content, ENCRYPTED, KINDS, PART, PLAIN, transferBench } from '../support/transfers.js'

const SIZE = 2 * PART + 7
const OTHER = 'other-1250000000'

/** In one request, and in parts. */
const WAYS = {
  'one request': {},
  parts: { MultipartThreshold: 0, PartSize: PART },
}

/** What the other formats have in common with them is tried once. */
const FEW = [PLAIN, ENCRYPTED[3]!]

const HEADERS = {
  ContentType: 'text/x-spec',
  CacheControl: 'max-age=7',
  ContentDisposition: 'attachment; filename="x"',
  ContentEncoding: 'gzip',
  ContentLanguage: 'de',
  Expires: 'Wed, 21 Oct 2026 07:28:00 GMT',
  StorageClass: 'STANDARD_IA',
}

describe('copy', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(SIZE, 4)

  for (const kind of KINDS) {
    for (const [way, how] of Object.entries(WAYS)) {
      it(`${kind.name}, ${way}: the copy of ${SIZE} bytes has its bytes, headers, metadata and storage class`, async () => {
        const client = bench.client(kind)
        const put = await client.putObject({
          Key: 'from',
          Body: bytes,
          ...HEADERS,
          Metadata: { colour: 'blue', 'x-y': 'z' },
        })
        const seen: unknown[] = []
        const onProgress = (progress: unknown): void => void seen.push(progress)
        const copied = await client.copy({ Key: 'to', CopySource: { Key: 'from' }, ...how, onProgress })
        expect(copied).to.include({
          Bucket: BUCKET,
          Key: 'to',
          StoredLength: SIZE,
          PartCount: way === 'parts' ? 3 : 0,
          verified: 'crc64',
          HashCrc64ecma: put.HashCrc64ecma,
        })
        if (client instanceof CosEncryptionClient) {
          expect(copied).to.include({ ContentLength: SIZE, format: kind.format, authenticated: false })
        }
        const found = await client.getObject({ Key: 'to' })
        expect((await bytesOf(found.Body)).equals(bytes)).to.equal(true)
        expect(found).to.include({ ...HEADERS, ETag: copied.ETag })
        expect(found.Metadata).to.deep.equal({ colour: 'blue', 'x-y': 'z' })
        expect(seen.at(-1)).to.deep.equal({ bytes: SIZE, total: SIZE })
        expect(seen).to.have.lengthOf(way === 'parts' ? 3 : 1)
        expect(await bench.uploads()).to.deep.equal([])
      })

      if (!FEW.includes(kind)) continue

      it(`${kind.name}, ${way}: Replaced gives the copy what is given, and nothing of the source's but its envelope`, async () => {
        const client = bench.client(kind)
        await client.putObject({ Key: 'from', Body: bytes, ...HEADERS, Metadata: { colour: 'blue' } })
        await client.copy({
          Key: 'to',
          CopySource: { Key: 'from' },
          MetadataDirective: 'Replaced',
          ContentType: 'text/other',
          Metadata: { taste: 'sour' },
          ...how,
        })
        const found = await client.getObject({ Key: 'to' })
        expect((await bytesOf(found.Body)).equals(bytes)).to.equal(true)
        expect(found.Metadata).to.deep.equal({ taste: 'sour' })
        expect(found.ContentType).to.equal('text/other')
        for (const name of ['CacheControl', 'ContentDisposition', 'ContentEncoding', 'Expires']) {
          expect(found).not.to.have.property(name)
        }
      })

      it(`${kind.name}, ${way}: the storage class of the copy is another where one is given`, async () => {
        const client = bench.client(kind)
        await client.putObject({ Key: 'from', Body: bytes, StorageClass: 'STANDARD_IA' })
        await client.copy({ Key: 'to', CopySource: { Key: 'from' }, StorageClass: 'STANDARD', ...how })
        expect((await client.headObject({ Key: 'to' })).StorageClass ?? 'STANDARD').to.equal('STANDARD')
        expect((await bytesOf((await client.getObject({ Key: 'to' })).Body)).equals(bytes)).to.equal(true)
      })

      it(`${kind.name}, ${way}: of 0, 1 and ${PART} bytes, onto itself with Replaced, and from another bucket`, async () => {
        const client = bench.client(kind)
        for (const size of [0, 1, PART]) {
          await client.putObject({ Key: 'from', Body: content(size) })
          const copied = await client.copy({ Key: 'to', CopySource: { Key: 'from' }, ...how })
          expect(copied).to.include({ StoredLength: size, verified: 'crc64' })
          const itself = { Key: 'to', CopySource: { Key: 'to' }, MetadataDirective: 'Replaced' } as const
          await client.copy({ ...itself, Metadata: { now: 'here' }, ...how })
          const found = await client.getObject({ Key: 'to' })
          expect((await bytesOf(found.Body)).equals(content(size)), String(size)).to.equal(true)
          expect(found.Metadata).to.deep.equal({ now: 'here' })
        }
        await client.putObject({ Bucket: OTHER, Key: 'from', Body: bytes })
        const CopySource = { Bucket: OTHER, Key: 'from', Region: 'ap-beijing' }
        await client.copy({ Key: 'to', CopySource, ...how })
        expect((await bytesOf((await client.getObject({ Key: 'to' })).Body)).equals(bytes)).to.equal(true)
      })
    }

    it(`${kind.name}: copyObject copies in one request, Copy and Replaced`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'from', Body: bytes, Metadata: { colour: 'blue' } })
      await client.copyObject({ Key: 'to', CopySource: { Key: 'from' } })
      expect((await client.headObject({ Key: 'to' })).Metadata).to.deep.equal({ colour: 'blue' })
      const Metadata = { taste: 'sour' }
      await client.copyObject({
        Key: 'to',
        CopySource: { Key: 'from' },
        MetadataDirective: 'Replaced',
        Metadata,
      })
      const found = await client.getObject({ Key: 'to' })
      expect(found.Metadata).to.deep.equal(Metadata)
      expect((await bytesOf(found.Body)).equals(bytes)).to.equal(true)
    })
  }

  for (const kind of [PLAIN, ENCRYPTED[1]!]) {
    for (const [way, how] of Object.entries(WAYS)) {
      it(`${kind.name}, ${way}: copies the version that is named`, async () => {
        const Bucket = `versions-${way.length}-${kind.name.length}-1250000000`
        const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
        await rawRequest(bench.server, {
          method: 'PUT',
          path: `/${Bucket}/`,
          query: { versioning: '' },
          body,
        })
        const client = bench.client(kind)
        const { VersionId } = await client.putObject({ Bucket, Key: 'from', Body: bytes })
        await client.putObject({ Bucket, Key: 'from', Body: 'later' })
        const CopySource = { Bucket, Key: 'from', VersionId: VersionId! }
        await client.copy({ Key: 'to', CopySource, ...how })
        expect((await bytesOf((await client.getObject({ Key: 'to' })).Body)).equals(bytes)).to.equal(true)
      })
    }

    it(`${kind.name}: wrong options are OptionErrors that name option and value, and no request is made`, async () => {
      const client = bench.client(kind)
      for (const [wrong, option, value] of [
        [{ CopySource: undefined }, 'CopySource', undefined],
        [{ CopySource: 'from' }, 'CopySource', undefined],
        [{ CopySource: { Key: '' } }, 'CopySource.Key', ''],
        [{ CopySource: { Key: 'a', Bucket: 'NO' } }, 'CopySource.Bucket', 'NO'],
        [{ CopySource: { Key: 'a', Region: 'a.b' } }, 'CopySource.Region', 'a.b'],
        [{ CopySource: { Key: 'a', VersionId: 7 } }, 'CopySource.VersionId', 7],
        [{ CopySource: { Key: 'a', Key2: 'b' } }, 'CopySource.Key2', undefined],
        [{ PartSize: 1024 }, 'PartSize', 1024],
        [{ PartSize: PART + 1 }, 'PartSize', PART + 1],
        [{ Concurrency: 0 }, 'Concurrency', 0],
        [{ MultipartThreshold: -1 }, 'MultipartThreshold', -1],
        [{ MultipartThreshold: 5e9 + 1 }, 'MultipartThreshold', 5e9 + 1],
        [{ MetadataDirective: 'Replace' }, 'MetadataDirective', 'Replace'],
        [{ Metadata: { a: 'b' } }, 'Metadata', undefined],
        [{ ContentType: 'a/b' }, 'ContentType', undefined],
        [{ CopySourceIfMatch: '"a"' }, 'CopySourceIfMatch', undefined],
        [{ onProgress: 1 }, 'onProgress', 1],
        [{ Key: '' }, 'Key', ''],
        [{ ServerSideEncryption: 'DES' }, 'ServerSideEncryption', 'DES'],
        [{ CopySourceSSECustomerKey: 'short' }, 'CopySourceSSECustomerKey', undefined],
        [{ nonsense: 1 }, 'nonsense', undefined],
      ] as const) {
        bench.calls.length = 0
        const params = { Key: 'to', CopySource: { Key: 'from' }, ...wrong }
        const error = ofClass(
          await refused('SEALSTREAM_OPTION', () => client.copy(params as never)),
          OptionError,
        )
        expect(error.option).to.equal(option)
        if (value !== undefined) expect(error.value).to.equal(value)
        expect(bench.calls, option).to.deep.equal([])
      }
    })
  }
})
