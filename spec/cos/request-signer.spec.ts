import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import type { Credentials } from '../../lib/cos/credentials.js'
import { RequestSigner } from '../../lib/cos/request-signer.js'
import { ServiceError } from '../../lib/errors.js'
import type { RequestEvent } from '../../lib/server/index.js'
import { cosSpec, KEYS } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService } from '../support/scripted-service.js'

const NOW = Date.parse('2024-05-06T07:08:09Z')
const MINUTES = 60_000

function denied(serviceCode: string, serviceMessage = ''): ServiceError {
  const facts = { status: 403, resource: '', requestId: '', traceId: '' }
  return new ServiceError('op', { ...facts, serviceCode, serviceMessage })
}

const dateOf = (time: number): string => new Date(time).toUTCString()

describe('RequestSigner', () => {
  const signer = (credentials: Credentials | (() => Credentials) = KEYS): RequestSigner =>
    new RequestSigner({ credentials, clock: () => NOW })

  /** The start of the signature's time, as a difference to the clock in milliseconds. */
  async function skewOf(of: RequestSigner): Promise<number> {
    const target = { origin: 'http://h', host: 'h', path: '/', encodedPath: '/' }
    const { authorization = '' } = await of.signed({ method: 'GET' }, target)
    return Number(/q-sign-time=(\d+);/.exec(authorization)?.[1]) * 1000 + MINUTES - NOW
  }

  for (const [difference, corrected] of [
    [30_000, true],
    [-30_000, true],
    [29_000, false],
    [-29_000, false],
    [0, false],
    [20 * MINUTES, true],
    [-365 * 24 * 60 * MINUTES, true],
  ] as const) {
    it(`${corrected ? 'goes' : 'does not go'} by a Date that differs by ${difference / 1000} s`, async () => {
      const of = signer()
      const isDone = of.recover(denied('RequestTimeTooSkewed'), dateOf(NOW + difference), 0)
      expect(isDone).to.equal(corrected)
      expect(await skewOf(of)).to.equal(corrected ? difference : 0)
      expect(of.generation).to.equal(corrected ? 1 : 0)
    })
  }

  it('takes AccessDenied for a clock that is off only with the words Request has expired', async () => {
    const date = dateOf(NOW + 20 * MINUTES)
    expect(signer().recover(denied('AccessDenied', 'Request has expired'), date, 0)).to.equal(true)
    expect(signer().recover(denied('AccessDenied', 'Access denied.'), date, 0)).to.equal(false)
    expect(signer().recover(denied('SignatureDoesNotMatch'), date, 0)).to.equal(false)
  })

  it('can do nothing without a Date, or with one that is none', () => {
    expect(signer().recover(denied('RequestTimeTooSkewed'), undefined, 0)).to.equal(false)
    expect(signer().recover(denied('RequestTimeTooSkewed'), 'yesterday', 0)).to.equal(false)
  })

  it('corrects once for all requests that were signed before the correction', async () => {
    const of = signer()
    const date = dateOf(NOW + 20 * MINUTES)
    for (let i = 0; i < 5; i++) expect(of.recover(denied('RequestTimeTooSkewed'), date, 0)).to.equal(true)
    expect(of.generation).to.equal(1)
    expect(await skewOf(of)).to.equal(20 * MINUTES)
    // One that was signed after it and is refused all the same is refused for good.
    expect(of.recover(denied('RequestTimeTooSkewed'), date, 1)).to.equal(false)
  })

  it('cannot renew static keys that the service calls expired', () => {
    expect(signer().recover(denied('ExpiredToken'), undefined, 0)).to.equal(false)
  })

  it('gets new keys from a function, once for all', async () => {
    let calls = 0
    const of = signer(() => ({ ...KEYS, token: `token-${++calls}` }))
    await skewOf(of)
    for (let i = 0; i < 5; i++) expect(of.recover(denied('ExpiredToken'), undefined, 0)).to.equal(true)
    await Promise.all(Array.from({ length: 10 }, () => skewOf(of)))
    expect(calls).to.equal(2)
  })
})

