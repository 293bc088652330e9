import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import type { RetryEvent } from '../../lib/cos/retry.js'
import { SealstreamError, type ErrorCode } from '../../lib/errors.js'
import {
  startServer,
  type Fault,
  type FaultKind,
  type OperationName,
  type RunningServer,
} from '../../lib/server/index.js'
import { cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const BYTES = new Seeded(31).bytes(300_000)
const MOST_STALL_MS = 250

/**
 * What becomes of a call that a fault hits once. `again`: one more attempt, and success. `once`: success at once, the
 * fault does not show. `either`: success, by whether the client saw the answer before the connection broke. A code: the
 * call fails with it after one attempt; `body:` the reading of the body does.
 */
type Expected = 'again' | 'once' | 'either' | ErrorCode | `body:${ErrorCode}`

/** Operations whose success has no document, with one, and GET and HEAD of an object. */
type Group = 'write' | 'delete' | 'document' | 'get' | 'head'

const EVERYWHERE: Partial<Record<FaultKind, Expected>> = {
  'connect-refused': 'again',
  'reset-before-headers': 'again',
  'reset-in-request-body': 'again',
  'answer-lost': 'again',
  'stall-before-headers': 'again',
  'request-timeout': 'again',
  'too-many-requests': 'again',
  'internal-error': 'again',
  'slow-down': 'again',
  redirect: 'once',
  'expired-token': 'SEALSTREAM_SERVICE',
  'skewed-clock': 'SEALSTREAM_SERVICE',
  'no-such-upload': 'SEALSTREAM_SERVICE',
  conflict: 'SEALSTREAM_SERVICE',
}

const BY_GROUP: Record<Group, Partial<Record<FaultKind, Expected>>> = {
  write: {
    'reset-in-response-body': 'either',
    'early-close': 'once',
    'short-body': 'once',
    'long-body': 'once',
    'stall-in-body': 'once',
    'error-in-200': 'again',
    'malformed-xml': 'again',
    'truncated-xml': 'again',
    'flip-bit-stored': 'again',
    'flip-bit-sent': 'once',
    'wrong-etag': 'again',
    'wrong-crc64': 'again',
    'drop-tail': 'again',
  },
  delete: {
    'reset-in-response-body': 'either',
    'early-close': 'once',
    'stall-in-body': 'once',
    'malformed-xml': 'again',
    'truncated-xml': 'again',
    'error-in-200': 'again',
  },
  document: {
    'reset-in-response-body': 'again',
    'early-close': 'again',
    'stall-in-body': 'again',
    'malformed-xml': 'SEALSTREAM_ANSWER',
    'truncated-xml': 'SEALSTREAM_ANSWER',
    'short-body': 'SEALSTREAM_ANSWER',
    'flip-bit-sent': 'SEALSTREAM_ANSWER',
    'drop-tail': 'SEALSTREAM_ANSWER',
  },
  get: {
    'early-close': 'body:SEALSTREAM_CONNECTION',
    'stall-in-body': 'body:SEALSTREAM_TIMEOUT',
    'malformed-xml': 'again',
    'truncated-xml': 'again',
    'short-body': 'body:SEALSTREAM_INTEGRITY',
    'long-body': 'body:SEALSTREAM_INTEGRITY',
    'flip-bit-sent': 'body:SEALSTREAM_INTEGRITY',
    'wrong-crc64': 'body:SEALSTREAM_INTEGRITY',
    'drop-tail': 'body:SEALSTREAM_INTEGRITY',
  },
  head: {
    'reset-in-response-body': 'either',
    'early-close': 'once',
    'stall-in-body': 'once',
    'malformed-xml': 'again',
    'truncated-xml': 'again',
  },
}

/** Fields without which a fault would take long, or do nothing here. */
const FIELDS: Partial<Record<FaultKind, Partial<Fault>>> = {
  'connect-refused': { ms: 5 },
  'slow-down': { retryAfter: 0 },
  // Within what the client's clock may differ: there is nothing to correct.
  'skewed-clock': { skewMs: 0 },
  'flip-bit-sent': { at: 0 },
}

interface Operation {
  readonly name: OperationName
  readonly group: Group
  readonly prepare?: (client: CosClient) => Promise<string>
  readonly run: (client: CosClient, prepared: string) => Promise<unknown>
  /** Whether the service has what it should, as another client sees it. */
  readonly check?: (client: CosClient, prepared: string) => Promise<unknown>
}

const startUpload = async (client: CosClient): Promise<string> => {
  const { UploadId } = await client.createMultipartUpload({ Key: 'up' })
  await client.uploadPart({ Key: 'up', UploadId, PartNumber: 1, Body: BYTES })
  return UploadId
}

const expectStored = async (client: CosClient, Key: string): Promise<void> => {
  const { Body } = await client.getObject({ Key })
  expect(Buffer.from(await Body.transformToByteArray()).equals(BYTES)).to.equal(true)
}

const OPERATIONS: Operation[] = [
  {
    name: 'putObject',
    group: 'write',
    run: (client) => client.putObject({ Key: 'put', Body: BYTES }),
    check: (client) => expectStored(client, 'put'),
  },
  {
    name: 'uploadPart',
    group: 'write',
    prepare: startUpload,
    run: (client, UploadId) => client.uploadPart({ Key: 'up', UploadId, PartNumber: 2, Body: BYTES }),
    check: async (client, UploadId) => {
      const [first, second] = (await client.listParts({ Key: 'up', UploadId })).Part
      expect(second).to.include({ ETag: first!.ETag, Size: BYTES.length })
    },
  },
  { name: 'getObject', group: 'get', run: (client) => expectStored(client, 'there') },
  {
    name: 'headObject',
    group: 'head',
    run: async (client) =>
      expect((await client.headObject({ Key: 'there' })).ContentLength).to.equal(BYTES.length),
  },
  {
    name: 'listParts',
    group: 'document',
    prepare: startUpload,
    run: async (client, UploadId) =>
      expect((await client.listParts({ Key: 'up', UploadId })).Part).to.have.length(1),
  },
  {
    name: 'copyObject',
    group: 'document',
    run: (client) => client.copyObject({ Key: 'copy', CopySource: { Key: 'there' } }),
    check: (client) => expectStored(client, 'copy'),
  },
  {
    name: 'deleteObject',
    group: 'delete',
    prepare: async (client) => {
      await client.putObject({ Key: 'gone', Body: 'x' })
      return 'gone'
    },
    run: (client, Key) => client.deleteObject({ Key }),
    check: async (client, Key) => {
      expect((await client.listObjects({ Prefix: Key })).Contents).to.deep.equal([])
    },
  },
  {
    name: 'abortMultipartUpload',
    group: 'delete',
    prepare: startUpload,
    run: (client, UploadId) => client.abortMultipartUpload({ Key: 'up', UploadId }),
    check: async (client, UploadId) => {
      const { Upload } = await client.listMultipartUploads()
      expect(Upload.map((upload) => upload.UploadId)).to.not.include(UploadId)
    },
  },
]

function expectationsFor({ group, name }: Operation): [FaultKind, Expected][] {
  const copyFails = { 'error-in-200': 'again' } as const
  const listFails = { 'error-in-200': 'again' } as const
  const own = name === 'copyObject' ? copyFails : name === 'listParts' ? listFails : {}
  return Object.entries({ ...EVERYWHERE, ...BY_GROUP[group], ...own }) as [FaultKind, Expected][]
}

describe('faults of the service', () => {
  const spec = cosSpec()
  let server: RunningServer

  before(async () => {
    server = await startServer()
  })
  beforeEach(async () => {
    server.faults.clear()
    await spec.client(server).putObject({ Key: 'there', Body: BYTES })
  })
  after(() => server.close())

  for (const operation of OPERATIONS) {
    describe(operation.name, () => {
      for (const [kind, expected] of expectationsFor(operation)) {
        it(`${kind}: ${expected}`, async () => {
          const prepared = (await operation.prepare?.(spec.client(server))) ?? ''
          const events: RetryEvent[] = []
          const client = spec.client(server, {
            // A connection that was refused for a while comes back by and by.
            retry: { attempts: 100, baseDelay: 1, maxDelay: 20 },
            onRetry: (event) => void events.push(event),
            timeouts: { stall: kind.startsWith('stall') ? MOST_STALL_MS : 10_000 },
          })
          server.faults.add({ kind, operation: operation.name, ...FIELDS[kind] })
          const code = await operation.run(client, prepared).then(
            () => 'success',
            (error: unknown) => (error instanceof SealstreamError ? error.code : error),
          )
          expect(server.faults.hits).to.have.length(1)
          if (expected.startsWith('SEALSTREAM_') || expected.startsWith('body:')) {
            expect(code).to.equal(expected.replace('body:', ''))
            expect(events).to.deep.equal([])
            return
          }
          expect(code).to.equal('success')
          for (const [i, event] of events.entries()) {
            expect(event).to.deep.include({ operation: operation.name, attempt: i + 1 })
          }
          if (kind === 'connect-refused') expect(events).to.have.length.of.at.least(1)
          else if (expected !== 'either') expect(events).to.have.length(expected === 'again' ? 1 : 0)
          await operation.check?.(spec.client(server), prepared)
        })
      }
    })
  }

  it('getObject with reset-in-response-body: the right bytes or an error, never others', async () => {
    server.faults.add({ kind: 'reset-in-response-body', operation: 'getObject' })
    const client = spec.client(server, { retry: { baseDelay: 1 } })
    const error: unknown = await expectStored(client, 'there').catch((thrown: unknown) => thrown)
    if (error !== undefined) expect(error).to.have.property('code', 'SEALSTREAM_CONNECTION')
  })

  it('getObject does not take a 200 with an error document for an object', async () => {
    server.faults.add({ kind: 'error-in-200', operation: 'getObject' })
    await refused('SEALSTREAM_ANSWER', async () => {
      const { Body } = await spec.client(server).getObject({ Key: 'there' })
      return Body.transformToByteArray()
    })
  })

  it('a TLS handshake that fails is tried again', async () => {
    const secure = await spec.server({ https: true })
    const client = spec.client(secure, { tls: { ca: secure.certificate! }, retry: { baseDelay: 1 } })
    secure.faults.add({ kind: 'tls-failure', operation: 'putObject' })
    await client.putObject({ Key: 'a', Body: BYTES })
    await expectStored(client, 'a')
    expect(secure.faults.hits).to.have.length(1)
  })

  it('the last error comes after 3 of 3 attempts where a fault stays', async () => {
    for (const kind of ['internal-error', 'answer-lost', 'flip-bit-stored'] as const) {
      server.faults.clear()
      server.faults.add({ kind, operation: 'putObject', times: Infinity })
      const client = spec.client(server, { retry: { attempts: 3, baseDelay: 1 } })
      const error: unknown = await client
        .putObject({ Key: 'put', Body: BYTES })
        .catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(SealstreamError)
      expect(server.faults.hits).to.have.length(3)
    }
  })
})
