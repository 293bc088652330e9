/**
 * Changed objects through CosEncryptionClient, whole and in ranges. Whoever changes them has the store: its checksums and
 * lengths agree with what is there.
 */
import { expect } from 'chai'
import type { CosEncryptionClient, CosEncryptionClientOptions } from '../../lib/client.js'
import { createEnvelope } from '../../lib/envelope/envelope.js'
import type { Metadata } from '../../lib/envelope/write-envelope.js'
import type { ErrorCode } from '../../lib/errors.js'
import { KmsMasterKey } from '../../lib/keys/kms-master-key.js'
import { flipHeader, RIGHT } from '../support/bit-flips.js'
import { CHANGES, cutLengths } from '../support/changed-objects.js'
import { encryptingStore } from '../support/encrypting-store.js'
import { put } from '../support/raw-request.js'
import { releasedBy, type Released } from '../support/released.js'
import {
  chunksOf,
  CONTEXT,
  HEAD_BYTES,
  makeKeys,
  mastersOf,
  READERS,
  recipientHeader,
  SEALED_CHUNK_BYTES,
  sealObject,
  TAG_BYTES,
  type ReaderName,
  type SealedObject,
} from '../support/sealed-object.js'
import { Seeded } from '../support/seeded.js'
import { Tally } from '../support/tally.js'

const SIZE = 40 * 1024
const PLAIN = new Seeded(650).bytes(SIZE)
const MASTERS = mastersOf(makeKeys(651))

const AUTHENTICATION = 'SEALSTREAM_AUTHENTICATION'
const COMMITMENT = 'SEALSTREAM_COMMITMENT'
const TRUNCATED = 'SEALSTREAM_TRUNCATED'

/** Whether no sealed object has so many bytes, which shows before the first of them is read. */
const isImpossible = (length: number): boolean =>
  length < HEAD_BYTES || (length - HEAD_BYTES) % SEALED_CHUNK_BYTES < TAG_BYTES

