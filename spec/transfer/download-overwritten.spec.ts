import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { ServiceError } from '../../lib/errors.js'
import { ofClass } from '../support/of-class.js'
import { refused } from '../support/refused.js'
import type { Proxy } from '../support/tampering-proxy.js'
import {
  type AnyClient,
  type ClientKind,
  content,
  ENCRYPTED,
  PART,
  PLAIN,
  transferBench,
} from '../support/transfers.js'

const OLD = content(3 * PART, 1)

/** What the object is overwritten with: shorter, longer, as long, empty. */
const NEW = {
  'a shorter one': content(PART + 1, 2),
  'a longer one': content(4 * PART + 7, 2),
  'one of the same length': content(3 * PART, 2),
  'an empty one': Buffer.alloc(0),
}

describe('downloadFile: an object that is overwritten meanwhile', () => {
  const bench = transferBench({}, { once: true })
  let writer: AnyClient

  const params = (more: object = {}): { Key: string; DestFilePath: string; PartSize: number } => ({
    Key: 'k',
    DestFilePath: bench.path('f'),
    PartSize: PART,
    ...more,
  })

  /** A client whose ranged requests are counted, before they reach the service. */
  async function reader(
    kind: ClientKind,
    before: (get: number) => Promise<unknown>,
  ): Promise<{ client: AnyClient; proxy: Proxy }> {
    let gets = 0
    const proxy = await bench.proxy(async ({ method }, forward) => {
      if (method === 'GET') await before(++gets)
      return forward()
    })
    return { proxy, client: bench.client(kind, { endpoint: proxy.endpoint }) }
  }

  for (const kind of [PLAIN, ENCRYPTED[0]!, ENCRYPTED[3]!]) {
    for (const [what, bytes] of Object.entries(NEW)) {
      for (const at of kind.format === 'cos-python' ? [2] : [1, 2, 3]) {
        it(`${kind.name}: by ${what} before range ${at}: begins afresh, and gives the new one`, async () => {
          writer = bench.client(kind)
          await writer.putObject({ Key: 'k', Body: OLD })
          await writeFile(bench.path('f'), 'old')
          const { client, proxy } = await reader(
            kind,
            async (get) => get === at && writer.putObject({ Key: 'k', Body: bytes }),
          )
          const result = await client.downloadFile(params({ Concurrency: 1 }))
          expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)
          expect(result).to.include({ ContentLength: bytes.length, verified: 'crc64' })
          expect(result.ETag).to.equal((await writer.headObject({ Key: 'k' })).ETag)
          expect(proxy.exchanges.filter(({ method }) => method === 'HEAD')).to.have.lengthOf(2)
          expect(await bench.names()).to.deep.equal(['f'])
        })
      }
    }

    for (const checkpoint of [false, true]) {
      const how = checkpoint ? 'with a checkpoint' : 'without checkpoint'
      it(`${kind.name}: over and over, ${how}: SEALSTREAM_OBJECT_CHANGED, and nothing is left`, async () => {
        writer = bench.client(kind)
        await writer.putObject({ Key: 'k', Body: OLD })
        await writeFile(bench.path('f'), 'old')
        for (const Concurrency of [1, 3]) {
          const { client, proxy } = await reader(kind, (get) =>
            writer.putObject({ Key: 'k', Body: content(3 * PART, 2 + get) }),
          )
          const error = await refused('SEALSTREAM_OBJECT_CHANGED', () =>
            client.downloadFile(params({ Concurrency, checkpoint })),
          )
          expect(error.message).to.contain('k')
          expect(proxy.exchanges.filter(({ method }) => method === 'HEAD')).to.have.lengthOf(2)
          expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
          expect(await bench.names()).to.deep.equal(['f'])
        }
      })
    }

    it(`${kind.name}: a condition of the caller still holds for what is begun afresh`, async () => {
      writer = bench.client(kind)
      const { ETag } = await writer.putObject({ Key: 'k', Body: OLD })
      await writeFile(bench.path('f'), 'old')
      const { client } = await reader(
        kind,
        async (get) => get === 2 && writer.putObject({ Key: 'k', Body: 'other' }),
      )
      const error = await refused('SEALSTREAM_SERVICE', () =>
        client.downloadFile(params({ Concurrency: 1, IfMatch: ETag })),
      )
      expect(ofClass(error, ServiceError).status).to.equal(412)
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
      expect(await bench.names()).to.deep.equal(['f'])
    })

    it(`${kind.name}: deleted before range 2 is a ServiceError of 404, and nothing is left`, async () => {
      writer = bench.client(kind)
      await writer.putObject({ Key: 'k', Body: OLD })
      const { client } = await reader(kind, async (get) => get === 2 && writer.deleteObject({ Key: 'k' }))
      const error = await refused('SEALSTREAM_SERVICE', () => client.downloadFile(params({ Concurrency: 1 })))
      expect(ofClass(error, ServiceError).status).to.equal(404)
      expect(await bench.names()).to.deep.equal([])
    })
  }

  it('by the same bytes under another envelope and the same ETag: the ranges are held to the envelope, too', async () => {
    const [kind] = ENCRYPTED
    writer = bench.client(kind!)
    await writer.putObject({ Key: 'k', Body: OLD })
    let heads = 0
    const proxy = await bench.proxy(async ({ method }, forward) => {
      const reply = await forward()
      const name = 'x-cos-meta-client-side-encryption-unencrypted-content-length'
      if (method === 'HEAD') heads += 1
      return method === 'GET' && heads === 1
        ? { ...reply, headers: { ...reply.headers, [name]: '1', 'x-cos-meta-spec': 'other' } }
        : reply
    })
    const client = bench.client(kind!, { endpoint: proxy.endpoint })
    await client.downloadFile(params())
    expect(heads).to.equal(2)
    expect((await readFile(bench.path('f'))).equals(OLD)).to.equal(true)
  })

  it('every range names the ETag that HEAD told, so that the service does not send other bytes at all', async () => {
    writer = bench.plain()
    const { ETag } = await writer.putObject({ Key: 'k', Body: OLD })
    const { client, proxy } = await reader(PLAIN, () => Promise.resolve())
    await client.downloadFile(params({ Concurrency: 2 }))
    const gets = proxy.exchanges.filter(({ method }) => method === 'GET')
    expect(gets.map(({ headers }) => headers['if-match'])).to.deep.equal([ETag, ETag, ETag])
  })

  it('an encrypted one by one without an envelope is SEALSTREAM_ENVELOPE_MISSING, never its bytes', async () => {
    const [kind] = ENCRYPTED
    writer = bench.client(kind!)
    await writer.putObject({ Key: 'k', Body: OLD })
    await writeFile(bench.path('f'), 'old')
    const { client } = await reader(
      kind!,
      async (get) => get === 2 && bench.plain().putObject({ Key: 'k', Body: content(3 * PART, 5) }),
    )
    await refused('SEALSTREAM_ENVELOPE_MISSING', () => client.downloadFile(params({ Concurrency: 1 })))
    expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
    expect(await bench.names()).to.deep.equal(['f'])
  })

  it('progress goes forward only, also where the whole is begun afresh', async () => {
    writer = bench.plain()
    await writer.putObject({ Key: 'k', Body: OLD })
    const { client } = await reader(
      PLAIN,
      async (get) => get === 3 && writer.putObject({ Key: 'k', Body: content(3 * PART, 2) }),
    )
    const seen: number[] = []
    await client.downloadFile({
      ...params({ Concurrency: 1 }),
      onProgress: ({ bytes }) => void seen.push(bytes),
    })
    expect(seen).to.deep.equal([...new Set(seen)].sort((a, b) => a - b))
    expect(seen.at(-1)).to.equal(3 * PART)
  })
})
