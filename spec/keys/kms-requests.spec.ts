/** The calls of KmsMasterKey: tried again, signed by the right clock and the right keys, and their failures in our terms. */
import { expect } from 'chai'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import type { ErrorCode } from '../../lib/errors.js'
import type { Credentials } from '../../lib/cos/credentials.js'
import type { FaultKind } from '../../lib/server/index.js'
import { kmsOfSpec } from '../support/kms-keys.js'
import { failureOf, refused } from '../support/refused.js'

const MINUTE = 60_000
const write = (master: Parameters<typeof createEnvelope>[0]): ReturnType<typeof createEnvelope> =>
  createEnvelope(master, { format: 'sealed' })

describe('a call of KMS that fails and may succeed', () => {
  const kms = kmsOfSpec()

  const passing: readonly FaultKind[] = [
    'slow-down',
    'internal-error',
    'reset-before-headers',
    'reset-in-response-body',
    'answer-lost',
    'early-close',
  ]
  for (const kind of passing) {
    it(`is tried again after ${kind}, for writing and for reading`, async () => {
      const master = kms.key()
      kms.server().faults.add({ kind, operation: 'kms:GenerateDataKey', times: 2 })
      kms.server().faults.add({ kind, operation: 'kms:Decrypt', times: 2 })
      const { metadata } = await write(master)
      await openEnvelope(metadata, master, { policy: 'any' })
      await kms.expectCalls({ GenerateDataKey: 3, Decrypt: 3 })
    })
  }

  it('is tried again after slow-down for the IV, too, by Encrypt', async () => {
    kms.server().faults.add({ kind: 'slow-down', operation: 'kms:Encrypt' })
    await createEnvelope(kms.key(), { format: 'cos' })
    await kms.expectCalls({ GenerateDataKey: 1, Encrypt: 2 })
  })

  for (const [kind, serviceCode] of [
    ['slow-down', 'RequestLimitExceeded'],
    ['internal-error', 'InternalError'],
  ] as const) {
    it(`ends with the service's own code after all attempts: ${kind}`, async () => {
      kms.server().faults.add({ kind, operation: 'kms:GenerateDataKey', times: 4 })
      const error = await refused('SEALSTREAM_SERVICE', () =>
        write(kms.key({ retry: { attempts: 4, baseDelay: 0 } })),
      )
      expect(error).to.include({ serviceCode, status: 200 })
      expect(error.message).to.include('kms:GenerateDataKey')
      await kms.expectCalls({ GenerateDataKey: 4 })
    })
  }

  it('is not tried again with one attempt', async () => {
    kms.server().faults.add({ kind: 'slow-down', operation: 'kms:GenerateDataKey' })
    await refused('SEALSTREAM_SERVICE', () => write(kms.key({ retry: { attempts: 1 } })))
    await kms.expectCalls({ GenerateDataKey: 1 })
  })

  it('ends in time where no answer comes', async () => {
    kms.server().faults.add({ kind: 'stall-before-headers', operation: 'kms:GenerateDataKey' })
    await refused('SEALSTREAM_TIMEOUT', () => write(kms.key({ timeout: 100, retry: { attempts: 1 } })))
  })

  it('is tried again where no answer came in time', async () => {
    kms.server().faults.add({ kind: 'stall-before-headers', operation: 'kms:GenerateDataKey' })
    await write(kms.key({ timeout: 1000 }))
  })
})

describe('a call of KMS that is refused for good', () => {
  const kms = kmsOfSpec({ kms: { keys: ['key-1', 'gone'], disabled: ['off'] } })

  for (const [keyId, serviceCode] of [
    ['missing', 'ResourceUnavailable.CmkNotFound'],
    ['off', 'ResourceUnavailable.CmkDisabled'],
  ] as const) {
    it(`is made once: key ${keyId} is ${serviceCode}`, async () => {
      const error = await refused('SEALSTREAM_SERVICE', () => write(kms.key({ keyId })))
      expect(error).to.include({ serviceCode })
      await kms.expectCalls({ GenerateDataKey: 1 })
    })
  }

  for (const [title, changes, serviceCode] of [
    ['an unknown secret id', { secretId: 'AKIDnobody' }, 'AuthFailure.SecretIdNotFound'],
    ['a wrong secret key', { secretKey: 'wrong' }, 'AuthFailure.SignatureFailure'],
  ] as const) {
    it(`is made once: ${title} is ${serviceCode}`, async () => {
      const credentials = { ...kms.server().credentials, ...changes }
      const error = await refused('SEALSTREAM_SERVICE', () => write(kms.key({ credentials })))
      expect(error).to.include({ serviceCode })
      await kms.expectCalls({ GenerateDataKey: 1 })
    })
  }

  const altered: Readonly<Partial<Record<FaultKind, ErrorCode>>> = {
    'drop-tail': 'SEALSTREAM_ANSWER',
    'short-body': 'SEALSTREAM_ANSWER',
    'long-body': 'SEALSTREAM_ANSWER',
  }
  for (const [kind, code] of Object.entries(altered) as [FaultKind, ErrorCode][]) {
    it(`is refused with ${code} where the answer is no JSON any more: ${kind}`, async () => {
      kms.server().faults.add({ kind, operation: 'kms:GenerateDataKey', times: 5 })
      await refused(code, () => write(kms.key()))
    })
  }
})

