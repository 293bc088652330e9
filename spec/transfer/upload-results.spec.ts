import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { Progress } from '../../lib/internal/progress.js'
import type { ServerOptions } from '../../lib/server/index.js'
import type { UploadParams } from '../../lib/transfer/upload.js'
import { type Forwarded, forwarding } from '../support/forwarder.js'
import { customerKey } from '../support/object-requests.js'
import { objectPath, rawRequest } from '../support/raw-request.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { CLIENT_KINDS, PART, uploadRigs } from '../support/upload-rig.js'

const all = new Seeded(22).bytes(3 * PART + 5)

/** Read anywhere, and read once: two ways through the engine. */
const SOURCES: Record<string, () => UploadParams['Body']> = {
  'from bytes': () => all,
  'from a stream': () => Readable.from(piecesOf(all, 300_001)),
}

/** Records the bodies of parts, to compare with the headers they came with. */
function recorder(): { bodies: Map<string, Buffer[]>; options: ServerOptions } {
  const bodies = new Map<string, Buffer[]>()
  return {
    bodies,
    options: {
      onBody({ operation, partNumber, attempt, bytes }) {
        const name = `${operation} ${partNumber ?? ''} ${attempt}`
        bodies.set(name, [...(bodies.get(name) ?? []), Buffer.from(bytes)])
      },
    },
  }
}

const md5Of = (bytes: Buffer): string => createHash('md5').update(bytes).digest('base64')
const isPart = ({ url }: Forwarded): boolean => url.includes('partNumber=')

