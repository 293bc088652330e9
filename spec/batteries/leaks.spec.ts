/** Battery B17, short: many small transfers leave nothing behind. */
import { getEventListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { type OperationName, type RunningServer, startServer } from '../../lib/server/index.js'
import { connections, descriptors } from '../support/abort-runner.js'
import { bytesOf } from '../support/encrypting-store.js'
import { eventually } from '../support/eventually.js'
import { makeClient } from '../support/fault-runner.js'
import type { AnyClient } from '../support/fault-workloads.js'
import { MIB } from '../support/multipart-requests.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const BYTES = new Seeded(17).bytes(1024)
const MORE = Buffer.alloc(MIB + 1)
const inParts = { Key: 'x', PartSize: MIB }
const TRANSFERS = 300
const ABORTED = 50
const HERE = process.platform === 'linux' ? 'descriptors, ' : '(no descriptors to count on this system) '

describe('battery B17: leaks', () => {
  const path = temporaryFolder()
  let server: RunningServer
  let client: AnyClient

  beforeEach(async () => {
    server = await startServer()
    client = makeClient('encrypting', {
      endpoint: server.endpoint,
      credentials: server.credentials,
      bucket: BUCKET,
    })
    await client.putObject({ Key: 'there', Body: BYTES })
  })

  afterEach(async () => {
    await client.close()
    await server.close()
  })

  /** There and back, by one of several ways. */
  const ways: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => client.putObject({ Key: 'a', Body: BYTES, signal }),
    (signal) => client.upload({ Key: 'b', Body: Readable.from([BYTES]), signal }),
    async (signal) => {
      const { Body } = await client.getObject({ Key: 'there', signal })
      expect(await bytesOf(Body)).to.deep.equal(BYTES)
    },
    async (signal) => {
      const { Body } = await client.getObject({ Key: 'there', Range: 'bytes=1-1000', signal })
      expect(await bytesOf(Body)).to.deep.equal(BYTES.subarray(1, 1001))
    },
    async (signal) => {
      await client.downloadFile({ Key: 'there', DestFilePath: path('file'), signal })
      expect(await readFile(path('file'))).to.deep.equal(BYTES)
    },
    (signal) => client.uploadFile({ Key: 'c', LocalFilePath: path('file'), signal }),
  ]

  it(`${HERE}sockets and listeners are flat over ${TRANSFERS} transfers of 1 KiB`, async () => {
    const { signal } = new AbortController()
    for (const way of ways) await way(signal)
    const [before, connected] = [descriptors(), connections()]
    for (let i = 0; i < TRANSFERS; i++) await ways[i % ways.length]!(signal)
    expect(getEventListeners(signal, 'abort')).to.have.length(0)
    await eventually(() => expect(connections(), 'sockets').to.be.at.most(connected))
    await eventually(() => expect(descriptors(), 'descriptors').to.equal(before))
  })

  it(`${HERE}sockets and listeners are flat over ${ABORTED} aborted transfers`, async () => {
    const { signal: quiet } = new AbortController()
    for (const way of ways) await way(quiet)
    const before = descriptors()
    for (let i = 0; i < ABORTED; i++) {
      const controller = new AbortController()
      const { signal } = controller
      const outcome = ways[i % ways.length]!(signal).catch((error: unknown) => error)
      for (let turns = i % 7; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      await outcome
      await eventually(() => expect(getEventListeners(signal, 'abort'), `transfer ${i}`).to.have.length(0))
    }
    await client.close()
    await eventually(() => expect(connections(), 'sockets').to.equal(0))
    // The client and the server each had one end of a connection.
    await eventually(() => expect(descriptors() ?? 0, 'descriptors').to.be.at.most(before ?? 0))
  })

  const copyInParts = (signal: AbortSignal): Promise<unknown> =>
    client.copy({ Key: 'x', CopySource: { Bucket: BUCKET, Key: 'there' }, MultipartThreshold: 0, signal })
  const failing: [OperationName, string, (signal: AbortSignal) => Promise<unknown>][] = [
    ['createMultipartUpload', 'an upload', (signal) => client.upload({ ...inParts, Body: MORE, signal })],
    [
      'uploadPart',
      'a stream',
      (signal) => client.upload({ ...inParts, Body: Readable.from([MORE]), signal }),
    ],
    ['putObject', 'putObject', (signal) => client.putObject({ Key: 'x', Body: BYTES, signal })],
    [
      'getObject',
      'a download',
      (signal) => client.downloadFile({ Key: 'there', DestFilePath: path('file'), signal }),
    ],
    ['headObject', 'a range', (signal) => client.getObject({ Key: 'there', Range: 'bytes=1-2', signal })],
    ['uploadPartCopy', 'a copy', copyInParts],
    ['createMultipartUpload', 'a copy', copyInParts],
    ['completeMultipartUpload', 'a copy', copyInParts],
  ]

  for (const [operation, name, run] of failing) {
    it(`${name} whose ${operation} is refused leaves no listener on the signal`, async () => {
      const { signal } = new AbortController()
      server.faults.add({ kind: 'conflict', operation, times: Infinity })
      await refused('SEALSTREAM_SERVICE', () => run(signal))
      await eventually(() => expect(getEventListeners(signal, 'abort'), 'listeners').to.have.length(0))
    })
  }
})
