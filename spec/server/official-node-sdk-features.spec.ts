/** The official Node SDK's copies, restores, versions and keys against the embedded server, unchanged. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import COS from 'cos-nodejs-sdk-v5'
import { BUCKET } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

const at = { Bucket: BUCKET, Region: 'ap-guangzhou' }
const source = (key: string): string => `${BUCKET}.cos.ap-guangzhou.myqcloud.com/${encodeURIComponent(key)}`
const key = Buffer.alloc(32, 'key')
const customerKey = {
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: key.toString('base64'),
  SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
}

describe('server: features through the official Node SDK', () => {
  const start = serversOfSpec()
  let cos: COS
  let ConfCwd: string

  before(() => {
    ConfCwd = mkdtempSync(join(tmpdir(), 'sealstream-sdk-'))
    process.once('exit', () => rmSync(ConfCwd, { recursive: true, force: true }))
  })

  beforeEach(async () => {
    const { credentials, port } = await start()
    const { secretId: SecretId, secretKey: SecretKey } = credentials
    const Ip = `127.0.0.1:${port}`
    cos = new COS({ SecretId, SecretKey, Protocol: 'http:', Ip, KeepAlive: false, ConfCwd })
  })

  const read = async (Key: string, more: object = {}): Promise<string> =>
    (await cos.getObject({ ...at, Key, ...more })).Body.toString()

  it('copies an object, metadata replaced', async () => {
    await cos.putObject({ ...at, Key: '目录/a b', Body: 'hello', 'x-cos-meta-a': '1' })
    const copied = await cos.putObjectCopy({
      ...at,
      Key: 'copy',
      CopySource: source('目录/a b'),
      MetadataDirective: 'Replaced',
      Headers: { 'x-cos-meta-b': '2' },
    })
    expect(copied.ETag).to.equal(`"${createHash('md5').update('hello').digest('hex')}"`)
    expect(await read('copy')).to.equal('hello')
    const { headers } = await cos.headObject({ ...at, Key: 'copy' })
    expect(headers).to.include({ 'x-cos-meta-b': '2' }).and.not.have.property('x-cos-meta-a')
  })

  it('copies an object in parts', async () => {
    const bytes = Buffer.from(Array.from({ length: 5_000_000 }, (_, i) => (i * 7) >> 4))
    await cos.putObject({ ...at, Key: 'a', Body: bytes })
    const slices = { CopySliceSize: 1024 * 1024, CopyChunkSize: 2 * 1024 * 1024 }
    await cos.sliceCopyFile({ ...at, Key: 'copy', CopySource: source('a'), ...slices })
    const copy = await cos.getObject({ ...at, Key: 'copy' })
    expect(copy.Body.equals(bytes)).to.equal(true)
    expect(copy.ETag).to.match(/-3"$/)
  })

  it('restores an archived object', async () => {
    await cos.putObject({ ...at, Key: 'a', Body: 'hello', StorageClass: 'ARCHIVE' })
    const refused: unknown = await read('a').catch((error: unknown) => error)
    expect(refused).to.include({ code: 'InvalidObjectState', statusCode: 403 })
    const RestoreRequest = { Days: 1, CASJobParameters: { Tier: 'Expedited' as const } }
    const { statusCode } = await cos.restoreObject({ ...at, Key: 'a', RestoreRequest })
    expect(statusCode).to.equal(202)
    expect(await read('a')).to.equal('hello')
  })

  it('keeps versions, lists them, and deletes several objects', async () => {
    await cos.putBucketVersioning({ ...at, VersioningConfiguration: { Status: 'Enabled' } })
    expect((await cos.getBucketVersioning(at)).VersioningConfiguration).to.include({ Status: 'Enabled' })
    const old = (await cos.putObject({ ...at, Key: 'a', Body: 'old' })) as { VersionId?: string }
    await cos.putObject({ ...at, Key: 'a', Body: 'new' })
    expect(await read('a', { VersionId: old.VersionId })).to.equal('old')
    const { Deleted, Error: failed } = await cos.deleteMultipleObject({
      ...at,
      Objects: [{ Key: 'a' }, { Key: 'b' }],
    })
    expect(Deleted.map(({ Key }) => Key)).to.deep.equal(['a', 'b'])
    expect(failed).to.deep.equal([])
    const { Versions, DeleteMarkers } = await cos.listObjectVersions({ ...at, Prefix: '' })
    expect(Versions.map(({ Size }) => Number(Size))).to.deep.equal([3, 3])
    expect(DeleteMarkers.map(({ Key, IsLatest }) => [Key, IsLatest])).to.deep.equal([
      ['a', 'true'],
      ['b', 'true'],
    ])
  })

  it("stores and reads with the customer's key, at once and in parts", async () => {
    await cos.putObject({ ...at, Key: 'a', Body: 'hello', ...customerKey })
    expect(await read('a', customerKey)).to.equal('hello')
    const refused: unknown = await read('a').catch((error: unknown) => error)
    expect(refused).to.include({ code: 'InvalidRequest', statusCode: 400 })
    const { UploadId } = await cos.multipartInit({ ...at, Key: 'b', ...customerKey })
    const part = { ...at, Key: 'b', UploadId, PartNumber: 1, Body: 'part', ...customerKey }
    const { ETag } = await cos.multipartUpload(part)
    await cos.multipartComplete({ ...at, Key: 'b', UploadId, Parts: [{ PartNumber: 1, ETag }] })
    expect(await read('b', customerKey)).to.equal('part')
  })
})