describe('a clock that is off', () => {
  const spec = cosSpec()

  for (const skew of [20 * MINUTES, -20 * MINUTES]) {
    describe(`by ${skew / MINUTES} minutes`, () => {
      const start = async (): Promise<{ client: CosClient; events: RequestEvent[] }> => {
        const events: RequestEvent[] = []
        const server = await spec.server({ clock: () => NOW, onRequest: (event) => void events.push(event) })
        return { client: spec.client(server, { clock: () => NOW + skew }), events }
      }

      it('costs one request more, without any retry allowed; from then on none', async () => {
        const { client, events } = await start()
        await client.putObject({ Key: 'a', Body: 'hello' })
        expect(events.map(({ status }) => status)).to.deep.equal([403, 200])
        await client.listObjects()
        await client.putObject({ Key: 'b', Body: ['hello'], ContentLength: 5 })
        const { Body } = await client.getObject({ Key: 'a' })
        expect(await Body.transformToString()).to.equal('hello')
        expect(events.slice(2).map(({ status }) => status)).to.deep.equal([200, 200, 200])
      })

      it('is corrected once for 20 requests at the same time', async () => {
        const { client, events } = await start()
        const puts = Array.from({ length: 20 }, (_, i) => client.putObject({ Key: `k${i}`, Body: `${i}` }))
        await Promise.all(puts)
        expect(events.filter(({ status }) => status === 403)).to.have.length.within(1, 20)
        expect(events.filter(({ status }) => status === 200)).to.have.length(20)
        events.length = 0
        expect((await client.listObjects()).Contents).to.have.length(20)
        expect(events).to.have.length(1)
      })

      for (const method of ['getObject', 'headObject', 'deleteObject'] as const) {
        it(`is corrected by the first request, a ${method}`, async () => {
          const events: RequestEvent[] = []
          const server = await spec.server({
            clock: () => NOW,
            onRequest: (event) => void events.push(event),
          })
          await spec.client(server, { clock: () => NOW }).putObject({ Key: 'a', Body: 'hello' })
          const client = spec.client(server, { clock: () => NOW + skew })
          await client[method]({ Key: 'a' })
          expect(events.map(({ status }) => status).slice(1, 2)).to.deep.equal([403])
        })
      }

      it('fails a stream, which is gone, but not the request after it', async () => {
        const { client } = await start()
        const error = await refused('SEALSTREAM_SERVICE', () =>
          client.putObject({ Key: 'a', Body: ['hello'], ContentLength: 5 }),
        )
        expect(error).to.include({ status: 403 })
        await client.putObject({ Key: 'a', Body: ['hello'], ContentLength: 5 })
      })

      it('is corrected for presigned URLs too', async () => {
        const { client } = await start()
        await client.putObject({ Key: 'a', Body: 'hello' })
        const answer = await fetch(await client.presign({ Key: 'a' }))
        expect(await answer.text()).to.equal('hello')
      })
    })
  }

  it('that is right is left alone: a service that keeps saying otherwise is asked once', async () => {
    const skewed = refusal(403, 'RequestTimeTooSkewed', { date: dateOf(NOW) })
    const service = await scriptedService(spec, skewed)
    const error = await refused('SEALSTREAM_SERVICE', () =>
      spec.client(service, { clock: () => NOW, retry: { baseDelay: 1 } }).listObjects(),
    )
    expect(error).to.include({ serviceCode: 'RequestTimeTooSkewed' })
    expect(error.hint).to.include('clock')
    expect(service.seen).to.have.length(1)
  })

  it('that cannot be set right by the Date of the service is tried twice, not for ever', async () => {
    let hours = 0
    const service = await scriptedService(spec, () =>
      refusal(403, 'RequestTimeTooSkewed', { date: dateOf(NOW + ++hours * 60 * MINUTES) }),
    )
    await refused('SEALSTREAM_SERVICE', () =>
      spec.client(service, { clock: () => NOW, retry: { baseDelay: 1 } }).listObjects(),
    )
    expect(service.seen).to.have.length(2)
  })
})

