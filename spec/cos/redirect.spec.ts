import { Agent } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import type { RunningServer } from '../../lib/server/index.js'
import { cosSpec } from '../support/cos-service.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { scriptedService, stored, type ScriptedAnswer } from '../support/scripted-service.js'
import { Seeded } from '../support/seeded.js'

const BYTES = new Seeded(3).bytes(500_000)
const PATH = `/${BUCKET}/a`

describe('redirects (307)', () => {
  const spec = cosSpec()

  /** A server whose first answer to a PUT sends the client to `location`. */
  const sending = (location: string): Promise<RunningServer> =>
    spec.server({ faults: [{ kind: 'redirect', operation: 'putObject', location }] })

  /** Two regions of one service, and a client of the first, which sends it to the second. */
  async function pair(): Promise<{ second: CosClient; client: CosClient }> {
    const servers = [await spec.server({ https: true })]
    const { credentials } = servers[0]!
    const location = `https://${BUCKET}.cos.eu-frankfurt.myqcloud.com/a`
    const faults = [{ kind: 'redirect', times: Infinity, location } as const]
    servers.unshift(await spec.server({ https: true, credentials, faults }))
    const ports = new Map(
      ['ap-beijing', 'eu-frankfurt'].map((region, i) => [
        `${BUCKET}.cos.${region}.myqcloud.com`,
        servers[i]!.port,
      ]),
    )
    const createConnection = ({ host = '' }: { host?: string }): TLSSocket =>
      connect({ host: '127.0.0.1', port: ports.get(host)!, servername: host, rejectUnauthorized: false })
    const client = (region: string): CosClient => {
      const agents = { https: Object.assign(new Agent(), { createConnection }) }
      return spec.client({ ...servers[0]!, credentials }, { endpoint: undefined, region, agents })
    }
    return { client: client('ap-beijing'), second: client('eu-frankfurt') }
  }

  const refused307 = async (client: CosClient, Body: Buffer | Buffer[] = BYTES): Promise<void> => {
    const error = await refused('SEALSTREAM_SERVICE', () =>
      client.putObject({ Key: 'a', Body, ContentLength: BYTES.length }),
    )
    expect(error).to.include({ status: 307 })
  }

  it('to another region are followed, signed anew for its host, with the whole body', async () => {
    const { second, client } = await pair()
    await client.putObject({ Key: 'a', Body: BYTES })
    const { Body } = await second.getObject({ Key: 'a' })
    expect(Buffer.from(await Body.transformToByteArray()).equals(BYTES)).to.equal(true)
  })

  it('are followed by GET, HEAD, DELETE and with a query', async () => {
    const { second, client } = await pair()
    await second.putObject({ Key: 'a', Body: BYTES })
    const { Body } = await client.getObject({ Key: 'a', ResponseContentType: 'text/x' })
    expect((await Body.transformToByteArray()).length).to.equal(BYTES.length)
    expect((await client.headObject({ Key: 'a' })).ContentLength).to.equal(BYTES.length)
    const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
    await client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: 'x' })
    expect((await second.listParts({ Key: 'a', UploadId })).Part).to.have.length(1)
    await client.deleteObject({ Key: 'a' })
    expect((await second.listObjects()).Contents).to.deep.equal([])
  })

  it('are no retries: not marked as such, and not counted', async () => {
    const service = await scriptedService(
      spec,
      ({ headers }): ScriptedAnswer => ({
        status: 307,
        headers: { location: `http://${headers.host}${PATH}` },
      }),
      stored,
    )
    await spec.client(service).putObject({ Key: 'a', Body: 'x' })
    expect(service.seen.map(({ headers }) => headers['x-cos-sdk-retry'])).to.deep.equal([
      undefined,
      undefined,
    ])
  })

  it('may name the path alone', async () => {
    const service = await scriptedService(spec, { status: 307, headers: { location: PATH } }, stored)
    await spec.client(service).putObject({ Key: 'a', Body: 'x' })
    expect(service.seen.map(({ body }) => body.toString())).to.deep.equal(['x', 'x'])
  })

  it('are followed 3 times in a row, not 4 times', async () => {
    for (const times of [3, 4]) {
      const server = await spec.server({ faults: [{ kind: 'redirect', operation: 'putObject', times }] })
      const client = spec.client(server, { retry: { baseDelay: 1 } })
      if (times === 3) await client.putObject({ Key: 'a', Body: BYTES })
      else await refused307(client)
      expect(server.faults.hits).to.have.length(times)
    }
  })

  it('are not followed with a stream, which is gone', async () => {
    const server = await spec.server({ faults: [{ kind: 'redirect' }] })
    await refused307(spec.client(server), [BYTES])
    expect(server.faults.hits).to.have.length(1)
  })

  describe('are refused', () => {
    it('to another host', async () => {
      let requests = 0
      const other = await spec.http((_request, response) => {
        requests += 1
        response.end()
      })
      for (const host of ['localhost', '127.0.0.2', '[::1]', '127.0.0.1.example.com']) {
        const location = `${other.endpoint.replace('127.0.0.1', host)}${PATH}`
        await refused307(spec.client(await sending(location), { retry: { baseDelay: 1 } }))
      }
      expect(requests).to.equal(0)
    })

    it('to another port', async () => {
      const { endpoint } = await spec.server()
      await refused307(spec.client(await sending(`${endpoint}${PATH}`)))
    })

    for (const path of [`/${BUCKET}/b`, `/${BUCKET}/a/`, '/other-1250000000/a', '/a', '/']) {
      it(`to the path ${path}`, async () => {
        await refused307(spec.client(await sending(path)))
      })
    }

    for (const userinfo of ['user@', 'user:word@', ':word@']) {
      it(`with ${userinfo} before the host`, async () => {
        const server = await spec.server()
        const location = `http://${userinfo}127.0.0.1:${server.port}${PATH}`
        server.faults.add({ kind: 'redirect', operation: 'putObject', location })
        await refused307(spec.client(server))
      })
    }

    it('from https to http', async () => {
      const server = await spec.server({ https: true })
      const location = `${server.endpoint.replace('https:', 'http:')}${PATH}`
      server.faults.add({ kind: 'redirect', operation: 'putObject', location })
      await refused307(spec.client(server, { tls: { ca: server.certificate! } }))
    })

    for (const location of ['', 'http://', 'ftp://127.0.0.1/', 'not a URL at all:::']) {
      it(`with Location ${JSON.stringify(location)}`, async () => {
        const service = await scriptedService(spec, { status: 307, headers: { location } })
        await refused307(spec.client(service))
        expect(service.seen).to.have.length(1)
      })
    }

    it('without Location', async () => {
      const service = await scriptedService(spec, { status: 307 })
      await refused307(spec.client(service))
      expect(service.seen).to.have.length(1)
    })
  })
})
