import { spawnSync } from 'node:child_process'
import { appendFileSync, truncateSync, utimesSync } from 'node:fs'
import { chmod, mkdir, readdir, truncate, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { type RunningServer, startServer } from '../../lib/server/index.js'
import { BUCKET, cliKeys, object, stored } from '../support/cli-fixture.js'
import { eventually } from '../support/eventually.js'
import { errorOf, runCli, startCli } from '../support/run-cli.js'
import { becomesEmpty } from '../support/server-files.js'
import { at, sideBySide } from '../support/side-by-side.js'

const MIB = 1024 * 1024

const IS_ROOT = process.getuid?.() === 0
// Root reads what it may not: its run gives that privilege up, where there is setpriv.
const BOUND = [
  'setpriv',
  '--inh-caps=-dac_override,-dac_read_search',
  '--bounding-set=-dac_override,-dac_read_search',
]
const IS_BOUND = IS_ROOT && spawnSync(BOUND[0]!, [...BOUND.slice(1), 'true']).status === 0

describe('cli/put that fails', () => {
  const test = sideBySide()
  const keys = cliKeys()
  const putArgs = (source: string, server?: RunningServer): string[] => [
    ...['put', source, object('a'), '--aes-key', keys.aes, '--part-size', '1MiB'],
    ...(server === undefined ? ['--local', at('store')] : ['--endpoint', server.endpoint]),
  ]
  const environmentFor = ({ credentials }: RunningServer): Record<string, string> => ({
    COS_SECRET_ID: credentials.secretId,
    COS_SECRET_KEY: credentials.secretKey,
  })

  /** No object, no unfinished upload, no bytes that nobody refers to. */
  async function expectNothingStored(directory = at('store')): Promise<void> {
    for (const folder of ['objects', 'uploads', 'data'] as const) {
      expect(await stored(directory, folder), folder).to.deep.equal([])
    }
  }

  test('ends with 7 for a source that is missing', async () => {
    const run = await runCli(putArgs(at('none')))
    expect(run).to.include({ code: 7, stdout: '' })
    expect(errorOf(run)).to.include(at('none'))
    await expectNothingStored()
  })

  test('ends with 7 for a source that is a directory', async () => {
    await mkdir(at('directory'))
    const run = await runCli(putArgs(at('directory')))
    expect(run).to.include({ code: 7, stdout: '' })
    expect(errorOf(run)).to.include(at('directory')).and.include('directory')
    await expectNothingStored()
  })

  test('ends with 7 for a source of mode 000, and with 0 for root who keeps the right to read it', async () => {
    await writeFile(at('in'), 'x')
    await chmod(at('in'), 0o000)
    const run = await runCli(putArgs(at('in')), { wrap: IS_BOUND ? BOUND : [] })
    if (IS_ROOT && !IS_BOUND) {
      expect(run.code, run.stderr).to.equal(0)
      return
    }
    expect(run, run.stderr).to.include({ code: 7, stdout: '' })
    expect(errorOf(run)).to.include(at('in')).and.include('EACCES')
    await expectNothingStored()
  })

  test('ends with 7 for a source that opens, and fails when it is read (on Linux; elsewhere it is missing)', async () => {
    const run = await runCli(putArgs('/proc/self/mem'))
    expect(run, run.stderr).to.include({ code: 7, stdout: '' })
    expect(errorOf(run)).to.include(process.platform === 'linux' ? 'EIO' : 'ENOENT')
    await expectNothingStored()
  })

  for (const { what, change } of [
    { what: 'grows by a byte', change: (path: string) => appendFileSync(path, 'x') },
    { what: 'becomes shorter', change: (path: string) => truncateSync(path, 40 * MIB) },
    { what: 'gets another date', change: (path: string) => utimesSync(path, new Date(0), new Date(0)) },
  ]) {
    test(`ends with 5 and stores nothing where the source ${what} while it is read`, async () => {
      await writeFile(at('in'), '')
      await truncate(at('in'), 48 * MIB)
      const path = at('in')
      let requests = 0
      // The first request begins the upload, when most of the file is still unread: no more than a few parts are held.
      const clock = (): number => {
        if (requests++ === 0) change(path)
        return Date.now()
      }
      const server = await startServer({ directory: at('store'), clock })
      try {
        const run = await runCli(putArgs(path, server), { env: environmentFor(server) })
        expect(requests).to.be.greaterThan(1)
        expect(run, run.stderr).to.include({ code: 5, stdout: '' })
        expect(errorOf(run)).to.include('changed')
      } finally {
        await server.close()
      }
      await expectNothingStored()
    })
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`ends with 130 and stores nothing on ${signal} while it reads an endless standard input`, async () => {
      const endless = new Readable({
        read() {
          // Not at once: other tests shall have a turn.
          setImmediate(() => this.push(Buffer.alloc(65_536)))
        },
      })
      const server = await startServer({ directory: at('store') })
      try {
        const env = environmentFor(server)
        const { child, result } = startCli(putArgs('-', server), { stdin: endless, env })
        const uploads = at(`store/${BUCKET}/uploads`)
        const parts = async (): Promise<number> => {
          const [upload] = await stored(at('store'), 'uploads')
          return upload === undefined ? 0 : (await readdir(`${uploads}/${upload}`).catch(() => [])).length
        }
        await eventually(async () => (await parts()) > 3)
        child.kill(signal)
        const run = await result
        expect(run, run.stderr).to.include({ code: 130, stdout: '' })
        await becomesEmpty(server)
      } finally {
        await server.close()
      }
    })
  }

  test('ends with 130 on SIGINT while standard input is silent', async () => {
    const silent = new Readable({ read: () => undefined })
    silent.push('a beginning')
    const { child, result } = startCli(putArgs('-'), { stdin: silent })
    await eventually(async () => (await readdir(at(''))).includes('store'))
    child.kill('SIGINT')
    expect(await result).to.include({ code: 130, stdout: '' })
    await expectNothingStored()
  })

  test('ends with a file in the place of --local with 6 or 7, naming it', async () => {
    await writeFile(at('store'), 'a file')
    const run = await runCli(putArgs('-'), { stdin: 'x' })
    expect(run.code, run.stderr).to.be.oneOf([6, 7])
    expect(errorOf(run)).to.include(at('store'))
  })
})
