/** Every object that the COS SDKs wrote: opened by openEnvelope, decrypted through DataKey.decryptor. */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { DataKey } from '../../lib/crypto/data-key.js'
import type { Format } from '../../lib/crypto/format.js'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { readEnvelope, type Dialect } from '../../lib/envelope/read-envelope.js'
import { readInstructionFile } from '../../lib/envelope/legacy-dialect.js'
import {
  bytesOf,
  foreignObjects,
  isPkcs1,
  masterOf,
  openForeign,
  WRITERS,
} from '../support/foreign-objects.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import type { ObjectCase } from '../support/vectors.js'

/** What an object is expected to be, from its name alone. */
interface Expected {
  readonly format: Format
  readonly dialect: Dialect
  readonly keyVerified: boolean
}

function expectedOf(writer: (typeof WRITERS)[number], { name, master }: ObjectCase): Expected {
  if (writer === 'cos-python-sdk') {
    return { format: 'cos-python', dialect: 'python', keyVerified: master.kind === 'rsa' }
  }
  if (writer === 'cos-bridge') return { format: 'cos', dialect: 'bridge', keyVerified: true }
  const [mode = ''] = name.split('-')
  const formats: Readonly<Record<string, Format>> = { ctr: 'cos', gcm: 'cos-java-gcm', cbc: 'cos-java-cbc' }
  return { format: formats[mode]!, dialect: 'java', keyVerified: true }
}

/** Decrypts a stretch from the stored bytes that the data key asks for. */
function decryptRange(dataKey: DataKey, stored: Buffer, start: number, end: number): Buffer {
  const range = dataKey.ciphertextRange(start, end)
  const releaseUnverified = dataKey.format === 'cos-java-gcm'
  const input = piecesOf(stored.subarray(range.start, range.end + 1), 4099)
  return runCipher(dataKey.decryptor({ start, end, releaseUnverified }), input)
}

