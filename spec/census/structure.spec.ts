/** Structural changes of a `sealed` object, read by stream: each with its exact error, after all that is proven and no more. */
import { pipeline, Readable } from 'node:stream'
import { expect } from 'chai'
import type { EncryptionContext } from '../../lib/crypto/encryption-context.js'
import type { ErrorCode } from '../../lib/errors.js'
import { decryptStream } from '../../lib/stream/cipher-stream.js'
import { FEEDS, fed, isPrefix, type Feed } from '../support/bit-flips.js'
import { CHANGES, cutLengths, cutOutcome, type Change } from '../support/changed-objects.js'
import { released, releasedBy, type Released } from '../support/released.js'
import {
  CHUNK_BYTES,
  CONTEXT,
  makeKeys,
  mastersOf,
  openSealed,
  READERS,
  sealObject,
  type ReaderName,
  type SealedObject,
} from '../support/sealed-object.js'
import { Seeded } from '../support/seeded.js'

const PLAIN = new Seeded(630).bytes(40 * 1024)
const AUTHENTICATION = 'SEALSTREAM_AUTHENTICATION'
const COMMITMENT = 'SEALSTREAM_COMMITMENT'

const MASTERS = mastersOf(makeKeys(631))

/** What a reader of these bytes gets, under the headers of `object`. */
async function read(
  object: SealedObject,
  stored: Buffer,
  { reader = 'aes', feed = 'by chunk' }: { reader?: ReaderName; feed?: Feed } = {},
  options: { context?: EncryptionContext } = { context: object.context },
): Promise<Released> {
  const { dataKey } = await openSealed(object.metadata, object.masters[reader], options)
  const outcome = await released(decryptStream(dataKey), fed(stored, feed))
  dataKey.dispose()
  return outcome
}

/** The same through a pipeline, which may hold back what an error then drops. */
async function readPiped({ metadata, masters }: SealedObject, stored: Buffer): Promise<Released> {
  const { dataKey } = await openSealed(metadata, masters.aes)
  const decrypt = decryptStream(dataKey)
  pipeline(Readable.from(fed(stored, 'by 5000 bytes')), decrypt, () => dataKey.dispose())
  return releasedBy(decrypt)
}

function expectRefusal(outcome: Released, code: ErrorCode, count: number, plaintext = PLAIN): void {
  expect(outcome.error?.code).to.equal(code)
  expect(isPrefix(outcome, plaintext), 'what came out is how the plaintext begins').to.equal(true)
  expect(outcome.bytes.length).to.equal(count)
}

describe('census: a sealed object of 40 KiB that was changed as a whole', () => {
  let object: SealedObject
  let other: SealedObject
  before(async () => {
    object = await sealObject(MASTERS, PLAIN)
    other = await sealObject(MASTERS, PLAIN)
  })

  it('is read by each recipient, however it comes, while nothing is changed', async () => {
    for (const reader of READERS) {
      for (const feed of FEEDS) {
        const { bytes, error } = await read(object, object.stored, { reader, feed })
        expect([error, bytes.equals(PLAIN)]).to.deep.equal([undefined, true])
      }
    }
  })

  for (const { title, make, code, released: count } of CHANGES) {
    it(`is refused with ${title}: ${code} after ${count} bytes`, async () => {
      const stored = make(object.stored, other.stored)
      for (const reader of READERS) {
        expectRefusal(await read(object, stored, { reader }), code, count)
        expectRefusal(await read(object, stored, { reader, feed: 'by 5000 bytes' }), code, count)
      }
      const atOnce = await read(object, stored, { feed: 'at once' })
      expect([atOnce.error?.code, isPrefix(atOnce, PLAIN)]).to.deep.equal([code, true])
      const piped = await readPiped(object, stored)
      expect([piped.error?.code, isPrefix(piped, PLAIN)]).to.deep.equal([code, true])
    })
  }

  for (const length of cutLengths(41_064)) {
    const { code, released: count } = cutOutcome(length)
    it(`is refused when it is cut to ${length} bytes: ${code} after ${count} bytes`, async () => {
      expect(object.stored.length).to.equal(41_064)
      const stored = object.stored.subarray(0, length)
      for (const feed of ['by chunk', 'by 5000 bytes'] as const) {
        expectRefusal(await read(object, stored, { feed }), code, count)
      }
    })
  }

  const contexts: readonly [title: string, context: EncryptionContext | undefined][] = [
    ['no context given', undefined],
    ['an empty context', {}],
    ['another value', { ...CONTEXT, tenant: 'south' }],
    ['a value in another case', { ...CONTEXT, tenant: 'North' }],
    ['a pair less', { tenant: 'north' }],
    ['a pair more', { ...CONTEXT, more: 'x' }],
    ['an empty pair more', { ...CONTEXT, '': '' }],
    ['the names of two values exchanged', { document: 'north', tenant: 'ledger/2024' }],
    ['the boundary of a pair moved', { document: 'ledger/2024', tenantn: 'orth' }],
    ['two pairs written as one', { document: 'ledger/2024\0\x06tenant\0\x05north' }],
  ]
  for (const [title, context] of contexts) {
    it(`is refused with ${title}: ${COMMITMENT} before any byte`, async () => {
      const options = context === undefined ? {} : { context }
      for (const reader of READERS) {
        expectRefusal(await read(object, object.stored, { reader }, options), COMMITMENT, 0)
      }
    })
  }

  it('is read with the pairs of its context in another order', async () => {
    const { document = '', tenant = '' } = CONTEXT
    const { bytes } = await read(object, object.stored, {}, { context: { tenant, document } })
    expect(bytes.equals(PLAIN)).to.equal(true)
  })

  // RULES 3.7: nothing but the caller's context says which of two good objects this one is.
  it('goes unnoticed when it is replaced, headers and all, by another object in the same context', async () => {
    const { bytes } = await read(other, other.stored)
    expect(bytes.equals(PLAIN)).to.equal(true)
  })

  for (const [written, given] of [
    [{ a: 'bc' }, { ab: 'c' }],
    [{ ab: 'c' }, { a: 'bc' }],
    [{ a: '' }, { '': 'a' }],
    [{ a: 'b' }, { b: 'a' }],
    [{ a: 'b', c: 'd' }, { a: 'b\0\x01c\0\x01d' }],
    [{ '\u00e9': 'x' }, { 'e\u0301': 'x' }],
    [{}, { '': '' }],
  ] as readonly [EncryptionContext, EncryptionContext][]) {
    it(`is refused in context ${JSON.stringify(given)} when it was written in ${JSON.stringify(written)}`, async () => {
      const bound = await sealObject(MASTERS, PLAIN, written)
      expectRefusal(await read(bound, bound.stored, {}, { context: given }), COMMITMENT, 0)
      expect((await read(bound, bound.stored)).error).to.equal(undefined)
    })
  }
})

