/** Ranges of the plaintext in every format: exact to the byte, whatever chunks and parts they cross. */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { EncryptedGetParams } from '../../lib/encrypted/get-object.js'
import { bytesOf } from '../support/encrypting-store.js'
import {
  GCM,
  ONE_OF_EACH,
  SEALED,
  storedSizeOf,
  WRITERS,
  writing,
  type FormatWriter,
} from '../support/format-writers.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { content, MIB, PART, transferBench } from '../support/transfers.js'

const CHUNK = 16_384
/** One byte; chunks, whole and not; parts. */
const SIZES = [1, CHUNK, 3 * CHUNK, 3 * CHUNK - 1, MIB + 5 * CHUNK + 3]
const RANDOM_RANGES = 50

/** Ranges as they are written, and the positions they stand for. */
function formsOf(size: number): [range: string, start: number, end: number][] {
  const edges = [0, 1, 15, 16, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, PART - 57, PART - 1, PART, size - 1]
  const crossing = edges
    .filter((at) => at > 0 && at < size - 1)
    .map((at): [string, number, number] => [`bytes=${at - 1}-${at + 1}`, at - 1, at + 1])
  const forms: [string, number, number][] = [
    ['bytes=0-0', 0, 0],
    [`bytes=${size - 1}-${size - 1}`, size - 1, size - 1],
    ['bytes=0-', 0, size - 1],
    [`bytes=0-${size - 1}`, 0, size - 1],
    [`bytes=0-${size + 99}`, 0, size - 1],
    [`bytes=${size >> 1}-`, size >> 1, size - 1],
    ['bytes=-1', size - 1, size - 1],
    [`bytes=-${(size >> 1) + 1}`, size - (size >> 1) - 1, size - 1],
    [`bytes=-${size}`, 0, size - 1],
    [`bytes=-${size + 1}`, 0, size - 1],
  ]
  return [...forms, ...crossing]
}

