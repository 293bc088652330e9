import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { CosClient } from '../../lib/cos-client.js'
import { startServer } from '../../lib/server/index.js'
import { BUCKET, cliKeys, object, store, storeOn, stored } from '../support/cli-fixture.js'
import { dataFile, flip, sealedSize, storeEncrypted } from '../support/cli-store.js'
import { eventually } from '../support/eventually.js'
import { errorOf, runCli, startCli } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const MOUNT = 'mount -t tmpfs -o size=1m tmpfs'
const MAY_MOUNT = spawnSync('unshare', ['-rm', 'sh', '-c', `${MOUNT} /mnt`], { stdio: 'ignore' }).status === 0

/**
 * Runs the rest of its arguments where the folder "$d" takes no file of more than 1 MiB: on a file system of its own, or, where
 * this user may not mount one, under a limit, which is in blocks of 512 or 1024 bytes.
 */
const SMALL_DISK = MAY_MOUNT
  ? { wrap: ['unshare', '-rm', 'sh', '-c'], setUp: `${MOUNT} "$d"` }
  : { wrap: ['sh', '-c'], setUp: 'ulimit -f 1024' }

describe('cli/get that fails', () => {
  const keys = cliKeys()
  const content = new Seeded(9).bytes(200_000)
  /** Of object `a`, which is sealed, and of `c`, whose format is cos. */
  const getArgs = (key = keys.aes, name = 'a'): string[] => [
    ...['get', object(name), at('target/out'), '--policy', 'any'],
    ...['--local', at('store'), '--aes-key', key],
  ]
  const test = sideBySide(async () => {
    await mkdir(at('target'))
    await writeFile(at('target/out'), 'what was there before')
    await storeEncrypted(at('store'), { a: content })
    await store(at('store'), { c: content, plain: { plain: Buffer.from('never encrypted') } })
  })

  /** Nothing new, nothing changed, nothing on standard output. */
  async function expectUntouched(stdout: string): Promise<void> {
    expect(await readdir(at('target'))).to.deep.equal(['out'])
    expect(await readFile(at('target/out'), 'utf8')).to.equal('what was there before')
    expect(stdout).to.equal('')
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

    for (const [name, format, position] of target === '-'
      ? ([['c', 'cos', 123_456]] as const)
      : ([
          ['c', 'cos', 0],
          ['c', 'cos', 199_999],
          ['a', 'sealed', 0],
          ['a', 'sealed', 123_456],
          ['a', 'sealed', sealedSize(200_000) - 1],
        ] as const)) {
      test(`ends with 5 where ${format} ciphertext was altered at byte ${position}, ${where}`, async () => {
        const size = format === 'cos' ? content.length : sealedSize(content.length)
        await flip(await dataFile(at('store'), size), position)
        const run = await runCli(args(name))
        expect(run.code, run.stderr).to.equal(5)
        expect(errorOf(run)).to.match(format === 'cos' ? /crc64/ : /not what was encrypted|was not encrypted/)
        if (target !== '-') await expectUntouched(run.stdout)
      })
    }
  }

  test('makes no target where there was none and the ciphertext was altered', async () => {
    await flip(await dataFile(at('store'), sealedSize(content.length)), 100)
    const args = ['get', object('a'), at('new'), '--local', at('store'), '--aes-key', keys.aes]
    expect((await runCli(args)).code).to.equal(5)
    expect((await readdir(dirname(at('x')))).sort()).to.deep.equal(['store', 'target'])
  })

  for (const length of [100_000, 0]) {
    test(`ends with 5 or 6 where the store kept only ${length} bytes of the ciphertext`, async () => {
      await truncate(await dataFile(at('store'), sealedSize(content.length)), length)
      const run = await runCli(getArgs())
      expect(run.code, run.stderr).to.be.oneOf([5, 6])
      errorOf(run)
      await expectUntouched(run.stdout)
    })
  }

  for (const { name, format, wrapped } of [
    { name: 'a', format: 'sealed', wrapped: /("[^"]*sealstream-recipient-1":\s*"aes\.[0-9a-f]+\.)(.)/ },
    { name: 'c', format: 'cos', wrapped: /("[^"]*client-side-encryption-key":\s*")(.)/ },
  ]) {
    test(`ends with 3 where the wrapped key in the headers of ${format} was altered`, async () => {
      let altered = 0
      for (const file of await stored(at('store'), 'objects')) {
        const path = at(`store/${BUCKET}/objects/${file}`)
        const before = await readFile(path, 'utf8')
        const after = before.replace(
          wrapped,
          (_, start: string, first: string) => `${start}${first === 'A' ? 'B' : 'A'}`,
        )
        if (after === before) continue
        altered += 1
        await writeFile(path, after)
      }
      expect(altered).to.equal(1)
      const run = await runCli(getArgs(keys.aes, name))
      expect(run.code, run.stderr).to.equal(3)
      await expectUntouched(run.stdout)
    })
  }

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

  test('ends with 7 on a full disk, leaves no temporary file and keeps the target', async () => {
    await storeEncrypted(at('store'), { large: Buffer.alloc(3 * 1024 * 1024) })
    const { wrap, setUp } = SMALL_DISK
    const script =
      `d=$1; list=$2; shift 2; ${setUp} && echo before > "$d/out" || exit 99; ` +
      '"$@"; code=$?; ls -A "$d" > "$list"; cat "$d/out" >> "$list"; exit $code'
    const run = await runCli(getArgs(keys.aes, 'large'), {
      wrap: [...wrap, script, 'sh', at('target'), at('list')],
    })
    expect(run.code, run.stderr).to.equal(7)
    expect(errorOf(run))
      .to.include(at('target/out'))
      .and.match(/ENOSPC|EFBIG/)
    expect(await readFile(at('list'), 'utf8')).to.equal('out\nbefore\n')
  })

  test('ends with 130 on SIGINT in the middle, without its temporary file, and keeps the target', async () => {
    const { endpoint, close } = await stalledService()
    try {
      const env = { COS_SECRET_ID: 'AKIDofthespec', COS_SECRET_KEY: 'the secret key of the spec' }
      const args = ['get', object('a'), at('target/out'), '--endpoint', endpoint, '--aes-key', keys.aes]
      args.push('--policy', 'cos')
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
    void client.close()
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
})
