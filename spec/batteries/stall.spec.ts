/** Battery B19: a service that falls silent. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import { type Fault, startServer } from '../../lib/server/index.js'
import { cosSpec } from '../support/cos-service.js'
import { bytesOf } from '../support/encrypting-store.js'
import { makeClient } from '../support/fault-runner.js'
import type { AnyClient } from '../support/fault-workloads.js'
import { MIB } from '../support/multipart-requests.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const STALL_MS = 300
const BYTES = Buffer.alloc(MIB + 1000, new Seeded(19).bytes(4099))

type Run = (client: AnyClient, path: string) => Promise<unknown>

const uploadBytes: Run = (client) => client.upload({ Key: 'x', Body: BYTES, PartSize: MIB })
const writeStream: Run = (client) =>
  pipeline(Readable.from(piecesOf(BYTES, 100_000)), client.createWriteStream({ Key: 'x', PartSize: MIB }))
const get: Run = async (client) => bytesOf((await client.getObject({ Key: 'there' })).Body)
const range: Run = async (client) =>
  bytesOf((await client.getObject({ Key: 'there', Range: 'bytes=5-900000' })).Body)
const download: Run = (client, path) => client.downloadFile({ Key: 'there', DestFilePath: path })
const readStream: Run = (client) => bytesOf(client.createReadStream({ Key: 'there' }))

/** Every operation, silent at once or after some bytes. Each is tried once: what it gets is a timeout. */
const CASES: [name: string, fault: Fault, run: Run][] = [
  [
    'putObject, no answer',
    { kind: 'stall-before-headers', operation: 'putObject' },
    (client) => client.putObject({ Key: 'x', Body: BYTES }),
  ],
  [
    'upload, no answer to its start',
    { kind: 'stall-before-headers', operation: 'createMultipartUpload' },
    uploadBytes,
  ],
  ['upload, no answer to a part', { kind: 'stall-before-headers', operation: 'uploadPart' }, uploadBytes],
  [
    'createWriteStream, no answer to a part',
    { kind: 'stall-before-headers', operation: 'uploadPart' },
    writeStream,
  ],
  [
    'upload, half an answer to its start',
    { kind: 'stall-in-body', operation: 'createMultipartUpload' },
    uploadBytes,
  ],
  ['getObject, no answer', { kind: 'stall-before-headers', operation: 'getObject' }, get],
  ['getObject, headers and nothing', { kind: 'stall-in-body', operation: 'getObject', at: 0 }, get],
  ['getObject, half the body', { kind: 'stall-in-body', operation: 'getObject' }, get],
  [
    'getObject, all but the last byte',
    { kind: 'stall-in-body', operation: 'getObject', at: BYTES.length - 1 },
    get,
  ],
  ['a range, headers and nothing', { kind: 'stall-in-body', operation: 'getObject', at: 0 }, range],
  ['a range, half the body', { kind: 'stall-in-body', operation: 'getObject' }, range],
  ['a range, no answer to HEAD', { kind: 'stall-before-headers', operation: 'headObject' }, range],
  ['createReadStream, half the body', { kind: 'stall-in-body', operation: 'getObject' }, readStream],
  ['downloadFile, half the body', { kind: 'stall-in-body', operation: 'getObject' }, download],
  ['downloadFile, headers and nothing', { kind: 'stall-in-body', operation: 'getObject', at: 0 }, download],
  [
    'listObjects, half the document',
    { kind: 'stall-in-body', operation: 'listObjects' },
    (client) => client.listObjects(),
  ],
]

const PLAIN = [
  'putObject, no answer',
  'upload, no answer to a part',
  'getObject, half the body',
  'downloadFile, half the body',
]

/** The limit, and what a timer of that length is late on this machine at the same moment, four times. */
async function withinLimit(run: () => Promise<unknown>): Promise<void> {
  const started = performance.now()
  const timer = new Promise<number>((resolve) => {
    setTimeout(() => resolve(performance.now() - started), STALL_MS)
  })
  await refused('SEALSTREAM_TIMEOUT', run)
  const waited = performance.now() - started
  const late = (await timer) - STALL_MS
  // The silence begins when the last byte has come; an upload that is given up is dropped for another 100 ms.
  expect(waited).to.be.lessThan(STALL_MS + 1000 + 4 * late)
}

describe('battery B19: stalls', () => {
  const path = temporaryFolder()
  const cos = cosSpec()
  const timeouts = { connect: 2000, stall: STALL_MS }
  let passed = 0
  let attempted = 0

  for (const side of ['encrypting', 'plain'] as const) {
    // The plain client shares its requests with the other; of those, one of each form is enough.
    const cases = side === 'encrypting' ? CASES : CASES.filter(([name]) => PLAIN.includes(name))
    for (const [name, fault, run] of cases) {
      it(`${name}, ${side}: SEALSTREAM_TIMEOUT within the limit of ${STALL_MS} ms`, async () => {
        attempted += 1
        const server = await startServer()
        const connection = { endpoint: server.endpoint, credentials: server.credentials, bucket: BUCKET }
        const seeding = makeClient(side, connection)
        const client = makeClient(side, { ...connection, retry: { attempts: 1 }, timeouts })
        try {
          await seeding.putObject({ Key: 'there', Body: BYTES })
          server.faults.clear()
          server.faults.add(fault)
          await withinLimit(() => run(client, path('file')))
          expect(server.faults.hits).to.have.length(1)
          passed += 1
        } finally {
          await client.close()
          await seeding.close()
          await server.close()
        }
      })
    }
  }

  const SILENT: [string, Run][] = [
    ['putObject', (client) => client.putObject({ Key: 'x', Body: Buffer.alloc(16 * MIB) })],
    ['getObject', get],
    [
      'createWriteStream',
      (client) => pipeline(Readable.from([Buffer.alloc(16 * MIB)]), client.createWriteStream({ Key: 'x' })),
    ],
  ]
  for (const [name, run] of SILENT) {
    it(`${name} to a service that accepts and reads nothing: SEALSTREAM_TIMEOUT`, async () => {
      attempted += 1
      const { endpoint } = await cos.net((socket) => void socket.pause())
      const credentials = { secretId: 'id', secretKey: 'key' }
      const client = makeClient('encrypting', {
        endpoint,
        credentials,
        bucket: BUCKET,
        retry: { attempts: 1 },
        timeouts,
      })
      await withinLimit(() => run(client, path('file')))
      await client.close()
      passed += 1
    })
  }

  it('getObject, one byte and then one a minute: SEALSTREAM_TIMEOUT', async () => {
    attempted += 1
    const { endpoint } = await cos.http((_request, response) => {
      response.writeHead(200, { 'content-length': 100, etag: '"x"' })
      response.write('a')
      const timer = setInterval(() => response.write('a'), 60_000)
      response.on('close', () => clearInterval(timer))
    })
    const credentials = { secretId: 'id', secretKey: 'key' }
    const client = makeClient('plain', {
      endpoint,
      credentials,
      bucket: BUCKET,
      retry: { attempts: 1 },
      timeouts,
    })
    await withinLimit(() => get(client, ''))
    await client.close()
    passed += 1
  })

  it('passes all stalls', function () {
    this.test!.title = `passes ${passed} of ${attempted} stalls`
    expect(attempted).to.be.at.least(CASES.length)
    expect(passed).to.equal(attempted)
  })
})
