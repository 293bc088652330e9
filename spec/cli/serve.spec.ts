import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { cliKeys, modeOf, object } from '../support/cli-fixture.js'
import {
  type CliOptions,
  type CliProcess,
  type CliResult,
  errorOf,
  jsonLines,
  runCli,
  runEach,
  startCli,
} from '../support/run-cli.js'
import { at, sideBySide } from '../support/side-by-side.js'

describe('cli/serve', () => {
  const test = sideBySide()

  const serveArgs = (): string[] => ['serve', '--local', at('store'), '--port', '0']

  /** Serves while `use` runs, then stops with a signal. */
  async function serving(
    use: (endpoint: string, server: CliProcess) => Promise<void>,
    options: CliOptions = {},
    signal: NodeJS.Signals = 'SIGINT',
  ): Promise<CliResult> {
    const server = startCli([...serveArgs(), '--json'], { deadline: 55_000, ...options })
    try {
      const [said] = jsonLines(await server.printed('stdout', /\n/))
      await use(String(said?.endpoint), server)
    } finally {
      server.child.kill(signal)
    }
    return server.result
  }

  async function keyPair(): Promise<Record<string, string>> {
    const lines = (await readFile(at('store/.credentials.env'), 'utf8')).trimEnd().split('\n')
    return Object.fromEntries(lines.map((line) => line.split('=') as [string, string]))
  }

  test('prints one line with endpoint, directory and where the keys are, and that it is for development', async () => {
    const server = startCli(serveArgs())
    const line = await server.printed('stdout', /\n/)
    server.child.kill('SIGINT')
    const { code, stdout, stderr } = await server.result
    expect(code).to.equal(0)
    expect(stdout).to.equal(line)
    expect(line).to.match(/^serving .* at http:\/\/127\.0\.0\.1:\d+, .*; stop with Ctrl-C\n$/)
    expect(line).to.include(at('store')).and.include('.credentials.env')
    expect(stderr)
      .to.match(/for development/)
      .and.match(/stopped\n$/)
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`stops on ${signal} with 0, one JSON document and nothing on standard error`, async () => {
      const { code, stdout, stderr } = await serving(async () => undefined, {}, signal)
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      expect(jsonLines(stdout)).to.have.lengthOf(1)
    })
  }

  test('keeps its key pair in DIR/.credentials.env, of mode 600 under umask 000, and takes it again', async () => {
    let first: Record<string, string> = {}
    const options = { umask: 0o000 }
    await serving(async () => {
      first = await keyPair()
      expect(await modeOf(at('store/.credentials.env'))).to.equal('600')
      expect(await modeOf(at('store'))).to.equal('700')
    }, options)
    expect(Object.keys(first)).to.deep.equal(['COS_SECRET_ID', 'COS_SECRET_KEY'])
    expect(first.COS_SECRET_KEY?.length).to.be.at.least(32)
    await serving(async (endpoint) => {
      expect(await keyPair()).to.deep.equal(first)
      expect(
        await runCli(['ls', 'cos://spec-1250000000', '--endpoint', endpoint], { env: first }),
      ).to.include({ code: 0 })
    })
  })

  test('lets other processes put, get, head, ls and rm with these keys, and nobody without', async () => {
    await serving(async (endpoint) => {
      const env = await keyPair()
      const to = ['--endpoint', endpoint]
      const key = ['--aes-key', cliKeys().aes]
      const stdin = Buffer.alloc(3 * 1024 * 1024, 5)
      const put = await runCli(['put', '-', object('a'), ...to, ...key, '--part-size', '1MiB'], {
        env,
        stdin,
      })
      expect(put.code, put.stderr).to.equal(0)
      const [get, head, ls] = await Promise.all([
        runCli(['get', object('a'), '-', ...to, ...key], { env }),
        runCli(['head', object('a'), ...to], { env }),
        runCli(['ls', 'cos://spec-1250000000', ...to], { env }),
      ])
      expect(get.bytes.equals(stdin)).to.equal(true)
      expect(head.stdout).to.match(/^format +sealed$/m)
      expect(ls.stdout).to.match(/ a\n$/)
      const stranger = { ...env, COS_SECRET_KEY: 'of somebody else, and long enough' }
      expect(await runCli(['rm', object('a'), ...to], { env: stranger })).to.include({ code: 6 })
      expect(await runCli(['rm', object('a'), ...to], { env })).to.include({ code: 0 })
    })
  })

  test('shows what was stored through it to --local afterwards', async () => {
    const key = ['--aes-key', cliKeys().aes]
    await serving(async (endpoint) => {
      const env = await keyPair()
      await runCli(['put', '-', object('a'), '--endpoint', endpoint, ...key], { env, stdin: 'content' })
    })
    const args = ['get', object('a'), '-', '--local', at('store'), ...key]
    expect(await runCli(args)).to.include({ code: 0, stdout: 'content' })
  })

  test('takes its key pair from the environment, and makes no file', async () => {
    const env = { COS_SECRET_ID: 'AKIDofthespec', COS_SECRET_KEY: 'the secret key of the spec' }
    await serving(
      async (endpoint) => {
        expect(await stat(at('store/.credentials.env')).catch(() => 'none')).to.equal('none')
        expect(await runCli(['ls', 'cos://spec-1250000000', '--endpoint', endpoint], { env })).to.include({
          code: 0,
        })
      },
      { env },
    )
  })

  test('ends with 6 where the port is taken, and names it', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    try {
      const run = await runCli(['serve', '--local', at('store'), '--port', String(port)])
      expect(run).to.include({ code: 6, stdout: '' })
      expect(errorOf(run)).to.include(String(port)).and.include('in use')
    } finally {
      taken.close()
    }
  })

  test('ends with 2 for ports that are none: abc, 70000, -1 and 1.5', async () => {
    for (const run of await runEach(
      ['abc', '70000', '-1', '1.5'].map((port) => ['serve', '--local', at('store'), '--port', port]),
    )) {
      expect(run, run.stderr).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.include('port')
    }
  })

  test('ends with 7 where .credentials.env holds no key pair, and leaves it alone', async () => {
    await serving(async () => undefined)
    await writeFile(at('store/.credentials.env'), 'something else')
    const run = await runCli(serveArgs())
    expect(run, run.stderr).to.include({ code: 7, stdout: '' })
    expect(errorOf(run)).to.include('.credentials.env')
    expect(await readFile(at('store/.credentials.env'), 'utf8')).to.equal('something else')
  })

  test('ends with 6 or 7 where DIR is a file', async () => {
    await writeFile(at('store'), 'a file')
    const run = await runCli(serveArgs())
    expect(run.code, run.stderr).to.be.oneOf([6, 7])
    errorOf(run)
  })
})
