import { Agent } from 'node:http'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { RetryEvent } from '../../lib/cos/retry.js'
import { cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService, stored, type Step } from '../support/scripted-service.js'

const QUICK = { baseDelay: 1 }

describe('requests that are tried again', () => {
  const spec = cosSpec()

  it('carry x-cos-sdk-retry from the second attempt on, signed, and the same body', async () => {
    const service = await scriptedService(
      spec,
      refusal(503, 'SlowDown'),
      refusal(500, 'InternalError'),
      stored,
    )
    await spec.client(service, { retry: QUICK }).putObject({ Key: 'a', Body: 'body' })
    expect(service.seen.map(({ headers }) => headers['x-cos-sdk-retry'])).to.deep.equal([
      undefined,
      'true',
      'true',
    ])
    expect(service.seen.map(({ body }) => body.toString())).to.deep.equal(['body', 'body', 'body'])
    expect(service.seen[0]!.headers.authorization).to.not.include('x-cos-sdk-retry')
    expect(service.seen[1]!.headers.authorization).to.match(/q-header-list=[^&]*x-cos-sdk-retry/)
  })

  it('tell onRetry what failed', async () => {
    const service = await scriptedService(spec, 'reset', refusal(429, 'TooManyRequests'), {})
    const events: RetryEvent[] = []
    const client = spec.client(service, { retry: QUICK, onRetry: (event) => void events.push(event) })
    await client.deleteObject({ Key: 'a' })
    expect(events.map(({ operation, attempt }) => [operation, attempt])).to.deep.equal([
      ['deleteObject', 1],
      ['deleteObject', 2],
    ])
    expect(events[0]!.error).to.have.property('code', 'SEALSTREAM_CONNECTION')
    expect(events[1]!.error).to.include({ status: 429, serviceCode: 'TooManyRequests' })
  })

  const final: [title: string, step: Step, status: number][] = [
    ['403', refusal(403, 'AccessDenied'), 403],
    ['404', refusal(404, 'NoSuchKey'), 404],
    ['409', refusal(409, 'OperationAborted'), 409],
    ['412', refusal(412, 'PreconditionFailed'), 412],
    ['501', refusal(501, 'NotImplemented'), 501],
    ['400 with a code that is not known', refusal(400, 'InvalidArgument'), 400],
  ]
  for (const [title, step, status] of final) {
    it(`are not after ${title}`, async () => {
      const service = await scriptedService(spec, step)
      const client = spec.client(service, { retry: QUICK })
      for (const run of [
        () => client.putObject({ Key: 'a', Body: 'x' }),
        () => client.getObject({ Key: 'a' }),
        () => client.headObject({ Key: 'a' }),
        () => client.deleteObject({ Key: 'a' }),
        () => client.listObjects(),
      ]) {
        service.seen.length = 0
        expect(await refused('SEALSTREAM_SERVICE', run)).to.include({ status })
        expect(service.seen).to.have.length(1)
      }
    })
  }

  it('are not where the name of the host does not exist, are where it could not be resolved now', async () => {
    for (const [code, attempts] of [
      ['ENOTFOUND', 1],
      ['EAI_AGAIN', 3],
    ] as const) {
      let lookups = 0
      const lookup: LookupFunction = (_host, _options, done) => {
        lookups += 1
        done(Object.assign(new Error(`getaddrinfo ${code}`), { code }), '')
      }
      const agent = new Agent(Object.assign({ keepAlive: false }, { lookup }))
      const client = spec.client(
        { endpoint: 'http://cos.example.invalid' },
        { agents: { http: agent }, retry: { attempts: 3, baseDelay: 1 } },
      )
      const error = await refused('SEALSTREAM_CONNECTION', () => client.headObject({ Key: 'a' }))
      expect(error.cause).to.have.property('code', code)
      expect(lookups).to.equal(attempts)
    }
  })

  it('wait as long as Retry-After says, in seconds or as a date by the Date of the service', async () => {
    const now = Date.parse('2001-02-03T04:05:06Z')
    for (const headers of [
      { 'retry-after': '1' },
      { 'retry-after': new Date(now + 1000).toUTCString(), date: new Date(now).toUTCString() },
    ]) {
      const service = await scriptedService(spec, refusal(503, 'SlowDown', headers), stored)
      const events: RetryEvent[] = []
      const client = spec.client(service, { retry: QUICK, onRetry: (event) => void events.push(event) })
      const start = performance.now()
      await client.putObject({ Key: 'a', Body: 'x' })
      expect(performance.now() - start).to.be.at.least(998)
      expect(events.map(({ delay }) => delay)).to.deep.equal([1000])
    }
  })

  it('do not wait for a Retry-After that is past, or none at all', async () => {
    const now = new Date(Date.parse('2001-02-03T04:05:06Z'))
    const past = new Date(now.getTime() - 60_000)
    for (const headers of [
      { 'retry-after': past.toUTCString(), date: now.toUTCString() },
      { 'retry-after': 'soon' },
      { 'retry-after': '-5' },
    ]) {
      const service = await scriptedService(spec, refusal(503, 'SlowDown', headers), stored)
      const events: RetryEvent[] = []
      const client = spec.client(service, { retry: QUICK, onRetry: (event) => void events.push(event) })
      await client.putObject({ Key: 'a', Body: 'x' })
      expect(events).to.have.length(1)
      expect(events[0]!.delay).to.be.within(0, 1)
    }
  })

  it('give up at once where the service asks for 301 seconds; the error says how long', async () => {
    const now = Date.parse('2001-02-03T04:05:06Z')
    for (const headers of [
      { 'retry-after': '301' },
      { 'retry-after': new Date(now + 301_000).toUTCString(), date: new Date(now).toUTCString() },
    ]) {
      const service = await scriptedService(spec, refusal(503, 'SlowDown', headers), stored)
      const error = await refused('SEALSTREAM_SERVICE', () =>
        spec.client(service, { retry: QUICK }).putObject({ Key: 'a', Body: 'x' }),
      )
      expect(error).to.include({ status: 503, retryAfter: 301_000 })
      expect(service.seen).to.have.length(1)
    }
  })

  it('end at once when the signal is aborted while they wait', async () => {
    const service = await scriptedService(spec, refusal(503, 'SlowDown', { 'retry-after': '200' }))
    const controller = new AbortController()
    const reason = new Error('enough')
    const client = spec.client(service, {
      onRetry: () => setImmediate(() => controller.abort(reason)),
      retry: {},
    })
    const error = await refused('SEALSTREAM_ABORTED', () =>
      client.putObject({ Key: 'a', Body: 'x', signal: controller.signal }),
    )
    expect(error.cause).to.equal(reason)
    expect(service.seen).to.have.length(1)
  })

  it('share the budget of their client', async () => {
    const service = await scriptedService(spec, refusal(500, 'InternalError'))
    const client = spec.client(service, { retry: { attempts: 10, baseDelay: 0, budget: 12 } })
    const runs = Array.from({ length: 20 }, () =>
      refused('SEALSTREAM_SERVICE', () => client.headObject({ Key: 'a' })),
    )
    await Promise.all(runs)
    expect(service.seen).to.have.length(20 + 12)
  })

  for (const [title, step] of [
    ['503', refusal(503, 'SlowDown', { 'retry-after': '0' })],
    ['500', refusal(500, 'InternalError')],
    ['a broken connection', 'reset'],
    ['wrong checksums', { headers: { etag: `"${'0'.repeat(32)}"`, 'x-cos-hash-crc64ecma': '1' } }],
  ] as [string, Step][]) {
    it(`are never made of streams: ${title} fails at once`, async () => {
      const service = await scriptedService(spec, step)
      const events: RetryEvent[] = []
      const client = spec.client(service, { retry: QUICK, onRetry: (event) => void events.push(event) })
      const source = Readable.from(['abc'])
      const put = client.putObject({ Key: 'a', Body: source, ContentLength: 3 })
      await put.then(
        () => expect.fail('stored'),
        () => undefined,
      )
      const part = { Key: 'a', UploadId: 'u', PartNumber: 1, ContentLength: 3 }
      await client.uploadPart({ ...part, Body: ['abc'] }).then(
        () => expect.fail('stored'),
        () => undefined,
      )
      expect(events).to.deep.equal([])
      expect(service.seen).to.have.length(2)
      expect(source.destroyed).to.equal(true)
    })
  }
})
