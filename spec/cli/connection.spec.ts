import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { type RunningServer, startServer } from '../../lib/server/index.js'
import { cliKeys, object, storeOn } from '../support/cli-fixture.js'
import { errorOf, hintOf, runCli, runEach, runJson } from '../support/run-cli.js'
import { sideBySide } from '../support/side-by-side.js'

const COMMANDS = {
  put: ['put', '-', object('b'), '--aes-key', cliKeys().aes],
  get: ['get', object('a'), '-', '--aes-key', cliKeys().aes],
  head: ['head', object('a')],
  ls: ['ls', 'cos://spec-1250000000'],
  rm: ['rm', object('none')],
}

describe('cli/connection', () => {
  const secretKey = 'a secret key that is long enough'
  let server: RunningServer
  before(async () => {
    server = await startServer()
    await storeOn(server, { a: Buffer.from('content') })
  })
  after(() => server.close())
  const test = sideBySide()
  const right = (): Record<string, string> => ({
    COS_SECRET_ID: server.credentials.secretId,
    COS_SECRET_KEY: server.credentials.secretKey,
  })

  for (const name of ['put', 'rm'] as const) {
    test(`ends ${name} with 2 and the hint --local where no service is named`, async () => {
      const run = await runCli(COMMANDS[name], {
        stdin: 'x',
        env: { COS_SECRET_ID: 'id', COS_SECRET_KEY: secretKey },
      })
      expect(run).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.include('--region')
      expect(hintOf(run)).to.include('--local')
    })
  }

  for (const name of ['put', 'head'] as const) {
    test(`ends ${name} with 6 and the name of the variable where there are no credentials`, async () => {
      const run = await runCli([...COMMANDS[name], '--endpoint', server.endpoint], { stdin: 'x' })
      expect(run).to.include({ code: 6, stdout: '' })
      expect(errorOf(run)).to.include('COS_SECRET_ID')
      expect(hintOf(run)).to.include('COS_SECRET_KEY')
    })
  }

  for (const name of ['put', 'get', 'ls'] as const) {
    test(`ends ${name} with 6 and "connection refused" where nobody listens`, async () => {
      const closed = createServer().listen(0, '127.0.0.1')
      await once(closed, 'listening')
      const endpoint = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`
      closed.close()
      await once(closed, 'close')
      const env = { COS_SECRET_ID: 'id', COS_SECRET_KEY: secretKey }
      const run = await runCli([...COMMANDS[name], '--endpoint', endpoint], { stdin: 'x', env })
      expect(run, run.stderr).to.include({ code: 6, stdout: '' })
      expect(errorOf(run)).to.include('connection refused').and.include(endpoint)
    })
  }

  for (const name of ['put', 'get', 'head', 'rm'] as const) {
    test(`ends ${name} with 6 and a hint where the secret key is wrong`, async () => {
      const env = { ...right(), COS_SECRET_KEY: secretKey }
      const run = await runCli([...COMMANDS[name], '--endpoint', server.endpoint], { stdin: 'x', env })
      expect(run, run.stderr).to.include({ code: 6, stdout: '' })
      expect(errorOf(run)).to.include('403')
      expect(hintOf(run)).to.match(/COS_SECRET_KEY|secret key|secretKey/i)
    })
  }

  test('ends get with 6, InvalidAccessKeyId and a hint where the id is unknown', async () => {
    const env = { ...right(), COS_SECRET_ID: 'AKIDunknown' }
    const run = await runCli([...COMMANDS.get, '--endpoint', server.endpoint], { env })
    expect(run).to.include({ code: 6, stdout: '' })
    expect(errorOf(run)).to.include('InvalidAccessKeyId')
    hintOf(run)
  })

  test('ends with 6 and names COS_SECRET_KEY where only the id is set', async () => {
    const args = ['head', object('a'), '--endpoint', server.endpoint]
    const run = await runCli(args, { env: { COS_SECRET_ID: 'id' } })
    expect(run).to.include({ code: 6, stdout: '' })
    expect(errorOf(run)).to.include('COS_SECRET_KEY')
  })

  test('takes the endpoint from --endpoint, or from COS_ENDPOINT', async () => {
    const [byOption] = await runJson(['head', object('a'), '--endpoint', server.endpoint], { env: right() })
    const [byVariable] = await runJson(['head', object('a')], {
      env: { ...right(), COS_ENDPOINT: server.endpoint },
    })
    expect(byOption).to.include({ StoredLength: 7 })
    expect(byVariable).to.deep.equal(byOption)
  })

  test('gives --endpoint precedence over COS_ENDPOINT and COS_REGION', async () => {
    const env = { ...right(), COS_ENDPOINT: 'http://127.0.0.1:1', COS_REGION: 'ap-beijing' }
    expect(await runCli(['head', object('a'), '--endpoint', server.endpoint], { env })).to.include({
      code: 0,
    })
  })

  test('ends with 2 for endpoints and regions that are none', async () => {
    const wrong = [
      ['--endpoint', 'ftp://127.0.0.1'],
      ['--endpoint', 'http://'],
      ['--region', 'ap beijing'],
      ['--region', 'a.example/'],
    ]
    const env = { COS_SECRET_ID: 'id', COS_SECRET_KEY: secretKey }
    const runs = await runEach(
      wrong.map((options) => ['head', object('a'), ...options]),
      { env },
    )
    for (const run of runs) {
      expect(run, run.stderr).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.match(/endpoint|region/)
    }
  })

  test('says that a service failed as JSON on standard error with --json', async () => {
    const env = { ...right(), COS_SECRET_KEY: secretKey }
    const args = ['ls', 'cos://spec-1250000000', '--endpoint', server.endpoint, '--json']
    const { code, stdout, stderr } = await runCli(args, { env })
    expect({ code, stdout }).to.deep.equal({ code: 6, stdout: '' })
    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> }
    expect(error).to.include({ code: 'SEALSTREAM_SERVICE' })
    expect(error.message).to.include('SignatureDoesNotMatch')
    expect(error.hint).to.be.a('string')
  })
})
