/** Parts whose edges fall into tags, or between them, and last parts that hold nothing else (RULES 1.6). */
import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import {
  expectedBytes,
  GCM,
  rawObject,
  SEALED,
  storedSizeOf,
  WAYS,
  writing,
} from '../support/format-writers.js'
import { failureOf } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

/** Plaintext bytes of a `sealed` object of so many stored bytes. */
function sealedSizeFor(stored: number): number {
  const content = stored - 56
  const chunks = Math.floor(content / 16_400)
  const rest = content - chunks * 16_400
  return chunks * 16_384 + rest - 16
}

/** Stored bytes more than parts: none, part of a tag, a tag, a tag and a byte. */
const OVER = [0, 1, 8, 15, 16, 17]

describe('parts and tags', () => {
  const bench = transferBench({}, { once: true })
  const ways = Object.entries(WAYS).filter(([name]) => name !== 'putObject')

  for (const [n, over] of OVER.entries()) {
    for (const writer of [SEALED, GCM]) {
      const stored = 2 * PART + over
      const size = writer === SEALED ? sealedSizeFor(stored) : stored - 16

      for (const [way, write] of [ways[n % ways.length]!, ways[(n + 4) % ways.length]!]) {
        it(`${writer.format}: ${over} bytes over two parts, by ${way}`, async () => {
          expect(storedSizeOf(writer.format, size)).to.equal(stored)
          const plain = content(size, n + 1)
          const told = await write(writing(bench, writer), plain, bench.path('in'))
          expect(told).to.include({ StoredLength: stored, PartCount: over === 0 ? 2 : 3 })
          const found = await rawObject(bench)
          const expected = await expectedBytes(writer.masterKey(bench), found, plain)
          expect(found.bytes.equals(expected)).to.equal(true)
          const DestFilePath = bench.path('out')
          for (const Concurrency of [1, 3]) {
            const file = await writing(bench, writer).downloadFile({
              Key: 'k',
              DestFilePath,
              PartSize: PART,
              Concurrency,
            })
            expect([file.ContentLength, file.verified]).to.deep.equal([size, 'aead'])
            expect((await readFile(DestFilePath)).equals(plain)).to.equal(true)
          }
        })
      }

      it(`${writer.format}: ${over} bytes over two parts, gone on with after the first, and after the second`, async () => {
        const plain = content(size, n + 1)
        await writeFile(bench.path('in'), plain)
        const params = {
          Key: 'k',
          LocalFilePath: bench.path('in'),
          checkpoint: true,
          PartSize: PART,
          Concurrency: 1,
        }
        for (let partNumber = 2; partNumber <= (over === 0 ? 2 : 3); partNumber++) {
          bench.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber })
          await failureOf(() => writing(bench, writer).uploadFile(params))
        }
        bench.server.faults.clear()
        const events: unknown[] = []
        await writing(bench, writer).uploadFile({ ...params, onEvent: (event) => void events.push(event) })
        const parts = over === 0 ? 1 : 2
        expect(events).to.deep.equal([{ type: 'resumed', parts, bytes: parts * PART }])
        const found = await rawObject(bench)
        const expected = await expectedBytes(writer.masterKey(bench), found, plain)
        expect(found.bytes.equals(expected)).to.equal(true)
        expect(await bench.uploads()).to.deep.equal([])
      })
    }
  }

  for (const PartSize of [PART + 16, PART + 16_400, PART + 8208, 1.5 * PART + 48]) {
    for (const writer of [SEALED, GCM]) {
      it(`${writer.format}: parts of ${PartSize} bytes, up and down, from bytes, a stream and a file`, async () => {
        const plain = content(2 * PART + 777_777, 5)
        const client = writing(bench, writer)
        await writeFile(bench.path('in'), plain)
        const params = { Key: 'k', PartSize, Concurrency: 3 }
        for (const write of [
          () => client.upload({ ...params, Body: plain }),
          () => client.upload({ ...params, Body: [plain] }),
          () => client.uploadFile({ ...params, LocalFilePath: bench.path('in') }),
        ]) {
          await write()
          const found = await rawObject(bench)
          const expected = await expectedBytes(writer.masterKey(bench), found, plain)
          expect(found.bytes.equals(expected)).to.equal(true)
        }
        const DestFilePath = bench.path('out')
        await client.downloadFile({ ...params, DestFilePath })
        expect((await readFile(DestFilePath)).equals(plain)).to.equal(true)
      })
    }
  }
})
