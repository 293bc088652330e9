/** The commands and options for large files: copies, restoring, unfinished uploads, going on. */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { CosClient } from '../../lib/cos-client.js'
import { startServer } from '../../lib/server/index.js'
import { BUCKET, cliKeys, object } from '../support/cli-fixture.js'
import { sealedSize } from '../support/cli-store.js'
import { errorOf, runCli } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const MIB = 1024 * 1024
const CONTENT = new Seeded(9).bytes(3 * MIB + 7)

describe('cli: large files', () => {
  const test = sideBySide()
  const keys = cliKeys()
  const local = (): string[] => ['--local', at('store')]
  const key = (): string[] => ['--aes-key', keys.aes]

  async function put(name: string, ...more: string[]): Promise<void> {
    await writeFile(at('in'), CONTENT)
    const run = await runCli([
      'put',
      at('in'),
      object(name),
      ...local(),
      ...key(),
      '--part-size',
      '1MiB',
      ...more,
    ])
    expect(run.code, run.stderr).to.equal(0)
  }

  test('cp copies an encrypted object without a master key, and the copy decrypts', async () => {
    await put('a')
    const run = await runCli(['cp', object('a'), object('b'), ...local(), '--json'])
    expect(run.code, run.stderr).to.equal(0)
    expect(JSON.parse(run.stdout)).to.include({
      Key: 'b',
      StoredLength: sealedSize(CONTENT.length),
      verified: 'crc64',
    })
    const got = await runCli(['get', object('b'), at('out'), ...local(), ...key(), '--resume'])
    expect(got.code, got.stderr).to.equal(0)
    expect((await readFile(at('out'))).equals(CONTENT)).to.equal(true)
    expect(await readdir(at('.'))).to.have.members(['in', 'out', 'store'])
  })

  test('restore makes an archived object readable; a tier that is none ends with 2', async () => {
    await put('a', '--storage-class', 'ARCHIVE', '--sse', 'cos/kms')
    const bad = await runCli(['restore', object('a'), ...local(), '--tier', 'soon'])
    expect(bad.code).to.equal(2)
    expect(errorOf(bad)).to.include('--tier').and.include('soon')
    const run = await runCli([
      'restore',
      object('a'),
      ...local(),
      '--days',
      '2',
      '--tier',
      'expedited',
      '--json',
    ])
    expect(run.code, run.stderr).to.equal(0)
    expect(JSON.parse(run.stdout)).to.include({ Key: 'a', status: 202 })
    const got = await runCli(['get', object('a'), '-', ...local(), ...key()])
    expect(got.code, got.stderr).to.equal(0)
  })

  test('uploads lists what was left, by age and id, and --abort drops it', async () => {
    const server = await startServer({ directory: at('store') })
    const client = new CosClient({
      endpoint: server.endpoint,
      credentials: server.credentials,
      bucket: BUCKET,
    })
    const { UploadId } = await client.createMultipartUpload({ Key: 'left' })
    await client.createMultipartUpload({ Key: 'other' })
    void client.close()
    await server.close()
    const all = ['uploads', `cos://${BUCKET}`, ...local(), '--json']
    const lines = async (...more: string[]): Promise<string[]> =>
      (await runCli([...all, ...more])).stdout.split('\n').filter((line) => line !== '')
    expect(await lines()).to.have.lengthOf(2)
    expect(await lines('--older-than', '1h')).to.deep.equal([])
    const [dropped] = await lines('--id', UploadId, '--abort')
    expect(JSON.parse(dropped!)).to.include({ Key: 'left', UploadId, aborted: true })
    expect(await lines()).to.have.lengthOf(1)
    expect((await runCli([...all, '--older-than', 'soon'])).code).to.equal(2)
  })

  test('--resume needs a file that can be read again, and --concurrency 1 to 256, --threads 1 to 16: 2', async () => {
    await writeFile(at('in'), 'x')
    const pipe = await runCli(['put', '-', object('a'), ...local(), ...key(), '--resume'])
    expect(pipe.code).to.equal(2)
    expect(errorOf(pipe)).to.include('--resume')
    const many = await runCli(['put', at('in'), object('a'), ...local(), ...key(), '--concurrency', '257'])
    expect(many.code).to.equal(2)
    expect(errorOf(many)).to.include('--concurrency').and.include('257')
    const threads = await runCli(['put', at('in'), object('a'), ...local(), ...key(), '--threads', '17'])
    expect(threads.code).to.equal(2)
    expect(errorOf(threads)).to.include('--threads').and.include('17')
  })

  test('--sse-c-key-file goes with put, head and get; without it the object is refused', async () => {
    await writeFile(at('sse.key'), new Seeded(4).bytes(32).toString('base64'), { mode: 0o600 })
    await put('a', '--sse-c-key-file', at('sse.key'))
    const head = await runCli(['head', object('a'), ...local(), '--sse-c-key-file', at('sse.key'), '--json'])
    expect(JSON.parse(head.stdout)).to.include({ SSECustomerAlgorithm: 'AES256' })
    const args = ['get', object('a'), at('out'), ...local(), ...key()]
    expect((await runCli([...args, '--sse-c-key-file', at('sse.key')])).code).to.equal(0)
    expect((await readFile(at('out'))).equals(CONTENT)).to.equal(true)
    expect((await runCli(args)).code).to.equal(6)
  })
})
