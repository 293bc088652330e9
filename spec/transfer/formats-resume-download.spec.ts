/** downloadFile of `sealed` and `cos-java-gcm` with a checkpoint: going on, starting afresh, and never anything unproven. */
import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { AES_256, RSA_2048 } from '../support/encrypting-masters.js'
import { rawObject } from '../support/format-writers.js'
import { FIVE_RANGES, InterruptedDownload } from '../support/interrupted-download.js'
import { refused } from '../support/refused.js'
import { content, PART, transferBench, type ClientKind } from '../support/transfers.js'

const SEALED: ClientKind = { name: 'sealed', format: 'sealed', master: AES_256 }
const SEALED_RSA: ClientKind = { name: 'sealed under RSA', format: 'sealed', master: RSA_2048 }
const GCM: ClientKind = { name: 'cos-java-gcm', format: 'cos-java-gcm', master: RSA_2048 }

/** Plaintext of a range of `sealed`: as many chunks as fit 1 MiB. */
const RANGE = 63 * 16_384

/** The head of the object is asked for first. */
const HEAD = 1

describe('downloadFile of sealed and cos-java-gcm, with a checkpoint', () => {
  const bench = transferBench({}, { once: true })

  for (const kind of [SEALED, SEALED_RSA]) {
    for (const done of [1, 2, 4]) {
      it(`${kind.name}: after ${done} of 5 ranges, fetches the head and the other ${5 - done}`, async () => {
        const download = new InterruptedDownload(bench, kind)
        await download.start(HEAD + done)
        const { events, gets, bytes } = await download.resume({ Concurrency: 1 + (done % 3) })
        expect(events).to.deep.equal([{ type: 'resumed', parts: done, bytes: done * RANGE }])
        expect(gets).to.equal(HEAD + 5 - done)
        expect(bytes.equals(FIVE_RANGES)).to.equal(true)
      })
    }
  }

  it('sealed: three times over, each range is fetched once', async () => {
    const download = new InterruptedDownload(bench, SEALED)
    await download.start(HEAD + 1)
    await download.interrupt(HEAD + 1)
    await download.interrupt(HEAD + 2)
    const { events, gets, bytes } = await download.resume()
    expect(events).to.deep.equal([{ type: 'resumed', parts: 4, bytes: 4 * RANGE }])
    expect(gets).to.equal(HEAD + 1)
    expect(bytes.equals(FIVE_RANGES)).to.equal(true)
  })

  it('sealed: what was damaged on disk in between is fetched again', async () => {
    for (const at of [0, RANGE - 1, RANGE, 2 * RANGE + 16_384]) {
      const download = new InterruptedDownload(bench, SEALED)
      await download.start(HEAD + 3)
      const path = await download.temporary()
      const bytes = await readFile(path)
      bytes[at]! ^= 1
      await writeFile(path, bytes)
      const { events, bytes: result } = await download.resume()
      expect(events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * RANGE }])
      expect(result.equals(FIVE_RANGES), `damaged at ${at}`).to.equal(true)
    }
  })

  it('sealed: a client with another context is refused and harms nothing, and the right one goes on', async () => {
    const context = { document: 'one' }
    const download = new InterruptedDownload(bench, SEALED)
    await download.start(HEAD + 2, bench.client(SEALED, { context }))
    for (const other of [{ document: 'two' }, {}]) {
      const client = bench.client(SEALED, { context: other })
      await refused('SEALSTREAM_COMMITMENT', () => client.downloadFile(download.params))
    }
    await download.expectHidden()
    const { events, bytes } = await download.resume({}, bench.client(SEALED, { context }))
    expect(events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * RANGE }])
    expect(bytes.equals(FIVE_RANGES)).to.equal(true)
  })

  it('cos-java-gcm: proves no range by itself, so fetches all of them again', async () => {
    for (const done of [1, 4]) {
      const download = new InterruptedDownload(bench, GCM)
      await download.start(done)
      const { events, gets, bytes } = await download.resume()
      expect(events).to.deep.equal([{ type: 'resumed', parts: 0, bytes: 0 }])
      // And the tag, to compare with what the file comes to.
      expect(gets).to.equal(5 + 1)
      expect(bytes.equals(FIVE_RANGES)).to.equal(true)
    }
  })

  for (const kind of [SEALED, GCM]) {
    const first = kind === SEALED ? HEAD + 2 : 2

    it(`${kind.name}: overwritten in between, starts afresh with the new object`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await download.start(first)
      const other = content(3 * PART, 9)
      await bench.client(kind).putObject({ Key: 'k', Body: other })
      const { events, bytes } = await download.resume()
      expect(events).to.deep.equal([{ type: 'restarted', reason: 'the object was overwritten' }])
      expect(bytes.equals(other)).to.equal(true)
    })

    it(`${kind.name}: an altered checkpoint is not followed`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await download.start(first)
      await download.edit((state) => ({ ...state, Ranges: { '1': '1', '2': '2', '3': '3' } }))
      const { events, bytes } = await download.resume()
      expect(events).to.deep.equal([{ type: 'restarted', reason: 'the checkpoint was altered' }])
      expect(bytes.equals(FIVE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: an object that was altered in between under the same name is refused, and no file is left`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await download.start(first)
      const { bytes, metadata } = await rawObject(bench)
      bytes[bytes.length - 100]! ^= 4
      await bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: metadata })
      await refused('SEALSTREAM_AUTHENTICATION', () => bench.client(kind).downloadFile(download.params))
      expect(await bench.names()).to.deep.equal([])
    })

    it(`${kind.name}: progress ends with the size of the file`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await download.start(first)
      const seen: { bytes: number; total: number | undefined }[] = []
      await download.resume({ onProgress: (progress: (typeof seen)[0]) => void seen.push(progress) })
      expect(seen.at(-1)).to.deep.equal({ bytes: FIVE_RANGES.length, total: FIVE_RANGES.length })
      expect(seen[0]?.bytes).to.equal(kind === SEALED ? 2 * RANGE : 0)
    })
  }
})
