import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { OptionError } from '../../lib/errors.js'
import { ofClass } from '../support/of-class.js'
import { refused } from '../support/refused.js'
import { ENCRYPTED, outcome, PART, PLAIN, transferBench } from '../support/transfers.js'

/** Parameters, the option that is named, and the value that is quoted. */
const WRONG: readonly (readonly [object, string, unknown?])[] = [
  [{ DestFilePath: undefined }, 'DestFilePath'],
  [{ DestFilePath: '' }, 'DestFilePath', ''],
  [{ DestFilePath: 7 }, 'DestFilePath', 7],
  [{ DestFilePath: 'a\0b' }, 'DestFilePath', 'a\0b'],
  [{ PartSize: 1024 }, 'PartSize', 1024],
  [{ PartSize: PART - 16 }, 'PartSize', PART - 16],
  [{ PartSize: PART + 1 }, 'PartSize', PART + 1],
  [{ PartSize: '1048576' }, 'PartSize', '1048576'],
  [{ PartSize: Number.NaN }, 'PartSize', Number.NaN],
  [{ Concurrency: 0 }, 'Concurrency', 0],
  [{ Concurrency: 257 }, 'Concurrency', 257],
  [{ Concurrency: 1.5 }, 'Concurrency', 1.5],
  [{ Concurrency: '4' }, 'Concurrency', '4'],
  [{ checkpoint: 1 }, 'checkpoint', 1],
  [{ checkpoint: '' }, 'checkpoint', ''],
  [{ checkpoint: null }, 'checkpoint', null],
  [{ onProgress: 'loud' }, 'onProgress', 'loud'],
  [{ onEvent: {} }, 'onEvent'],
  [{ signal: {} }, 'signal'],
  [{ Key: '' }, 'Key', ''],
  [{ Key: undefined }, 'Key'],
  [{ Key: 'a/../b' }, 'Key', 'a/../b'],
  [{ Bucket: 'NO' }, 'Bucket', 'NO'],
  [{ IfMatch: 'a\nb' }, 'IfMatch', 'a\nb'],
  [{ VersionId: 7 }, 'VersionId', 7],
  [{ TrafficLimit: 1 }, 'TrafficLimit', 1],
  [{ SSECustomerKey: 'short' }, 'SSECustomerKey'],
  [{ SSECustomerKeyMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'SSECustomerKeyMD5'],
  [{ Range: 'bytes=0-1' }, 'Range'],
  [{ FilePath: 'x' }, 'FilePath'],
  [{ partSize: PART }, 'partSize'],
  [{ LocalFilePath: 'x' }, 'LocalFilePath'],
]

const KINDS = [PLAIN, ENCRYPTED[0]!]

describe('downloadFile: options', () => {
  const bench = transferBench()

  for (const [wrong, option, value] of WRONG) {
    const shown = value === undefined ? '' : ` ${JSON.stringify(value)}`
    it(`${Object.keys(wrong)[0]}${shown} is an OptionError of ${option} on both clients, and no request`, async () => {
      for (const kind of KINDS) {
        const client = bench.client(kind)
        const params = { Key: 'k', DestFilePath: bench.path('f'), ...wrong }
        const error = ofClass(
          await refused('SEALSTREAM_OPTION', () => client.downloadFile(params as never)),
          OptionError,
        )
        expect(error.option).to.equal(option)
        if (value !== undefined) expect(error.value).to.deep.equal(value)
        expect(bench.calls).to.deep.equal([])
        expect(await bench.names()).to.deep.equal([])
      }
    })
  }

  for (const kind of KINDS) {
    it(`${kind.name}: no parameters at all are an OptionError`, async () => {
      const client = bench.client(kind)
      for (const params of [undefined, null, 'k']) {
        await refused('SEALSTREAM_OPTION', () => client.downloadFile(params as never))
      }
    })

    it(`${kind.name}: PartSize in MiB is refused with the hint that it is in bytes`, async () => {
      const client = bench.client(kind)
      const error = await refused('SEALSTREAM_OPTION', () =>
        client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), PartSize: 8 }),
      )
      expect(error.hint).to.contain('bytes')
    })
  }

  it('a customer key is not quoted in its refusal', async () => {
    const client = bench.plain()
    const SSECustomerKey = 'only-thirty-one-characters-long'
    const error = await refused('SEALSTREAM_OPTION', () =>
      client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), SSECustomerKey }),
    )
    expect(`${error.message} ${JSON.stringify(error)}`).not.to.contain(SSECustomerKey)
  })

  it('a checkpoint in the place of the target is refused: the file would be removed with it', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: 'bytes' })
    const DestFilePath = bench.path('f')
    for (const checkpoint of [DestFilePath, join(DestFilePath, '..', 'f')]) {
      const found = await outcome(client.downloadFile({ Key: 'k', DestFilePath, checkpoint }))
      if (found === 'done') expect(await readFile(DestFilePath, 'utf8')).to.equal('bytes')
      else expect(found).to.equal('SEALSTREAM_OPTION')
    }
  })

  it('a checkpoint in the place of the target does not take the old file away', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: 'bytes' })
    await writeFile(bench.path('f'), 'old')
    const call = client.downloadFile({
      Key: 'k',
      DestFilePath: bench.path('f'),
      checkpoint: bench.path('f'),
    })
    const code = await outcome(call)
    expect(code).to.be.oneOf(['SEALSTREAM_OPTION', 'SEALSTREAM_CHECKPOINT'])
    expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
  })
})
