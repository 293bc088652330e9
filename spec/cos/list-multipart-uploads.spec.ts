import { expect } from 'chai'
import { makeService, type CosClient } from '../../lib/cos-client.js'
import type { ListedUpload, ListMultipartUploadsParams } from '../../lib/cos/list-multipart-uploads.js'
import { listUploadsOfKey } from '../../lib/cos/list-multipart-uploads.js'
import { cosSpec } from '../support/cos-service.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { scriptedService } from '../support/scripted-service.js'

const KEYS = ['a', 'a', 'a+b c', 'dir/1', 'dir/2', 'dir/sub/3', 'ü%20', '€&<>"\'']

describe('listMultipartUploads', () => {
  const spec = cosSpec()

  const prepared = async (): Promise<{ client: CosClient; ids: string[] }> => {
    const client = spec.client(await spec.server())
    const ids: string[] = []
    for (const Key of KEYS) ids.push((await client.createMultipartUpload({ Key })).UploadId)
    return { client, ids }
  }

  async function all(client: CosClient, params: ListMultipartUploadsParams): Promise<ListedUpload[][]> {
    const pages: ListedUpload[][] = []
    let marker: ListMultipartUploadsParams | undefined = {}
    while (marker !== undefined) {
      const page = await client.listMultipartUploads({ ...params, ...marker })
      pages.push(page.Upload)
      marker = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker!, UploadIdMarker: page.NextUploadIdMarker! }
        : undefined
      if (!page.IsTruncated) expect(page).to.not.have.any.keys('NextKeyMarker', 'NextUploadIdMarker')
    }
    return pages
  }

  it('gives key, id, date and class of every upload, whatever characters the key has', async () => {
    const { client, ids } = await prepared()
    const { Upload, IsTruncated, MaxUploads, CommonPrefixes } = await client.listMultipartUploads()
    expect(Upload.map(({ UploadId }) => UploadId).sort()).to.deep.equal([...ids].sort())
    expect(Upload.map(({ Key }) => Key).sort()).to.deep.equal([...KEYS].sort())
    for (const { Key, UploadId, Initiated, StorageClass } of Upload) {
      expect(KEYS[ids.indexOf(UploadId)]).to.equal(Key)
      expect(Initiated.getTime()).to.be.closeTo(Date.now(), 60_000)
      expect(StorageClass).to.equal('STANDARD')
    }
    expect({ IsTruncated, MaxUploads, CommonPrefixes }).to.deep.equal({
      IsTruncated: false,
      MaxUploads: 1000,
      CommonPrefixes: [],
    })
  })

  for (const MaxUploads of [1, 2, 4, 9, 1000]) {
    it(`pages through all of them ${MaxUploads} at a time`, async () => {
      const { client, ids } = await prepared()
      const pages = await all(client, { MaxUploads })
      expect(pages).to.have.length(Math.ceil(KEYS.length / MaxUploads))
      expect(
        pages
          .flat()
          .map(({ UploadId }) => UploadId)
          .sort(),
      ).to.deep.equal([...ids].sort())
    })
  }

  it('filters by prefix and groups by delimiter', async () => {
    const { client } = await prepared()
    const some = await client.listMultipartUploads({ Prefix: 'dir/', Delimiter: '/' })
    expect(some.Upload.map(({ Key }) => Key)).to.deep.equal(['dir/1', 'dir/2'])
    expect(some.CommonPrefixes).to.deep.equal([{ Prefix: 'dir/sub/' }])
  })

  it('tells of keys that no XML can hold', async () => {
    const client = spec.client(await spec.server())
    // What comes of this answer is the business of the next spec.
    await client.createMultipartUpload({ Key: 'x\u0001y' }).catch(() => undefined)
    const { Upload } = await client.listMultipartUploads({ Prefix: 'x\u0001' })
    expect(Upload.map(({ Key }) => Key)).to.deep.equal(['x\u0001y'])
  })

  it('and createMultipartUpload begins one for a key that no XML can hold', async () => {
    const client = spec.client(await spec.server())
    const { UploadId, Key } = await client.createMultipartUpload({ Key: 'x\u0001y' })
    expect(Key).to.equal('x\u0001y')
    await client.abortMultipartUpload({ Key, UploadId })
  })

  it('forgets uploads that were completed or aborted', async () => {
    const { client, ids } = await prepared()
    await client.abortMultipartUpload({ Key: 'a', UploadId: ids[0]! })
    const { Upload } = await client.listMultipartUploads({ Prefix: 'a', Delimiter: '+' })
    expect(Upload.map(({ UploadId }) => UploadId)).to.deep.equal([ids[1]])
    expect((await spec.client(await spec.server()).listMultipartUploads()).Upload).to.deep.equal([])
  })

  it('decodes keys only where the service says that it encoded them', async () => {
    const document = (type: string): string =>
      `<ListMultipartUploadsResult>${type}<MaxUploads>1</MaxUploads><IsTruncated>false</IsTruncated><Upload>` +
      '<Key>a%2Bb</Key><UploadId>u%2B</UploadId><Initiated>2024-05-06T07:08:09Z</Initiated></Upload>' +
      '</ListMultipartUploadsResult>'
    for (const [type, Key] of [
      ['', 'a%2Bb'],
      ['<Encoding-Type>url</Encoding-Type>', 'a+b'],
      ['<EncodingType>url</EncodingType>', 'a+b'],
    ]) {
      const service = await scriptedService(spec, { body: document(type!) })
      const { Upload } = await spec.client(service).listMultipartUploads()
      expect(Upload).to.have.length(1)
      expect(Upload[0]).to.include({ Key, UploadId: 'u%2B' })
      expect(service.seen[0]!.url).to.include('encoding-type=url')
    }
  })

  it('ends where the marker of the next page does not advance', async () => {
    const body =
      '<ListMultipartUploadsResult><MaxUploads>1</MaxUploads><IsTruncated>true</IsTruncated>' +
      '<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker></ListMultipartUploadsResult>'
    const service = await scriptedService(spec, { body })
    await refused('SEALSTREAM_ANSWER', () =>
      spec.client(service).listMultipartUploads({ KeyMarker: 'k', UploadIdMarker: 'u' }),
    )
  })

  it('over all pages finds every upload of one key, and of no other', async () => {
    const server = await spec.server()
    const client = spec.client(server)
    const ids: string[] = []
    for (const Key of ['a', 'a', 'a', 'a!', 'ab', 'a/b']) {
      const { UploadId } = await client.createMultipartUpload({ Key })
      if (Key === 'a') ids.push(UploadId)
    }
    const service = makeService({ endpoint: server.endpoint, credentials: server.credentials })
    const found = await listUploadsOfKey(service, { Bucket: BUCKET, Key: 'a' })
    void service.http.close()
    expect(found.map(({ UploadId }) => UploadId).sort()).to.deep.equal(ids.sort())
  })

  for (const [params, option] of [
    [{ MaxUploads: 0 }, 'MaxUploads'],
    [{ MaxUploads: 1001 }, 'MaxUploads'],
    [{ Prefix: 5 }, 'Prefix'],
    [{ Delimiter: '\ud800' }, 'Delimiter'],
    [{ KeyMarker: null }, 'KeyMarker'],
    [{ UploadIdMarker: {} }, 'UploadIdMarker'],
    [{ Bucket: 'x' }, 'Bucket'],
    [{ MaxKeys: 5 }, 'MaxKeys'],
  ] as const) {
    it(`refuses ${JSON.stringify(params)}, naming ${option}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        spec
          .client({ endpoint: 'http://127.0.0.1:1' })
          .listMultipartUploads(params as unknown as ListMultipartUploadsParams),
      )
      expect(error).to.have.property('option', option)
    })
  }
})