describe('keys that have expired', () => {
  const spec = cosSpec()

  it('are renewed once for 20 requests at the same time', async () => {
    const server = await spec.server({ faults: [{ kind: 'expired-token', times: 20 }] })
    let calls = 0
    const credentials = async (): Promise<Credentials> => {
      calls += 1
      await new Promise(setImmediate)
      return server.credentials
    }
    const client = spec.client(server, { credentials })
    await Promise.all(Array.from({ length: 20 }, (_, i) => client.putObject({ Key: `k${i}`, Body: `${i}` })))
    expect(server.faults.hits).to.have.length(20)
    expect(calls).to.equal(2)
    expect((await client.listObjects()).Contents).to.have.length(20)
    expect(calls).to.equal(2)
  })

  it('send the new token, signed, and mark the request as a repetition', async () => {
    const service = await scriptedService(spec, refusal(403, 'ExpiredToken'), {})
    let calls = 0
    const client = spec.client(service, { credentials: () => ({ ...KEYS, token: `token-${++calls}` }) })
    await client.deleteObject({ Key: 'a' })
    const sent = service.seen.map(({ headers }) => headers)
    expect(sent.map((headers) => headers['x-cos-security-token'])).to.deep.equal(['token-1', 'token-2'])
    expect(sent[1]!['x-cos-sdk-retry']).to.equal('true')
    expect(sent[1]!.authorization).to.match(/q-header-list=[^&]*x-cos-security-token/)
  })

  it('fail where they are static, at once', async () => {
    const server = await spec.server({ faults: [{ kind: 'expired-token', times: Infinity }] })
    const client = spec.client(server, { retry: { baseDelay: 1 } })
    const error = await refused('SEALSTREAM_SERVICE', () => client.listObjects())
    expect(error).to.include({ status: 403, serviceCode: 'ExpiredToken' })
    expect(server.faults.hits).to.have.length(1)
  })

  it('fail where the new ones have expired too, after one renewal', async () => {
    const server = await spec.server({ faults: [{ kind: 'expired-token', times: Infinity }] })
    const client = spec.client(server, { credentials: () => server.credentials, retry: { baseDelay: 1 } })
    await refused('SEALSTREAM_SERVICE', () => client.listObjects())
    expect(server.faults.hits).to.have.length(2)
  })

  it('fail with what the renewal fails with', async () => {
    const server = await spec.server({ faults: [{ kind: 'expired-token' }] })
    let calls = 0
    const credentials = (): Credentials => {
      if (++calls > 1) throw new Error('no more keys')
      return server.credentials
    }
    const error = await refused('SEALSTREAM_CREDENTIALS', () =>
      spec.client(server, { credentials }).listObjects(),
    )
    expect(error.cause).to.have.property('message', 'no more keys')
  })

  const steps = 6
  const transfer = async (client: CosClient): Promise<void> => {
    const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
    const Part: { PartNumber: number; ETag: string }[] = []
    for (const [i, Body] of [Buffer.alloc(1024 * 1024, 'x'), 'last'].entries()) {
      const { ETag } = await client.uploadPart({ Key: 'a', UploadId, PartNumber: i + 1, Body })
      Part.push({ PartNumber: i + 1, ETag })
    }
    await client.listParts({ Key: 'a', UploadId })
    await client.completeMultipartUpload({ Key: 'a', UploadId, MultipartUpload: { Part } })
    const { Body } = await client.getObject({ Key: 'a' })
    expect((await Body.transformToByteArray()).length).to.equal(1024 * 1024 + 4)
  }

  for (let call = 1; call <= steps; call++) {
    it(`at request ${call} of ${steps} of a transfer cost one renewal`, async () => {
      const server = await spec.server({ faults: [{ kind: 'expired-token', call }] })
      let calls = 0
      const credentials = (): Credentials => {
        calls += 1
        return server.credentials
      }
      await transfer(spec.client(server, { credentials }))
      expect(calls).to.equal(2)
      expect(server.faults.hits).to.have.length(1)
    })
  }

  it('within the next minute are renewed before every request; no request is refused', async () => {
    const events: RequestEvent[] = []
    const server = await spec.server({ onRequest: (event) => void events.push(event) })
    let calls = 0
    const credentials = (): Credentials => {
      calls += 1
      return { ...server.credentials, expiresAt: new Date(Date.now() + 30_000) }
    }
    await transfer(spec.client(server, { credentials }))
    expect(calls).to.equal(steps)
    expect(events.every(({ status }) => status < 300)).to.equal(true)
  })
})
