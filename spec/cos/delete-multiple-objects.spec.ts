import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import type { DeleteMultipleObjectsParams } from '../../lib/cos/delete-multiple-objects.js'
import { cosSpec } from '../support/cos-service.js'
import { sendToBucket } from '../support/object-requests.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService } from '../support/scripted-service.js'

const SPECIAL = [
  'a&b',
  '<x>',
  'q"\'',
  'ü/€ 😀',
  '//a',
  '+%20?#',
  'tab\there',
  'line\nbreak',
  ' blank ',
  'cr\rx',
  ']]>',
]

const DONE = '<DeleteResult><Deleted><Key>a</Key></Deleted><Deleted><Key>b</Key></Deleted></DeleteResult>'

describe('deleteMultipleObjects', () => {
  const spec = cosSpec()

  it('deletes keys with special characters, exactly those', async () => {
    const client = spec.client(await spec.server())
    for (const Key of [...SPECIAL, 'a', 'blank']) await client.putObject({ Key, Body: Key })
    const result = await client.deleteMultipleObjects({ Objects: SPECIAL.map((Key) => ({ Key })) })
    expect(result.Error).to.deep.equal([])
    expect(result.Deleted.map(({ Key }) => Key).sort()).to.deep.equal([...SPECIAL].sort())
    expect((await client.listObjects()).Contents.map(({ Key }) => Key)).to.deep.equal(['a', 'blank'])
    expect(result.$metadata.status).to.equal(200)
  })

  it('deletes 1000 keys in one request; what is not there counts as deleted', async () => {
    const client = spec.client(await spec.server())
    for (let i = 0; i < 1000; i += 100) await client.putObject({ Key: `k${i}`, Body: 'x' })
    const Objects = Array.from({ length: 1000 }, (_, i) => ({ Key: `k${i}` }))
    const { Deleted, Error } = await client.deleteMultipleObjects({ Objects })
    expect([Deleted.length, Error.length]).to.deep.equal([1000, 0])
    expect((await client.listObjects()).Contents).to.deep.equal([])
  })

  it('tells of each key that was not deleted, beside those that were', async () => {
    const body =
      '<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b&amp;c</Key><VersionId>v2</VersionId>' +
      '<Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>'
    const service = await scriptedService(spec, { body })
    const result = await spec
      .client(service)
      .deleteMultipleObjects({ Objects: [{ Key: 'a' }, { Key: 'b&c' }] })
    expect(result.Deleted).to.deep.equal([{ Key: 'a' }])
    expect(result.Error).to.deep.equal([{ Key: 'b&c', VersionId: 'v2', Code: 'AccessDenied', Message: 'no' }])
  })

  it('deletes versions, and tells of a version that is none', async () => {
    const server = await spec.server()
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    await sendToBucket(server, 'PUT', { versioning: '' }, { body })
    const client = spec.client(server)
    const { VersionId: first } = await client.putObject({ Key: 'a', Body: 'one' })
    await client.putObject({ Key: 'a', Body: 'two' })
    const result = await client.deleteMultipleObjects({ Objects: [{ Key: 'a', VersionId: first! }] })
    expect(result.Deleted).to.deep.equal([{ Key: 'a', VersionId: first }])
    const error = await refused('SEALSTREAM_SERVICE', () => client.getObject({ Key: 'a', VersionId: first! }))
    expect(error).to.include({ status: 404 })
    const { Body } = await client.getObject({ Key: 'a' })
    expect(await Body.transformToString()).to.equal('two')
  })

  it('sends Content-MD5 of the document, whatever integrity says', async () => {
    const service = await scriptedService(spec, { body: DONE })
    const client = spec.client(service, { integrity: 'crc64' })
    await client.deleteMultipleObjects({ Objects: [{ Key: 'a' }] })
    const [{ headers, body, url, method }] = service.seen as [(typeof service.seen)[number]]
    expect(headers['content-md5']).to.equal(createHash('md5').update(body).digest('base64'))
    expect(`${method} ${url}`).to.match(/^POST \/spec-1250000000\/\?delete=?$/)
  })

  it('is tried again with the same document', async () => {
    const service = await scriptedService(spec, 'reset', refusal(503, 'SlowDown'), { body: DONE })
    await spec
      .client(service, { retry: { baseDelay: 1 } })
      .deleteMultipleObjects({ Objects: [{ Key: 'a' }, { Key: 'b', VersionId: 'v' }] })
    const texts = service.seen.map(({ body }) => body.toString())
    expect(texts).to.have.length(3)
    expect(new Set(texts).size).to.equal(1)
    expect(texts[0]).to.include('<Key>a</Key>').and.to.include('<VersionId>v</VersionId>')
  })

  it('does not take a key for deleted of which the answer says nothing', async () => {
    const service = await scriptedService(spec, { body: DONE })
    const error = await refused('SEALSTREAM_ANSWER', () =>
      spec.client(service).deleteMultipleObjects({ Objects: [{ Key: 'a' }, { Key: 'c' }] }),
    )
    expect(error.message).to.include('"c"')
  })

  it('does not take a 200 with an error document for success', async () => {
    const service = await scriptedService(spec, refusal(200, 'InternalError'))
    await refused('SEALSTREAM_SERVICE', () =>
      spec.client(service).deleteMultipleObjects({ Objects: [{ Key: 'a' }] }),
    )
  })

  const bad: [Objects: unknown, option: string][] = [
    [undefined, 'Objects'],
    [[], 'Objects'],
    ['a', 'Objects'],
    [Array.from({ length: 1001 }, (_, i) => ({ Key: `k${i}` })), 'Objects'],
    [['a'], 'Objects[0]'],
    [[{ Key: 'a' }, {}], 'Objects[1].Key'],
    [[{ Key: '' }], 'Objects[0].Key'],
    [[{ Key: '../x' }], 'Objects[0].Key'],
    [[{ Key: '/' }], 'Objects[0].Key'],
    [[{ Key: 'a\u0001b' }], 'Objects[0].Key'],
    [[{ Key: 'a\uffff' }], 'Objects[0].Key'],
    [[{ Key: 'a', VersionId: 5 }], 'Objects[0].VersionId'],
    [[{ Key: 'a', ETag: 'e' }], 'Objects[0].ETag'],
  ]
  for (const [Objects, option] of bad) {
    it(`refuses ${inspect(Objects).slice(0, 50).replace(/\s+/g, ' ')}, naming ${option}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        spec
          .client({ endpoint: 'http://127.0.0.1:1' })
          .deleteMultipleObjects({ Objects } as DeleteMultipleObjectsParams),
      )
      expect(error).to.have.property('option', option)
    })
  }
})