describe('the clock by which KMS is called', () => {
  let offset = 0
  const kms = kmsOfSpec({ clock: () => Date.now() + offset })
  beforeEach(() => {
    offset = 0
  })

  for (const minutes of [20, -20, 60 * 24 * 400]) {
    it(`is put right where the service's differs by ${minutes} minutes, by one call more`, async () => {
      const master = kms.key({ retry: { attempts: 1 } })
      offset = minutes * MINUTE
      await write(master)
      await kms.expectCalls({ GenerateDataKey: 2 })
      await write(master)
      await kms.expectCalls({ GenerateDataKey: 3 })
    })
  }

  it('is put right again when this machine comes to have the right time', async () => {
    const master = kms.key({ retry: { attempts: 1 } })
    offset = 20 * MINUTE
    await write(master)
    offset = 0
    await write(master)
    await write(master)
  })

  it('is put right after one answer with a wrong date', async () => {
    const master = kms.key({ retry: { attempts: 2, baseDelay: 0 } })
    kms.server().faults.add({ kind: 'skewed-clock', operation: 'kms:GenerateDataKey' })
    await write(master).catch(() => undefined)
    await write(master)
  })

  it('is not tried without end where the service is never content', async () => {
    kms.server().faults.add({ kind: 'skewed-clock', operation: 'kms:GenerateDataKey', times: Infinity })
    const error = await refused('SEALSTREAM_SERVICE', () => write(kms.key()))
    expect(error).to.include({ serviceCode: 'AuthFailure.SignatureExpire' })
    await kms.expectCalls({ GenerateDataKey: 2 })
  })
})

describe('the credentials that KMS is called with', () => {
  const kms = kmsOfSpec()
  const good = (): Credentials => kms.server().credentials

  it('come from a function, which is called once for keys that last', async () => {
    let calls = 0
    const credentials = async (): Promise<Credentials> => {
      calls += 1
      return good()
    }
    const master = kms.key({ credentials })
    expect(calls).to.equal(0)
    for (let object = 0; object < 3; object++) await write(master)
    expect(calls).to.equal(1)
  })

  it('are asked for again when they are about to end', async () => {
    let calls = 0
    const credentials = (): Credentials => {
      calls += 1
      return { ...good(), expiresAt: new Date(Date.now() + 30_000) }
    }
    const master = kms.key({ credentials })
    for (let object = 0; object < 3; object++) await write(master)
    expect(calls).to.equal(3)
  })

  it('are asked for again when KMS says that the token has ended, as CosClient does', async () => {
    let calls = 0
    const credentials = (): Credentials => ({ ...good(), token: `token-${++calls}` })
    const master = kms.key({ credentials })
    kms.server().faults.add({ kind: 'expired-token', operation: 'kms:GenerateDataKey' })
    await write(master)
    expect(calls).to.equal(2)
  })

  it('that are fixed and have ended are refused by the service, once', async () => {
    kms.server().faults.add({ kind: 'expired-token', operation: 'kms:GenerateDataKey' })
    const error = await refused('SEALSTREAM_SERVICE', () => write(kms.key()))
    expect(error).to.include({ serviceCode: 'AuthFailure.TokenFailure' })
    await kms.expectCalls({ GenerateDataKey: 1 })
  })

  it('are missed with SEALSTREAM_CREDENTIALS where the function fails or gives none', async () => {
    for (const credentials of [
      () => Promise.reject(new Error('no keys today')),
      () => ({ secretId: '', secretKey: '' }),
    ]) {
      await refused('SEALSTREAM_CREDENTIALS', () => write(kms.key({ credentials })))
    }
    await kms.expectCalls({})
  })

  it('come from the environment where none are given, when the first call is made', async () => {
    const before = { ...process.env }
    try {
      delete process.env.COS_SECRET_ID
      const master = kms.key({ credentials: undefined })
      const error = await refused('SEALSTREAM_CREDENTIALS', () => write(master))
      expect(error.message).to.include('COS_SECRET_ID')
      process.env.COS_SECRET_ID = good().secretId
      process.env.COS_SECRET_KEY = good().secretKey
      await write(master)
    } finally {
      for (const name of ['COS_SECRET_ID', 'COS_SECRET_KEY']) {
        if (before[name] === undefined) Reflect.deleteProperty(process.env, name)
        else process.env[name] = before[name]
      }
    }
  })

  it('are not asked for by an operation that calls nothing', async () => {
    const master = kms.key({ credentials: () => expect.fail('the function was called') })
    await failureOf(() => createEnvelope(master, { format: 'cos-python' }))
  })
})
