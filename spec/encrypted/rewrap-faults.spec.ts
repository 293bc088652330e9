/** rewrap where any of its requests fails, or somebody else changes the object meanwhile: it can always be read. */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { RewrapParams } from '../../lib/encrypted/rewrap.js'
import type { FaultKind } from '../../lib/server/index.js'
import type { Format } from '../../lib/crypto/format.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { AES_256, MASTERS, RSA_2048 } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import { eventually } from '../support/eventually.js'
import { kmsKey, rawObject } from '../support/format-writers.js'
import { failureOf, refused } from '../support/refused.js'
import type { Exchange } from '../support/tampering-proxy.js'
import { content, outcome, PART, transferBench } from '../support/transfers.js'

const KINDS: readonly FaultKind[] = [
  'internal-error',
  'conflict',
  'answer-lost',
  'reset-before-headers',
  'error-in-200',
  'truncated-xml',
  'wrong-crc64',
]
/** The same calls but for those that copy: what shows there. */
const KINDS_IN_PARTS: readonly FaultKind[] = ['internal-error', 'answer-lost', 'truncated-xml', 'wrong-crc64']
const SMALL = content(20_000, 5)
const LARGE = content(PART + 20_000, 6)
const IN_PARTS = { MultipartThreshold: 0, PartSize: PART, Concurrency: 1 }

interface Story {
  readonly format: Format
  readonly plain: Buffer
  readonly from: 'aes' | 'rsa' | 'kms'
  readonly to: 'aes' | 'rsa' | 'kms'
  readonly more: Partial<RewrapParams>
}
const STORIES: Readonly<Record<string, Story>> = {
  'sealed, AES to KMS': { format: 'sealed', plain: SMALL, from: 'aes', to: 'kms', more: {} },
  'sealed, KMS to AES, in parts': { format: 'sealed', plain: LARGE, from: 'kms', to: 'aes', more: IN_PARTS },
  'cos, KMS to RSA': { format: 'cos', plain: SMALL, from: 'kms', to: 'rsa', more: {} },
  'cos, RSA to AES, in parts': { format: 'cos', plain: LARGE, from: 'rsa', to: 'aes', more: IN_PARTS },
}

