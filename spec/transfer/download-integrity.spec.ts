import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { IntegrityError } from '../../lib/errors.js'
import type { Fault } from '../../lib/server/index.js'
import { ofClass } from '../support/of-class.js'
import { refused } from '../support/refused.js'
import { startProxy } from '../support/tampering-proxy.js'
import { content, ENCRYPTED, MIB, outcome, PART, PLAIN, transferBench } from '../support/transfers.js'

const SIZE = 5 * MIB + 1000
const KINDS = [PLAIN, ...ENCRYPTED.slice(0, 1), ...ENCRYPTED.slice(3)]

/** Ranges of 2 MiB: three of them. */
const PARAMS = { PartSize: 2 * PART, Concurrency: 3 }

describe('downloadFile: wrong bytes are always noticed', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(SIZE)

  before(async () => {
    for (const kind of KINDS) await bench.client(kind).putObject({ Key: kind.name, Body: bytes })
  })

  for (const kind of KINDS) {
    /** Expects an IntegrityError, an untouched file, and nothing beside it. */
    const noticed = async (fault: Fault, checkpoint = false): Promise<IntegrityError> => {
      await writeFile(bench.path('f'), 'old')
      bench.server.faults.clear()
      bench.server.faults.add(fault)
      const client = bench.client(kind, { retry: { attempts: 3, baseDelay: 1 } })
      const error = await refused('SEALSTREAM_INTEGRITY', () =>
        client.downloadFile({ Key: kind.name, DestFilePath: bench.path('f'), ...PARAMS, checkpoint }),
      )
      expect(bench.server.faults.hits).to.have.lengthOf(1)
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
      expect(await bench.names()).to.deep.equal(['f'])
      return ofClass(error, IntegrityError)
    }

    for (const call of [1, 2, 3]) {
      const places = call === 3 ? [0, MIB + 999] : [0, MIB - 1, MIB, 2 * MIB - 1]
      it(`${kind.name}: one bit of byte ${places.join(', ')} of the answer to range request ${call}`, async () => {
        for (const at of places) {
          const error = await noticed({ kind: 'flip-bit-sent', operation: 'getObject', call, at })
          expect(error.algorithm).to.equal('crc64')
          expect(error.expected).not.to.equal(error.found)
        }
      })

      it(`${kind.name}: other bytes of the object in the place of range request ${call}`, async () => {
        for (const at of [16, 2 * MIB + 16, 3 * MIB]) {
          await noticed({ kind: 'repeat-range', operation: 'getObject', call, at })
        }
      })
    }

    it(`${kind.name}: a CRC-64 that HEAD states wrong`, async () => {
      await noticed({ kind: 'wrong-crc64', operation: 'headObject' })
    })

    it(`${kind.name}: wrong bytes are not kept in a checkpoint, the next call fetches them anew`, async () => {
      await noticed({ kind: 'flip-bit-sent', operation: 'getObject', call: 2 }, true)
      const events: string[] = []
      const client = bench.client(kind)
      await client.downloadFile({
        Key: kind.name,
        DestFilePath: bench.path('f'),
        ...PARAMS,
        checkpoint: true,
        onEvent: ({ type }) => void events.push(type),
      })
      expect(events).to.deep.equal([])
      expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)
    })

    it(`${kind.name}: a HEAD that states half the length, or none, never makes half a file`, async () => {
      for (const [at, tolerated] of [
        [SIZE / 2, true],
        [2 * PART, true],
        [16, true],
        [0, false],
      ] as const) {
        bench.server.faults.clear()
        bench.server.faults.add({ kind: 'drop-tail', operation: 'headObject', at })
        const client = bench.client(kind)
        const found = await outcome(
          client.downloadFile({ Key: kind.name, DestFilePath: bench.path('f'), ...PARAMS }),
        )
        if (tolerated) {
          expect(found, String(at)).to.equal('done')
          expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)
        } else expect(found).to.equal('SEALSTREAM_INTEGRITY')
      }
    })

    it(`${kind.name}: the bytes of another version under the same ETag and length`, async () => {
      const proxy = await bench.proxy(async (exchange, forward) => {
        const reply = await forward()
        if (exchange.method !== 'GET' || exchange.headers.range?.startsWith('bytes=0-') === true) return reply
        const [first, last] = /bytes=(\d+)-(\d+)/
          .exec(exchange.headers.range ?? '')!
          .slice(1)
          .map(Number)
        return { ...reply, body: content(SIZE, 9).subarray(first, last! + 1) }
      })
      await writeFile(bench.path('f'), 'old')
      const client = bench.client(kind, { endpoint: proxy.endpoint })
      await refused('SEALSTREAM_INTEGRITY', () =>
        client.downloadFile({ Key: kind.name, DestFilePath: bench.path('f'), ...PARAMS }),
      )
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
      expect(await bench.names()).to.deep.equal(['f'])
    })
  }

  it('an answer of status 200, or of another range, to a ranged request is SEALSTREAM_ANSWER or begun afresh', async () => {
    for (const change of ['status', 'range', 'no range'] as const) {
      const proxy = await startProxy(bench.server, async ({ method }, forward) => {
        const reply = await forward()
        if (method !== 'GET') return reply
        if (change === 'status') return { ...reply, status: 200 }
        const range = change === 'range' ? `bytes 16-${2 * PART + 15}/${SIZE}` : undefined
        return { ...reply, headers: { ...reply.headers, 'content-range': range } }
      })
      await writeFile(bench.path('f'), 'old')
      const client = bench.plain({ endpoint: proxy.endpoint })
      const found = await outcome(
        client.downloadFile({ Key: 'plain', DestFilePath: bench.path('f'), ...PARAMS }),
      )
      expect(found).to.be.oneOf(['SEALSTREAM_ANSWER', 'SEALSTREAM_OBJECT_CHANGED'])
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
      expect(await bench.names()).to.deep.equal(['f'])
      await proxy.close()
    }
  })

  it('a HEAD without ETag is SEALSTREAM_ANSWER: nothing would hold the ranges together', async () => {
    const proxy = await startProxy(bench.server, async (_exchange, forward) => {
      const reply = await forward()
      return { ...reply, headers: { ...reply.headers, etag: undefined } }
    })
    const client = bench.plain({ endpoint: proxy.endpoint })
    await refused('SEALSTREAM_ANSWER', () =>
      client.downloadFile({ Key: 'plain', DestFilePath: bench.path('f'), ...PARAMS }),
    )
    expect(await bench.names()).to.deep.equal([])
    await proxy.close()
  })
})
