import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { CosEncryptionClientOptions } from '../../lib/client.js'
import type { ErrorCode } from '../../lib/errors.js'
import { FAULT_KINDS, type FaultKind } from '../../lib/server/faults/fault.js'
import type { UploadParams } from '../../lib/transfer/upload.js'
import { eventually } from '../support/eventually.js'
import { refused } from '../support/refused.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { becomesEmpty } from '../support/server-files.js'
import { PART, uploadRigs } from '../support/upload-rig.js'

const all = new Seeded(23).bytes(3 * PART + 5)

const SOURCES: Record<string, () => UploadParams['Body']> = {
  bytes: () => all,
  'a stream': () => Readable.from(piecesOf(all, 400_000)),
}

/** What a part does not survive, and the code the upload ends with. */
const FINAL: Partial<Record<FaultKind, ErrorCode>> = {
  'expired-token': 'SEALSTREAM_SERVICE',
  'no-such-upload': 'SEALSTREAM_SERVICE',
  conflict: 'SEALSTREAM_SERVICE',
}

/** Kinds that alter the body of an answer or reads; an answer to a part has none. */
const NOT_OF_PARTS: readonly FaultKind[] = [
  'short-body',
  'long-body',
  'flip-bit-sent',
  'repeat-range',
  'early-close',
  'reset-in-response-body',
  'stall-in-body',
  'tls-failure',
  // It claims a time that is not the server's; see the spec of clocks below.
  'skewed-clock',
]

const RECOVERED = FAULT_KINDS.filter((kind) => !(kind in FINAL) && !NOT_OF_PARTS.includes(kind))

/** Bytes of part attempts as they came in, by part. */
class Attempts {
  readonly #of = new Map<number, Map<number, Buffer[]>>()

  readonly onBody = (event: { partNumber?: number; attempt: number; bytes: Buffer }): void => {
    const { partNumber = 0, attempt, bytes } = event
    const attempts = this.#of.get(partNumber) ?? new Map<number, Buffer[]>()
    this.#of.set(partNumber, attempts)
    attempts.set(attempt, [...(attempts.get(attempt) ?? []), Buffer.from(bytes)])
  }

  /** Every attempt of every part must be the beginning of the last attempt of that part. */
  expectSame(): void {
    for (const [number, attempts] of this.#of) {
      const bodies = [...attempts.values()].map((chunks) => Buffer.concat(chunks))
      const longest = bodies.reduce((most, body) => (body.length > most.length ? body : most))
      for (const body of bodies) {
        expect(longest.subarray(0, body.length).equals(body), `part ${number}`).to.equal(true)
      }
    }
  }
}

const PATIENT: Partial<CosEncryptionClientOptions> = {
  retry: { attempts: 12, baseDelay: 40, maxDelay: 100 },
  timeouts: { stall: 1500 },
}

