/** Objects that are overwritten between the requests that one read takes: one version or the other, never a mixture (RULES 4.4). */
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { bytesOf } from '../support/encrypting-store.js'
import { cbcBytes, cbcMetadata } from '../support/cbc-objects.js'
import { GCM, rawObject, SEALED, writing } from '../support/format-writers.js'
import { refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const OLD = content(PART + 90_000, 1)
const NEW = content(PART + 90_000, 2)
const LENGTH = OLD.length

describe('an object that is overwritten while it is read', () => {
  const bench = transferBench({}, { once: true })

  interface Version {
    readonly bytes: Buffer
    readonly metadata: Record<string, string>
  }
  /** Two versions of an object, and a client that reads both. */
  interface Pair {
    readonly client: (endpoint: string) => CosEncryptionClient
    readonly versions: () => Promise<[old: Version, other: Version]>
  }

  const written = (writer: typeof SEALED): Pair => ({
    client: (endpoint) => writing(bench, writer, { endpoint }),
    async versions() {
      const stored: Version[] = []
      for (const Body of [OLD, NEW]) {
        await writing(bench, writer).putObject({ Key: 'k', Body })
        stored.push(await rawObject(bench))
      }
      return stored as [Version, Version]
    },
  })
  const pairs: Readonly<Record<string, Pair>> = {
    sealed: written(SEALED),
    'cos-java-gcm': written(GCM),
    'cos-java-cbc': {
      client: (endpoint) => bench.encrypting({ policy: 'any', endpoint }),
      versions: async () => [
        { bytes: cbcBytes(OLD), metadata: cbcMetadata() },
        { bytes: cbcBytes(NEW), metadata: cbcMetadata() },
      ],
    },
  }

  const store = ({ bytes, metadata }: Version): Promise<unknown> =>
    bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: metadata })

  const reads: Readonly<
    Record<string, [start: number, read: (client: CosEncryptionClient) => Promise<Buffer>]>
  > = {
    whole: [0, async (client) => bytesOf((await client.getObject({ Key: 'k' })).Body)],
    'the middle': [300_000, (client) => range(client, `bytes=300000-${LENGTH - 500}`)],
    'a suffix': [LENGTH - 200_000, (client) => range(client, 'bytes=-200000')],
    downloadFile: [
      0,
      async (client) => {
        const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 1 }
        await client.downloadFile(params)
        return readFile(bench.path('f'))
      },
    ],
  }

  async function range(client: CosEncryptionClient, Range: string): Promise<Buffer> {
    return bytesOf((await client.getObject({ Key: 'k', Range, releaseUnverified: true })).Body)
  }

  for (const [format, { client, versions }] of Object.entries(pairs)) {
    for (const [title, [start, read]] of Object.entries(reads)) {
      it(`${format}, ${title}: once, before each of its requests in turn, gives one version`, async () => {
        const [old, other] = await versions()
        const requestsOf = async (overwriting?: number): Promise<[requests: number, bytes: Buffer]> => {
          await store(old)
          let requests = 0
          const proxy = await bench.proxy(async (_, forward) => {
            if (++requests === overwriting) await store(other)
            return forward()
          })
          const bytes = await read(client(proxy.endpoint))
          return [requests, bytes]
        }
        const [requests] = await requestsOf()
        for (let at = 1; at <= requests; at++) {
          const [, bytes] = await requestsOf(at)
          const expected = [OLD, NEW].map((each) => each.subarray(start, start + bytes.length))
          expect(bytes.length).to.be.greaterThan(0)
          expect(
            expected.some((each) => each.equals(bytes)),
            `request ${at} of ${requests}`,
          ).to.equal(true)
        }
      })

      if (title === 'whole' && format !== 'cos-java-cbc') continue
      it(`${format}, ${title}: over and over, is SEALSTREAM_OBJECT_CHANGED`, async () => {
        const [old, other] = await versions()
        await store(old)
        let isOld = true
        const proxy = await bench.proxy(async ({ method }, forward) => {
          if (method === 'GET') await store((isOld = !isOld) ? old : other)
          return forward()
        })
        await refused('SEALSTREAM_OBJECT_CHANGED', () => read(client(proxy.endpoint)))
        if (title === 'downloadFile') expect(await bench.names()).to.deep.equal([])
      })
    }
  }
})
