import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { CosClientOptions } from '../../lib/cos-client.js'
import { IntegrityError } from '../../lib/errors.js'
import { answering, bodyOf, checksumsOf, cosSpec, onHeads, rawAnswer } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const bytes = new Seeded(11).bytes(200_000)
const { etag, 'x-cos-hash-crc64ecma': crc } = checksumsOf(bytes)
const otherEtag = `"${createHash('md5').update('other').digest('hex')}"`
const otherCrc = String(crc64(Buffer.from('other')))

type Headers = Record<string, string>

describe('what is stored against what was sent', () => {
  const spec = cosSpec()

  async function stored(headers: Headers, options: CosClientOptions = {}, whole = true): Promise<string> {
    const service = await spec.http(
      answering((_body, _request, response) => response.writeHead(200, headers).end()),
    )
    const Body = whole ? bytes : [bytes]
    const client = spec.client(service, options)
    const { verified } = await client.putObject({ Key: 'a', Body, ContentLength: bytes.length })
    return verified
  }

  for (const whole of [true, false]) {
    describe(whole ? 'bytes' : 'a stream', () => {
      const good: [title: string, headers: Headers, options: CosClientOptions, verified: string][] = [
        ['both agree', { etag, 'x-cos-hash-crc64ecma': crc }, {}, 'crc64'],
        ['only a CRC', { 'x-cos-hash-crc64ecma': crc, etag: '"opaque"' }, {}, 'crc64'],
        ['only an MD5', { etag }, {}, 'md5'],
        ['an MD5 without quotes, in upper case', { etag: etag.replaceAll('"', '').toUpperCase() }, {}, 'md5'],
        ['neither', { etag: '"opaque"' }, {}, 'length'],
        [
          'a wrong MD5 under SSE',
          { etag: otherEtag, 'x-cos-server-side-encryption': 'AES256' },
          {},
          'length',
        ],
        [
          'a wrong MD5 under SSE-C, a right CRC',
          {
            etag: otherEtag,
            'x-cos-server-side-encryption-customer-algorithm': 'AES256',
            'x-cos-hash-crc64ecma': crc,
          },
          {},
          'crc64',
        ],
        ['a wrong MD5, integrity crc64', { etag: otherEtag }, { integrity: 'crc64' }, 'length'],
        [
          'a right CRC, integrity crc64',
          { etag, 'x-cos-hash-crc64ecma': crc },
          { integrity: 'crc64' },
          'crc64',
        ],
        ['an MD5 where a checksum is required', { etag }, { requireChecksum: true }, 'md5'],
        ['the ETag of a multipart object', { etag: `"${'0'.repeat(32)}-2"` }, {}, 'length'],
      ]
      for (const [title, headers, options, verified] of good) {
        it(`${title}: verified ${verified}`, async () => {
          expect(await stored(headers, options, whole)).to.equal(verified)
        })
      }

      for (const [title, headers] of [
        ['a CRC that is no number', { etag: '"x"', 'x-cos-hash-crc64ecma': 'abc' }],
        ['no ETag, as from a portal in between', {}],
      ] as [string, Headers][]) {
        it(`${title}: not the service's answer`, () =>
          refused('SEALSTREAM_ANSWER', () => stored(headers, {}, whole)))
      }

      const bad: [title: string, headers: Headers, options: CosClientOptions, algorithm: string][] = [
        ['a wrong CRC', { etag, 'x-cos-hash-crc64ecma': otherCrc }, {}, 'crc64'],
        [
          'a wrong CRC, integrity crc64',
          { etag, 'x-cos-hash-crc64ecma': otherCrc },
          { integrity: 'crc64' },
          'crc64',
        ],
        [
          'a wrong CRC under SSE',
          { etag: '"x"', 'x-cos-hash-crc64ecma': otherCrc, 'x-cos-server-side-encryption': 'AES256' },
          {},
          'crc64',
        ],
        ['a wrong MD5', { etag: otherEtag }, {}, 'md5'],
        ['a wrong MD5, a right CRC', { etag: otherEtag, 'x-cos-hash-crc64ecma': crc }, {}, 'md5'],
        ['no checksum where one is required', { etag: '"x"' }, { requireChecksum: true }, 'crc64'],
      ]
      for (const [title, headers, options, algorithm] of bad) {
        it(`${title}: an IntegrityError`, async () => {
          const error = await refused('SEALSTREAM_INTEGRITY', () =>
            stored({ ...headers, 'x-cos-version-id': 'v1' }, options, whole),
          )
          expect(error).to.be.instanceOf(IntegrityError)
          expect(error).to.have.property('algorithm', algorithm)
          if (title.includes('wrong')) {
            expect(error).to.have.property('versionId', 'v1')
            expect((error as { etag?: string }).etag).to.equal(headers.etag)
          }
        })
      }
    })
  }

  it('holds for parts too', async () => {
    const service = await spec.http(
      answering((_body, _request, response) =>
        response.writeHead(200, { etag: '"x"', 'x-cos-hash-crc64ecma': otherCrc }).end(),
      ),
    )
    const error = await refused('SEALSTREAM_INTEGRITY', () =>
      spec.client(service).uploadPart({ Key: 'a', UploadId: 'u', PartNumber: 3, Body: bytes }),
    )
    expect(error.message).to.include('part 3')
  })

  it('deletes nothing', async () => {
    const methods: string[] = []
    const service = await spec.http((request, response) => {
      methods.push(request.method!)
      void bodyOf(request).then(() => response.writeHead(200, { etag: otherEtag }).end())
    })
    await refused('SEALSTREAM_INTEGRITY', () => spec.client(service).putObject({ Key: 'a', Body: bytes }))
    expect(methods).to.deep.equal(['PUT'])
  })
})

