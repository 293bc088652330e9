/** `sealed` and `cos-java-gcm` beside what the service does: copies, versions, its own encryption, and a KMS that fails. */
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { Keyring } from '../../lib/keys/keyring.js'
import { AES_256, RSA_2048 } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import { GCM, kmsKey, rawObject, SEALED, WRITERS, writing } from '../support/format-writers.js'
import { sendToBucket } from '../support/object-requests.js'
import { refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const PLAIN = content(PART + 40_000, 7)
const IN_PARTS = { MultipartThreshold: 0, PartSize: PART }

describe('sealed and cos-java-gcm, elsewhere', () => {
  const bench = transferBench()

  const reads = async (by: CosEncryptionClient, Key: string, more: object = {}): Promise<boolean> =>
    (await bytesOf((await by.getObject({ Key, ...more })).Body)).equals(PLAIN)

  for (const writer of [SEALED, GCM]) {
    const { format } = writer
    const range = format === 'sealed' ? {} : { releaseUnverified: true }

    it(`${format}: a copy is the same object, in one request and in parts, with other metadata or the same`, async () => {
      const client = writing(bench, writer)
      await client.upload({ Key: 'from', Body: PLAIN, PartSize: PART, Metadata: { colour: 'blue' } })
      const source = await rawObject(bench, 'from')
      for (const how of [{}, IN_PARTS]) {
        for (const more of [{}, { MetadataDirective: 'Replaced' as const, Metadata: { colour: 'red' } }]) {
          const told = await client.copy({ Key: 'to', CopySource: { Key: 'from' }, ...how, ...more })
          expect(told).to.include({ format, ContentLength: PLAIN.length, verified: 'crc64' })
          expect((await rawObject(bench, 'to')).bytes.equals(source.bytes)).to.equal(true)
          expect(await reads(client, 'to')).to.equal(true)
          const colour = 'Metadata' in more ? 'red' : 'blue'
          expect((await client.headObject({ Key: 'to' })).Metadata).to.deep.equal({ colour })
        }
      }
      const copied = await client.copyObject({ Key: 'to', CopySource: { Key: 'from' } })
      expect(copied).to.include({ format, authenticated: format === 'sealed' })
      expect(await reads(client, 'to')).to.equal(true)
    })

    it(`${format}: versions are read whole, by ranges, and into files`, async () => {
      const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
      await sendToBucket(bench.server, 'PUT', { versioning: '' }, { body })
      const client = writing(bench, writer)
      const { VersionId } = await client.putObject({ Key: 'k', Body: PLAIN })
      await client.putObject({ Key: 'k', Body: 'a later one' })
      expect(await reads(client, 'k', { VersionId })).to.equal(true)
      for (const [Range, start, end] of [
        ['bytes=20000-50000', 20_000, 50_001],
        ['bytes=-9', PLAIN.length - 9, PLAIN.length],
      ] as const) {
        const { Body } = await client.getObject({ Key: 'k', VersionId: VersionId!, Range, ...range })
        expect((await bytesOf(Body)).equals(PLAIN.subarray(start, end)), Range).to.equal(true)
      }
      const DestFilePath = bench.path('f')
      await client.downloadFile({ Key: 'k', VersionId: VersionId!, DestFilePath, PartSize: PART })
      expect((await readFile(DestFilePath)).equals(PLAIN)).to.equal(true)
      expect(await client.verify({ Key: 'k', VersionId: VersionId! })).to.include({
        verified: 'aead',
        VersionId,
      })
    })

    it(`${format}: under the customer's key of the service, whole, by ranges, in files, verified, and in parts by hand`, async () => {
      const SSECustomerKey = content(32, 3)
      const client = writing(bench, writer)
      await client.upload({ Key: 'k', Body: PLAIN, PartSize: PART, SSECustomerKey })
      const { UploadId } = await client.createMultipartUpload({ Key: 'hand', PartSize: PART, SSECustomerKey })
      const part = { Key: 'hand', UploadId, SSECustomerKey }
      await client.uploadPart({ ...part, PartNumber: 1, Body: PLAIN.subarray(0, PART) })
      await client.uploadPart({ ...part, PartNumber: 2, Body: PLAIN.subarray(PART), Last: true })
      await client.completeMultipartUpload(part)
      for (const Key of ['k', 'hand']) {
        expect(await reads(client, Key, { SSECustomerKey })).to.equal(true)
        const { Body } = await client.getObject({ Key, SSECustomerKey, Range: 'bytes=-40001', ...range })
        expect((await bytesOf(Body)).equals(PLAIN.subarray(-40_001))).to.equal(true)
        await client.downloadFile({ Key, SSECustomerKey, DestFilePath: bench.path('f'), PartSize: PART })
        expect((await readFile(bench.path('f'))).equals(PLAIN)).to.equal(true)
        expect(await client.verify({ Key, SSECustomerKey })).to.include({ verified: 'aead' })
      }
      if (format === 'sealed') await client.verify({ Key: 'k', SSECustomerKey, sample: 1 })
    })

    it(`${format}: nothing is stored where KMS gives no key, and nothing read where it opens none`, async () => {
      const kms = WRITERS.find(({ name }) => name === `${format} under KMS`)!
      const client = writing(bench, kms)
      bench.server.faults.add({ kind: 'internal-error', operation: 'kms:GenerateDataKey', times: 9 })
      for (const call of [
        () => client.putObject({ Key: 'k', Body: PLAIN }),
        () => client.upload({ Key: 'k', Body: PLAIN, PartSize: PART }),
        () => client.upload({ Key: 'k', Body: [PLAIN], PartSize: PART }),
        () => client.createMultipartUpload({ Key: 'k' }),
        () => client.createWriteStream({ Key: 'k' }).on('error', () => undefined).result,
      ]) {
        await refused('SEALSTREAM_SERVICE', call)
      }
      bench.server.faults.clear()
      expect(bench.count('putObject') + bench.count('createMultipartUpload')).to.equal(0)
      await client.putObject({ Key: 'k', Body: PLAIN })
      bench.server.faults.add({ kind: 'internal-error', operation: 'kms:Decrypt', times: 99 })
      await refused('SEALSTREAM_SERVICE', () => reads(client, 'k'))
      await refused('SEALSTREAM_SERVICE', () =>
        client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') }),
      )
      bench.server.faults.clear()
      expect(await bench.names()).to.deep.equal([])
      expect(await reads(client, 'k')).to.equal(true)
    })
  }

  it('sealed: another recipient reads what KMS cannot open now', async () => {
    const ring = WRITERS.find(({ name }) => name === 'sealed under a Keyring of three')!
    await writing(bench, ring).putObject({ Key: 'k', Body: PLAIN })
    bench.server.faults.add({ kind: 'internal-error', operation: 'kms:Decrypt', times: 99 })
    const readers = [kmsKey(bench), RSA_2048.masterKey()]
    for (const read of [readers, [...readers].reverse()]) {
      const masterKey = new Keyring({ write: AES_256.otherKey(), read })
      expect(await reads(bench.encrypting({ format: 'sealed', masterKey }), 'k')).to.equal(true)
    }
    const alone = new Keyring({ write: AES_256.otherKey(), read: [kmsKey(bench)] })
    // It may have been the one: that no other key opens it is not what is wrong.
    await refused('SEALSTREAM_SERVICE', () =>
      reads(bench.encrypting({ format: 'sealed', masterKey: alone }), 'k'),
    )
  })

  it('sealed: the part that ends an upload by hand goes out under the customer’s key, too', async () => {
    const SSECustomerKey = content(32, 3)
    const client = writing(bench, SEALED)
    const { UploadId } = await client.createMultipartUpload({ Key: 'k', PartSize: PART, SSECustomerKey })
    const part = { Key: 'k', UploadId, SSECustomerKey }
    await client.uploadPart({ ...part, PartNumber: 1, Body: PLAIN.subarray(0, PART) })
    await client.completeMultipartUpload(part)
    const { Body } = await client.getObject({ Key: 'k', SSECustomerKey })
    expect((await bytesOf(Body)).equals(PLAIN.subarray(0, PART))).to.equal(true)
  })
})
