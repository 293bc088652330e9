/** Battery B12: some of all calls fail at random; everything ends byte-identical. */
import { readFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { Fault, OperationName } from '../../lib/server/index.js'
import { startServer } from '../../lib/server/index.js'
import { makeClient } from '../support/fault-runner.js'
import type { AnyClient } from '../support/fault-workloads.js'
import { MIB } from '../support/multipart-requests.js'
import { BUCKET } from '../support/raw-request.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const OBJECTS = 30
const AT_ONCE = 4
const ATTEMPTS = 12
const BUDGET = 200

/** Failures that may pass, wherever they strike. */
const KINDS: readonly Partial<Fault>[] = [
  { kind: 'reset-before-headers' },
  { kind: 'answer-lost' },
  { kind: 'early-close' },
  { kind: 'reset-in-response-body' },
  { kind: 'reset-in-request-body' },
  { kind: 'request-timeout' },
  { kind: 'too-many-requests', retryAfter: 0 },
  { kind: 'internal-error' },
  { kind: 'slow-down', retryAfter: 0 },
  { kind: 'redirect' },
  { kind: 'stall-before-headers', ms: 5 },
]

const OPERATIONS: readonly OperationName[] = [
  'putObject',
  'createMultipartUpload',
  'completeMultipartUpload',
  'headObject',
  'getObject',
  'listParts',
]

/** For every call of every operation on a key, a fault or none; the same on every run, whatever overtakes what. */
function chaosOf(random: Seeded, key: string, parts: number, rate: number): Fault[] {
  const targets = [
    ...OPERATIONS.map((operation) => ({ operation })),
    ...Array.from({ length: parts }, (_, i) => ({ operation: 'uploadPart' as const, partNumber: i + 1 })),
  ]
  return targets.flatMap((target) =>
    Array.from({ length: ATTEMPTS * 2 }, (_, i): Fault | undefined => {
      const kind = KINDS[random.integer(KINDS.length)]!
      const isStruck = random.integer(100) < rate
      return isStruck ? ({ ...kind, ...target, key, call: i + 1 } as Fault) : undefined
    }).filter((fault) => fault !== undefined),
  )
}

async function inTurns(count: number, work: (index: number) => Promise<void>): Promise<void> {
  const queue = Array.from({ length: count }, (_, i) => i).values()
  const worker = async (): Promise<void> => {
    for (const index of queue) await work(index)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/** There and back: from a file by workers, from memory, or as a stream of unknown length. */
async function roundTrip(
  client: AnyClient,
  Key: string,
  bytes: Buffer,
  path: string,
  turn: number,
): Promise<boolean> {
  const parts = { PartSize: MIB, Concurrency: 4 }
  if (turn % 3 === 0) {
    await writeFile(`${path}.source`, bytes)
    await client.uploadFile({ Key, LocalFilePath: `${path}.source`, ...parts })
  } else {
    const Body = turn % 3 === 1 ? bytes : Readable.from(piecesOf(bytes, 100_003))
    await client.upload({ Key, Body, ...parts })
  }
  await client.downloadFile({ Key, DestFilePath: path, ...parts })
  return (await readFile(path)).equals(bytes)
}

describe('battery B12: chaos', () => {
  const path = temporaryFolder()

  for (const rate of [5, 20]) {
    it(`${OBJECTS} objects of 1 to 8 MiB go up and down identical while ${rate} % of all calls fail`, async function () {
      const server = await startServer()
      const random = new Seeded(rate)
      const noise = random.bytes(65_521)
      const objects = Array.from({ length: OBJECTS }, (_, i) => {
        const bytes = Buffer.alloc(MIB + random.integer(7 * MIB), noise)
        bytes.writeUInt32BE(i)
        return { Key: `object-${i}`, bytes }
      })
      for (const { Key, bytes } of objects) {
        server.faults.add(...chaosOf(random, Key, Math.ceil(bytes.length / MIB), rate))
      }
      let retries = 0
      const client = makeClient('encrypting', {
        endpoint: server.endpoint,
        credentials: server.credentials,
        bucket: BUCKET,
        retry: { attempts: ATTEMPTS, baseDelay: 1, maxDelay: 10, budget: BUDGET },
        onRetry: () => (retries += 1),
      })
      try {
        let identical = 0
        await inTurns(OBJECTS, async (i) => {
          const { Key, bytes } = objects[i]!
          if (await roundTrip(client, Key, bytes, path(Key), i)) identical += 1
        })
        const struck = server.faults.hits.length
        this.test!.title = `${identical} of ${OBJECTS} objects of 1 to 8 MiB go up and down identical while ${rate} % of all calls fail`
        expect(identical).to.equal(OBJECTS)
        expect(struck).to.be.greaterThan(rate)
        // A connection that was used before is tried again at once and does not count; nor does a redirect.
        expect(retries).to.be.greaterThan(0).and.at.most(struck)
      } finally {
        await client.close()
        await server.close()
      }
    }).timeout(60_000)
  }
})
