import { mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { InterruptedDownload, type Resumption, THREE_RANGES } from '../support/interrupted-download.js'
import { refused } from '../support/refused.js'
import { content, ENCRYPTED, PART, PLAIN, transferBench } from '../support/transfers.js'

const KINDS = [PLAIN, ENCRYPTED[0]!]

describe('downloadFile: a checkpoint that cannot be followed', () => {
  const bench = transferBench({}, { once: true })

  function expectAfresh({ events, gets, bytes }: Resumption, reason: RegExp): void {
    expect(events.map(({ type }) => type)).to.deep.equal(['restarted'])
    expect((events[0] as { reason: string }).reason).to.match(reason)
    expect(gets).to.equal(3)
    expect(bytes.equals(THREE_RANGES)).to.equal(true)
  }

  for (const kind of KINDS) {
    it(`${kind.name}: the object was overwritten: the new one, from its first byte`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      for (const bytes of [content(2 * PART + 5, 8), content(PART, 9), content(4 * PART, 7)]) {
        await bench.client(kind).putObject({ Key: 'k', Body: bytes })
        const found = await download.resume()
        expect(found.events.map(({ type }) => type)).to.deep.equal(['restarted'])
        expect((found.events[0] as { reason: string }).reason).to.contain('overwritten')
        expect(found.bytes.equals(bytes)).to.equal(true)
        expect(found.gets).to.equal(Math.ceil(bytes.length / PART))
        await download.start(2)
      }
    })

    it(`${kind.name}: the part size is another`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      const { events, gets, bytes } = await download.resume({ PartSize: 2 * PART })
      expect(events.map(({ type }) => type)).to.deep.equal(['restarted'])
      expect(gets).to.equal(2)
      expect(bytes.equals(THREE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: torn after 0, 14 and 25 bytes, and before its last`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      const checkpoint = await download.checkpoint()
      const { length } = await readFile(checkpoint)
      await download.resume()
      for (const keep of [0, 14, 25, length - 1]) {
        await download.interrupt(2)
        await truncate(await download.checkpoint(), keep)
        expectAfresh(await download.resume(), /cut short/)
      }
    })

    it(`${kind.name}: of a version from the future`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      await download.edit((state) => void (state.Version = 2))
      expectAfresh(await download.resume(), /version/)
    })

    for (const [what, Ranges] of Object.entries({
      'no ranges': undefined,
      'ranges that are null': null,
      'ranges that are a list': ['1', '2'],
      'a range 0': { 0: '1' },
      'a range that is no number': { one: '1' },
      'a CRC-64 that is a number': { 1: 1 },
      'a CRC-64 that is hexadecimal': { 1: '0x1' },
    })) {
      // Of an encrypted one, nothing can be altered: see below.
      if (kind !== PLAIN) continue
      it(`${kind.name}: with ${what}`, async () => {
        const download = new InterruptedDownload(bench, kind, THREE_RANGES)
        await download.start(2)
        await download.edit((state) => void (state.Ranges = Ranges))
        expectAfresh(await download.resume(), /damaged|altered/)
      })
    }

    it(`${kind.name}: a file of somebody else's in its place is SEALSTREAM_CHECKPOINT and stays`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      const checkpoint = await download.checkpoint()
      for (const text of ['my diary', '{"sealstream":"upload","Version":1}', '{}', '[]']) {
        await writeFile(checkpoint, text)
        const error = await refused('SEALSTREAM_CHECKPOINT', () =>
          bench.client(kind).downloadFile(download.params),
        )
        expect(error.message).to.contain(checkpoint)
        expect(await readFile(checkpoint, 'utf8')).to.equal(text)
      }
      await rm(checkpoint)
      await mkdir(checkpoint)
      await refused('SEALSTREAM_CHECKPOINT', () => bench.client(kind).downloadFile(download.params))
      expect((await stat(checkpoint)).isDirectory()).to.equal(true)
      expect(await bench.names()).not.to.include('f')
    })
  }

  it('cos under AES: a range added to it, or another CRC-64 in it, is noticed by its MAC', async () => {
    const download = new InterruptedDownload(bench, ENCRYPTED[0]!, THREE_RANGES)
    for (const change of [{ 3: '0' }, { 1: '1' }]) {
      await download.start(2)
      await download.edit((state) => void (state.Ranges = { ...(state.Ranges as object), ...change }))
      expectAfresh(await download.resume(), /altered/)
    }
    await download.start(2)
    await download.edit(({ Mac: _, ...state }) => state)
    expectAfresh(await download.resume(), /altered/)
  })

  it('plain: a range that it wrongly names as done is fetched: its bytes are not there', async () => {
    const download = new InterruptedDownload(bench, PLAIN, THREE_RANGES)
    await download.start(2)
    await download.edit((state) => {
      state.Ranges = { ...(state.Ranges as object), 3: '7', 4: '0', 9999: '0' }
    })
    const { events, gets, bytes } = await download.resume()
    expect(events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
    expect(gets).to.equal(1)
    expect(bytes.equals(THREE_RANGES)).to.equal(true)
  })
})