describe('an upload', () => {
  const start = uploadRigs()

  for (const [name, source] of Object.entries(SOURCES)) {
    for (const kind of CLIENT_KINDS) {
      it(`${name} reports progress that only grows, up to the stored length, ${kind}`, async () => {
        const rig = await start({ faults: [{ kind: 'internal-error', operation: 'uploadPart', call: 2 }] })
        for (const Concurrency of [1, 8]) {
          const seen: Progress[] = []
          const onProgress = (progress: Progress): void => void seen.push(progress)
          await rig.client(kind).upload({ Key: 'a', Body: source(), PartSize: PART, Concurrency, onProgress })
          const bytes = seen.map((progress) => progress.bytes)
          expect(bytes).to.deep.equal([...bytes].sort((a, b) => a - b))
          expect(bytes.at(-1)).to.equal(all.length)
          const total = name === 'from bytes' ? all.length : undefined
          expect(new Set(seen.map((progress) => progress.total))).to.deep.equal(new Set([total]))
        }
      })
    }

    it(`${name} sends the MD5 of each part's ciphertext with EnableMD5, and none without`, async () => {
      for (const EnableMD5 of [true, false]) {
        const recorded = recorder()
        const rig = await start(recorded.options)
        const sent = await forwarding(rig.server, (endpoint) =>
          rig.client('cos', { endpoint }).upload({ Key: 'a', Body: source(), PartSize: PART, EnableMD5 }),
        )
        const parts = sent.filter(isPart)
        expect(parts.length).to.equal(4)
        for (const { url, headers } of parts) {
          const number = /partNumber=(\d+)/.exec(url)![1]!
          const body = Buffer.concat(recorded.bodies.get(`uploadPart ${number} 1`)!)
          expect(headers['content-md5'], number).to.equal(EnableMD5 ? md5Of(body) : undefined)
          const at = (Number(number) - 1) * PART
          expect(body.equals(all.subarray(at, at + PART)), 'is ciphertext').to.equal(false)
        }
      }
    })

    it(`${name} of one part sends the MD5 of its ciphertext with its PUT, also without MD5 in the client`, async () => {
      const rig = await start()
      const Body = name === 'from bytes' ? all.subarray(0, 1000) : Readable.from([all.subarray(0, 1000)])
      const sent = await forwarding(rig.server, (endpoint) =>
        rig.client('cos', { endpoint, integrity: 'crc64' }).upload({ Key: 'a', Body, EnableMD5: true }),
      )
      expect(sent.map(({ headers }) => headers['content-md5'])).to.deep.equal([md5Of((await rig.raw()).body)])
    })

    it(`${name} is encrypted by SSE-COS besides, and the result says so`, async () => {
      const rig = await start()
      for (const kind of CLIENT_KINDS) {
        for (const PartSize of [PART, 4 * PART]) {
          const params = { Key: 'a', Body: source(), PartSize, ServerSideEncryption: 'AES256' } as const
          const stored = await rig.client(kind).upload(params)
          expect(stored).to.include({ ServerSideEncryption: 'AES256', verified: 'crc64' })
          expect((await rig.raw()).headers['x-cos-server-side-encryption']).to.equal('AES256')
          expect((await rig.contentOf())?.equals(all)).to.equal(true)
        }
      }
    })

    it(`${name} is encrypted by SSE-KMS with key and context besides, and the result says so`, async () => {
      const rig = await start()
      for (const PartSize of [PART, 4 * PART]) {
        const stored = await rig.client().upload({
          Key: 'a',
          Body: source(),
          PartSize,
          ServerSideEncryption: 'cos/kms',
          SSEKMSKeyId: 'the-key',
          SSEKMSContext: { purpose: 'spec' },
        })
        expect(stored).to.include({ ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'the-key' })
        expect((await rig.contentOf())?.equals(all)).to.equal(true)
      }
    })

    it(`${name} carries the customer's key with every part`, async () => {
      const rig = await start()
      const SSECustomerKey = new Seeded(1).bytes(32)
      const headers = customerKey(SSECustomerKey)
      for (const kind of CLIENT_KINDS) {
        for (const PartSize of [PART, 4 * PART]) {
          const sent = await forwarding(rig.server, async (endpoint) => {
            const client = rig.client(kind, { endpoint })
            const stored = await client.upload({ Key: 'a', Body: source(), PartSize, SSECustomerKey })
            expect(stored.verified).to.equal('crc64')
          })
          const carried = sent.filter(({ method }) => method === 'PUT')
          expect(carried.length).to.equal(PartSize === PART ? 4 : 1)
          for (const request of carried) {
            expect(request.headers['x-cos-server-side-encryption-customer-key']).to.equal(
              SSECustomerKey.toString('base64'),
            )
          }
          expect((await rig.raw()).status).to.equal(400)
          expect((await rig.contentOf('a', headers))?.equals(all)).to.equal(true)
        }
      }
    })

    it(`${name} stores headers, metadata, storage class, ACL and tags, and limits the traffic of each body`, async () => {
      const rig = await start()
      for (const PartSize of [PART, 4 * PART]) {
        const sent = await forwarding(rig.server, (endpoint) =>
          rig.client('cos', { endpoint }).upload({
            Key: 'a',
            Body: source(),
            PartSize,
            ContentType: 'text/plain',
            CacheControl: 'no-cache',
            StorageClass: 'STANDARD_IA',
            Metadata: { color: 'red' },
            ACL: 'public-read',
            Tagging: { a: '1', b: 'x y' },
            TrafficLimit: 819_200_000,
          }),
        )
        const { headers } = await rig.raw()
        expect(headers).to.include({
          'content-type': 'text/plain',
          'cache-control': 'no-cache',
          'x-cos-storage-class': 'STANDARD_IA',
          'x-cos-meta-color': 'red',
        })
        const query = async (name: string): Promise<string> =>
          (await rawRequest(rig.server, { path: objectPath('a'), query: { [name]: '' } })).text
        expect(await query('acl')).to.contain('<Permission>READ</Permission>')
        expect(await query('tagging')).to.contain('<Value>x y</Value>')
        for (const request of sent.filter(({ method }) => method === 'PUT')) {
          expect(request.headers['x-cos-traffic-limit']).to.equal('819200000')
        }
      }
    })
  }

  for (const PartSize of [PART, 4 * PART]) {
    it(`with a customer's key names its MD5 in the result, with parts of ${PartSize}`, async () => {
      const rig = await start()
      const SSECustomerKey = new Seeded(1).bytes(32)
      const stored = await rig.client().upload({ Key: 'a', Body: all, PartSize, SSECustomerKey })
      expect(stored).to.include({ SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: md5Of(SSECustomerKey) })
    })
  }

  for (const [maxBuffer, most] of [
    [1, 1],
    [PART, 1],
    [2 * PART + 5, 2],
    [undefined, 4],
  ] as const) {
    it(`from bytes with maxBuffer ${maxBuffer ?? 'left out'} has at most ${most} parts of 1 MiB under way`, async () => {
      // The server is told of an answer's end a moment after the client has it.
      expect(await mostUnderWay(all, maxBuffer)).to.be.within(1, most + 1)
    })
  }

  for (const [maxBuffer, most] of [
    [1, 1],
    [3 * PART, 1],
    [4 * PART, 2],
    [undefined, 4],
  ] as const) {
    it(`from a stream with maxBuffer ${maxBuffer ?? 'left out'} has at most ${most} parts of 1 MiB under way`, async () => {
      expect(await mostUnderWay(Readable.from(piecesOf(all, 50_000)), maxBuffer)).to.be.within(1, most + 1)
    })
  }

  /** Parts whose first bytes have come, and that were not answered yet, at the same time. */
  async function mostUnderWay(Body: UploadParams['Body'], maxBuffer: number | undefined): Promise<number> {
    const underWay = new Set<number>()
    let most = 0
    const rig = await start({
      onBody({ partNumber }) {
        if (partNumber !== undefined) underWay.add(partNumber)
        most = Math.max(most, underWay.size)
      },
      onRequest: ({ partNumber }) => void underWay.delete(partNumber ?? 0),
    })
    const limited = maxBuffer === undefined ? {} : { maxBuffer }
    await rig.client().upload({ Key: 'a', Body, PartSize: PART, Concurrency: 4, ...limited })
    expect((await rig.contentOf())?.equals(all)).to.equal(true)
    return most
  }
})
