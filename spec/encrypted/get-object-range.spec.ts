/** Ranges of the plaintext: exact to the byte, of one object only, or refused. */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { SealstreamError, OptionError } from '../../lib/errors.js'
import { AES_256, FORMATS, MASTERS, RSA_2048 } from '../support/encrypting-masters.js'
import { bytesOf, encryptingStore } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { withBody, withHeaders, type Exchange, type Reply, type Tamper } from '../support/tampering-proxy.js'

const PREFIX = 'x-cos-meta-client-side-encryption-'
const SIZE = 70_001
const PLAIN = new Seeded(3).bytes(SIZE)
const OTHER = new Seeded(4).bytes(SIZE)

const isRanged = ({ method, headers }: Exchange): boolean => method === 'GET' && headers.range !== undefined

async function expectRange(
  client: CosEncryptionClient,
  Range: string,
  start: number,
  end: number,
): Promise<void> {
  const got = await client.getObject({ Key: 'k', Range })
  const bytes = await bytesOf(got.Body)
  expect(bytes.equals(PLAIN.subarray(start, end + 1)), `${Range} gives ${start}..${end}`).to.equal(true)
  expect([got.ContentLength, got.ContentRange, got.StoredLength, got.verified]).to.deep.equal([
    end - start + 1,
    `bytes ${start}-${end}/${SIZE}`,
    SIZE,
    'length',
  ])
}