describe('rewrap, while things go wrong', () => {
  const bench = transferBench({}, { once: true })
  let keys: Record<Story['from'], MasterKey>
  before(() => void (keys = { aes: AES_256.masterKey(), rsa: RSA_2048.masterKey(), kms: kmsKey(bench) }))

  const client = (format: Format, masterKey: MasterKey, options = {}): CosEncryptionClient =>
    bench.encrypting({ format, policy: 'any', masterKey, ...options })
  const reads = async (by: CosEncryptionClient, plain: Buffer): Promise<boolean> => {
    const read = async (): Promise<Buffer> => bytesOf((await by.getObject({ Key: 'k' })).Body)
    return read().then(
      (bytes) => bytes.equals(plain),
      () => false,
    )
  }

  for (const [title, { format, plain, from, to, more }] of Object.entries(STORIES)) {
    for (const kind of more === IN_PARTS ? KINDS_IN_PARTS : KINDS) {
      it(`${title}: ${kind} at each of its calls in turn leaves the object to the old key or the new`, async () => {
        const restore = await stored(format, keys[from], plain)
        const before = client(format, keys[from])
        const after = client(format, keys[to])
        const run = (): Promise<unknown> => before.rewrap({ Key: 'k', masterKey: keys[to], ...more })
        const calls = await callsOf(run)
        let hits = 0
        for (let call = 1; call <= calls; call++) {
          await restore()
          bench.server.faults.clear()
          bench.server.faults.add({ kind, call })
          const found = await outcome(run())
          const [hit] = bench.server.faults.hits
          bench.server.faults.clear()
          const [old, fresh] = [await reads(before, plain), await reads(after, plain)]
          const where = `${hit?.operation ?? 'nothing'}, call ${call}: ${found}`
          expect([old, fresh].filter(Boolean).length, where).to.equal(1)
          if (found === 'done') expect(fresh, where).to.equal(true)
          // An upload whose id was lost cannot be told from another process's (RULES 5.3).
          if (hit?.operation === 'createMultipartUpload') await dropUploads()
          else await eventually(async () => expect(await bench.uploads(), where).to.deep.equal([]))
          hits += hit === undefined ? 0 : 1
        }
        expect(hits).to.be.greaterThan(2)
      })
    }
  }

  /** Stores the object; what it gives stores it again as it was. */
  async function stored(format: Format, masterKey: MasterKey, Body: Buffer): Promise<() => Promise<unknown>> {
    const Tagging = { a: 'b' }
    await client(format, masterKey).putObject({ Key: 'k', Body, Tagging })
    const { bytes, metadata } = await rawObject(bench)
    return () => bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: metadata, Tagging })
  }

  /** How many requests it takes. */
  async function callsOf(run: () => Promise<unknown>): Promise<number> {
    // The event of an answer may come a moment later than the answer: something else has to be answered first.
    await bench.uploads()
    bench.calls.length = 0
    await run()
    await bench.uploads()
    return bench.calls.filter(({ operation }) => operation !== 'listMultipartUploads').length
  }

  async function dropUploads(): Promise<void> {
    for (const { Key, UploadId } of (await bench.plain().listMultipartUploads()).Upload)
      await bench.plain().abortMultipartUpload({ Key, UploadId })
  }

  describe('somebody else changes the object', () => {
    const second = (): MasterKey => MASTERS[0]!.masterKey()

    /** A client of which the `nth` request of some kind waits until `meanwhile` is done. */
    async function delayed(
      isMeant: (exchange: Exchange) => boolean,
      nth: number,
      meanwhile: () => Promise<unknown>,
    ): Promise<CosEncryptionClient> {
      let seen = 0
      const proxy = await bench.proxy(async (exchange, forward) => {
        if (isMeant(exchange) && ++seen === nth) await meanwhile()
        return forward()
      })
      return client('sealed', keys.aes, { endpoint: proxy.endpoint })
    }
    const isHead = ({ method }: Exchange): boolean => method === 'HEAD'
    const isCopy = ({ method, headers }: Exchange): boolean =>
      method === 'PUT' && headers['x-cos-copy-source'] !== undefined

    beforeEach(() => client('sealed', keys.aes).putObject({ Key: 'k', Body: LARGE }))

    const rewrapBySecond = (): Promise<unknown> =>
      client('sealed', keys.aes).rewrap({ Key: 'k', masterKey: second() })
    const overwrite = (): Promise<unknown> => client('sealed', keys.rsa).putObject({ Key: 'k', Body: SMALL })

    for (const [way, more] of [
      ['in one request', {}],
      ['in parts', IN_PARTS],
    ] as const) {
      it(`by another rewrap before it is copied, ${way}: this one is refused`, async () => {
        const first = await delayed(isHead, 2, rewrapBySecond)
        await refused('SEALSTREAM_OBJECT_CHANGED', () =>
          first.rewrap({ Key: 'k', masterKey: keys.rsa, ...more }),
        )
        expect(await reads(client('sealed', second()), LARGE)).to.equal(true)
        expect(await bench.uploads()).to.deep.equal([])
      })

      it(`by another rewrap once it is copied, ${way}: the later one stands, and this one says so`, async () => {
        // HEAD for the envelope, for the copy, of parts before they are joined, and to compare the copy with its source.
        const first = await delayed(isHead, way === 'in parts' ? 4 : 3, () =>
          client('sealed', keys.rsa).rewrap({ Key: 'k', masterKey: second() }),
        )
        const error = await failureOf(() => first.rewrap({ Key: 'k', masterKey: keys.rsa, ...more }))
        expect(error.code).to.match(/_(OBJECT_CHANGED|INTEGRITY|SERVICE)$/)
        expect(await reads(client('sealed', second()), LARGE)).to.equal(true)
      })

      for (const [moment, isMeant, nth] of [
        ['before it is copied', isHead, 2],
        ['while it is copied', isCopy, 1],
      ] as const) {
        it(`by overwriting it ${moment}, ${way}: refused, and what was written stands`, async () => {
          const first = await delayed(isMeant, nth, overwrite)
          await refused('SEALSTREAM_OBJECT_CHANGED', () =>
            first.rewrap({ Key: 'k', masterKey: keys.rsa, ...more }),
          )
          expect(await reads(client('sealed', keys.rsa), SMALL)).to.equal(true)
          await eventually(async () => expect(await bench.uploads()).to.deep.equal([]))
        })
      }
    }

    it('by another rewrap while it is copied in one request: the later one stands', async () => {
      const first = await delayed(isCopy, 1, rewrapBySecond)
      await first.rewrap({ Key: 'k', masterKey: keys.rsa })
      expect(await reads(client('sealed', keys.rsa), LARGE)).to.equal(true)
    })

    it('by another rewrap while it is copied in parts: this one is refused', async () => {
      for (const nth of [1, 2]) {
        await client('sealed', keys.aes).putObject({ Key: 'k', Body: LARGE })
        const first = await delayed(isCopy, nth, rewrapBySecond)
        await refused('SEALSTREAM_OBJECT_CHANGED', () =>
          first.rewrap({ Key: 'k', masterKey: keys.rsa, ...IN_PARTS }),
        )
        expect(await reads(client('sealed', second()), LARGE)).to.equal(true)
        await eventually(async () => expect(await bench.uploads()).to.deep.equal([]))
      }
    })

    it('by overwriting it between two parts: refused, and nothing is left of the copy', async () => {
      const first = await delayed(isCopy, 2, overwrite)
      await refused('SEALSTREAM_OBJECT_CHANGED', () =>
        first.rewrap({ Key: 'k', masterKey: keys.rsa, ...IN_PARTS }),
      )
      expect(await reads(client('sealed', keys.rsa), SMALL)).to.equal(true)
      await eventually(async () => expect(await bench.uploads()).to.deep.equal([]))
    })

    it('by deleting it: refused, and it does not come back', async () => {
      const first = await delayed(isCopy, 1, () => bench.plain().deleteObject({ Key: 'k' }))
      await failureOf(() => first.rewrap({ Key: 'k', masterKey: keys.rsa }))
      const gone = await refused('SEALSTREAM_SERVICE', () => bench.plain().headObject({ Key: 'k' }))
      expect(gone).to.have.property('status', 404)
    })

    it('two at once: one of them stands, and its key reads the object', async () => {
      const both = await Promise.all(
        [keys.rsa, second()].map((masterKey) =>
          outcome(client('sealed', keys.aes).rewrap({ Key: 'k', masterKey })),
        ),
      )
      const readable = [
        await reads(client('sealed', keys.rsa), LARGE),
        await reads(client('sealed', second()), LARGE),
      ]
      expect(readable.filter(Boolean).length).to.equal(1)
      expect(both, both.join(' ')).to.include('done')
      // Who was told that nothing came of it is not the one whose key reads it, unless the other was told the same.
      const winner = readable.indexOf(true)
      expect(both[winner]).to.equal('done')
    })
  })
})
