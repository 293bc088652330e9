/** Objects that the COS SDKs wrote, put into the store as they are and read through the client. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { bytesOf } from '../support/encrypting-store.js'
import { foreignObjects, isPkcs1, masterOf, WRITERS, type Writer } from '../support/foreign-objects.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { transferBench } from '../support/transfers.js'
import type { ObjectCase } from '../support/vectors.js'

function formatOf(writer: Writer, { name }: ObjectCase): string {
  if (writer === 'cos-python-sdk') return 'cos-python'
  if (name.startsWith('gcm')) return 'cos-java-gcm'
  return name.startsWith('cbc') ? 'cos-java-cbc' : 'cos'
}

/** Positions around blocks and ends, and some in between. */
function rangesOf(size: number): [start: number, end: number][] {
  const random = new Seeded(size)
  const ranges: [number, number][] = [0, 1, 15, 16, 17, 33].map((start) => [start, start + 16])
  for (let n = 0; n < 4; n++) {
    const [start, end] = [random.integer(size), random.integer(size)].sort((a, b) => a - b)
    ranges.push([start!, end!])
  }
  ranges.push([0, size - 1], [size - 1, size - 1])
  return ranges.filter(([start]) => start < size)
}

describe('objects of the COS SDKs', () => {
  const bench = transferBench({}, { once: true })

  /** Stores it as the SDK did, with its instruction file beside it. */
  async function store({ metadata, ciphertext, instructionBody, instructionMetadata }: ObjectCase) {
    const plain = bench.plain()
    await plain.putObject({ Key: 'k', Body: Buffer.from(ciphertext, 'base64'), Metadata: metadata })
    if (instructionBody === undefined) return {}
    const file = { Key: 'k.instruction', Body: instructionBody }
    await plain.putObject({ ...file, Metadata: instructionMetadata ?? {} })
    return { InstructionFile: true }
  }

  const reader = (object: ObjectCase): CosEncryptionClient =>
    bench.encrypting({
      masterKey: masterOf(object.master, isPkcs1(object) ? 'pkcs1' : 'oaep'),
      policy: 'any',
    })

  for (const writer of WRITERS) {
    describe(writer, () => {
      for (const object of foreignObjects(writer)) {
        const { name, size, master } = object
        const plain = Buffer.from(object.plaintext, 'base64')

        it(`${name} is read whole and downloaded, ${size} bytes`, async () => {
          const where = await store(object)
          const client = reader(object)
          const got = await client.getObject({ Key: 'k', ...where })
          const bytes = await bytesOf(got.Body)
          expect(createHash('sha256').update(bytes).digest('hex')).to.equal(object.plaintextSha256)
          const format = formatOf(writer, object)
          expect([got.format, got.ContentLength, got.StoredLength]).to.deep.equal([
            format,
            size,
            Buffer.from(object.ciphertext, 'base64').length,
          ])
          const isIvPlain = object.instructionBody !== undefined
          expect(got.keyVerified).to.equal((format !== 'cos-python' || master.kind === 'rsa') && !isIvPlain)
          expect(got.authenticated).to.equal(false)
          const head = await client.headObject({ Key: 'k', ...where })
          expect([head.ContentLength, head.format]).to.deep.equal([size, format])
          const DestFilePath = bench.path('f')
          const downloaded = await client.downloadFile({ Key: 'k', DestFilePath, ...where })
          expect([downloaded.ContentLength, downloaded.format]).to.deep.equal([size, format])
          expect((await readFile(DestFilePath)).equals(plain)).to.equal(true)
        })

        if (size > 0) {
          it(`${name} is read by ranges`, async () => {
            const where = await store(object)
            const client = reader(object)
            const more = formatOf(writer, object) === 'cos-java-gcm' ? { releaseUnverified: true } : {}
            for (const [start, end] of rangesOf(size)) {
              const Range = `bytes=${start}-${end}`
              const { Body } = await client.getObject({ Key: 'k', Range, ...where, ...more })
              const expected = plain.subarray(start, end + 1)
              expect((await bytesOf(Body)).equals(expected), `${start}..${end}`).to.equal(true)
            }
          })
        }

        if (!isPkcs1(object)) continue
        it(`${name} is refused by a key that pads as it should, with a hint`, async () => {
          await store(object)
          const client = bench.encrypting({ masterKey: masterOf(master) })
          for (const params of [{ Key: 'k' }, { Key: 'k', Range: 'bytes=0-0' }]) {
            const error = await refused('SEALSTREAM_UNWRAP', () => client.getObject(params))
            expect(error.hint).to.contain('padding')
          }
        })
      }
    })
  }
})
