/**
 * A sample of the bit-flip census, the same on every run: `npm run census` flips every bit. Altered bytes are refused before a
 * wrong one comes out; what a recipient does not use may change without harm (RULES 3.6).
 */
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { decryptStream } from '../../lib/stream/cipher-stream.js'
import { FEEDS, flipBody, flipHeader, RIGHT } from '../support/bit-flips.js'
import { runCipher } from '../support/run-cipher.js'
import {
  CHUNK_BYTES,
  HEAD_BYTES,
  makeKeys,
  mastersOf,
  openSealed,
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

/** Bytes of the last chunk: few, so that each of its bits can be flipped. */
const LAST_BYTES = 90
const PLAIN = new Seeded(601).bytes(2 * CHUNK_BYTES + LAST_BYTES)

const BITS = [0, 1, 2, 3, 4, 5, 6, 7]

describe('census: a flipped bit of a sealed object with three recipients', () => {
  let object: SealedObject
  before(async () => {
    object = await sealObject(mastersOf(makeKeys(602)), PLAIN)
  })

  /** Flips these bits of the body; each is read in each way of coming in turn. */
  async function flipAll(
    reader: ReaderName,
    bits: Iterable<readonly [offset: number, bit: number]>,
  ): Promise<Tally> {
    const tally = new Tally()
    const { dataKey } = await openSealed(object.metadata, object.masters[reader])
    let turn = 0
    for (const [offset, bit] of bits) {
      await flipBody(
        object,
        () => decryptStream(dataKey),
        { offset, bit, feed: FEEDS[turn % 3]!, reader },
        tally,
      )
      turn += 1
    }
    dataKey.dispose()
    return tally
  }

  async function flipHeaders(
    reader: ReaderName,
    bitsOf: (header: string, length: number) => Iterable<readonly [index: number, bit: number]>,
  ): Promise<Tally> {
    const tally = new Tally()
    const by = { reader, masterKey: object.masters[reader] }
    for (const [header, value] of Object.entries(object.metadata)) {
      for (const [index, bit] of bitsOf(header, value.length)) {
        await flipHeader(object, by, { header, index, bit }, tally)
      }
    }
    return tally
  }

  const outcomesAt = (tally: Tally, place: RegExp): string[] =>
    [
      ...new Set(
        tally.rows.filter((row) => place.test(row.place)).flatMap((row) => [...row.outcomes.keys()]),
      ),
    ].sort()

  it('is refused in each of the 448 bits of the head, with SEALSTREAM_COMMITMENT and before any byte', async () => {
    const tally = await flipAll('aes', bitsBetween(0, HEAD_BYTES))
    expect(tally.violations).to.deep.equal([])
    expect([tally.total, tally.outcomes]).to.deep.equal([448, ['SEALSTREAM_COMMITMENT']])
  })

  it('is refused in each bit of each tag, with SEALSTREAM_AUTHENTICATION after the chunks before it', async () => {
    for (const chunk of [0, 1]) {
      const tag = HEAD_BYTES + (chunk + 1) * SEALED_CHUNK_BYTES - TAG_BYTES
      const tally = await flipAll('kms', bitsBetween(tag, tag + TAG_BYTES))
      expect(tally.violations).to.deep.equal([])
      expect(tally.rows.map(({ place, total }) => [place, total])).to.deep.equal([
        [`chunk ${chunk}: tag`, 128],
      ])
      expect(tally.outcomes).to.deep.equal(['SEALSTREAM_AUTHENTICATION'])
    }
  })

  it(`is refused in each of the ${(LAST_BYTES + TAG_BYTES) * 8} bits of the last chunk`, async () => {
    const { length } = object.stored
    const tally = await flipAll('aes', bitsBetween(length - LAST_BYTES - TAG_BYTES, length))
    expect(tally.violations).to.deep.equal([])
    expect([tally.total, tally.outcomes]).to.deep.equal([848, ['SEALSTREAM_AUTHENTICATION']])
  })

  for (const reader of READERS) {
    it(`is refused in 600 bits anywhere in the body, read by the ${reader} recipient`, async () => {
      const random = new Seeded(603 + READERS.indexOf(reader))
      const anywhere = Array.from(
        { length: 600 },
        () => [random.integer(object.stored.length), random.integer(8)] as const,
      )
      const tally = await flipAll(reader, anywhere)
      expect([tally.total, tally.violations]).to.deep.equal([600, []])
    })
  }

  it('is refused or harmless in every bit of every header, read by the aes recipient', async () => {
    const tally = await flipHeaders('aes', (_header, length) => bitsBetween(0, length))
    expect(tally.violations).to.deep.equal([])
    const length = Object.values(object.metadata).join('').length
    expect([tally.total, length > 600]).to.deep.equal([length * 8, true])
    expect(outcomesAt(tally, /^(version|content)$|: kind$/)).to.deep.equal(['SEALSTREAM_UNKNOWN_ALGORITHM'])
    expect(outcomesAt(tally, /^recipient-1 .*: wrapped key$/)).to.deep.equal([
      'SEALSTREAM_ENVELOPE_MALFORMED',
      'SEALSTREAM_UNWRAP',
    ])
    expect(outcomesAt(tally, /^recipient-[23] .*: wrapped key$|: key id$/)).to.deep.equal([
      'SEALSTREAM_ENVELOPE_MALFORMED',
      RIGHT,
    ])
  })

  for (const reader of ['rsa', 'kms'] as const) {
    it(`is refused or harmless in 400 bits of its headers, read by the ${reader} recipient`, async () => {
      const random = new Seeded(610 + READERS.indexOf(reader))
      const tally = await flipHeaders(reader, (header, length) =>
        Array.from({ length: header === recipientHeader(reader) ? 240 : 40 }, () => [
          random.integer(length),
          random.integer(8),
        ]),
      )
      expect([tally.total, tally.violations]).to.deep.equal([400, []])
    })
  }
})

describe('census: its own checks', () => {
  const [key, iv] = [new Seeded(620).bytes(32), new Seeded(621).bytes(16)]

  /** What the census says of one flipped bit in another format. */
  async function violationOf(dataKey: DataKey, offset: number): Promise<string> {
    const stored = runCipher(dataKey.encryptor(), [PLAIN])
    const tally = new Tally()
    const flip = { offset, bit: 3, feed: 'by chunk', reader: 'control' } as const
    const decrypt = () => decryptStream(dataKey, { releaseUnverified: true })
    await flipBody({ stored, plaintext: PLAIN }, decrypt, flip, tally)
    return tally.violations.join()
  }

  it('notice a format that does not notice', async () => {
    const violation = await violationOf(DataKey.from({ format: 'cos', key, iv }), 20_000)
    expect(violation).to.equal('chunk 1, read by control: bit 3 of byte 20000, fed by chunk: not refused')
  })

  it('notice a format that notices too late', async () => {
    const dataKey = DataKey.from({ format: 'cos-java-gcm', key, iv: iv.subarray(0, 12) })
    expect(await violationOf(dataKey, 20_000)).to.include(
      `${PLAIN.length} bytes given out, not the plaintext's`,
    )
  })
})

function* bitsBetween(start: number, end: number): Generator<readonly [offset: number, bit: number]> {
  for (let offset = start; offset < end; offset++) for (const bit of BITS) yield [offset, bit]
}
