import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { startServer } from '../../lib/server/index.js'
import { FIVE_RANGES, InterruptedDownload } from '../support/interrupted-download.js'
import { failureOf, refused } from '../support/refused.js'
import { content, ENCRYPTED, PART, PLAIN, transferBench } from '../support/transfers.js'

const KINDS = [PLAIN, ENCRYPTED[0]!]

describe('downloadFile: going on from a checkpoint', () => {
  const bench = transferBench({}, { once: true })

  for (const kind of [PLAIN, ...ENCRYPTED]) {
    for (const done of KINDS.includes(kind) ? [1, 2, 4] : [2]) {
      it(`${kind.name}: after ${done} of 5 ranges, fetches the other ${5 - done}`, async () => {
        const download = new InterruptedDownload(bench, kind)
        await download.start(done)
        const { events, gets, bytes } = await download.resume()
        expect(events).to.deep.equal([{ type: 'resumed', parts: done, bytes: done * PART }])
        expect(gets).to.equal(5 - done)
        expect(bytes.equals(FIVE_RANGES)).to.equal(true)
      })
    }
  }

  for (const kind of KINDS) {
    it(`${kind.name}: after an abort in the third range`, async () => {
      const download = new InterruptedDownload(bench, kind)
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: FIVE_RANGES })
      const controller = new AbortController()
      const onProgress = ({ bytes }: { bytes: number }): void => {
        if (bytes > 2 * PART) controller.abort()
      }
      const { signal } = controller
      await refused('SEALSTREAM_ABORTED', () =>
        client.downloadFile({ ...download.params, Concurrency: 1, onProgress, signal }),
      )
      await download.expectHidden()
      const { events, gets, bytes } = await download.resume()
      expect(events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
      expect(gets).to.equal(3)
      expect(bytes.equals(FIVE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: progress begins with what is there`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await download.start(3)
      const seen: unknown[] = []
      await download.resume({ onProgress: (progress: unknown) => void seen.push(progress) })
      expect(seen[0]).to.deep.equal({ bytes: 3 * PART, total: FIVE_RANGES.length })
      expect(seen.at(-1)).to.deep.equal({ bytes: FIVE_RANGES.length, total: FIVE_RANGES.length })
    })

    it(`${kind.name}: three times over, each range is fetched once`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await download.start(1)
      await download.interrupt(1)
      await download.interrupt(2)
      const { events, gets, bytes } = await download.resume()
      expect(events).to.deep.equal([{ type: 'resumed', parts: 4, bytes: 4 * PART }])
      expect(gets).to.equal(1)
      expect(bytes.equals(FIVE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: ranges that came in any order count, with 3 at a time`, async () => {
      const download = new InterruptedDownload(bench, kind)
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: FIVE_RANGES })
      bench.server.faults.add({ kind: 'conflict', operation: 'getObject', call: 5 })
      await failureOf(() => client.downloadFile({ ...download.params, Concurrency: 3 }))
      bench.server.faults.clear()
      const { events, gets, bytes } = await download.resume()
      const [event] = events
      // What was under way when the fifth was refused may be there or not.
      if (event?.type === 'resumed') expect(gets).to.equal(5 - event.parts)
      else expect.fail('not resumed')
      expect(bytes.equals(FIVE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: the old file stays until the end`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await writeFile(bench.path('f'), 'old')
      await download.start(2)
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
      expect((await download.resume()).bytes.equals(FIVE_RANGES)).to.equal(true)
      expect((await stat(bench.path('f'))).mode & 0o777).to.equal(0o600)
    })

    it(`${kind.name}: an object of one range, and an empty one, leave nothing hidden`, async () => {
      const client = bench.client(kind)
      for (const size of [0, 1, PART]) {
        await client.putObject({ Key: 'k', Body: content(size) })
        const { events, bytes } = await new InterruptedDownload(bench, kind).resume()
        expect(events).to.deep.equal([])
        expect(bytes.equals(content(size))).to.equal(true)
      }
    })

    it(`${kind.name}: the checkpoint goes where it is told to, and holds no key and no content`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: FIVE_RANGES })
      await mkdir(bench.path('state'))
      const checkpoint = bench.path('state/mine')
      const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 1, checkpoint }
      bench.server.faults.add({ kind: 'conflict', operation: 'getObject', call: 3 })
      await failureOf(() => client.downloadFile(params))
      bench.server.faults.clear()
      expect((await stat(checkpoint)).mode & 0o777).to.equal(0o600)
      const text = await readFile(checkpoint, 'utf8')
      expect(text.length).to.be.below(1500)
      const { Ranges } = JSON.parse(text) as { Ranges: object }
      expect(Object.keys(Ranges)).to.deep.equal(['1', '2'])
      const before = bench.count('getObject')
      await client.downloadFile(params)
      await client.headObject({ Key: 'k' })
      expect(bench.count('getObject') - before).to.equal(3)
      expect((await readFile(bench.path('f'))).equals(FIVE_RANGES)).to.equal(true)
      expect(await stat(checkpoint).catch(() => 'gone')).to.equal('gone')
    })
  }

  it('without checkpoint, one that an earlier call left is not looked at', async () => {
    const download = new InterruptedDownload(bench, PLAIN)
    await download.start(2)
    const before = bench.count('getObject')
    const { checkpoint: _, ...params } = download.params
    const client = bench.plain()
    await client.downloadFile({ ...params, onEvent: () => expect.fail('an event') })
    await client.headObject({ Key: 'k' })
    expect(bench.count('getObject') - before).to.equal(5)
    expect((await readFile(bench.path('f'))).equals(FIVE_RANGES)).to.equal(true)
  })

  it('two objects that go to one directory do not share a checkpoint', async () => {
    const client = bench.plain()
    const params = (name: string): object => ({
      Key: name,
      DestFilePath: bench.path(name),
      PartSize: PART,
      Concurrency: 1,
      checkpoint: true,
    })
    for (const name of ['a', 'b']) {
      await client.putObject({ Key: name, Body: content(2 * PART, name.charCodeAt(0)) })
      bench.server.faults.clear()
      bench.server.faults.add({ kind: 'conflict', operation: 'getObject', call: 2 })
      await failureOf(() => client.downloadFile(params(name) as never))
    }
    bench.server.faults.clear()
    expect(await bench.hidden()).to.have.lengthOf(4)
    for (const name of ['a', 'b']) {
      const events: unknown[] = []
      await client.downloadFile({ ...params(name), onEvent: (event: unknown) => events.push(event) } as never)
      expect(events).to.deep.equal([{ type: 'resumed', parts: 1, bytes: PART }])
      expect((await readFile(bench.path(name))).equals(content(2 * PART, name.charCodeAt(0)))).to.equal(true)
    }
    expect(await bench.hidden()).to.deep.equal([])
  })
})

describe('downloadFile: going on after the service was away', () => {
  const bench = transferBench()

  for (const kind of [PLAIN, ENCRYPTED[0]!]) {
    it(`${kind.name}: a server that closes in the third range, and comes back on another port`, async () => {
      const directory = bench.path('store')
      const { credentials } = bench.server
      const first = bench.closing(await startServer({ directory, credentials }))
      const client = bench.client(kind, { endpoint: first.endpoint })
      await client.putObject({ Key: 'k', Body: FIVE_RANGES })
      let closing: Promise<void> | undefined
      const onProgress = ({ bytes }: { bytes: number }): void => {
        if (bytes > 2 * PART) closing ??= first.close()
      }
      const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 1 }
      await refused('SEALSTREAM_CONNECTION', () =>
        client.downloadFile({ ...params, checkpoint: true, onProgress }),
      )
      await closing
      const second = bench.closing(await startServer({ directory, credentials }))
      const events: { type: string; parts?: number }[] = []
      await bench.client(kind, { endpoint: second.endpoint }).downloadFile({
        ...params,
        checkpoint: true,
        onEvent: (event) => void events.push(event),
      })
      expect(events.map(({ type }) => type)).to.deep.equal(['resumed'])
      // The third may have been in the system's buffers already.
      expect(events[0]!.parts).to.be.oneOf([2, 3])
      expect((await readFile(bench.path('f'))).equals(FIVE_RANGES)).to.equal(true)
      expect(await bench.hidden()).to.deep.equal([])
    })
  }
})