describe('ranges of every format', () => {
  const bench = transferBench({}, { once: true })

  const paramsOf = ({ format }: FormatWriter): Partial<EncryptedGetParams> =>
    format === 'cos-java-gcm' ? { releaseUnverified: true } : {}

  async function expectRange(
    client: CosEncryptionClient,
    writer: FormatWriter,
    plain: Buffer,
    [Range, start, end]: [string, number, number],
  ): Promise<void> {
    const got = await client.getObject({ Key: 'k', Range, ...paramsOf(writer) })
    const bytes = await bytesOf(got.Body)
    expect(bytes.equals(plain.subarray(start, end + 1)), `${Range} of ${plain.length}`).to.equal(true)
    expect(got).to.include({
      ContentLength: end - start + 1,
      ContentRange: `bytes ${start}-${end}/${plain.length}`,
      StoredLength: storedSizeOf(writer.format, plain.length),
      format: writer.format,
      authenticated: writer.format === 'sealed',
      verified: 'length',
      keyVerified: writer.name !== 'cos-python under AES',
    })
  }

  for (const writer of ONE_OF_EACH) {
    for (const [n, size] of SIZES.entries()) {
      it(`${writer.format}, ${size} bytes: first, last, suffix, open-ended, across edges, and ${RANDOM_RANGES} at random`, async () => {
        const plain = content(size, n + 20)
        const client = writing(bench, writer)
        await client.upload({ Key: 'k', Body: plain, PartSize: PART })
        const random = new Seeded(size)
        const forms = formsOf(size)
        for (let i = 0; i < RANDOM_RANGES && size > 1; i++) {
          const [start, end] = [random.integer(size), random.integer(size)].sort((a, b) => a - b)
          forms.push([`bytes=${start}-${end}`, start!, end!])
        }
        for (const form of forms) await expectRange(client, writer, plain, form)
      })
    }

    it(`${writer.format}: past the end, and any range of nothing, is SEALSTREAM_RANGE`, async () => {
      const client = writing(bench, writer)
      for (const size of [0, 1, CHUNK, CHUNK + 9]) {
        await client.putObject({ Key: 'k', Body: content(size) })
        for (const Range of [`bytes=${size}-`, `bytes=${size}-${size + 9}`, 'bytes=99999999-', 'bytes=-0']) {
          const call = { Key: 'k', Range, ...paramsOf(writer) }
          await refused('SEALSTREAM_RANGE', () => client.getObject(call))
        }
      }
    })

    it(`${writer.format}: createReadStream of start, of end, and of both`, async () => {
      const size = 2 * CHUNK + 100
      const plain = content(size, 8)
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: plain })
      for (const [start, end] of [
        [undefined, 40],
        [CHUNK - 5, undefined],
        [17, 2 * CHUNK],
        [size - 1, undefined],
        [CHUNK, CHUNK],
      ]) {
        const positions = {
          ...(start === undefined ? {} : { start }),
          ...(end === undefined ? {} : { end }),
        }
        const stream = client.createReadStream({ Key: 'k', ...positions, ...paramsOf(writer) })
        const expected = plain.subarray(start, end === undefined ? undefined : end + 1)
        expect((await bytesOf(stream)).equals(expected), `${start}..${end}`).to.equal(true)
      }
    })
  }

  for (const writer of WRITERS.filter((each) => !ONE_OF_EACH.includes(each))) {
    it(`${writer.name}: the middle of an object`, async () => {
      const plain = content(5 * CHUNK, 4)
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: plain })
      const [start, end] = [CHUNK + 7, 4 * CHUNK - 3]
      await expectRange(client, writer, plain, [`bytes=${start}-${end}`, start, end])
    })
  }

  it('sealed: a range asks for the chunks that it touches, and for the head where it lies elsewhere', async () => {
    const plain = content(20 * CHUNK + 5, 5)
    const client = writing(bench, SEALED)
    await client.putObject({ Key: 'k', Body: plain })
    const proxy = await bench.proxy((_, forward) => forward())
    const reader = writing(bench, SEALED, { endpoint: proxy.endpoint })
    const at = (chunk: number): number => 56 + chunk * (CHUNK + 16)
    const last = storedSizeOf('sealed', plain.length) - 1
    const asked: [range: string, expected: string[]][] = [
      ['bytes=0-0', [`0-${at(1) - 1}`]],
      [`bytes=${CHUNK - 1}-${CHUNK}`, [`0-${at(2) - 1}`]],
      [`bytes=${CHUNK}-${CHUNK}`, ['0-55', `${at(1)}-${at(2) - 1}`]],
      [`bytes=${5 * CHUNK + 3}-${7 * CHUNK - 1}`, ['0-55', `${at(5)}-${at(7) - 1}`]],
      [`bytes=${20 * CHUNK}-`, ['0-55', `${at(20)}-${last}`]],
      // Where the end is decides which bytes a suffix is: the chunk that ends the object is proven first.
      [`bytes=-${CHUNK + 5}`, ['0-55', `${at(20)}-${last}`, `${at(19)}-${last}`]],
      ['bytes=-5', ['0-55', `${at(20)}-${last}`]],
    ]
    for (const [Range, expected] of asked) {
      proxy.exchanges.length = 0
      await bytesOf((await reader.getObject({ Key: 'k', Range })).Body)
      const gets = proxy.exchanges.filter(({ method }) => method === 'GET')
      const { etag } = (await bench.plain().headObject({ Key: 'k' })).$metadata.headers
      expect(gets.map(({ headers }) => headers.range)).to.deep.equal(expected.map((each) => `bytes=${each}`))
      expect(gets.map(({ headers }) => headers['if-match'])).to.deep.equal(gets.map(() => etag))
    }
  })

  it('cos-java-gcm: a range that is the whole object is held until it is verified, as the whole is', async () => {
    const plain = content(1000, 6)
    const client = writing(bench, GCM)
    await client.putObject({ Key: 'k', Body: plain })
    for (const Range of ['bytes=0-', 'bytes=0-999', 'bytes=-1000']) {
      expect((await bytesOf((await client.getObject({ Key: 'k', Range })).Body)).equals(plain)).to.equal(true)
    }
    for (const Range of ['bytes=0-998', 'bytes=1-', 'bytes=-999']) {
      await refused('SEALSTREAM_UNVERIFIED', () => client.getObject({ Key: 'k', Range }))
    }
    await refused('SEALSTREAM_UNVERIFIED', () => bytesOf(client.createReadStream({ Key: 'k', start: 5 })))
  })
})
