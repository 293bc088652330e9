import { expect } from 'chai'
import { makeService } from '../../lib/cos-client.js'
import { digestOf } from '../../lib/checksum/body-digest.js'
import { crc64 } from '../../lib/checksum/crc64.js'
import { sealerOf } from '../../lib/encrypted/sealer.js'
import { PartWriter } from '../../lib/transfer/part-writer.js'
import type { UploadJob } from '../../lib/transfer/upload-job.js'
import { answering, checksumsOf, cosSpec, KEYS } from '../support/cos-service.js'
import { AES_256, encryptedWith } from '../support/encrypting-masters.js'
import { BUCKET } from '../support/raw-request.js'
import { Seeded } from '../support/seeded.js'

/** 64 bytes are too small a part for a real service, but 1000 of them are at hand: this one takes any. */
const PART = 64

/** Sizes of parts by number: they double every 1000 (RULES 1.5). */
const sizeOf = (number: number): number => PART * 2 ** Math.floor((number - 1) / 1000)

describe('PartWriter', () => {
  const spec = cosSpec()

  /** A service that takes parts of any size, and what it took. */
  async function lenient() {
    const parts = new Map<number, Buffer>()
    const seen = {
      envelope: {} as Record<string, string | undefined>,
      inFlight: 0,
      mostInFlight: 0,
      /** When a part came that has grown. */
      mostWithGrown: 0,
    }
    const service = await spec.http(
      answering((body, request, response) => {
        const query = new URL(request.url!, 'http://x').searchParams
        const number = Number(query.get('partNumber') ?? 0)
        if (request.method === 'POST' && query.has('uploads')) {
          seen.envelope = request.headers as Record<string, string | undefined>
          response.end(
            '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
          )
        } else if (request.method === 'PUT') {
          parts.set(number, body)
          seen.inFlight += body.length
          seen.mostInFlight = Math.max(seen.mostInFlight, seen.inFlight)
          if (body.length > PART) seen.mostWithGrown = Math.max(seen.mostWithGrown, seen.inFlight)
          // Later: what else is sent meanwhile is in flight together with it.
          setTimeout(() => {
            seen.inFlight -= body.length
            response.writeHead(200, checksumsOf(body)).end()
          }, 1)
        } else {
          const whole = Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes))
          response.setHeader('x-cos-hash-crc64ecma', String(crc64(whole)))
          response.end('<CompleteMultipartUploadResult><ETag>"e-1"</ETag></CompleteMultipartUploadResult>')
        }
      }),
    )
    return { service, parts, seen }
  }

  function jobOf(endpoint: string, job: Partial<UploadJob>): UploadJob {
    return {
      service: makeService({ endpoint, credentials: KEYS, bucket: BUCKET }),
      bucket: BUCKET,
      key: 'a',
      params: {},
      partSize: PART,
      concurrency: 4,
      maxBuffer: PART * 6,
      threads: undefined,
      enableMd5: false,
      trafficLimit: {},
      signal: undefined,
      onProgress: undefined,
      onEvent: undefined,
      sealer: undefined,
      ...job,
    }
  }

  const lengthOf = (parts: number): number =>
    Array.from({ length: parts }, (_, i) => sizeOf(i + 1)).reduce((sum, size) => sum + size, 0)

  it('makes parts of twice the size after each 1000, and a last one of 17 bytes, encrypted as one', async () => {
    const { service, parts: stored, seen } = await lenient()
    const encryption = { masterKey: AES_256.masterKey(), format: 'cos', policy: 'any' } as const
    const sealer = sealerOf({ ...encryption, context: undefined, service: undefined as never })
    const writer = new PartWriter(jobOf(service.endpoint, { sealer, concurrency: 16 }))
    const content = new Seeded(3).bytes(lengthOf(1003) + 17)
    await writer.open()
    for (const piece of new Seeded(1).pieces(content, 5000)) await writer.write(piece)
    const result = await writer.end()
    expect(result).to.include({ PartCount: 1004, StoredLength: content.length, verified: 'crc64' })
    const numbers = Array.from({ length: 1004 }, (_, i) => i + 1)
    expect(numbers.map((number) => stored.get(number)!.length)).to.deep.equal([
      ...numbers.slice(0, 1003).map(sizeOf),
      17,
    ])
    const whole = Buffer.concat(numbers.map((number) => stored.get(number)!))
    expect(encryptedWith(AES_256.secrets(seen.envelope), whole).equals(content)).to.equal(true)
    expect(result.HashCrc64ecma).to.equal(String(digestOf(whole).crc64))
  })

  for (const maxBuffer of [1, 6 * PART]) {
    it(`holds at most ${maxBuffer} bytes, or one part, besides the two being made, while parts grow`, async () => {
      const { service, seen } = await lenient()
      const writer = new PartWriter(jobOf(service.endpoint, { concurrency: 16, maxBuffer }))
      await writer.open()
      await writer.write(Buffer.alloc(lengthOf(1030)))
      await writer.end()
      expect(seen.mostWithGrown).to.be.within(2 * PART, Math.max(2 * PART, maxBuffer - 4 * PART))
      // Parts that have not grown may be more at a time.
      expect(seen.mostInFlight).to.be.at.most(Math.max(2 * PART, maxBuffer - 2 * PART))
    })
  }

  it('that is abandoned before, while and after it writes settles, and drops what was started', async () => {
    for (const bytes of [0, PART, 10 * PART]) {
      const { service } = await lenient()
      const writer = new PartWriter(jobOf(service.endpoint, {}))
      await writer.open()
      await writer.write(Buffer.alloc(bytes))
      await writer.abandon(new Error('enough'))
      await writer.abandon(new Error('again'))
    }
  })
})
