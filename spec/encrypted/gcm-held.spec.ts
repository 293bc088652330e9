/** What `cos-java-gcm` gives out before its tag is verified: nothing, unless it is asked to (RULES 4.4). */
import { readFile, rm } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { EncryptedGetParams } from '../../lib/encrypted/get-object.js'
import { bytesOf } from '../support/encrypting-store.js'
import { GCM, rawObject, writing } from '../support/format-writers.js'
import { refused } from '../support/refused.js'
import { content, MIB, PART, transferBench } from '../support/transfers.js'

const SIZE = MIB + 70_005
const PLAIN = content(SIZE, 7)
const MOST_HELD = 64 * MIB

type Body = Readable & { transformToByteArray(): Promise<Uint8Array> }

describe('cos-java-gcm before it is verified', () => {
  const bench = transferBench({}, { once: true })
  let client: CosEncryptionClient
  let original: Awaited<ReturnType<typeof rawObject>>
  before(async () => {
    client = writing(bench, GCM)
    await client.putObject({ Key: 'k', Body: PLAIN })
    original = await rawObject(bench)
  })
  beforeEach(() => restore(original.bytes))

  const restore = (bytes: Buffer): Promise<unknown> =>
    bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: original.metadata })
  const altered = (at: number): Buffer => {
    const bytes = Buffer.from(original.bytes)
    bytes[at]! ^= 1
    return bytes
  }
  /** What a reader gets, and what it ends with. */
  async function readAsFar(body: Body): Promise<{ bytes: Buffer; code: unknown }> {
    const chunks: Buffer[] = []
    body.on('data', (chunk: Buffer) => chunks.push(chunk))
    const code = await finished(body).then(
      () => 'done',
      (error: unknown) => (error as { code?: unknown }).code,
    )
    return { bytes: Buffer.concat(chunks), code }
  }
  const get = async (more: Partial<EncryptedGetParams>): Promise<Body> =>
    (await client.getObject({ Key: 'k', ...more })).Body

  it('an object of mostHeld bytes is held, and one of a byte more refused before any', async () => {
    expect((await bytesOf(await get({ mostHeld: SIZE }))).equals(PLAIN)).to.equal(true)
    for (const more of [{ mostHeld: SIZE - 1 }, { mostHeld: 0 }, { mostHeld: 1, Range: 'bytes=0-' }]) {
      const error = await refused('SEALSTREAM_UNVERIFIED', () => get(more))
      expect(error.hint).to.contain('releaseUnverified')
    }
    const stream = client.createReadStream({ Key: 'k', mostHeld: SIZE - 1 })
    let given = 0
    stream.on('data', (chunk: Buffer) => (given += chunk.length))
    await refused('SEALSTREAM_UNVERIFIED', () => finished(stream))
    expect(given).to.equal(0)
  })

  it('64 MiB are held unless told otherwise', async () => {
    const bytes = Buffer.alloc(MOST_HELD + 1 + 16)
    await restore(bytes)
    await refused('SEALSTREAM_UNVERIFIED', () => get({}))
    await restore(bytes.subarray(1))
    const { bytes: given, code } = await readAsFar(await get({}))
    expect([given.length, code]).to.deep.equal([0, 'SEALSTREAM_AUTHENTICATION'])
  })

  it('with releaseUnverified it streams, whatever its size, and ends only where the tag is right', async () => {
    const options = { releaseUnverified: true, mostHeld: 1 }
    expect((await bytesOf(await get(options))).equals(PLAIN)).to.equal(true)
    for (const at of [SIZE + 15, SIZE, SIZE - 1, SIZE - 1000]) {
      await restore(altered(at))
      const { bytes, code } = await readAsFar(await get(options))
      expect(code).to.equal('SEALSTREAM_AUTHENTICATION')
      // Most of it is out by then: that is what was asked for.
      expect(bytes.length).to.be.greaterThan(SIZE / 2)
      const right = Math.min(bytes.length, at)
      expect(bytes.subarray(0, right).equals(PLAIN.subarray(0, right))).to.equal(true)
    }
  })

  it('without it an altered object gives nothing, wherever it was altered', async () => {
    for (const at of [0, 1000, SIZE - 1, SIZE, SIZE + 15]) {
      await restore(altered(at))
      for (const more of [{}, { Range: 'bytes=0-' }]) {
        const { bytes, code } = await readAsFar(await get(more))
        expect([bytes.length, code]).to.deep.equal([0, 'SEALSTREAM_AUTHENTICATION'])
      }
    }
  })

  it('an object that was cut is refused, down to less than a tag', async () => {
    for (const length of [SIZE + 15, SIZE, 16, 17, 1000]) {
      await restore(original.bytes.subarray(0, length))
      const { bytes, code } = await readAsFar(await get({}))
      expect([bytes.length, code]).to.deep.equal([0, 'SEALSTREAM_AUTHENTICATION'])
    }
    for (const length of [15, 1, 0]) {
      await restore(original.bytes.subarray(0, length))
      await refused('SEALSTREAM_TRUNCATED', () => get({}))
      await refused('SEALSTREAM_TRUNCATED', () => client.headObject({ Key: 'k' }))
    }
  })

  it('ranges need releaseUnverified, and are what is stored, right or wrong', async () => {
    const ranges = ['bytes=0-0', 'bytes=5-', 'bytes=-5', `bytes=0-${SIZE - 2}`, `bytes=${SIZE - 1}-`]
    for (const Range of ranges) {
      const before = bench.count('getObject')
      await refused('SEALSTREAM_UNVERIFIED', () => get({ Range }))
      expect(bench.count('getObject'), 'not even asked for').to.equal(before)
    }
    await restore(altered(1000))
    const bytes = await bytesOf(await get({ Range: 'bytes=990-1009', releaseUnverified: true }))
    const expected = Buffer.from(PLAIN.subarray(990, 1010))
    expected[10]! ^= 1
    expect(bytes.equals(expected), 'nothing proves a range').to.equal(true)
  })

  it('downloadFile proves the whole before the file is there: a wrong tag leaves none', async () => {
    for (const Concurrency of [1, 4]) {
      for (const checkpoint of [false, true]) {
        const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency, checkpoint }
        for (const at of [SIZE + 15, SIZE, 0, MIB]) {
          await restore(altered(at))
          await refused('SEALSTREAM_AUTHENTICATION', () => client.downloadFile(params))
          expect(await bench.names()).to.deep.equal([])
        }
        await restore(original.bytes)
        const told = await client.downloadFile(params)
        expect(told).to.include({ verified: 'aead', authenticated: false, ContentLength: SIZE })
        await rm(bench.path('f'))
      }
    }
  })

  it('downloadFile takes a tag that lies over the edge of two ranges, or fills one', async () => {
    for (const size of [PART - 8, PART - 16, PART - 15, PART, 2 * PART - 1]) {
      const plain = content(size, 8)
      await client.putObject({ Key: 'k', Body: plain })
      const DestFilePath = bench.path('f')
      const told = await client.downloadFile({ Key: 'k', DestFilePath, PartSize: PART, Concurrency: 3 })
      expect(told).to.include({ verified: 'aead', ContentLength: size, StoredLength: size + 16 })
      expect((await readFile(DestFilePath)).equals(plain), String(size)).to.equal(true)
    }
  })
})