describe('census: a sealed object whose last chunk is empty', () => {
  const FULL = new Seeded(632).bytes(2 * CHUNK_BYTES)
  let object: SealedObject
  before(async () => {
    object = await sealObject(MASTERS, FULL)
  })

  const changes: readonly Change[] = [
    {
      title: 'without it',
      make: (stored) => stored.subarray(0, -16),
      code: 'SEALSTREAM_TRUNCATED',
      released: FULL.length,
    },
    {
      title: 'without its last byte',
      make: (stored) => stored.subarray(0, -1),
      code: 'SEALSTREAM_TRUNCATED',
      released: FULL.length,
    },
    {
      title: 'without it and the byte before',
      make: (stored) => stored.subarray(0, -17),
      code: AUTHENTICATION,
      released: CHUNK_BYTES,
    },
    {
      title: 'with it twice',
      make: (stored) => Buffer.concat([stored, stored.subarray(-16)]),
      code: AUTHENTICATION,
      released: FULL.length,
    },
    {
      title: 'with a byte more',
      make: (stored) => Buffer.concat([stored, Buffer.alloc(1)]),
      code: AUTHENTICATION,
      released: FULL.length,
    },
    {
      title: 'with zeros in its place',
      make: (stored) => Buffer.concat([stored.subarray(0, -16), Buffer.alloc(16)]),
      code: AUTHENTICATION,
      released: FULL.length,
    },
  ]
  for (const { title, make, code, released: count } of changes) {
    it(`is refused ${title}: ${code} after ${count} bytes`, async () => {
      expectRefusal(await read(object, make(object.stored, object.stored)), code, count, FULL)
    })
  }
})

describe('census: an empty sealed object', () => {
  let object: SealedObject
  before(async () => {
    object = await sealObject(MASTERS, Buffer.alloc(0))
  })

  it('is 72 bytes, and none of plaintext', async () => {
    const { bytes, error } = await read(object, object.stored)
    expect([object.stored.length, bytes.length, error]).to.deep.equal([72, 0, undefined])
  })

  it('is refused with its tag altered, cut or repeated', async () => {
    const tag = object.stored.subarray(-16)
    const altered = Buffer.concat([object.stored.subarray(0, -16), Buffer.alloc(16)])
    const nothing = Buffer.alloc(0)
    expectRefusal(await read(object, altered), AUTHENTICATION, 0, nothing)
    expectRefusal(await read(object, object.stored.subarray(0, -1)), 'SEALSTREAM_TRUNCATED', 0, nothing)
    expectRefusal(await read(object, Buffer.concat([object.stored, tag])), AUTHENTICATION, 0, nothing)
  })
})
