import { spawnSync } from 'node:child_process'
import { mkdir, open, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { CosClient } from '../../lib/cos-client.js'
import { startServer } from '../../lib/server/index.js'
import { BUCKET, cliKeys, object, store, storeOn, stored } from '../support/cli-fixture.js'
import { errorOf, runCli, startCli } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { eventually } from '../support/server-files.js'
import { at, sideBySide } from '../support/side-by-side.js'

/** Whether this user may mount a file system of their own. */
const MOUNTS =
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /mnt'], { stdio: 'ignore' })
    .status === 0

describe('cli/get that fails', () => {
  const keys = cliKeys()
  const content = new Seeded(9).bytes(200_000)
  const getArgs = (key = keys.aes, name = 'a'): string[] => [
    ...['get', object(name), at('target/out')],
    ...['--local', at('store'), '--aes-key', key],
  ]
  const test = sideBySide(async () => {
    await mkdir(at('target'))
    await writeFile(at('target/out'), 'what was there before')
    await store(at('store'), { a: content, plain: { plain: Buffer.from('never encrypted') } })
  })

  /** Nothing new, nothing changed, nothing on standard output. */
  async function expectUntouched(stdout: string): Promise<void> {
    expect(await readdir(at('target'))).to.deep.equal(['out'])
    expect(await readFile(at('target/out'), 'utf8')).to.equal('what was there before')
    expect(stdout).to.equal('')
  }

  async function dataFile(): Promise<string> {
    for (const name of await stored(at('store'), 'data')) {
      const path = at(`store/${BUCKET}/data/${name}`)
      if ((await readFile(path)).length === content.length) return path
    }
    throw new Error('no data file')
  }

  /** Turns over one bit of a byte of the ciphertext. */
  async function flip(position: number): Promise<void> {
    const handle = await open(await dataFile(), 'r+')
    const byte = Buffer.alloc(1)
    await handle.read(byte, 0, 1, position)
    await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, position)
    await handle.close()
  }

  test('ends with 3 for the wrong AES key and leaves the target alone', async () => {
    const run = await runCli(getArgs(keys.otherAes))
    expect(run.code, run.stderr).to.equal(3)
    expect(errorOf(run)).to.match(/key/)
    await expectUntouched(run.stdout)
  })

  test('ends with 3 for an RSA key where an AES key wrote', async () => {
    const args = ['get', object('a'), at('target/out'), '--local', at('store')]
    const run = await runCli([...args, '--rsa-private-key', keys.rsaPrivate])
    expect(run.code, run.stderr).to.equal(3)
    expect(errorOf(run)).to.match(/AES|RSA/)
    await expectUntouched(run.stdout)
  })

  test('ends with 3 for the wrong RSA key', async () => {
    const local = ['--local', at('store')]
    await runCli(['put', '-', object('r'), ...local, '--rsa-public-key', keys.rsaPublic], { stdin: 'x' })
    const args = ['get', object('r'), at('target/out'), ...local, '--rsa-private-key', keys.otherRsaPrivate]
    const run = await runCli(args)
    expect(run.code, run.stderr).to.equal(3)
    errorOf(run)
    await expectUntouched(run.stdout)
  })

  for (const target of ['target/out', '-']) {
    const where = target === '-' ? 'to standard output' : 'to a file'
    const args = (name = 'a'): string[] =>
      getArgs(keys.aes, name).map((arg) => (arg === at('target/out') && target === '-' ? '-' : arg))

    test(`ends with 4 where there is no such object, ${where}`, async () => {
      const run = await runCli(args('none'))
      expect(run.code, run.stderr).to.equal(4)
      expect(errorOf(run)).to.include('NoSuchKey')
      await expectUntouched(run.stdout)
    })

    test(`ends with 5 for an object that is not encrypted, and does not pass it through, ${where}`, async () => {
      const run = await runCli(args('plain'))
      expect(run.code, run.stderr).to.equal(5)
      expect(errorOf(run)).to.match(/envelope|encrypted/)
      expect(run.stderr).not.to.include('never encrypted')
      await expectUntouched(run.stdout)
    })

    for (const position of target === '-' ? [123_456] : [0, 123_456, 199_999]) {
      test(`ends with 5 where the ciphertext was altered at byte ${position}, ${where}`, async () => {
        await flip(position)
        const run = await runCli(args())
        expect(run.code, run.stderr).to.equal(5)
        expect(errorOf(run)).to.include('crc64')
        if (target !== '-') await expectUntouched(run.stdout)
      })
    }
  }

  test('makes no target where there was none and the ciphertext was altered', async () => {
    await flip(5)
    const args = ['get', object('a'), at('new'), '--local', at('store'), '--aes-key', keys.aes]
    expect((await runCli(args)).code).to.equal(5)
    expect((await readdir(dirname(at('x')))).sort()).to.deep.equal(['store', 'target'])
  })

  for (const length of [100_000, 0]) {
    test(`ends with 5 or 6 where the store kept only ${length} bytes of the ciphertext`, async () => {
      await truncate(await dataFile(), length)
      const run = await runCli(getArgs())
      expect(run.code, run.stderr).to.be.oneOf([5, 6])
      errorOf(run)
      await expectUntouched(run.stdout)
    })
  }

  test('ends with 3 where the wrapped key in the headers was altered', async () => {
    const [name = ''] = (
      await Promise.all(
        (await stored(at('store'), 'objects')).map(async (file) => {
          const record = await readFile(at(`store/${BUCKET}/objects/${file}`), 'utf8')
          return record.includes('client-side-encryption') ? [file] : []
        }),
      )
    ).flat()
    const path = at(`store/${BUCKET}/objects/${name}`)
    const before = await readFile(path, 'utf8')
    const after = before.replace(
      /("[^"]*client-side-encryption-key":\s*")(.)/,
      (_, start: string, first: string) => `${start}${first === 'A' ? 'B' : 'A'}`,
    )
    expect(after).not.to.equal(before)
    await writeFile(path, after)
    const run = await runCli(getArgs())
    expect(run.code, run.stderr).to.equal(3)
    await expectUntouched(run.stdout)
  })

  test('ends with 7 where the folder of the target is missing', async () => {
    const run = await runCli([
      'get',
      object('a'),
      at('none/out'),
      '--local',
      at('store'),
      '--aes-key',
      keys.aes,
    ])
    expect(run.code, run.stderr).to.equal(7)
    expect(errorOf(run)).to.include(at('none/out'))
    await expectUntouched(run.stdout)
  })

  for (const { name, end } of [
    { name: 'an empty directory', end: '' },
    { name: 'an empty directory, with a slash at the end', end: '/' },
  ]) {
    test(`ends with 7 where the target is ${name}`, async () => {
      await mkdir(at('directory'))
      const target = `${at('directory')}${end}`
      const run = await runCli(['get', object('a'), target, '--local', at('store'), '--aes-key', keys.aes])
      expect(run.code, run.stderr).to.equal(7)
      expect(errorOf(run)).to.include(at('directory'))
      expect(await readdir(at('directory'))).to.deep.equal([])
      expect((await readdir(dirname(at('x')))).sort()).to.deep.equal(['directory', 'store', 'target'])
    })
  }

  const onFullDisk = async (): Promise<void> => {
    await store(at('store'), { large: Buffer.alloc(3 * 1024 * 1024) })
    const script =
      'd=$1; list=$2; shift 2; mount -t tmpfs -o size=1m tmpfs "$d" && echo before > "$d/out" || exit 99; ' +
      '"$@"; code=$?; ls -A "$d" > "$list"; cat "$d/out" >> "$list"; exit $code'
    const wrap = ['unshare', '-rm', 'sh', '-c', script, 'sh', at('target'), at('list')]
    const run = await runCli(getArgs(keys.aes, 'large'), { wrap })
    expect(run.code, run.stderr).to.equal(7)
    expect(errorOf(run)).to.include(at('target/out')).and.include('ENOSPC')
    expect(await readFile(at('list'), 'utf8')).to.equal('out\nbefore\n')
  }
  const fullDisk = 'ends with 7 on a full disk, leaves no temporary file and keeps the target'
  if (MOUNTS) test(fullDisk, onFullDisk)
  else it.skip(`${fullDisk} (skipped: this user may not mount a tmpfs with unshare)`)

  test('ends with 130 on SIGINT in the middle, without its temporary file, and keeps the target', async () => {
    const { endpoint, close } = await stalledService()
    try {
      const env = { COS_SECRET_ID: 'AKIDofthespec', COS_SECRET_KEY: 'the secret key of the spec' }
      const args = ['get', object('a'), at('target/out'), '--endpoint', endpoint, '--aes-key', keys.aes]
      const { child, result } = startCli(args, { env })
      await eventually(async () => (await readdir(at('target'))).length === 2)
      child.kill('SIGINT')
      const run = await result
      expect(run.code, run.stderr).to.equal(130)
      await expectUntouched(run.stdout)
    } finally {
      close()
    }
  })

  /** A service that sends the object's headers and half of its bytes, and then nothing. */
  async function stalledService(): Promise<{ endpoint: string; close: () => void }> {
    const real = await startServer()
    await storeOn(real, { a: content })
    const client = new CosClient({ endpoint: real.endpoint, credentials: real.credentials, bucket: BUCKET })
    const { Body, $metadata } = await client.getObject({ Key: 'a' })
    const bytes = await Body.transformToByteArray()
    client.close()
    await real.close()
    const stalled = createServer((request, response) => {
      for (const [name, value] of Object.entries($metadata.headers)) {
        if (!/^(connection|keep-alive|transfer-encoding)$/.test(name)) response.setHeader(name, value)
      }
      if (request.method === 'HEAD') {
        response.end()
        return
      }
      const [, first = '0', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${first}-${last}/${bytes.length}`)
      response.setHeader('content-length', Number(last) - Number(first) + 1)
      response.write(bytes.subarray(Number(first), Number(last) / 2))
    })
    await new Promise<void>((resolve) => stalled.listen(0, '127.0.0.1', resolve))
    const { port } = stalled.address() as AddressInfo
    return {
      endpoint: `http://127.0.0.1:${port}`,
      close: () => {
        stalled.close()
        stalled.closeAllConnections()
      },
    }
  }

  describe('on standard output', () => {
    const test = sideBySide(() => store(at('store'), { big: Buffer.alloc(5 * 1024 * 1024, 1) }))

    test('ends quietly with 141 where its reader, head -c 1, has gone', async () => {
      const args = ['get', object('big'), '-', '--local', at('store'), '--aes-key', keys.aes]
      const wrap = ['bash', '-c', 'set -o pipefail; "$@" | head -c 1', 'bash']
      const { code, bytes, stderr } = await runCli(args, { wrap })
      expect({ code, bytes, stderr }).to.deep.equal({ code: 141, bytes: Buffer.from([1]), stderr: '' })
    })

    test('carries the object and nothing else; messages are on standard error, as JSON with --json', async () => {
      const args = ['get', object('big'), '-', '--local', at('store'), '--aes-key', keys.aes]
      const [plain, json] = await Promise.all([runCli(args), runCli([...args, '--json'])])
      for (const { code, bytes } of [plain, json]) {
        expect(code).to.equal(0)
        expect(bytes.equals(Buffer.alloc(5 * 1024 * 1024, 1))).to.equal(true)
      }
      expect(plain.stderr).to.match(/^read 5\.2 MB of .*\n$/)
      expect(JSON.parse(json.stderr)).to.include({ Key: 'big', ContentLength: 5 * 1024 * 1024 })
    })

    test('reports what is missing as JSON on standard error with --json', async () => {
      const args = ['get', object('none'), '-', '--local', at('store'), '--aes-key', keys.aes, '--json']
      const { code, stdout, stderr } = await runCli(args)
      expect({ code, stdout }).to.deep.equal({ code: 4, stdout: '' })
      expect(JSON.parse(stderr)).to.have.nested.property('error.code', 'SEALSTREAM_SERVICE')
    })
  })
})
