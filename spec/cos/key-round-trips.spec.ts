import { get } from 'node:http'
import { expect } from 'chai'
import { bodyOf, cosSpec } from '../support/cos-service.js'

const KEYS = [
  'plain',
  '/leading',
  '//two/leading',
  'double//slash',
  'trailing/',
  'a+b',
  'a b',
  ' blanks ',
  '100%',
  '%41',
  '%2F',
  '%2f%20',
  '%252e%252e/x',
  '%',
  '%zz',
  'a?b',
  '?uploads',
  'a#b',
  'a&b=c',
  "it's",
  '"quoted"',
  '~!*()',
  '@:;,$[]{}|^`<>',
  'back\\slash\\..\\x',
  'new\nline\tand\u0001control',
  'dots.../...a',
  'é',
  'e\u0301',
  '漢字/かな',
  '😀/👩‍👩‍👧',
  '\ufffd\uffff',
  'x'.repeat(850),
]

describe('keys', () => {
  const spec = cosSpec()

  it('come back from the listing exactly as they were put', async () => {
    const client = spec.client(await spec.server())
    for (const key of KEYS) await client.putObject({ Key: key, Body: key })
    const { Contents } = await client.listObjects()
    const inBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
    expect(Contents.map(({ Key }) => Key)).to.deep.equal([...KEYS].sort(inBytes))
  })

  for (const key of KEYS) {
    it(`names one object with ${JSON.stringify(key.slice(0, 30))}`, async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: key, Body: `body of ${key}` })
      await client.putObject({ Key: `${key.slice(0, 400)}-another`, Body: 'another' })

      const head = await client.headObject({ Key: key })
      expect(head.ContentLength).to.equal(Buffer.byteLength(`body of ${key}`))
      const { Body } = await client.getObject({ Key: key })
      expect(await Body.transformToString()).to.equal(`body of ${key}`)
      expect(await presignedText(await client.presign({ Key: key }))).to.equal(`body of ${key}`)

      await client.deleteObject({ Key: key })
      const { Contents } = await client.listObjects()
      expect(Contents.map(({ Key }) => Key)).to.deep.equal([`${key.slice(0, 400)}-another`])
    })
  }

  it('take part in multipart uploads', async () => {
    const client = spec.client(await spec.server())
    const Key = '/a//b +%?#&é😀'
    const { UploadId } = await client.createMultipartUpload({ Key })
    await client.uploadPart({ Key, UploadId, PartNumber: 1, Body: 'part' })
    const { Part } = await client.listParts({ Key, UploadId })
    await client.completeMultipartUpload({ Key, UploadId, MultipartUpload: { Part } })
    const { Body } = await client.getObject({ Key })
    expect(await Body.transformToString()).to.equal('part')
  })

  it('reach the right object when markers and prefixes hold them', async () => {
    const client = spec.client(await spec.server())
    const keys = ['a +%/1', 'a +%/2', 'a +%/é', 'b']
    for (const Key of keys) await client.putObject({ Key, Body: '' })
    const page = await client.listObjects({ Prefix: 'a +%/', Marker: 'a +%/1' })
    expect(page.Contents.map(({ Key }) => Key)).to.deep.equal(['a +%/2', 'a +%/é'])
  })

  function presignedText(url: string): Promise<string> {
    return new Promise((resolve, reject) => {
      // Options, not a URL: a URL parser would rewrite some paths.
      const { hostname, port } = new URL(url)
      const path = url.slice(url.indexOf('/', 'http://'.length))
      get({ hostname, port, path, agent: false }, (response) => {
        bodyOf(response).then((bytes) => resolve(bytes.toString()), reject)
      }).on('error', reject)
    })
  }
})
