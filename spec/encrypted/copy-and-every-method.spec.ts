import { inspect } from 'node:util'
import { expect } from 'chai'
import { CosEncryptionClient } from '../../lib/client.js'
import { CosClient } from '../../lib/cos-client.js'
import { bytesOf } from '../support/encrypting-store.js'
import { content, ENCRYPTED, KINDS, PART, storeInParts, transferBench } from '../support/transfers.js'

function methodsOf(Class: { prototype: object }): string[] {
  return Object.getOwnPropertyNames(Class.prototype).sort()
}

describe('the two clients', () => {
  const bench = transferBench({}, { once: true })

  it('have the same methods, all of those of DESIGN 4 among them', () => {
    const plain = methodsOf(CosClient)
    expect(methodsOf(CosEncryptionClient)).to.include.members(plain)
    expect(plain).to.include.members([
      'putObject',
      'getObject',
      'headObject',
      'deleteObject',
      'deleteMultipleObjects',
      'listObjects',
      'copyObject',
      'restoreObject',
      'presign',
      'createMultipartUpload',
      'uploadPart',
      'uploadPartCopy',
      'listParts',
      'listMultipartUploads',
      'completeMultipartUpload',
      'abortMultipartUpload',
      'createReadStream',
      'createWriteStream',
      'uploadFile',
      'downloadFile',
      'upload',
      'copy',
      'close',
    ])
  })

  for (const kind of KINDS) {
    it(`${kind.name}: shows nothing of its options when it is inspected`, () => {
      const text = inspect(bench.client(kind), { depth: 9, showHidden: true })
      expect(text).not.to.contain(bench.server.credentials.secretKey)
      expect(text).not.to.contain(bench.server.credentials.secretId)
      expect(text).to.contain('hidden')
    })

    it(`${kind.name}: what one way stores, every other way reads, and restoreObject and lists work`, async () => {
      const client = bench.client(kind)
      const bytes = content(PART + 33, 7)
      await client.putObject({ Key: 'all/put', Body: bytes, StorageClass: 'ARCHIVE' })
      await client.restoreObject({ Key: 'all/put', RestoreRequest: { Days: 1 } })
      await storeInParts(client, 'all/parts', bytes)
      await client.upload({ Key: 'all/upload', Body: bytes, PartSize: PART })
      await client.copyObject({ Key: 'all/copy', CopySource: { Key: 'all/parts' } })
      const { Contents } = await client.listObjects({ Prefix: 'all/' })
      expect(Contents.map(({ Key }) => Key)).to.deep.equal(['all/copy', 'all/parts', 'all/put', 'all/upload'])
      for (const { Key } of Contents.filter((object) => object.Key !== 'all/put')) {
        expect((await bytesOf((await client.getObject({ Key })).Body)).equals(bytes), Key).to.equal(true)
      }
      const { UploadId } = await client.createMultipartUpload({ Key: 'all/open' })
      expect((await client.listMultipartUploads()).Upload.map((upload) => upload.UploadId)).to.include(
        UploadId,
      )
      expect((await client.listParts({ Key: 'all/open', UploadId })).Part).to.deep.equal([])
      await client.abortMultipartUpload({ Key: 'all/open', UploadId })
      const Objects = Contents.map(({ Key }) => ({ Key }))
      const { Error: errors } = await client.deleteMultipleObjects({ Objects })
      expect(errors).to.deep.equal([])
      expect((await client.listObjects({ Prefix: 'all/' })).Contents).to.deep.equal([])
    })
  }

  it('calls without parameters are rejected, never thrown, and never as a TypeError', async () => {
    const names = methodsOf(CosClient).filter(
      (name) => !['constructor', 'close', 'createReadStream', 'createWriteStream'].includes(name),
    )
    for (const kind of [KINDS[0]!, ENCRYPTED[0]!]) {
      const client = bench.client(kind) as unknown as Record<string, (params: unknown) => unknown>
      const bad: string[] = []
      for (const name of names) {
        for (const params of [undefined, null, 7]) {
          if (name.startsWith('list') && params === undefined) continue
          try {
            const promise = client[name]!(params)
            await promise
            bad.push(`${kind.name}.${name}(${String(params)}) resolves`)
          } catch (error) {
            if ((error as { code?: string }).code !== 'SEALSTREAM_OPTION') {
              bad.push(`${kind.name}.${name}(${String(params)}): ${String(error)}`)
            }
          }
        }
      }
      expect(bad).to.deep.equal([])
    }
  })
})
