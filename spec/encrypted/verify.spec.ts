/** verify: what it proves of an object, whole or by samples, and what it finds. */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { OptionError } from '../../lib/errors.js'
import { AES_256 } from '../support/encrypting-masters.js'
import {
  GCM,
  ONE_OF_EACH,
  rawObject,
  SEALED,
  storedSizeOf,
  WRITERS,
  writing,
} from '../support/format-writers.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { content, MIB, transferBench } from '../support/transfers.js'

const CHUNK = 16_384
const SIZE = 6 * MIB + 5
const PLAIN = content(SIZE, 4)

describe('verify', () => {
  const bench = transferBench({}, { once: true })

  /** What the store holds from now on. */
  const restore = async (
    { metadata }: { metadata: Record<string, string> },
    bytes: Buffer,
  ): Promise<unknown> => bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: metadata })
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 1
    return copy
  }

  for (const writer of WRITERS) {
    it(`${writer.name}: says what was read, and what that proves`, async () => {
      const plain = PLAIN.subarray(0, MIB + 100)
      const client = writing(bench, writer)
      const { ETag } = await client.putObject({ Key: 'k', Body: plain })
      const seen: unknown[] = []
      const told = await writing(bench, writer).verify({
        Key: 'k',
        onProgress: (progress) => seen.push(progress),
      })
      const isProven = writer.format === 'sealed' || writer.format === 'cos-java-gcm'
      expect(told).to.deep.equal({
        ETag,
        format: writer.format,
        authenticated: writer.format === 'sealed',
        keyVerified: writer.name !== 'cos-python under AES',
        ContentLength: plain.length,
        StoredLength: storedSizeOf(writer.format, plain.length),
        CheckedLength: plain.length,
        verified: isProven ? 'aead' : 'crc64',
      })
      expect(seen.at(-1)).to.deep.equal({ bytes: plain.length, total: plain.length })
    })

    it(`${writer.name}: an empty object, and one of a byte`, async () => {
      for (const size of [0, 1]) {
        const client = writing(bench, writer)
        await client.putObject({ Key: 'k', Body: content(size) })
        const told = await client.verify({ Key: 'k' })
        expect(told).to.include({ ContentLength: size, CheckedLength: size })
        if (writer.format !== 'sealed') continue
        const sampled = await client.verify({ Key: 'k', sample: 3 })
        expect(sampled).to.include({ ContentLength: size, CheckedLength: size, verified: 'aead' })
      }
    })
  }

  for (const writer of ONE_OF_EACH) {
    const isProven = writer === SEALED || writer === GCM
    it(`${writer.format}: a stored bit that is another is ${isProven ? 'found' : 'not found, where the store vouches for it'}`, async () => {
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: PLAIN.subarray(0, 70_000) })
      const original = await rawObject(bench)
      for (const at of [0, 60, 30_000, original.bytes.length - 17, original.bytes.length - 1]) {
        await restore(original, flipped(original.bytes, at))
        if (isProven) {
          const error = await failureOf(() => client.verify({ Key: 'k' }))
          expect(error.code).to.match(/_(AUTHENTICATION|COMMITMENT)$/)
        } else {
          // It is what was uploaded, by whomever: that is all that CRC-64 says.
          expect((await client.verify({ Key: 'k' })).verified).to.equal('crc64')
        }
      }
    })

    it(`${writer.format}: bytes that changed on the way, or in the store, are found`, async () => {
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: PLAIN.subarray(0, 70_000) })
      for (const kind of [
        'flip-bit-sent',
        'wrong-crc64',
        'drop-tail',
        'early-close',
        'reset-in-response-body',
      ] as const) {
        // A range that is shorter than it should be is of another object by now, which is read afresh.
        bench.server.faults.add({ kind, operation: 'getObject', times: 9 })
        // Where ranges are read, the checksum of the whole is the one that HEAD states.
        if (kind === 'wrong-crc64') bench.server.faults.add({ kind, operation: 'headObject' })
        const error = await failureOf(() => client.verify({ Key: 'k' }))
        expect(error.code, kind).to.match(
          /_(AUTHENTICATION|COMMITMENT|INTEGRITY|TRUNCATED|CONNECTION|ANSWER|OBJECT_CHANGED)$/,
        )
        bench.forget()
      }
    })

    it(`${writer.format}: refuses what reading refuses`, async () => {
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: PLAIN.subarray(0, 70_000) })
      const original = await rawObject(bench)
      const missing = await refused('SEALSTREAM_SERVICE', () => client.verify({ Key: 'none' }))
      expect(missing).to.have.property('status', 404)
      if (writer.name !== 'cos-python under AES') {
        const other = { ...writer, masterKey: () => AES_256.otherKey() }
        const wrong = bench.encrypting({ policy: 'any', masterKey: other.masterKey() })
        const error = await failureOf(() => wrong.verify({ Key: 'k' }))
        expect(error.code).to.match(/_(UNWRAP|KEY_KIND)$/)
      }
      await bench.plain().putObject({ Key: 'k', Body: original.bytes })
      await refused('SEALSTREAM_ENVELOPE_MISSING', () => client.verify({ Key: 'k' }))
      if (!isProven) return
      await restore(original, original.bytes.subarray(0, 10))
      await refused('SEALSTREAM_TRUNCATED', () => client.verify({ Key: 'k' }))
    })

    it(`${writer.format}: reads in ranges, several at a time, by threads or without`, async () => {
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: PLAIN })
      const expected = await client.verify({ Key: 'k', Concurrency: 1, PartSize: 8 * MIB })
      expect(expected.CheckedLength).to.equal(SIZE)
      for (const threads of [1, 2, 3]) {
        const seen: number[] = []
        const onProgress = ({ bytes, total }: { bytes: number; total: number | undefined }): void => {
          seen.push(bytes)
          expect(total).to.equal(SIZE)
        }
        const params = { Key: 'k', PartSize: MIB, Concurrency: 3, threads, onProgress }
        expect(await client.verify(params)).to.deep.equal(expected)
        expect(seen).to.deep.equal([...seen].sort((a, b) => a - b))
        expect(seen.at(-1)).to.equal(SIZE)
      }
    })

    it(`${writer.format}: has it out by threads, too, where a byte is another`, async () => {
      if (!isProven) return
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: PLAIN })
      const original = await rawObject(bench)
      await restore(original, flipped(original.bytes, 4 * MIB))
      const params = { Key: 'k', PartSize: MIB, Concurrency: 3 }
      const [alone, threaded] = [
        await failureOf(() => client.verify({ ...params, threads: 1 })),
        await failureOf(() => client.verify({ ...params, threads: 2 })),
      ]
      expect(threaded.code).to.equal('SEALSTREAM_AUTHENTICATION')
      expect([threaded.message, threaded.constructor]).to.deep.equal([alone.message, alone.constructor])
    })

    if (writer === SEALED) continue
    it(`${writer.format}: samples prove nothing, and are refused`, async () => {
      const client = writing(bench, writer)
      await client.putObject({ Key: 'k', Body: PLAIN.subarray(0, 70_000) })
      const error = await refused('SEALSTREAM_OPTION', () => client.verify({ Key: 'k', sample: 1 }))
      expect(ofClass(error, OptionError).option).to.equal('sample')
    })
  }

  describe('of samples', () => {
    let client: CosEncryptionClient
    let original: Awaited<ReturnType<typeof rawObject>>
    before(async () => {
      client = writing(bench, SEALED)
      await client.putObject({ Key: 'k', Body: PLAIN })
      original = await rawObject(bench)
    })
    beforeEach(() => restore(original, original.bytes))

    it('reads the first piece, the last, and as many more as were asked for', async () => {
      // Seven pieces, the last of 5 bytes.
      for (const [sample, pieces] of [
        [1, 3],
        [2, 4],
        [5, 7],
        [9, 7],
        [1000, 7],
      ]) {
        const before = bench.calls.length
        const seen: { bytes: number }[] = []
        const told = await client.verify({
          Key: 'k',
          sample: sample!,
          onProgress: (each) => void seen.push(each),
        })
        const checked = (pieces! - 1) * MIB + 5
        expect(told).to.include({
          ContentLength: SIZE,
          StoredLength: storedSizeOf('sealed', SIZE),
          CheckedLength: checked,
          verified: 'aead',
          authenticated: true,
          keyVerified: true,
        })
        expect(seen.at(-1)?.bytes).to.equal(checked)
        expect(seen.map(({ bytes }) => bytes)).to.deep.equal(
          seen.map(({ bytes }) => bytes).sort((a, b) => a - b),
        )
        const whole = bench.calls
          .slice(before)
          .filter((call) => call.operation === 'getObject' && call.status === 200)
        expect(whole, 'never the whole').to.deep.equal([])
      }
    })

    it('reports progress up to what was to be read', async () => {
      for (const sample of [1, 5]) {
        const seen: unknown[] = []
        const told = await client.verify({ Key: 'k', sample, onProgress: (each) => void seen.push(each) })
        expect(seen.at(-1)).to.deep.equal({ bytes: told.CheckedLength, total: told.CheckedLength })
      }
    })

    it('proves the first and the last piece always, and all where all are asked for', async () => {
      const ends = [5, 60, 56 + 3 * (CHUNK + 16), original.bytes.length - 1, original.bytes.length - 20]
      for (const at of ends) {
        await restore(original, flipped(original.bytes, at))
        const error = await failureOf(() => client.verify({ Key: 'k', sample: 1 }))
        expect(error.code, String(at)).to.match(/_(AUTHENTICATION|COMMITMENT)$/)
      }
      for (let piece = 1; piece < 6; piece++) {
        await restore(original, flipped(original.bytes, 56 + (piece * 64 + 9) * (CHUNK + 16)))
        await refused('SEALSTREAM_AUTHENTICATION', () => client.verify({ Key: 'k', sample: 5 }))
      }
    })

    it('notices an object that was cut, or made longer, at any place', async () => {
      const chunk = CHUNK + 16
      const lengths = [56, 72, 56 + chunk, 56 + 64 * chunk, 56 + 64 * chunk + 16, 56 + 100 * chunk + 900]
      for (const length of lengths) {
        await restore(original, original.bytes.subarray(0, length))
        const error = await failureOf(() => client.verify({ Key: 'k', sample: 1 }))
        expect(error.code, String(length)).to.match(/_(AUTHENTICATION|TRUNCATED)$/)
      }
      await restore(original, Buffer.concat([original.bytes, Buffer.alloc(16)]))
      await refused('SEALSTREAM_AUTHENTICATION', () => client.verify({ Key: 'k', sample: 1 }))
    })

    it('holds to the version that it began with', async () => {
      const proxy = await bench.proxy(async ({ method, headers }, forward) => {
        const answer = await forward()
        // Once the head of the second piece is asked for, it is another object.
        if (method === 'GET' && headers.range === 'bytes=0-55')
          await restore(original, flipped(original.bytes, 9))
        return answer
      })
      const through = writing(bench, SEALED, { endpoint: proxy.endpoint })
      const error = await failureOf(() => through.verify({ Key: 'k', sample: 5 }))
      expect(error.code).to.match(/_(OBJECT_CHANGED|SERVICE)$/)
    })

    for (const sample of [0, -1, 1.5, Number.NaN, '3']) {
      it(`takes a whole number of them, not ${String(sample)}`, async () => {
        const before = bench.calls.length
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.verify({ Key: 'k', sample: sample as number }),
        )
        expect(ofClass(error, OptionError).option).to.equal('sample')
        expect(bench.calls.length).to.equal(before)
      })
    }
  })
})