describe('what is read against what is stored', () => {
  const spec = cosSpec()

  async function read(
    answer: { headers: Headers; body?: Buffer; status?: number },
    options: CosClientOptions = {},
    Range?: string,
  ): Promise<{ verified: string; got: Buffer }> {
    const { headers, body = bytes, status = 200 } = answer
    const service = await spec.http((_request, response) => {
      response.writeHead(status, { 'content-length': body.length, ...headers }).end(body)
    })
    const client = spec.client(service, options)
    const { verified, Body } = await client.getObject({ Key: 'a', ...(Range === undefined ? {} : { Range }) })
    return { verified, got: Buffer.from(await Body.transformToByteArray()) }
  }

  const altered = Buffer.from(bytes)
  altered[100_000]! ^= 1

  for (const [title, headers, options, verified] of [
    ['both', { etag, 'x-cos-hash-crc64ecma': crc }, {}, 'crc64'],
    ['an MD5', { etag }, {}, 'md5'],
    ['nothing', { etag: '"opaque"' }, {}, 'length'],
    ['an MD5, integrity crc64', { etag: otherEtag }, { integrity: 'crc64' }, 'length'],
    ['a wrong MD5 under SSE', { etag: otherEtag, 'x-cos-server-side-encryption': 'AES256' }, {}, 'length'],
  ] as [string, Headers, CosClientOptions, string][]) {
    it(`${title}: verified ${verified}`, async () => {
      const { verified: found, got } = await read({ headers }, options)
      expect(found).to.equal(verified)
      expect(got.equals(bytes)).to.equal(true)
    })
  }

  it('altered bytes fail at the end by CRC-64, and by MD5 where that is all there is', async () => {
    for (const [headers, algorithm] of [
      [{ etag, 'x-cos-hash-crc64ecma': crc }, 'crc64'],
      [{ etag }, 'md5'],
    ] as const) {
      const error = await refused('SEALSTREAM_INTEGRITY', () => read({ headers, body: altered }))
      expect(error).to.have.property('algorithm', algorithm)
    }
  })

  it('altered bytes never end the stream cleanly', async () => {
    const service = await spec.http((_request, response) => {
      response
        .writeHead(200, { 'content-length': altered.length, 'x-cos-hash-crc64ecma': crc, etag })
        .end(altered)
    })
    const { Body } = await spec.client(service).getObject({ Key: 'a' })
    const events: string[] = []
    Body.on('end', () => events.push('end'))
    Body.on('error', () => events.push('error'))
    Body.resume()
    await new Promise((resolve) => Body.once('close', resolve))
    expect(events).to.deep.equal(['error'])
  })

  it('an empty object is verified like any other', async () => {
    const empty = checksumsOf(Buffer.alloc(0))
    expect((await read({ headers: empty, body: Buffer.alloc(0) })).got).to.have.length(0)
    await refused('SEALSTREAM_INTEGRITY', () =>
      read({ headers: { etag, 'x-cos-hash-crc64ecma': crc }, body: Buffer.alloc(0) }),
    )
  })

  it('asks for a checksum where one is required', async () => {
    await refused('SEALSTREAM_INTEGRITY', () => read({ headers: { etag: '"x"' } }, { requireChecksum: true }))
    await refused('SEALSTREAM_INTEGRITY', () =>
      read(
        {
          status: 206,
          headers: { etag, 'x-cos-hash-crc64ecma': crc, 'content-range': 'bytes 0-9/200000' },
          body: bytes.subarray(0, 10),
        },
        { requireChecksum: true },
        'bytes=0-9',
      ),
    )
  })

  for (const cut of [0, 1, 100_000, 199_999]) {
    it(`a body cut after ${cut} of 200000 bytes is an error, never a clean end`, async () => {
      const service = await spec.net((socket) => {
        onHeads(socket, () => {
          socket.write(rawAnswer('200 OK', { 'Content-Length': bytes.length, ETag: '"opaque"' }))
          socket.end(bytes.subarray(0, cut))
        })
      })
      const { Body } = await spec.client(service).getObject({ Key: 'a' })
      const failure = await Body.transformToByteArray().catch((error: unknown) => error)
      expect((failure as { code?: string }).code).to.be.oneOf([
        'SEALSTREAM_TRUNCATED',
        'SEALSTREAM_CONNECTION',
      ])
    })
  }

  it('refuses an answer that does not say how long it is', async () => {
    const service = await spec.http((_request, response) => {
      response.writeHead(200, { etag })
      response.write(bytes)
      response.end()
    })
    await refused('SEALSTREAM_ANSWER', () => spec.client(service).getObject({ Key: 'a' }))
  })
})
