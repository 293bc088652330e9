import { createHash } from 'node:crypto'
import {
  chmod,
  link,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import { InterruptedDownload, THREE_RANGES } from '../support/interrupted-download.js'
import { failureOf, refused } from '../support/refused.js'
import { content, ENCRYPTED, PART, PLAIN, transferBench } from '../support/transfers.js'

const KINDS = [PLAIN, ENCRYPTED[0]!]

describe('downloadFile: a temporary file that is not what was left', () => {
  const bench = transferBench({}, { once: true })

  for (const kind of KINDS) {
    for (const at of [0, 2 * PART - 1]) {
      it(`${kind.name}: byte ${at} is another: its range is fetched again, the other is not`, async () => {
        const download = new InterruptedDownload(bench, kind, THREE_RANGES)
        await download.start(2)
        const file = await open(await download.temporary(), 'r+')
        await file.write(Buffer.of(THREE_RANGES[at]! ^ 1), 0, 1, at)
        await file.close()
        const { events, gets, bytes } = await download.resume()
        expect(events).to.deep.equal([{ type: 'resumed', parts: 1, bytes: PART }])
        expect(gets).to.equal(2)
        expect(bytes.equals(THREE_RANGES)).to.equal(true)
      })
    }

    it(`${kind.name}: both ranges are another's: all is fetched again`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      await writeFile(await download.temporary(), content(2 * PART, 9), { flag: 'r+' })
      const { events, gets, bytes } = await download.resume()
      expect(events).to.deep.equal([{ type: 'resumed', parts: 0, bytes: 0 }])
      expect(gets).to.equal(3)
      expect(bytes.equals(THREE_RANGES)).to.equal(true)
    })

    for (const [keep, left] of [
      [0, 0],
      [PART, 1],
      [2 * PART - 1, 1],
    ] as const) {
      it(`${kind.name}: cut to ${keep} bytes: ${left} ranges are still good`, async () => {
        const download = new InterruptedDownload(bench, kind, THREE_RANGES)
        await download.start(2)
        await truncate(await download.temporary(), keep)
        const { events, gets, bytes } = await download.resume()
        expect(events).to.deep.equal([{ type: 'resumed', parts: left, bytes: left * PART }])
        expect(gets).to.equal(3 - left)
        expect(bytes.equals(THREE_RANGES)).to.equal(true)
      })
    }

    it(`${kind.name}: longer than the object: the rest is cut off`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      await truncate(await download.temporary(), 7 * PART)
      const { gets, bytes } = await download.resume()
      expect(gets).to.equal(1)
      expect(bytes.equals(THREE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: not there: all is fetched again`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      await rm(await download.temporary())
      const { gets, bytes } = await download.resume()
      expect(gets).to.equal(3)
      expect(bytes.equals(THREE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: readable by others: it is made anew, mode 0600`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      for (const mode of [0o644, 0o660]) {
        await chmod(await download.temporary(), mode)
        const { gets, bytes } = await download.resume()
        expect(gets).to.equal(3)
        expect(bytes.equals(THREE_RANGES)).to.equal(true)
        expect((await stat(bench.path('f'))).mode & 0o777).to.equal(0o600)
        await download.start(2)
      }
    })

    it(`${kind.name}: a symbolic link in its place is not followed: no other file is written to`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      for (const mode of [0o644, 0o600]) {
        await download.start(2)
        const temporary = await download.temporary()
        await rename(temporary, bench.path('.kept'))
        await writeFile(bench.path('.other'), 'not yours', { mode })
        await symlink(bench.path('.other'), temporary)
        const outcome = await bench
          .client(kind)
          .downloadFile(download.params)
          .then(() => 'done', failed)
        expect(await isUntouched(), String(mode)).to.equal(true)
        if (outcome === 'done') {
          expect((await readFile(bench.path('f'))).equals(THREE_RANGES)).to.equal(true)
        } else expect(outcome).to.equal('SEALSTREAM_FILE')
        for (const name of await bench.names()) await rm(bench.path(name))
      }
    })

    it(`${kind.name}: a symbolic link to a good copy does not become the target`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      const temporary = await download.temporary()
      await rename(temporary, bench.path('.kept'))
      await symlink(bench.path('.kept'), temporary)
      await bench.client(kind).downloadFile(download.params).catch(failed)
      await rm(bench.path('.kept'))
      const found = await readFile(bench.path('f')).catch(() => 'none')
      if (typeof found !== 'string') expect(found.equals(THREE_RANGES)).to.equal(true)
      expect(await bench.names()).to.include('f')
    })

    it(`${kind.name}: a second name of another file in its place: that file is not written to`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      const temporary = await download.temporary()
      await rm(temporary)
      await writeFile(bench.path('.other'), 'not yours', { mode: 0o600 })
      await link(bench.path('.other'), temporary)
      await bench.client(kind).downloadFile(download.params).catch(failed)
      expect(await isUntouched()).to.equal(true)
    })

    it(`${kind.name}: a dangling link, and a directory, in its place are removed or SEALSTREAM_FILE`, async () => {
      const download = new InterruptedDownload(bench, kind, THREE_RANGES)
      await download.start(2)
      const temporary = await download.temporary()
      await rm(temporary)
      await symlink(bench.path('none'), temporary)
      const first = await bench
        .client(kind)
        .downloadFile(download.params)
        .then(() => 'done', failed)
      expect(first).to.be.oneOf(['done', 'SEALSTREAM_FILE'])
      expect(await stat(bench.path('none')).catch(() => 'none')).to.equal('none')
      await rm(temporary, { force: true })
      await mkdir(temporary)
      const second = await bench
        .client(kind)
        .downloadFile(download.params)
        .then(() => 'done', failed)
      expect(second).to.be.oneOf(['done', 'SEALSTREAM_FILE'])
    })
  }

  it('plain: bytes and CRC-64 exchanged together do not pass: the whole is compared with the service', async () => {
    const download = new InterruptedDownload(bench, PLAIN, THREE_RANGES)
    await download.start(2)
    const other = content(PART, 9)
    await writeFile(await download.temporary(), other, { flag: 'r+' })
    await download.edit((state) => {
      state.Ranges = { ...(state.Ranges as object), 1: String(crc64(other)) }
    })
    await refused('SEALSTREAM_INTEGRITY', () => bench.plain().downloadFile(download.params))
    expect(await bench.names()).to.deep.equal([])
    expect((await download.resume()).gets).to.equal(3)
    expect(
      createHash('md5')
        .update(await readFile(bench.path('f')))
        .digest('hex'),
    ).to.equal(createHash('md5').update(THREE_RANGES).digest('hex'))
  })

  it('a failure while a range is being fetched again leaves the checkpoint of the others', async () => {
    const download = new InterruptedDownload(bench, PLAIN)
    await download.start(3)
    const file = await open(await download.temporary(), 'r+')
    await file.write(Buffer.alloc(8), 0, 8, PART)
    await file.close()
    bench.server.faults.add({ kind: 'conflict', operation: 'getObject', call: 1 })
    await failureOf(() => bench.plain().downloadFile({ ...download.params, Concurrency: 1 }))
    bench.server.faults.clear()
    const { events, gets } = await download.resume()
    expect(events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
    expect(gets).to.equal(3)
  })

  /** Whether the file that has nothing to do with it is as it was. */
  async function isUntouched(): Promise<boolean> {
    return (await readFile(bench.path('.other'))).equals(Buffer.from('not yours'))
  }

  function failed(error: { code: string }): string {
    return error.code
  }
})