describe('census: a changed sealed object of 40 KiB, through CosEncryptionClient', () => {
  const store = encryptingStore()
  let object: SealedObject
  let other: SealedObject
  let client: CosEncryptionClient
  before(async () => {
    object = await sealObject(MASTERS, PLAIN)
    other = await sealObject(MASTERS, PLAIN)
  })
  beforeEach(() => {
    client = reader('aes')
  })

  function reader(name: ReaderName, options: Partial<CosEncryptionClientOptions> = {}): CosEncryptionClient {
    return store.client({ format: 'sealed', masterKey: MASTERS[name], context: CONTEXT, ...options })
  }

  const keep = (bytes: Buffer, metadata: Metadata = object.metadata): Promise<unknown> =>
    put(store.server, 'k', bytes, metadata)

  /** What getObject gives before it fails, in its promise or in its body. */
  async function get(from: CosEncryptionClient, Range?: string): Promise<Released> {
    async function* body(): AsyncGenerator {
      const { Body } = await from.getObject({ Key: 'k', ...(Range === undefined ? {} : { Range }) })
      yield* Body
    }
    return releasedBy(body())
  }

  async function expectRefused(code: ErrorCode, right: Buffer, Range?: string): Promise<void> {
    const { bytes, error } = await get(client, Range)
    expect(error?.code, Range).to.equal(code)
    const isPrefix = bytes.length < right.length && bytes.equals(right.subarray(0, bytes.length))
    expect(isPrefix, `${bytes.length} bytes came out of ${Range ?? 'the whole'}`).to.equal(true)
  }

  /** Positions as in Range; `end` inclusive. */
  async function expectRange(Range: string, start: number, end: number): Promise<void> {
    const { bytes, error } = await get(client, Range)
    expect([error, bytes.equals(PLAIN.subarray(start, end + 1))], Range).to.deep.equal([undefined, true])
  }

  it('is read by each recipient, whole and in ranges, while nothing is changed', async () => {
    await keep(object.stored)
    for (const name of READERS) {
      client = reader(name)
      expect((await get(client)).bytes.equals(PLAIN)).to.equal(true)
      await expectRange('bytes=16383-16384', 16_383, 16_384)
      await expectRange('bytes=40000-', 40_000, SIZE - 1)
      await expectRange('bytes=-9000', SIZE - 9000, SIZE - 1)
    }
  })

  it(`is refused whole in each of ${CHANGES.length} changes, after nothing but what is proven`, async () => {
    for (const { title, make, code } of CHANGES) {
      const stored = make(object.stored, other.stored)
      await keep(stored)
      const { bytes, error } = await get(client)
      expect(error?.code, title).to.equal(isImpossible(stored.length) ? TRUNCATED : code)
      expect(bytes.equals(PLAIN.subarray(0, bytes.length)), title).to.equal(true)
    }
  })

  it('is refused whole when it is cut, within its head and around each edge', async () => {
    for (const length of cutLengths(object.stored.length)) {
      await keep(object.stored.subarray(0, length))
      const { bytes, error } = await get(client)
      expect(error?.code, `cut to ${length}`).to.equal(isImpossible(length) ? TRUNCATED : AUTHENTICATION)
      expect(bytes.equals(PLAIN.subarray(0, bytes.length))).to.equal(true)
    }
  })

  it('with chunk 1 altered gives the ranges that do not touch it, and no byte of chunk 1', async () => {
    const [head, first, second, third] = chunksOf(object.stored) as [Buffer, Buffer, Buffer, Buffer]
    await keep(Buffer.concat([head, first, Buffer.from(second).fill(0, 9, 10), third]))
    await expectRange('bytes=0-16383', 0, 16_383)
    await expectRange('bytes=32768-32768', 32_768, 32_768)
    await expectRange('bytes=-8192', 32_768, SIZE - 1)
    await expectRefused(AUTHENTICATION, PLAIN.subarray(16_384, 16_385), 'bytes=16384-16384')
    await expectRefused(AUTHENTICATION, PLAIN.subarray(100, 20_001), 'bytes=100-20000')
    await expectRefused(AUTHENTICATION, PLAIN.subarray(20_000), 'bytes=20000-')
    await expectRefused(AUTHENTICATION, PLAIN.subarray(-8193), 'bytes=-8193')
  })

  it('with an altered head gives no range', async () => {
    for (const at of [0, 23, 24, 55]) {
      const stored = Buffer.from(object.stored)
      stored[at]! ^= 1
      await keep(stored)
      for (const Range of ['bytes=0-0', 'bytes=20000-20010', 'bytes=-5', 'bytes=40000-', 'bytes=-50000']) {
        const { bytes, error } = await get(client, Range)
        expect([error?.code, bytes.length], Range).to.deep.equal([COMMITMENT, 0])
      }
    }
  })

  it('with a cut last chunk, or bytes after it, gives no byte of a suffix: where that begins is not known', async () => {
    const changes = [
      object.stored.subarray(0, -100),
      Buffer.concat([object.stored, Buffer.alloc(5000)]),
      Buffer.concat([object.stored, object.stored.subarray(-8208)]),
    ]
    for (const stored of changes) {
      await keep(stored)
      for (const Range of ['bytes=-1', 'bytes=-8000', 'bytes=-9000', 'bytes=-20000']) {
        const { bytes, error } = await get(client, Range)
        expect([error?.code, bytes.length], Range).to.deep.equal([AUTHENTICATION, 0])
      }
      await expectRange('bytes=0-99', 0, 99)
      await expectRange('bytes=30000-32767', 30_000, 32_767)
      await expectRefused(AUTHENTICATION, PLAIN.subarray(30_000), 'bytes=30000-')
      await expectRefused(AUTHENTICATION, PLAIN.subarray(30_000), 'bytes=30000-99999999')
      await expectRefused(AUTHENTICATION, PLAIN.subarray(32_768, 32_770), 'bytes=32768-32769')
    }
  })

  it(`without its last chunk is ${TRUNCATED} in every range, before any byte`, async () => {
    await keep(object.stored.subarray(0, HEAD_BYTES + 2 * SEALED_CHUNK_BYTES))
    for (const Range of ['bytes=0-0', 'bytes=-1', 'bytes=20000-', 'bytes=40000-40001']) {
      const { bytes, error } = await get(client, Range)
      expect([error?.code, bytes.length], Range).to.deep.equal([TRUNCATED, 0])
    }
  })

  it(`is ${COMMITMENT} in another context, whole and in ranges`, async () => {
    await keep(object.stored)
    for (const context of [undefined, {}, { ...CONTEXT, tenant: 'south' }, { document: 'ledger/2024' }]) {
      client = reader('aes', { context })
      for (const Range of [undefined, 'bytes=0-0', 'bytes=20000-20010', 'bytes=-5']) {
        const { bytes, error } = await get(client, Range)
        expect([error?.code, bytes.length]).to.deep.equal([COMMITMENT, 0])
      }
    }
  })

  it('is refused under another envelope, with the bytes that it had', async () => {
    const { metadata: cos } = await createEnvelope(MASTERS.rsa, { format: 'cos' })
    const { metadata: python } = await createEnvelope(MASTERS.rsa, { format: 'cos-python' })
    const cases: readonly [ErrorCode, Metadata][] = [
      ['SEALSTREAM_ENVELOPE_MISSING', {}],
      ['SEALSTREAM_POLICY', cos],
      ['SEALSTREAM_POLICY', python],
      ['SEALSTREAM_AMBIGUOUS_ENVELOPE', { ...object.metadata, ...cos }],
      ['SEALSTREAM_AMBIGUOUS_ENVELOPE', { ...object.metadata, ...python }],
      [COMMITMENT, other.metadata],
      [
        'SEALSTREAM_ENVELOPE_MALFORMED',
        { [recipientHeader('aes')]: object.metadata[recipientHeader('aes')]! },
      ],
    ]
    for (const [code, metadata] of cases) {
      await keep(object.stored, metadata)
      for (const name of READERS) {
        for (const Range of [undefined, 'bytes=0-0', 'bytes=-5']) {
          const { bytes, error } = await get(reader(name), Range)
          expect([error?.code, bytes.length], `${name} ${Range ?? ''}`).to.deep.equal([code, 0])
        }
      }
    }
  })

  it('under KMS is refused, or unharmed, in 60 flipped bits of each header', async () => {
    const { kmsEndpoint: endpoint, credentials } = store.server
    const keyId = '4c5d6e7f-5678-11ee-a0b1-0242ac120002'
    const kms = new KmsMasterKey({ keyId, region: 'local', endpoint, credentials, retry: { attempts: 1 } })
    const sealed = await sealObject({ ...MASTERS, kms }, PLAIN)
    const [tally, random] = [new Tally(), new Seeded(652)]
    for (const [header, value] of Object.entries(sealed.metadata)) {
      for (let n = 0; n < 60; n++) {
        const flip = { header, index: random.integer(value.length), bit: random.integer(8) }
        await flipHeader(sealed, { reader: 'kms', masterKey: kms }, flip, tally)
      }
    }
    kms.close()
    expect(tally.violations).to.deep.equal([])
    expect([tally.total, tally.outcomes]).to.deep.equal([
      300,
      ['SEALSTREAM_ENVELOPE_MALFORMED', 'SEALSTREAM_UNKNOWN_ALGORITHM', 'SEALSTREAM_UNWRAP', RIGHT],
    ])
  })
})
