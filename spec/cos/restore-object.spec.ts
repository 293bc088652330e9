import { expect } from 'chai'
import type { RestoreObjectParams } from '../../lib/cos/restore-object.js'
import { cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService } from '../support/scripted-service.js'

const NOW = Date.parse('2024-05-06T07:08:09Z')

describe('restoreObject', () => {
  const spec = cosSpec()

  it('makes an archived object readable for some days; head tells until when', async () => {
    const server = await spec.server({ clock: () => NOW })
    const client = spec.client(server, { clock: () => NOW })
    await client.putObject({ Key: 'a', Body: 'cold', StorageClass: 'ARCHIVE' })
    const error = await refused('SEALSTREAM_SERVICE', () => client.getObject({ Key: 'a' }))
    expect(error).to.include({ status: 403, serviceCode: 'InvalidObjectState' })
    expect(await client.headObject({ Key: 'a' })).to.not.have.property('Restore')

    const first = await client.restoreObject({ Key: 'a', RestoreRequest: { Days: 3 } })
    expect(first.$metadata.status).to.equal(202)
    const { Restore } = await client.headObject({ Key: 'a' })
    expect(Restore).to.include('ongoing-request="false"').and.to.include('Thu, 09 May 2024 07:08:09 GMT')
    const { Body } = await client.getObject({ Key: 'a' })
    expect(await Body.transformToString()).to.equal('cold')
    const again = await client.restoreObject({ Key: 'a', RestoreRequest: { Days: 9 } })
    expect(again.$metadata.status).to.equal(200)
  })

  for (const Tier of ['Standard', 'Bulk'] as const) {
    it(`restores DEEP_ARCHIVE by ${Tier}, which Expedited cannot`, async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: 'cold', StorageClass: 'DEEP_ARCHIVE' })
      await client.restoreObject({ Key: 'a', RestoreRequest: { Days: 1, CASJobParameters: { Tier } } })
      const expedited = { Days: 1, CASJobParameters: { Tier: 'Expedited' as const } }
      const error = await refused('SEALSTREAM_SERVICE', () =>
        client.restoreObject({ Key: 'a', RestoreRequest: expedited }),
      )
      expect(error).to.include({ status: 400 })
    })
  }

  it('passes on that an object is not archived, or not there', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: 'warm' })
    const run = (Key: string) => () => client.restoreObject({ Key, RestoreRequest: { Days: 1 } })
    expect(await refused('SEALSTREAM_SERVICE', run('a'))).to.include({ serviceCode: 'InvalidObjectState' })
    expect(await refused('SEALSTREAM_SERVICE', run('b'))).to.include({ status: 404 })
  })

  it('sends the document of the service, the same bytes when it is tried again', async () => {
    const service = await scriptedService(spec, refusal(500, 'InternalError'), { status: 202 })
    const client = spec.client(service, { retry: { baseDelay: 1 } })
    const RestoreRequest = { Days: 7, CASJobParameters: { Tier: 'Bulk' as const } }
    await client.restoreObject({ Key: 'ü', VersionId: 'v+1', RestoreRequest })
    const texts = service.seen.map(({ body }) => body.toString())
    expect(texts[0]).to.match(
      /^(<\?xml[^>]*>\s*)?<RestoreRequest>\s*<Days>7<\/Days>\s*<CASJobParameters>\s*<Tier>Bulk<\/Tier>\s*<\/CASJobParameters>\s*<\/RestoreRequest>\s*$/,
    )
    expect(texts[1]).to.equal(texts[0])
    const [{ method, url }] = service.seen as [(typeof service.seen)[number]]
    expect(method).to.equal('POST')
    expect(url.replace('restore=&', 'restore&')).to.equal('/spec-1250000000/%C3%BC?restore&versionId=v%2B1')
  })

  const bad: [request: unknown, option: string][] = [
    [undefined, 'RestoreRequest'],
    [5, 'RestoreRequest'],
    [{}, 'RestoreRequest.Days'],
    [{ Days: 0 }, 'RestoreRequest.Days'],
    [{ Days: 1.5 }, 'RestoreRequest.Days'],
    [{ Days: '3' }, 'RestoreRequest.Days'],
    [{ Days: 366 }, 'RestoreRequest.Days'],
    [{ Days: 1, Tier: 'Bulk' }, 'RestoreRequest.Tier'],
    [{ Days: 1, CASJobParameters: { Tier: 'Fast' } }, 'RestoreRequest.CASJobParameters.Tier'],
    [{ Days: 1, CASJobParameters: 'Bulk' }, 'RestoreRequest.CASJobParameters'],
  ]
  for (const [RestoreRequest, option] of bad) {
    it(`refuses ${JSON.stringify(RestoreRequest)}, naming ${option}`, async () => {
      const params = { Key: 'a', RestoreRequest } as RestoreObjectParams
      const error = await refused('SEALSTREAM_OPTION', () =>
        spec.client({ endpoint: 'http://127.0.0.1:1' }).restoreObject(params),
      )
      expect(error).to.have.property('option', option)
    })
  }
})
