import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { OptionError } from '../../lib/errors.js'
import { type BodyEvent, FAULT_KINDS, type FaultKind, type RequestEvent } from '../../lib/server/index.js'
import { eventually } from '../support/eventually.js'
import { objectPath, rawRequest, xmlText } from '../support/raw-request.js'
import { expectNoTrace } from '../support/secrecy.js'
import { serversOfSpec } from '../support/server-files.js'
import { base64, call, DATA_KEY, KEY, refusal, responseOf, send } from './kms-request.js'

describe('server: KMS is watched', () => {
  const start = serversOfSpec()

  it('by onRequest: the action, the status, and how much came', async () => {
    const events: RequestEvent[] = []
    const server = await start({ onRequest: (event) => void events.push(event) })
    const body = JSON.stringify(DATA_KEY)
    await send(server, 'GenerateDataKey', DATA_KEY)
    await refusal(server, 'Encrypt', {})
    await refusal(server, 'Decrypt', {})
    await refusal(server, 'ListKeys', {})
    await eventually(() => expect(events).to.have.length(4))
    const target = { bucket: '', key: '', status: 200 }
    expect(events).to.deep.equal([
      { operation: 'kms:GenerateDataKey', ...target, requestBytes: body.length },
      { operation: 'kms:Encrypt', ...target, requestBytes: 2 },
      { operation: 'kms:Decrypt', ...target, requestBytes: 2 },
      { operation: 'unknown', ...target, requestBytes: 2 },
    ])
  })

  it('without a plaintext or a secret in onRequest, the log or any file', async () => {
    const events: RequestEvent[] = []
    const bodies: BodyEvent[] = []
    const lines: string[] = []
    const server = await start({
      onRequest: (event) => void events.push(event),
      onBody: (event) => void bodies.push(event),
      log: (line, error) => void lines.push(`${line} ${String(error)}`),
    })
    const { Plaintext, CiphertextBlob } = await call(server, 'GenerateDataKey', DATA_KEY)
    await call(server, 'Decrypt', { CiphertextBlob })
    await refusal(server, 'Decrypt', { CiphertextBlob, EncryptionContext: '{"a":"b"}' })
    expectNoTrace(Buffer.concat(bodies.map(({ bytes }) => bytes)).toString(), key(Plaintext), 'a request')
    const given = base64(randomBytes(32))
    await call(server, 'Encrypt', { KeyId: KEY, Plaintext: given })
    await eventually(() => expect(events).to.have.length(4))
    const files = await readdir(server.directory, { recursive: true })
    expect(files).to.deep.equal(['.kms-secret'])
    const disk = await readFile(join(server.directory, '.kms-secret'), 'latin1')
    for (const secret of [key(Plaintext), key(given), Buffer.from(server.credentials.secretKey)]) {
      expectNoTrace(JSON.stringify(events), secret, 'onRequest')
      expectNoTrace(lines.join('\n'), secret, 'the log')
      expectNoTrace(disk, secret, 'the disk')
      expectNoTrace(Buffer.from(CiphertextBlob, 'base64').toString('latin1'), secret, 'the ciphertext')
    }
    const secret = Buffer.from(disk.trim(), 'hex')
    expectNoTrace(JSON.stringify(events) + lines.join('\n') + CiphertextBlob, secret, 'what goes out')
  })

  const key = (text: string): Buffer => Buffer.from(text, 'base64')
})