describe('getObject with Range, encrypted', () => {
  const store = encryptingStore()

  for (const format of FORMATS) {
    describe(format, () => {
      let client: CosEncryptionClient
      beforeEach(async () => {
        client = store.client({ format, policy: 'any' })
        await client.putObject({ Key: 'k', Body: PLAIN })
      })

      it('gives every start from 0 to 40, to ends 0, 1, 15, 16, 17 and 40 bytes later', async () => {
        for (let start = 0; start <= 40; start++) {
          await Promise.all(
            [0, 1, 15, 16, 17, 40].map((more) =>
              expectRange(client, `bytes=${start}-${start + more}`, start, start + more),
            ),
          )
        }
      })

      it('gives 60 random ranges as slices', async () => {
        const random = new Seeded(5)
        for (let n = 0; n < 60; n++) {
          const [start, end] = [random.integer(SIZE), random.integer(SIZE)].sort((a, b) => a - b) as [
            number,
            number,
          ]
          await expectRange(client, `bytes=${start}-${end}`, start, end)
        }
      })

      const forms: [range: string, start: number, end: number][] = [
        ['bytes=-1', SIZE - 1, SIZE - 1],
        ['bytes=-17', SIZE - 17, SIZE - 1],
        [`bytes=-${SIZE}`, 0, SIZE - 1],
        [`bytes=-${SIZE + 1}`, 0, SIZE - 1],
        ['bytes=-999999999999999', 0, SIZE - 1],
        ['bytes=0-', 0, SIZE - 1],
        ['bytes=33-', 33, SIZE - 1],
        [`bytes=${SIZE - 1}-`, SIZE - 1, SIZE - 1],
        [`bytes=0-${SIZE - 1}`, 0, SIZE - 1],
        [`bytes=0-${SIZE}`, 0, SIZE - 1],
        [`bytes=${SIZE - 5}-999999999999999`, SIZE - 5, SIZE - 1],
      ]
      for (const [range, start, end] of forms) {
        it(`gives ${start}..${end} for ${range}`, () => expectRange(client, range, start, end))
      }

      for (const range of [
        `bytes=${SIZE}-`,
        `bytes=${SIZE}-${SIZE + 5}`,
        'bytes=999999999999999-',
        'bytes=-0',
      ]) {
        it(`refuses ${range} of ${SIZE} bytes with SEALSTREAM_RANGE`, async () => {
          const error = await refused('SEALSTREAM_RANGE', () => client.getObject({ Key: 'k', Range: range }))
          expect(error.message).to.include(range).and.include(String(SIZE))
        })
      }

      for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1', 'bytes=-0', 'bytes=5-9']) {
        it(`refuses ${range} of an empty object with SEALSTREAM_RANGE`, async () => {
          await client.putObject({ Key: 'empty', Body: '' })
          await refused('SEALSTREAM_RANGE', () => client.getObject({ Key: 'empty', Range: range }))
        })
      }
    })
  }

  for (const { name, masterKey } of MASTERS) {
    it(`gives the middle of an object under ${name}`, async () => {
      const client = store.client({ masterKey: masterKey() })
      await client.putObject({ Key: 'k', Body: PLAIN })
      await expectRange(client, 'bytes=20001-40003', 20_001, 40_003)
    })
  }

  const malformed = [
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-3',
    'bytes=a-b',
    'bytes=0-1,4-5',
    'bytes = 0-1',
  ]
  malformed.push(' bytes=0-1', 'bytes=0-1\r\nx: y', 'items=0-1', 'bytes=1e3-', 'bytes=--1', '0-1')
  for (const range of malformed) {
    it(`refuses the range ${JSON.stringify(range)}, naming it`, async () => {
      const client = store.client()
      await client.putObject({ Key: 'k', Body: PLAIN })
      const error = ofClass(
        await refused('SEALSTREAM_OPTION', () => client.getObject({ Key: 'k', Range: range })),
        OptionError,
      )
      expect([error.option, error.value]).to.deep.equal(['Range', range])
    })
  }

  it('refuses a malformed range before any request, also of a key that is not there', async () => {
    const { client, proxy } = await store.proxied()
    await refused('SEALSTREAM_OPTION', () => client.getObject({ Key: 'k', Range: 'bytes=5-3' }))
    expect(proxy.exchanges).to.deep.equal([])
  })

  it('asks for no more ciphertext than the range needs', async () => {
    await store.client().putObject({ Key: 'k', Body: PLAIN })
    const { client, proxy } = await store.proxied()
    await expectRange(client, 'bytes=1000-1009', 1000, 1009)
    const [head, get] = proxy.exchanges
    expect([head!.method, get!.method]).to.deep.equal(['HEAD', 'GET'])
    expect(get!.headers.range).to.match(/^bytes=(99[2-9]|1000)-10(09|0[0-9]|1[0-9])$/)
    expect(get!.headers['if-match'])
      .to.be.a('string')
      .that.matches(/^"[0-9a-f]{32}"$/)
  })

  describe('of an object that is overwritten between HEAD and GET', () => {
    /** Overwrites the object before the first `times` ranged GETs reach the store. */
    function swapping(times: number): Tamper {
      let left = times
      return async (exchange, forward) => {
        if (isRanged(exchange) && left-- > 0) await store.client().putObject({ Key: 'k', Body: OTHER })
        return forward()
      }
    }

    it('gives the new object when that happens once', async () => {
      await store.client().putObject({ Key: 'k', Body: PLAIN })
      const { client, proxy } = await store.proxied(swapping(1))
      const got = await client.getObject({ Key: 'k', Range: 'bytes=100-199' })
      expect((await bytesOf(got.Body)).equals(OTHER.subarray(100, 200))).to.equal(true)
      expect(proxy.exchanges.map(({ method }) => method)).to.deep.equal(['HEAD', 'GET', 'HEAD', 'GET'])
    })

    it('gives the new object when it is shorter, and refuses a range that it no longer has', async () => {
      await store.client().putObject({ Key: 'k', Body: PLAIN })
      let swapped = false
      const { client } = await store.proxied(async (exchange, forward) => {
        if (isRanged(exchange) && !swapped) {
          swapped = true
          await store.client().putObject({ Key: 'k', Body: 'short' })
        }
        return forward()
      })
      await refused('SEALSTREAM_RANGE', () => client.getObject({ Key: 'k', Range: 'bytes=100-199' }))
    })

    it('fails with SEALSTREAM_OBJECT_CHANGED when it happens every time', async () => {
      await store.client().putObject({ Key: 'k', Body: PLAIN })
      const { client, proxy } = await store.proxied(swapping(Infinity))
      await refused('SEALSTREAM_OBJECT_CHANGED', () => client.getObject({ Key: 'k', Range: 'bytes=100-199' }))
      expect(proxy.exchanges.length).to.be.at.most(4)
    })

    it('fails typed when the object is deleted', async () => {
      await store.client().putObject({ Key: 'k', Body: PLAIN })
      const { client } = await store.proxied(async (exchange, forward) => {
        if (isRanged(exchange)) await store.plain().deleteObject({ Key: 'k' })
        return forward()
      })
      const error = await failureOf(() => client.getObject({ Key: 'k', Range: 'bytes=100-199' }))
      expect(['SEALSTREAM_SERVICE', 'SEALSTREAM_OBJECT_CHANGED']).to.include(error.code)
    })
  })

  describe('with the ranged answer altered', () => {
    const alterations: Record<string, (reply: Reply) => Reply> = {
      'another ETag': (reply) => withHeaders(reply, { etag: '"00000000000000000000000000000000"' }),
      'no ETag': (reply) => withHeaders(reply, { etag: undefined }),
      'another start in Content-Range': (reply) =>
        withHeaders(reply, { 'content-range': `bytes 101-199/${SIZE}` }),
      'another size in Content-Range': (reply) =>
        withHeaders(reply, { 'content-range': `bytes 100-199/${SIZE + 1}` }),
      'no Content-Range': (reply) => withHeaders(reply, { 'content-range': undefined }),
      'another wrapped key': (reply) => withHeaders(reply, { [`${PREFIX}key`]: 'A'.repeat(52) + 'AAA=' }),
      'no wrapped IV': (reply) => withHeaders(reply, { [`${PREFIX}start`]: undefined }),
      'one envelope header more': (reply) => withHeaders(reply, { 'x-cos-meta-sealstream-version': '1' }),
      'status 200 and everything': (reply) => ({
        ...withBody(withHeaders(reply, { 'content-range': undefined }), PLAIN),
        status: 200,
      }),
      'status 200 and the range': (reply) => ({ ...reply, status: 200 }),
    }
    for (const [title, alter] of Object.entries(alterations)) {
      it(`refuses ${title}`, async () => {
        await store.client().putObject({ Key: 'k', Body: PLAIN })
        const { client } = await store.proxied(async (exchange, forward) => {
          const reply = await forward()
          return isRanged(exchange) ? alter(reply) : reply
        })
        const error = await failureOf(async () =>
          bytesOf((await client.getObject({ Key: 'k', Range: 'bytes=100-199' })).Body),
        )
        expect(['SEALSTREAM_OBJECT_CHANGED', 'SEALSTREAM_ANSWER', 'SEALSTREAM_INTEGRITY']).to.include(
          error.code,
        )
      })
    }

    for (const missing of [1, 16, 99, 100]) {
      it(`refuses a body ${missing} bytes shorter than the range, its Content-Length in agreement`, async () => {
        await store.client().putObject({ Key: 'k', Body: PLAIN })
        const { client } = await store.proxied(async (exchange, forward) => {
          const reply = await forward()
          return isRanged(exchange) ? withBody(reply, reply.body.subarray(missing)) : reply
        })
        const error = await failureOf(async () =>
          bytesOf((await client.getObject({ Key: 'k', Range: 'bytes=100-199' })).Body),
        )
        expect(['SEALSTREAM_TRUNCATED', 'SEALSTREAM_ANSWER']).to.include(error.code)
      })
    }

    it('gives no byte beyond the range when the body is longer, its Content-Length in agreement', async () => {
      await store.client().putObject({ Key: 'k', Body: PLAIN })
      const { client } = await store.proxied(async (exchange, forward) => {
        const reply = await forward()
        return isRanged(exchange) ? withBody(reply, Buffer.concat([reply.body, Buffer.from('more')])) : reply
      })
      const outcome = await client
        .getObject({ Key: 'k', Range: 'bytes=100-199' })
        .then(({ Body }) => bytesOf(Body))
        .catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).to.be.instanceOf(SealstreamError)
      else expect((outcome as Buffer).equals(PLAIN.subarray(100, 200))).to.equal(true)
    })

    it('fails when the connection breaks in the middle of the range', async () => {
      await store.client().putObject({ Key: 'k', Body: PLAIN })
      const { client } = await store.proxied(async (exchange, forward) => {
        const reply = await forward()
        return isRanged(exchange) ? { ...reply, cutAt: 50 } : reply
      })
      const error = await failureOf(async () =>
        bytesOf((await client.getObject({ Key: 'k', Range: 'bytes=100-199' })).Body),
      )
      expect(['SEALSTREAM_CONNECTION', 'SEALSTREAM_TRUNCATED']).to.include(error.code)
    })

    it('blames the answer, not an option, when HEAD names no ETag to hold the GET to', async () => {
      await store.client().putObject({ Key: 'k', Body: PLAIN })
      const { client } = await store.proxied(async (_exchange, forward) =>
        withHeaders(await forward(), { etag: undefined }),
      )
      await refused('SEALSTREAM_ANSWER', () => client.getObject({ Key: 'k', Range: 'bytes=100-199' }))
    })
  })

  it('opens the envelope under an RSA key for each range', async () => {
    const client = store.client({ masterKey: RSA_2048.masterKey(), format: 'cos-python' })
    await client.putObject({ Key: 'k', Body: PLAIN })
    const got = await client.getObject({ Key: 'k', Range: 'bytes=16-31' })
    expect([got.format, got.keyVerified, got.authenticated]).to.deep.equal(['cos-python', true, false])
    expect((await bytesOf(got.Body)).equals(PLAIN.subarray(16, 32))).to.equal(true)
  })

  it('says keyVerified false for a range of cos-python under an AES key', async () => {
    const client = store.client({ masterKey: AES_256.masterKey(), format: 'cos-python' })
    await client.putObject({ Key: 'k', Body: PLAIN })
    const got = await client.getObject({ Key: 'k', Range: 'bytes=16-31' })
    got.Body.destroy()
    expect(got.keyVerified).to.equal(false)
  })
})
