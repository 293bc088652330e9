/** Stored objects of `sealed` that somebody altered: nothing unproven is given out, whichever way they are read. */
import { finished } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { SealstreamError, type ErrorCode } from '../../lib/errors.js'
import { rawObject, SEALED, writing } from '../support/format-writers.js'
import { refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const CHUNK = 16_384
const STORED_CHUNK = CHUNK + 16
/** Four chunks and a bit: more than one range of a download, whose ranges have 63. */
const CHUNKS = 70
const PLAIN = content(CHUNKS * CHUNK + 5, 1)
const OTHER = content(CHUNKS * CHUNK + 5, 2)

const at = (chunk: number): number => 56 + chunk * STORED_CHUNK

/** What becomes of the stored bytes, given those of another object under the same master key. */
type Damage = (bytes: Buffer, other: Buffer) => Buffer

/** Code of the error, and how many chunks are proven before it. */
const DAMAGES: Readonly<Record<string, [damage: Damage, code: ErrorCode, chunks: number]>> = {
  'one bit of the salt': [flip(5), 'SEALSTREAM_COMMITMENT', 0],
  'one bit of the commitment': [flip(40), 'SEALSTREAM_COMMITMENT', 0],
  'one bit of the first chunk': [flip(at(0)), 'SEALSTREAM_AUTHENTICATION', 0],
  'one bit of a tag': [flip(at(3) - 1), 'SEALSTREAM_AUTHENTICATION', 2],
  'one bit of the last chunk': [flip(at(CHUNKS) + 2), 'SEALSTREAM_AUTHENTICATION', CHUNKS],
  'the last chunk gone': [(bytes) => bytes.subarray(0, at(CHUNKS)), 'SEALSTREAM_TRUNCATED', 0],
  'the last byte gone': [(bytes) => bytes.subarray(0, -1), 'SEALSTREAM_AUTHENTICATION', CHUNKS],
  'the end cut within a chunk': [(bytes) => bytes.subarray(0, at(9) + 500), 'SEALSTREAM_AUTHENTICATION', 9],
  'a byte more': [(bytes) => Buffer.concat([bytes, Buffer.of(0)]), 'SEALSTREAM_AUTHENTICATION', CHUNKS],
  'two chunks exchanged': [
    (bytes) =>
      Buffer.concat([
        bytes.subarray(0, at(4)),
        bytes.subarray(at(5), at(6)),
        bytes.subarray(at(4), at(5)),
        bytes.subarray(at(6)),
      ]),
    'SEALSTREAM_AUTHENTICATION',
    4,
  ],
  'a chunk left out': [
    (bytes) => Buffer.concat([bytes.subarray(0, at(4)), bytes.subarray(at(5))]),
    'SEALSTREAM_AUTHENTICATION',
    4,
  ],
  'a chunk twice': [
    (bytes) => Buffer.concat([bytes.subarray(0, at(5)), bytes.subarray(at(4))]),
    'SEALSTREAM_AUTHENTICATION',
    5,
  ],
  'a chunk of another object': [
    (bytes, other) =>
      Buffer.concat([bytes.subarray(0, at(4)), other.subarray(at(4), at(5)), bytes.subarray(at(5))]),
    'SEALSTREAM_AUTHENTICATION',
    4,
  ],
  'the body of another object': [(_, other) => other, 'SEALSTREAM_COMMITMENT', 0],
  'the head of another object': [
    (bytes, other) => Buffer.concat([other.subarray(0, 56), bytes.subarray(56)]),
    'SEALSTREAM_COMMITMENT',
    0,
  ],
  'nothing left': [() => Buffer.alloc(0), 'SEALSTREAM_TRUNCATED', 0],
  'ten bytes left': [(bytes) => bytes.subarray(0, 10), 'SEALSTREAM_TRUNCATED', 0],
  'its head alone': [(bytes) => bytes.subarray(0, 56), 'SEALSTREAM_TRUNCATED', 0],
  'less than a tag after its head': [(bytes) => bytes.subarray(0, 71), 'SEALSTREAM_TRUNCATED', 0],
}

function flip(offset: number): Damage {
  return (bytes) => {
    const altered = Buffer.from(bytes)
    altered[offset]! ^= 1
    return altered
  }
}

/** All that came out before it failed, and what it failed with. */
async function readAsFar(open: () => Promise<Readable>): Promise<{ bytes: Buffer; error: unknown }> {
  const chunks: Buffer[] = []
  try {
    const body = await open()
    body.on('data', (chunk: Buffer) => chunks.push(chunk))
    await finished(body)
    return { bytes: Buffer.concat(chunks), error: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error }
  }
}

describe('a sealed object that was altered', () => {
  const bench = transferBench({}, { once: true })
  let client: CosEncryptionClient
  let original: Awaited<ReturnType<typeof rawObject>>
  let other: Buffer
  before(async () => {
    client = writing(bench, SEALED)
    await client.putObject({ Key: 'other', Body: OTHER })
    other = (await rawObject(bench, 'other')).bytes
    await client.putObject({ Key: 'k', Body: PLAIN })
    original = await rawObject(bench)
  })

  const store = (bytes: Buffer): Promise<unknown> =>
    bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: original.metadata })

  function expectProven({ bytes, error }: Awaited<ReturnType<typeof readAsFar>>, from: number): void {
    expect(error).to.be.instanceOf(SealstreamError)
    expect(bytes.equals(PLAIN.subarray(from, from + bytes.length)), 'only what is proven').to.equal(true)
  }

  for (const [title, [damage, code, chunks]] of Object.entries(DAMAGES)) {
    it(`by ${title} is ${code}, whole, downloaded and verified`, async () => {
      await store(damage(original.bytes, other))
      const whole = await readAsFar(async () => (await client.getObject({ Key: 'k' })).Body)
      expectProven(whole, 0)
      expect(whole.error).to.have.property('code', code)
      expect(whole.bytes.length).to.be.at.most(chunks * CHUNK)
      const stream = await readAsFar(async () => client.createReadStream({ Key: 'k' }))
      expect(stream.error).to.have.property('code', code)
      for (const checkpoint of [false, true]) {
        await refused(code, () =>
          client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, checkpoint }),
        )
        expect((await bench.names()).filter((name) => !name.startsWith('.'))).to.deep.equal([])
      }
      await refused(code, () => client.verify({ Key: 'k' }))
    })

    it(`by ${title} gives the right bytes of a range, or none`, async () => {
      const damaged = damage(original.bytes, other)
      await store(damaged)
      const ranges: [range: string, start: number][] = [
        ['bytes=0-99', 0],
        [`bytes=${2 * CHUNK - 9}-${2 * CHUNK + 9}`, 2 * CHUNK - 9],
        [`bytes=${4 * CHUNK}-${5 * CHUNK}`, 4 * CHUNK],
        [`bytes=${6 * CHUNK + 7}-`, 6 * CHUNK + 7],
        [`bytes=${8 * CHUNK}-${8 * CHUNK + 1}`, 8 * CHUNK],
      ]
      for (const [Range, start] of ranges) {
        const { bytes, error } = await readAsFar(
          async () => (await client.getObject({ Key: 'k', Range })).Body,
        )
        expect(bytes.equals(PLAIN.subarray(start, start + bytes.length)), Range).to.equal(true)
        if (error === undefined) expect(bytes.length, Range).to.be.greaterThan(0)
        if (Range.endsWith('-')) {
          const pieces = [damaged, original.bytes].map((all) =>
            Buffer.concat([all.subarray(0, 56), all.subarray(at(6))]),
          )
          expect(error === undefined, 'its end is proven').to.equal(pieces[0]!.equals(pieces[1]!))
        }
      }
      // Where the end is decides which bytes a suffix is: it is proven before the first of them.
      const suffix = await readAsFar(
        async () => (await client.getObject({ Key: 'k', Range: 'bytes=-40000' })).Body,
      )
      const hasSameEnd =
        damaged.length === original.bytes.length &&
        damaged.subarray(at(CHUNKS)).equals(original.bytes.subarray(at(CHUNKS)))
      const tail = PLAIN.subarray(-40_000)
      expect(suffix.bytes.equals(tail.subarray(0, suffix.bytes.length))).to.equal(true)
      if (!hasSameEnd) expect(suffix.bytes.length).to.equal(0)
      if (suffix.error === undefined) expect(suffix.bytes.length).to.equal(40_000)
    })
  }

  it('is refused by a client with another context, before a byte', async () => {
    await store(original.bytes)
    const wrong = writing(bench, SEALED, { context: { document: 'another' } })
    for (const more of [{}, { Range: 'bytes=0-0' }, { Range: 'bytes=-1' }]) {
      const { bytes, error } = await readAsFar(
        async () => (await wrong.getObject({ Key: 'k', ...more })).Body,
      )
      expect(error).to.have.property('code', 'SEALSTREAM_COMMITMENT')
      expect(bytes.length).to.equal(0)
    }
    await refused('SEALSTREAM_COMMITMENT', () =>
      wrong.downloadFile({ Key: 'k', DestFilePath: bench.path('f') }),
    )
    await refused('SEALSTREAM_COMMITMENT', () => wrong.verify({ Key: 'k' }))
    await refused('SEALSTREAM_COMMITMENT', () => wrong.verify({ Key: 'k', sample: 1 }))
  })
})