describe('server: faults of KMS', () => {
  const start = serversOfSpec()
  const KMS_KINDS: readonly FaultKind[] = [
    'connect-refused',
    'tls-failure',
    'reset-before-headers',
    'reset-in-request-body',
    'reset-in-response-body',
    'answer-lost',
    'early-close',
    'short-body',
    'long-body',
    'stall-before-headers',
    'stall-in-body',
    'expired-token',
    'skewed-clock',
    'internal-error',
    'slow-down',
    'flip-bit-sent',
    'drop-tail',
  ]

  for (const [kind, code] of [
    ['slow-down', 'RequestLimitExceeded'],
    ['internal-error', 'InternalError'],
    ['expired-token', 'AuthFailure.TokenFailure'],
    ['skewed-clock', 'AuthFailure.SignatureExpire'],
  ] as const) {
    it(`${kind} is ${code} with status 200, once`, async () => {
      const server = await start({ faults: [{ kind, operation: 'kms:GenerateDataKey' }] })
      await call(server, 'Encrypt', { KeyId: KEY, Plaintext: 'AAAA' })
      const answer = await send(server, 'GenerateDataKey', DATA_KEY)
      expect(responseOf(answer).Error!.Code).to.equal(code)
      expect(answer.headers).to.not.have.property('retry-after')
      expect(answer.headers).to.not.have.property('x-cos-error-code')
      await call(server, 'GenerateDataKey', DATA_KEY)
      expect(server.faults.hits).to.deep.equal([{ kind, operation: 'kms:GenerateDataKey', call: 1, key: '' }])
    })
  }

  it('slow-down says when to come again where it is told to', async () => {
    const server = await start({ faults: [{ kind: 'slow-down', retryAfter: 7 }] })
    const answer = await send(server, 'GenerateDataKey', DATA_KEY)
    expect([responseOf(answer).Error!.Code, answer.headers['retry-after']]).to.deep.equal([
      'RequestLimitExceeded',
      '7',
    ])
  })

  it('skewed-clock tells its time in Date', async () => {
    const now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now, faults: [{ kind: 'skewed-clock', skewMs: 3_600_000 }] })
    const { headers } = await send(server, 'GenerateDataKey', DATA_KEY, { now })
    expect(headers.date).to.equal('Wed, 02 Jan 2030 01:00:00 GMT')
    expect(responseOf(await send(server, 'GenerateDataKey', DATA_KEY, { now })).KeyId).to.equal(KEY)
  })

  for (const kind of [
    'connect-refused',
    'reset-before-headers',
    'reset-in-request-body',
    'reset-in-response-body',
    'answer-lost',
    'early-close',
  ] as const) {
    it(`${kind} breaks the connection; the call after it succeeds`, async () => {
      const events: RequestEvent[] = []
      const onRequest = (event: RequestEvent): void => void events.push(event)
      const server = await start({ onRequest, faults: [{ kind, operation: 'kms:Encrypt' }] })
      const parameters = { KeyId: KEY, Plaintext: 'AAAA' }
      const error = await send(server, 'Encrypt', parameters).catch((reason: unknown) => reason)
      expect(error).to.be.instanceOf(Error).and.to.include({ code: 'ECONNRESET' })
      await eventually(() => expect(events).to.have.length(1))
      expect(events[0]).to.include({ operation: 'kms:Encrypt', status: 0 })
      await eventually(() =>
        send(server, 'Encrypt', parameters).then(
          (answer) => responseOf(answer).KeyId === KEY,
          () => false,
        ),
      )
    })
  }

  for (const kind of ['stall-before-headers', 'stall-in-body'] as const) {
    it(`${kind} holds the answer back`, async () => {
      const server = await start({ faults: [{ kind, ms: 20 }] })
      expect((await call(server, 'GenerateDataKey', DATA_KEY)).KeyId).to.equal(KEY)
      expect(server.faults.hits).to.have.length(1)
    })
  }

  it('short-body, long-body and drop-tail leave an answer that is no JSON', async () => {
    for (const kind of ['short-body', 'long-body', 'drop-tail'] as const) {
      const server = await start({ faults: [{ kind }] })
      const { status, text } = await send(server, 'GenerateDataKey', DATA_KEY)
      expect([status, text.startsWith('{"Response":{"KeyId":')]).to.deep.equal([200, true])
      expect(() => JSON.parse(text) as unknown, kind).to.throw()
    }
  })

  it('flip-bit-sent alters one character of the answer', async () => {
    const at = '{"Response":{"KeyId":"'.length
    const server = await start({ faults: [{ kind: 'flip-bit-sent', at }] })
    const { KeyId } = await call(server, 'GenerateDataKey', DATA_KEY)
    expect(KeyId).to.equal(`3${KEY.slice(1)}`)
  })

  it('those that alter answers leave a refusal as it is', async () => {
    for (const kind of ['short-body', 'flip-bit-sent', 'drop-tail'] as const) {
      const server = await start({ faults: [{ kind }] })
      expect(await refusal(server, 'GenerateDataKey', {})).to.equal('MissingParameter')
      expect(server.faults.hits).to.have.length(1)
    }
  })

  for (const kind of FAULT_KINDS) {
    if (KMS_KINDS.includes(kind)) {
      it(`${kind} may be asked for, on every action`, async () => {
        const server = await start({ https: true })
        for (const action of ['GenerateDataKey', 'Encrypt', 'Decrypt'] as const) {
          server.faults.add({ kind, operation: `kms:${action}` })
        }
      })
      continue
    }
    it(`${kind} means nothing in KMS: it is refused there, and spares it where no operation is named`, async () => {
      const server = await start()
      expect(() => server.faults.add({ kind, operation: 'kms:Encrypt' })).to.throw(
        OptionError,
        'faults[0].operation',
      )
      server.faults.add({ kind, times: Infinity })
      await call(server, 'GenerateDataKey', DATA_KEY)
      expect(server.faults.hits).to.deep.equal([])
    })
  }

  it('those of COS stay as they are beside it', async () => {
    const server = await start({ faults: [{ kind: 'slow-down' }] })
    const { status, headers, text } = await rawRequest(server, { path: objectPath('a') })
    expect([status, headers['retry-after'], xmlText(text, 'Code')]).to.deep.equal([503, '1', 'SlowDown'])
  })
})
