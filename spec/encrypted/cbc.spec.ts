/** `cos-java-cbc`: read whole, by ranges and into files, to the size that its last block says (RULES 4.4). */
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { OptionError } from '../../lib/errors.js'
import type { Format } from '../../lib/crypto/format.js'
import { AES_256 } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import { cbcBlocks, cbcBytes, cbcMetadata } from '../support/cbc-objects.js'
import { ofClass } from '../support/of-class.js'
import { READ_OPERATIONS } from '../support/read-operations.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { content, MIB, PART, transferBench } from '../support/transfers.js'

const SIZES = [0, 1, 15, 16, 17, 31, 32, 16_384, MIB - 1, MIB, 2 * MIB + 5]

describe('cos-java-cbc', () => {
  const bench = transferBench({}, { once: true })
  let client: CosEncryptionClient
  before(() => void (client = bench.encrypting({ policy: 'any' })))

  const store = (bytes: Buffer, stated?: number | string): Promise<unknown> =>
    bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: cbcMetadata(stated) })

  const storedLength = (size: number): number => size + 16 - (size % 16)

  for (const [n, size] of SIZES.entries()) {
    it(`${size} bytes: whole, into a file, and their number, with and without a stated length`, async () => {
      const plain = content(size, n + 40)
      for (const stated of [size, undefined]) {
        await store(cbcBytes(plain), stated)
        const facts = {
          ContentLength: size,
          StoredLength: storedLength(size),
          format: 'cos-java-cbc',
          authenticated: false,
        }
        const got = await client.getObject({ Key: 'k' })
        expect(got).to.include({ ...facts, keyVerified: true })
        expect((await bytesOf(got.Body)).equals(plain)).to.equal(true)
        expect(await client.headObject({ Key: 'k' })).to.include(facts)
        const seen: unknown[] = []
        const told = await client.downloadFile({
          Key: 'k',
          DestFilePath: bench.path('f'),
          PartSize: PART,
          Concurrency: stated === undefined ? 1 : 4,
          onProgress: (progress) => seen.push(progress),
        })
        expect(told).to.include({ ...facts, keyVerified: true, verified: 'crc64' })
        expect((await readFile(bench.path('f'))).equals(plain)).to.equal(true)
        expect(seen.at(-1)).to.deep.equal({ bytes: size, total: size })
        expect(await client.verify({ Key: 'k' })).to.include({ ...facts, verified: 'crc64' })
      }
    })

    if (size === 0) continue
    it(`${size} bytes: ranges, from the front and the back`, async () => {
      const plain = content(size, n + 40)
      await store(cbcBytes(plain))
      const random = new Seeded(size)
      const forms: [range: string, start: number, end: number][] = [
        ['bytes=0-0', 0, 0],
        ['bytes=0-', 0, size - 1],
        [`bytes=${size - 1}-`, size - 1, size - 1],
        ['bytes=-1', size - 1, size - 1],
        ['bytes=-17', Math.max(0, size - 17), size - 1],
        [`bytes=-${size}`, 0, size - 1],
        [`bytes=0-${storedLength(size)}`, 0, size - 1],
      ]
      for (const at of [15, 16, 17, 31, 32].filter((each) => each < size)) {
        forms.push([`bytes=${at}-${at}`, at, at], [`bytes=${at - 15}-${at}`, at - 15, at])
      }
      for (let i = 0; i < 10; i++) {
        const [start, end] = [random.integer(size), random.integer(size)].sort((a, b) => a - b)
        forms.push([`bytes=${start}-${end}`, start!, end!])
      }
      for (const [Range, start, end] of forms) {
        const got = await client.getObject({ Key: 'k', Range })
        expect((await bytesOf(got.Body)).equals(plain.subarray(start, end + 1)), Range).to.equal(true)
        expect(got).to.include({
          ContentLength: end - start + 1,
          ContentRange: `bytes ${start}-${end}/${size}`,
          StoredLength: storedLength(size),
        })
      }
      // The last block has bytes that are not the plaintext's.
      for (const Range of [`bytes=${size}-`, `bytes=${size}-${size}`]) {
        await refused('SEALSTREAM_RANGE', () => client.getObject({ Key: 'k', Range }))
      }
      await refused('SEALSTREAM_RANGE', () =>
        bytesOf(client.createReadStream({ Key: 'k', start: size, end: size })),
      )
    })
  }

  it('a stated length that is not that of the stored bytes is never believed where content is given out', async () => {
    const plain = content(100, 1)
    for (const stated of [99, 101, 97, 0, 50, 5, 'x', '-1', '1e2', '0x64', '100 ']) {
      await store(cbcBytes(plain), String(stated).trim())
      const got = await client.getObject({ Key: 'k' })
      expect([got.ContentLength, (await bytesOf(got.Body)).equals(plain)]).to.deep.equal([100, true])
      const suffix = await client.getObject({ Key: 'k', Range: 'bytes=-3' })
      expect((await bytesOf(suffix.Body)).equals(plain.subarray(-3)), String(stated)).to.equal(true)
      const told = await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') })
      expect([told.ContentLength, (await readFile(bench.path('f'))).equals(plain)]).to.deep.equal([100, true])
    }
  })

  it('headObject believes it where it can be, and else decrypts the last block', async () => {
    const plain = content(100, 1)
    const cases: [stated: number | string | undefined, expected: number][] = [
      [100, 100],
      // Not authenticated, and said to be so.
      [99, 99],
      [111, 111],
      [95, 100],
      [50, 100],
      ['x', 100],
      [undefined, 100],
    ]
    const half = bench.encrypting({ masterKey: AES_256.otherKey(), policy: 'any' })
    for (const [stated, expected] of cases) {
      await store(cbcBytes(plain), stated)
      expect((await client.headObject({ Key: 'k' })).ContentLength, String(stated)).to.equal(expected)
      if (expected === 100 && stated !== 100)
        await refused('SEALSTREAM_UNWRAP', () => half.headObject({ Key: 'k' }))
      else expect((await half.headObject({ Key: 'k' })).ContentLength).to.equal(expected)
    }
  })

  it('an object whose last block was never stored, as the Java SDK leaves it, is whole or refused', async () => {
    const plain = content(96, 1)
    const cut = cbcBytes(plain).subarray(0, 96)
    await store(cut, 96)
    const got = await client.getObject({ Key: 'k' })
    expect([got.ContentLength, (await bytesOf(got.Body)).equals(plain)]).to.deep.equal([96, true])
    const range = await client.getObject({ Key: 'k', Range: 'bytes=-20' })
    expect((await bytesOf(range.Body)).equals(plain.subarray(-20))).to.equal(true)
    const told = await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') })
    expect([told.ContentLength, (await readFile(bench.path('f'))).equals(plain)]).to.deep.equal([96, true])
    expect((await client.headObject({ Key: 'k' })).ContentLength).to.equal(96)
    // More was there than is left.
    await store(cut, 100)
    for (const read of Object.values(READ_OPERATIONS)) {
      const take = (): void => undefined
      await refused('SEALSTREAM_TRUNCATED', () => read(client, { take, path: bench.path('g') }))
    }
    await refused('SEALSTREAM_TRUNCATED', () => client.headObject({ Key: 'k' }))
  })

  const paddings: Readonly<Record<string, Buffer>> = {
    'of 0': Buffer.alloc(16),
    'of 17': Buffer.alloc(16, 17),
    'of 255': Buffer.alloc(16, 255),
    'that is not one number': Buffer.concat([Buffer.alloc(13), Buffer.of(3, 2, 3)]),
    'that begins too late': Buffer.concat([Buffer.alloc(15), Buffer.of(16)]),
  }
  for (const [title, last] of Object.entries(paddings)) {
    it(`a padding ${title} is one and the same error, whichever way it is read, and no byte`, async () => {
      await store(cbcBlocks(Buffer.concat([content(64, 2), last])))
      const messages = new Set<string>()
      for (const read of Object.values(READ_OPERATIONS)) {
        let given = 0
        const take = (bytes: Buffer): void => void (given += bytes.length)
        const error = await refused('SEALSTREAM_INTEGRITY', () =>
          read(client, { take, path: bench.path('f') }),
        )
        messages.add(error.message)
        expect(given).to.equal(0)
      }
      messages.add((await refused('SEALSTREAM_INTEGRITY', () => client.headObject({ Key: 'k' }))).message)
      expect([...messages]).to.deep.equal([
        'the last block is not padded as it should be: wrong master key, or altered object',
      ])
      expect(await bench.names()).to.deep.equal([])
    })
  }

  it('no whole blocks, or none, are SEALSTREAM_TRUNCATED', async () => {
    for (const length of [0, 1, 15, 17, 100]) {
      await store(cbcBytes(content(200, 3)).subarray(0, length))
      for (const read of Object.values(READ_OPERATIONS)) {
        const take = (): void => undefined
        await refused('SEALSTREAM_TRUNCATED', () => read(client, { take, path: bench.path('f') }))
      }
      await refused('SEALSTREAM_TRUNCATED', () => client.headObject({ Key: 'k' }))
    }
  })

  it('another master key is SEALSTREAM_UNWRAP', async () => {
    await store(cbcBytes(content(100)))
    const other = bench.encrypting({ masterKey: AES_256.otherKey(), policy: 'any' })
    for (const read of Object.values(READ_OPERATIONS)) {
      const take = (): void => undefined
      await refused('SEALSTREAM_UNWRAP', () => read(other, { take, path: bench.path('f') }))
    }
  })

  it('is never written: not by a client, and not by rewrap', async () => {
    const error = await refused('SEALSTREAM_OPTION', () =>
      bench.encrypting({ format: 'cos-java-cbc' as Format }),
    )
    expect(ofClass(error, OptionError).option).to.equal('format')
    await store(cbcBytes(content(100)))
    for (const change of [{ masterKey: AES_256.otherKey() }, { format: 'cos' as const }]) {
      const refusal = await refused('SEALSTREAM_OPTION', () => client.rewrap({ Key: 'k', ...change }))
      expect(ofClass(refusal, OptionError).option).to.equal('format')
    }
    await refused('SEALSTREAM_OPTION', () => client.verify({ Key: 'k', sample: 1 }))
    expect((await client.getObject({ Key: 'k' })).format).to.equal('cos-java-cbc')
  })

  it('a download goes on from a checkpoint by fetching all of it again', async () => {
    const plain = content(2 * MIB + 5, 4)
    await store(cbcBytes(plain))
    const params = {
      Key: 'k',
      DestFilePath: bench.path('f'),
      PartSize: PART,
      Concurrency: 1,
      checkpoint: true,
    }
    // The first one is for the last block, which says how long it is.
    bench.server.faults.add({ kind: 'conflict', operation: 'getObject', call: 3 })
    await refused('SEALSTREAM_SERVICE', () => client.downloadFile(params))
    bench.forget()
    const events: unknown[] = []
    await client.downloadFile({ ...params, onEvent: (event) => void events.push(event) })
    expect(events).to.deep.equal([{ type: 'resumed', parts: 0, bytes: 0 }])
    expect((await readFile(bench.path('f'))).equals(plain)).to.equal(true)
  })
})