function decrypts(object: ObjectCase, open: () => ReturnType<typeof openForeign>): void {
  const { name, size } = object
  const { plain, stored } = bytesOf(object)

  it(`decrypts the ${size} bytes of ${name} whole, to the plaintext's SHA-256`, async () => {
    const output = runCipher((await open()).dataKey.decryptor(), [stored])
    expect(output.length).to.equal(size)
    expect(createHash('sha256').update(output).digest('hex')).to.equal(object.plaintextSha256)
  })

  it(`decrypts ${name} byte by byte`, async () => {
    const output = runCipher((await open()).dataKey.decryptor(), piecesOf(stored, 1))
    expect(output.equals(plain)).to.equal(true)
  })

  it(`decrypts ${name} in random pieces`, async () => {
    const { dataKey } = await open()
    for (const most of [60, 4096]) {
      const pieces = new Seeded(size + most).pieces(stored, most)
      expect(runCipher(dataKey.decryptor(), pieces).equals(plain), `most ${most}`).to.equal(true)
    }
  })

  it(`has the size of ${name} in its stored size`, async () => {
    const { dataKey, format } = await open()
    const found = dataKey.plaintextSize(stored.length)
    if (format === 'cos-java-cbc') expect([found >= size, found - size <= 15]).to.deep.equal([true, true])
    else expect(found).to.equal(size)
  })

  if (size === 0) return
  it(`decrypts 60 random ranges of ${name}, and those at its edges`, async () => {
    const { dataKey } = await open()
    const random = new Seeded(size)
    const ends = [0, 1, 15, 16, 17, 31, 32, 33, size - 17, size - 16, size - 2, size - 1]
    const edges = ends.filter((at) => at >= 0 && at < size)
    const ranges = edges.flatMap((start) => edges.map((end) => [start, end] as const))
    for (let round = 0; round < 60; round++) {
      const [a, b] = [random.integer(size), random.integer(size)]
      ranges.push([Math.min(a, b), Math.max(a, b)])
    }
    for (const [start, end] of ranges.filter(([from, to]) => from <= to)) {
      const output = decryptRange(dataKey, stored, start, end)
      expect(output.equals(plain.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
    }
  })

  it(`decrypts ${name} from a position to its end, where its format can`, async () => {
    const { dataKey, format } = await open()
    for (const start of [1, 15, 16, 17, 40].filter((at) => at < size)) {
      const { start: from } = dataKey.ciphertextRange(start, size - 1)
      const run = (): Buffer => runCipher(dataKey.decryptor({ start }), [stored.subarray(from)])
      if (format === 'cos-java-gcm') await refused('SEALSTREAM_UNVERIFIED', run)
      else expect(run().equals(plain.subarray(start)), `from ${start}`).to.equal(true)
    }
  })
}

function staysAsItIs(object: ObjectCase, { format }: Expected): void {
  const { plain, stored } = bytesOf(object)

  it(`refuses to encrypt other bytes under the data key of ${object.name}`, async () => {
    const { dataKey } = await openForeign(object, 'any')
    expect(() => dataKey.encryptor().update(Buffer.alloc(1))).to.throw()
  })

  if (format === 'cos-java-cbc') return
  it(`encrypts the plaintext of ${object.name} back to the stored bytes`, async () => {
    const { dataKey } = await openForeign(object, 'any')
    expect(runCipher(dataKey.encryptor({ sameBytes: true }), [plain]).equals(stored)).to.equal(true)
  })
}

for (const writer of WRITERS) {
  const objects = foreignObjects(writer)
  const inHeaders = objects.filter(({ instructionBody }) => instructionBody === undefined)

  describe(`${objects.length} objects of ${writer}/objects.json, ${inHeaders.length} with their envelope in headers`, () => {
    for (const object of inHeaders) {
      const { dialect, ...facts } = expectedOf(writer, object)

      it(`opens ${object.name} as ${facts.format} in the dialect ${dialect}, keyVerified ${facts.keyVerified}`, async () => {
        expect(readEnvelope(object.metadata)).to.include({ format: facts.format, dialect })
        const { dataKey, ...opened } = await openForeign(object, 'any')
        expect(opened).to.include({ ...facts, authenticated: false })
        expect(dataKey.format).to.equal(facts.format)
      })

      decrypts(object, () => openForeign(object, isPkcs1(object) ? 'pkcs1' : 'any'))
      staysAsItIs(object, { dialect, ...facts })
    }
  })
}

const instructed = foreignObjects('cos-java-sdk').filter((object) => object.instructionBody !== undefined)
describe(`${instructed.length} object of cos-java-sdk/objects.json with an instruction file`, () => {
  for (const object of instructed) {
    const headers = (): Record<string, string> => readInstructionFile(Buffer.from(object.instructionBody!))
    const open = (): ReturnType<typeof openForeign> =>
      openEnvelope(headers(), masterOf(object.master), { policy: 'any' })

    it(`opens ${object.name} by readInstructionFile, keyVerified false: its IV stands there as it is`, async () => {
      expect(readEnvelope(headers()).dialect).to.equal('java-legacy')
      const { dataKey: _, ...opened } = await open()
      expect(opened).to.include({ format: 'cos', authenticated: false, keyVerified: false })
    })

    decrypts(object, open)

    it(`opens ${object.name} with its headers beside those of the file`, async () => {
      const both = { ...object.metadata, ...headers() }
      await openEnvelope(both, masterOf(object.master), { policy: 'any' })
    })

    it(`checks the context that the file of ${object.name} names`, async () => {
      const opening = (context: Record<string, string>): Promise<unknown> =>
        openEnvelope(headers(), masterOf(object.master), { policy: 'any', context })
      await opening({ b: '2', a: '1' })
      await refused('SEALSTREAM_CONTEXT', () => opening({ a: '1' }))
    })

    it(`refuses the headers of ${object.name} alone with a hint that speaks of the instruction file`, async () => {
      const error = await refused('SEALSTREAM_ENVELOPE_MALFORMED', () => openForeign(object))
      expect(error.hint).to.include('instruction file')
    })

    it(`refuses the headers of the instruction file of ${object.name}: it is no object with an envelope`, async () => {
      const metadata = object.instructionMetadata!
      await refused('SEALSTREAM_ENVELOPE_MISSING', () => openForeign({ ...object, metadata }))
    })
  }
})

describe('the vectors', () => {
  it('are all used: 49 of Python, 38 of Java, 10 of Go, 1 bridge', () => {
    expect(WRITERS.map((writer) => foreignObjects(writer).length)).to.deep.equal([49, 38, 10, 1])
    expect(instructed.length).to.equal(1)
  })
})
