import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { ServiceError } from '../../lib/errors.js'
import { ofClass } from '../support/of-class.js'
import { rawRequest, BUCKET } from '../support/raw-request.js'
import { failureOf, refused } from '../support/refused.js'
import { content, ENCRYPTED, PART, PLAIN, transferBench } from '../support/transfers.js'

const KINDS = [PLAIN, ENCRYPTED[0]!]

describe('downloadFile: which object', () => {
  const bench = transferBench()

  /** What `f` holds. */
  const text = (): Promise<string> => readFile(bench.path('f'), 'utf8')

  for (const kind of KINDS) {
    it(`${kind.name}: takes conditions that hold`, async () => {
      const client = bench.client(kind)
      const { ETag } = await client.putObject({ Key: 'k', Body: 'right' })
      const past = new Date(Date.now() - 3_600_000)
      const future = new Date(Date.now() + 3_600_000)
      for (const condition of [
        { IfMatch: ETag },
        { IfMatch: ETag.replaceAll('"', '') },
        { IfNoneMatch: '"00000000000000000000000000000000"' },
        { IfModifiedSince: past },
        { IfUnmodifiedSince: future },
      ]) {
        await writeFile(bench.path('f'), 'old')
        await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), ...condition })
        expect(await text(), Object.keys(condition)[0]).to.equal('right')
      }
    })

    it(`${kind.name}: a condition that does not hold is a ServiceError of 412 or 304, and nothing is written`, async () => {
      const client = bench.client(kind)
      const { ETag } = await client.putObject({ Key: 'k', Body: 'right' })
      const past = new Date(Date.now() - 3_600_000)
      await writeFile(bench.path('f'), 'old')
      for (const [condition, status] of [
        [{ IfMatch: '"00000000000000000000000000000000"' }, 412],
        [{ IfNoneMatch: ETag }, 304],
        [{ IfModifiedSince: new Date() }, 304],
        [{ IfUnmodifiedSince: past }, 412],
      ] as const) {
        const call = (): Promise<unknown> =>
          client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), checkpoint: true, ...condition })
        const error = ofClass(await refused('SEALSTREAM_SERVICE', call), ServiceError)
        expect(error.status, Object.keys(condition)[0]).to.equal(status)
      }
      expect(await text()).to.equal('old')
      expect(await bench.names()).to.deep.equal(['f'])
    })

    it(`${kind.name}: an object that is not there is a ServiceError of 404, and nothing is written`, async () => {
      const client = bench.client(kind)
      await writeFile(bench.path('f'), 'old')
      for (const Concurrency of [1, 8]) {
        const call = (): Promise<unknown> =>
          client.downloadFile({ Key: 'none', DestFilePath: bench.path('f'), Concurrency })
        expect(ofClass(await failureOf(call), ServiceError).status).to.equal(404)
      }
      expect(await text()).to.equal('old')
      expect(await bench.names()).to.deep.equal(['f'])
    })

    it(`${kind.name}: fetches the version that is named, whatever came after it`, async () => {
      await enableVersions()
      const client = bench.client(kind)
      const old = content(PART + 7, 2)
      const { VersionId } = await client.putObject({ Key: 'k', Body: old })
      expect(VersionId).to.be.a('string')
      const latest = await client.putObject({ Key: 'k', Body: content(3, 3) })
      const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART }
      const result = await client.downloadFile({ ...params, VersionId: VersionId! })
      expect(result.VersionId).to.equal(VersionId)
      expect((await readFile(bench.path('f'))).equals(old)).to.equal(true)
      expect((await client.downloadFile(params)).VersionId).to.equal(latest.VersionId)
      expect((await readFile(bench.path('f'))).equals(content(3, 3))).to.equal(true)
    })

    it(`${kind.name}: fetches a named version also from a service that does not repeat its name`, async () => {
      await enableVersions()
      const writer = bench.client(kind)
      const old = content(PART + 7, 2)
      const { VersionId } = await writer.putObject({ Key: 'k', Body: old })
      await writer.putObject({ Key: 'k', Body: 'later' })
      const proxy = await bench.proxy(async (_exchange, forward) => {
        const reply = await forward()
        return { ...reply, headers: { ...reply.headers, 'x-cos-version-id': undefined } }
      })
      const client = bench.client(kind, { endpoint: proxy.endpoint })
      const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART }
      await client.downloadFile({ ...params, VersionId: VersionId! })
      expect((await readFile(bench.path('f'))).equals(old)).to.equal(true)
    })

    it(`${kind.name}: an object under the caller's own key comes with that key and with no other`, async () => {
      const client = bench.client(kind)
      const SSECustomerKey = content(32, 7)
      const bytes = content(2 * PART + 1)
      await client.putObject({ Key: 'k', Body: bytes, SSECustomerKey })
      const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 2 }
      const result = await client.downloadFile({ ...params, SSECustomerKey })
      expect(result.SSECustomerAlgorithm).to.equal('AES256')
      expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)
      const asText = SSECustomerKey.toString('base64')
      await client.downloadFile({ ...params, SSECustomerKey: asText, SSECustomerAlgorithm: 'AES256' })
      expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)

      await writeFile(bench.path('f'), 'old')
      await refused('SEALSTREAM_SERVICE', () => client.downloadFile(params))
      await refused('SEALSTREAM_SERVICE', () =>
        client.downloadFile({ ...params, SSECustomerKey: content(32, 8) }),
      )
      expect(await text()).to.equal('old')
      expect(await bench.hidden()).to.deep.equal([])
    })

    it(`${kind.name}: names the speed limit in every ranged request`, async () => {
      const writer = bench.client(kind)
      await writer.putObject({ Key: 'k', Body: content(PART + 1) })
      const proxy = await bench.proxy((_exchange, forward) => forward())
      const client = bench.client(kind, { endpoint: proxy.endpoint })
      const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART }
      await client.downloadFile({ ...params, TrafficLimit: 838_860_800 })
      const gets = proxy.exchanges.filter(({ method }) => method === 'GET')
      expect(gets.map(({ headers }) => headers['x-cos-traffic-limit'])).to.deep.equal([
        '838860800',
        '838860800',
      ])
    })
  }

  async function enableVersions(): Promise<void> {
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    const path = `/${BUCKET}/`
    const answer = await rawRequest(bench.server, { method: 'PUT', path, query: { versioning: '' }, body })
    expect(answer.status).to.equal(200)
  }
})
