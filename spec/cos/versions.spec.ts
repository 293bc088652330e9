import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import { cosSpec } from '../support/cos-service.js'
import { sendToBucket } from '../support/object-requests.js'
import { refused } from '../support/refused.js'

describe('versions of an object', () => {
  const spec = cosSpec()

  async function versioned(): Promise<{ client: CosClient; one: string; two: string }> {
    const server = await spec.server()
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    expect((await sendToBucket(server, 'PUT', { versioning: '' }, { body })).status).to.equal(200)
    const client = spec.client(server)
    const put = async (Body: string, color: string): Promise<string> =>
      (await client.putObject({ Key: 'a', Body, Metadata: { color } })).VersionId!
    return { client, one: await put('one', 'red'), two: await put('two!', 'blue') }
  }

  const textOf = async (client: CosClient, params: { Key: string; VersionId?: string }): Promise<string> =>
    (await client.getObject(params)).Body.transformToString()

  it('are told by put, each another', async () => {
    const { one, two } = await versioned()
    expect(one).to.be.a('string').and.to.not.equal(two)
  })

  it('are read by get, head and a read stream', async () => {
    const { client, one, two } = await versioned()
    expect(await textOf(client, { Key: 'a' })).to.equal('two!')
    expect(await textOf(client, { Key: 'a', VersionId: one })).to.equal('one')
    const got = await client.getObject({ Key: 'a', VersionId: one, Range: 'bytes=1-2' })
    expect(await got.Body.transformToString()).to.equal('ne')
    expect(got).to.deep.include({ VersionId: one, Metadata: { color: 'red' } })
    expect(await client.headObject({ Key: 'a' })).to.include({ VersionId: two, ContentLength: 4 })
    expect(await client.headObject({ Key: 'a', VersionId: one })).to.include({
      VersionId: one,
      ContentLength: 3,
    })
    let read = ''
    for await (const chunk of client.createReadStream({ Key: 'a', VersionId: one })) read += String(chunk)
    expect(read).to.equal('one')
  })

  it('are the source of copies and of copied parts', async () => {
    const { client, one, two } = await versioned()
    const copy = await client.copyObject({ Key: 'b', CopySource: { Key: 'a', VersionId: one } })
    expect(copy.VersionId).to.be.a('string').and.to.not.be.oneOf([one, two])
    expect(await textOf(client, { Key: 'b' })).to.equal('one')
    const { UploadId } = await client.createMultipartUpload({ Key: 'c' })
    const source = { Key: 'a', VersionId: one }
    const part = await client.uploadPartCopy({ Key: 'c', UploadId, PartNumber: 1, CopySource: source })
    const Part = [{ PartNumber: 1, ETag: part.ETag }]
    const done = await client.completeMultipartUpload({ Key: 'c', UploadId, MultipartUpload: { Part } })
    expect(await textOf(client, { Key: 'c', VersionId: done.VersionId! })).to.equal('one')
  })

  it('are put back in place by copying them onto their own key', async () => {
    const { client, one } = await versioned()
    await client.copyObject({ Key: 'a', CopySource: { Key: 'a', VersionId: one } })
    expect(await textOf(client, { Key: 'a' })).to.equal('one')
    expect((await client.headObject({ Key: 'a' })).Metadata).to.deep.equal({ color: 'red' })
  })

  it('are deleted one by one; deleting without a version hides the object', async () => {
    const { client, one, two } = await versioned()
    const marker = await client.deleteObject({ Key: 'a' })
    expect(marker.VersionId).to.be.a('string')
    const gone = await refused('SEALSTREAM_SERVICE', () => client.getObject({ Key: 'a' }))
    expect(gone).to.include({ status: 404 })
    expect(await textOf(client, { Key: 'a', VersionId: two })).to.equal('two!')
    await client.deleteObject({ Key: 'a', VersionId: marker.VersionId! })
    expect(await textOf(client, { Key: 'a' })).to.equal('two!')
    expect((await client.deleteObject({ Key: 'a', VersionId: two })).VersionId).to.equal(two)
    expect(await textOf(client, { Key: 'a' })).to.equal('one')
    const deleted = await refused('SEALSTREAM_SERVICE', () => client.headObject({ Key: 'a', VersionId: two }))
    expect(deleted).to.include({ status: 404 })
    expect(one).to.be.a('string')
  })

  it('are named by presigned URLs, where the version is signed', async () => {
    const { client, one, two } = await versioned()
    const url = await client.presign({ Key: 'a', VersionId: one })
    expect(await (await fetch(url)).text()).to.equal('one')
    expect((await fetch(url.replace(one, two))).status).to.equal(403)
    const head = await fetch(await client.presign({ Key: 'a', VersionId: one, Method: 'HEAD' }), {
      method: 'HEAD',
    })
    expect(head.headers.get('x-cos-version-id')).to.equal(one)
    const deleting = await client.presign({ Key: 'a', VersionId: two, Method: 'DELETE' })
    expect((await fetch(deleting, { method: 'DELETE' })).status).to.equal(204)
    expect(await textOf(client, { Key: 'a' })).to.equal('one')
  })

  it('that are bad are named in the IntegrityError', async () => {
    const server = await spec.server({ faults: [{ kind: 'flip-bit-stored', operation: 'putObject' }] })
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    await sendToBucket(server, 'PUT', { versioning: '' }, { body })
    const client = spec.client(server)
    const error = await refused('SEALSTREAM_INTEGRITY', () => client.putObject({ Key: 'a', Body: 'hello' }))
    const { versionId } = error as { versionId?: string }
    expect((await client.headObject({ Key: 'a', VersionId: versionId! })).ETag).to.equal(
      (error as { etag?: string }).etag,
    )
  })
})
