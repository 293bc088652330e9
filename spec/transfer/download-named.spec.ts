import { mkdirSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { FIVE_RANGES, InterruptedDownload } from '../support/interrupted-download.js'
import { refused } from '../support/refused.js'
import { ENCRYPTED, PLAIN, transferBench } from '../support/transfers.js'

const KINDS = [PLAIN, ENCRYPTED[0]!]

describe('downloadFile: going on after the file has got its name', () => {
  const bench = transferBench({}, { once: true })

  for (const kind of KINDS) {
    /** As a run leaves it that dies when the file has its name, and the checkpoint is still there. */
    const finish = async (): Promise<InterruptedDownload> => {
      const download = new InterruptedDownload(bench, kind)
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: FIVE_RANGES })
      const onProgress = ({ bytes }: { bytes: number }): void => {
        if (bytes === FIVE_RANGES.length) mkdirSync(bench.path('f'))
      }
      await refused('SEALSTREAM_FILE', () => client.downloadFile({ ...download.params, onProgress }))
      await rm(bench.path('f'), { recursive: true })
      await rename(await download.temporary(), bench.path('f'))
      return download
    }

    it(`${kind.name}: it has its name already: nothing is fetched again`, async () => {
      const download = await finish()
      const { gets, bytes } = await download.resume()
      expect(gets).to.be.oneOf([0, 5])
      expect(bytes.equals(FIVE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: it has its name already, and HEAD states another CRC-64: the target stays`, async () => {
      const download = await finish()
      bench.server.faults.add({ kind: 'wrong-crc64', operation: 'headObject' })
      await refused('SEALSTREAM_INTEGRITY', () => bench.client(kind).downloadFile(download.params))
      expect(await bench.names()).to.include('f')
      expect((await readFile(bench.path('f'))).equals(FIVE_RANGES)).to.equal(true)
    })

    it(`${kind.name}: the target is another file of the same beginning: it is whole until it is replaced`, async () => {
      const download = await finish()
      const longer = Buffer.concat([FIVE_RANGES, Buffer.from('and more')])
      await writeFile(bench.path('f'), longer)
      bench.server.faults.add({ kind: 'internal-error', operation: 'getObject', times: Infinity })
      const controller = new AbortController()
      const onEvent = (): void => controller.abort()
      await bench
        .client(kind)
        .downloadFile({ ...download.params, onEvent, signal: controller.signal })
        .catch(() => undefined)
      const found = await readFile(bench.path('f'))
      expect(found.equals(longer) || found.equals(FIVE_RANGES)).to.equal(true)
    })
  }
})