describe('a part of an upload', () => {
  const start = uploadRigs()

  for (const [name, source] of Object.entries(SOURCES)) {
    for (const kind of RECOVERED) {
      it(`from ${name} met by ${kind} is sent again, the same bytes, and no other part is`, async () => {
        const attempts = new Attempts()
        const extra = kind === 'slow-down' || kind === 'too-many-requests' ? { retryAfter: 0 } : {}
        const rig = await start({
          onBody: attempts.onBody,
          faults: [{ kind, operation: 'uploadPart', partNumber: 2, ...extra }],
        })
        const client = rig.client('cos', PATIENT)
        const stored = await client.upload({ Key: 'a', Body: source(), PartSize: PART, Concurrency: 2 })
        expect(stored).to.include({ verified: 'crc64', PartCount: 4, StoredLength: all.length })
        // Connecting is still refused for a moment, to whomever.
        await eventually(() =>
          rig.raw().then(
            () => true,
            () => false,
          ),
        )
        expect((await rig.contentOf())?.equals(all)).to.equal(true)
        expect(await rig.uploads()).to.deep.equal([])
        attempts.expectSame()
        const sent = rig.partsSent()
        expect(sent.filter((number) => number === 2).length, sent.join()).to.be.at.least(2)
        // Whoever cuts connections may cut those of other parts, too.
        if (kind === 'connect-refused') return
        expect(sent.filter((number) => number !== 2)).to.deep.equal([1, 3, 4])
      })
    }

    for (const [kind, code] of Object.entries(FINAL) as [FaultKind, ErrorCode][]) {
      it(`from ${name} met by ${kind} fails the upload, which leaves nothing`, async () => {
        const rig = await start({ faults: [{ kind, operation: 'uploadPart', partNumber: 2 }] })
        const error = await refused(code, () =>
          rig.client().upload({ Key: 'a', Body: source(), PartSize: PART, Concurrency: 2 }),
        )
        expect(error).to.have.property('status').that.is.within(400, 499)
        await becomesEmpty(rig.server)
      })
    }

    for (const [kind, code] of [
      ['internal-error', 'SEALSTREAM_SERVICE'],
      ['reset-in-request-body', 'SEALSTREAM_CONNECTION'],
      ['flip-bit-stored', 'SEALSTREAM_INTEGRITY'],
      ['wrong-crc64', 'SEALSTREAM_INTEGRITY'],
    ] as const) {
      it(`from ${name} met by ${kind} every time fails the upload as ${code} after 3 attempts`, async () => {
        const rig = await start({
          faults: [{ kind, operation: 'uploadPart', partNumber: 2, times: Infinity }],
        })
        await refused(code, () =>
          rig.client().upload({ Key: 'a', Body: source(), PartSize: PART, Concurrency: 1 }),
        )
        await becomesEmpty(rig.server)
        // A connection that breaks at once may have been stale: that one more does not count (RULES 9.3).
        const most = kind === 'reset-in-request-body' ? 6 : 3
        expect(rig.partsSent().filter((number) => number === 2).length).to.be.within(3, most)
        expect(rig.of('completeMultipartUpload')).to.deep.equal([])
      })
    }
  }

  const SILENT: Record<string, (source: Readable) => UploadParams['Body']> = {
    'a stream': (source) => source,
    'a web stream': (source) => Readable.toWeb(source),
    'an async generator': (source) => source[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>,
  }

  for (const [name, silent] of Object.entries(SILENT)) {
    it(`that fails for good fails the upload although ${name} gives nothing any more`, async () => {
      const rig = await start({
        faults: [{ kind: 'internal-error', operation: 'uploadPart', times: Infinity }],
      })
      // Two parts and a bit, and then silence: nobody ends it.
      const source = new Readable({ read: () => undefined })
      for (const piece of piecesOf(all.subarray(0, 2 * PART + 10), 300_000)) source.push(piece)
      const error = await refused('SEALSTREAM_SERVICE', () =>
        rig.client().upload({ Key: 'a', Body: silent(source), PartSize: PART }),
      )
      expect(error).to.have.property('status', 500)
      await becomesEmpty(rig.server)
      // A generator that waits cannot be ended from outside: what it holds is its own.
      if (name !== 'an async generator') await eventually(() => source.destroyed)
    }).timeout(10_000)
  }

  for (const [name, source] of Object.entries(SOURCES)) {
    it(`from ${name} in flight ends when another has failed for good`, async () => {
      const rig = await start({
        faults: [
          { kind: 'stall-before-headers', operation: 'uploadPart', partNumber: 1, times: Infinity },
          { kind: 'conflict', operation: 'uploadPart', partNumber: 2, times: Infinity },
        ],
      })
      const error = await refused('SEALSTREAM_SERVICE', () =>
        rig.client().upload({ Key: 'a', Body: source(), PartSize: PART, Concurrency: 4 }),
      )
      expect(error).to.have.property('status', 409)
      await becomesEmpty(rig.server)
    }).timeout(6000)

    for (const minutes of [-20, 20]) {
      it(`from ${name} is signed by the clock of a service that is ${minutes} minutes ahead`, async () => {
        const rig = await start({ clock: () => Date.now() + minutes * 60_000 })
        await rig.client().upload({ Key: 'a', Body: source(), PartSize: PART, Concurrency: 8 })
        expect(rig.of('completeMultipartUpload').map(({ status }) => status)).to.deep.equal([200])
      })
    }
  }
})
