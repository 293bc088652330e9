import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, link, mkdir, readFile, readlink, rmdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { expect } from 'chai'
import { failureOf, refused } from '../support/refused.js'
import { content, ENCRYPTED, MIB, PART, PLAIN, transferBench } from '../support/transfers.js'

const KINDS = [PLAIN, ENCRYPTED[0]!]

/** Root may write into a folder whatever its mode says, but nobody can make a file in this one. */
const SEALED_TO_ROOT = '/proc/self'
const isRoot = process.getuid?.() === 0

describe('downloadFile: where to', () => {
  const bench = transferBench()

  for (const kind of KINDS) {
    it(`${kind.name}: a directory in the place of the file is SEALSTREAM_FILE and stays as it is`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: 'x' })
      await mkdir(bench.path('f'))
      for (const checkpoint of [false, true]) {
        const error = await refused('SEALSTREAM_FILE', () =>
          client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), checkpoint }),
        )
        expect(error.message).to.contain('DestFilePath').and.contain(bench.path('f'))
      }
      expect((await stat(bench.path('f'))).isDirectory()).to.equal(true)
      expect(await bench.names()).to.deep.equal(['f'])
    })

    it(`${kind.name}: a directory that is not there is SEALSTREAM_FILE, or _CHECKPOINT with one, and is not made`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: 'x' })
      for (const checkpoint of [false, true]) {
        const DestFilePath = bench.path('none/f')
        const error = await failureOf(() => client.downloadFile({ Key: 'k', DestFilePath, checkpoint }))
        expect(error.code).to.be.oneOf(['SEALSTREAM_FILE', ...(checkpoint ? ['SEALSTREAM_CHECKPOINT'] : [])])
        expect(error.message).to.contain(bench.path('none'))
        expect((error.cause as NodeJS.ErrnoException).code).to.equal('ENOENT')
      }
      expect(await bench.names()).to.deep.equal([])
    })

    it(`${kind.name}: a file in the place of a directory is SEALSTREAM_FILE`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: 'x' })
      await writeFile(bench.path('f'), 'mine')
      await refused('SEALSTREAM_FILE', () =>
        client.downloadFile({ Key: 'k', DestFilePath: bench.path('f/g') }),
      )
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('mine')
    })

    it(`${kind.name}: a directory that cannot be written to is SEALSTREAM_FILE`, async () => {
      const client = bench.client(kind)
      await client.putObject({ Key: 'k', Body: 'x' })
      await mkdir(bench.path('sealed'), { mode: 0o555 })
      const DestFilePath = join(isRoot ? SEALED_TO_ROOT : bench.path('sealed'), 'f')
      await refused('SEALSTREAM_FILE', () => client.downloadFile({ Key: 'k', DestFilePath }))
      await chmod(bench.path('sealed'), 0o700)
    })

    it(`${kind.name}: a file that is there is whole and old until the new one is whole`, async () => {
      const client = bench.client(kind)
      const bytes = content(2 * PART)
      await client.putObject({ Key: 'k', Body: bytes })
      await writeFile(bench.path('f'), 'old')
      const seen = new Set<string>()
      let reports = Promise.resolve()
      await client.downloadFile({
        Key: 'k',
        DestFilePath: bench.path('f'),
        PartSize: PART,
        Concurrency: 1,
        onProgress: ({ bytes: done }) => {
          if (done === bytes.length) return
          reports = reports.then(async () => {
            const now = await readFile(bench.path('f'))
            seen.add(now.equals(bytes) ? 'new' : now.toString('latin1', 0, 10))
          })
        },
      })
      await reports
      expect([...seen].filter((state) => state !== 'new' && state !== 'old')).to.deep.equal([])
      expect(seen.has('old')).to.equal(true)
      expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)
    })
  }

  it('writes beside the target under a hidden name, mode 0600, while it is under way', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: content(PART + 1) })
    let seen: Promise<[string[], number]> | undefined
    const onProgress = (): void => {
      seen ??= (async () => {
        const names = await bench.names()
        return [names, (await stat(bench.path(names[0]!))).mode & 0o777]
      })()
    }
    await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, onProgress })
    const [names, mode] = (await seen)!
    expect(names).to.have.lengthOf(1)
    expect(names[0]).to.match(/^\.sealstream-[0-9a-f]{16}\.part$/)
    expect(mode).to.equal(0o600)
    expect(await bench.names()).to.deep.equal(['f'])
  })

  it('a target that is a symbolic link is replaced; what it points to stays', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: 'new' })
    await writeFile(bench.path('other'), 'other')
    await symlink(bench.path('other'), bench.path('f'))
    await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') })
    expect(await readFile(bench.path('f'), 'utf8')).to.equal('new')
    expect(await readFile(bench.path('other'), 'utf8')).to.equal('other')
    expect(await readlink(bench.path('f')).catch(() => 'no link')).to.equal('no link')
  })

  it('a target with a second name is replaced under the one that was given', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: 'new' })
    await writeFile(bench.path('f'), 'old')
    await link(bench.path('f'), bench.path('g'))
    await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') })
    expect(await readFile(bench.path('f'), 'utf8')).to.equal('new')
    expect(await readFile(bench.path('g'), 'utf8')).to.equal('old')
  })

  it('takes a relative path and a name of 255 bytes', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: 'x' })
    for (const name of ['short', 'n'.repeat(255)]) {
      for (const checkpoint of [false, true]) {
        const DestFilePath = relative(process.cwd(), bench.path(name))
        await client.downloadFile({ Key: 'k', DestFilePath, checkpoint })
        expect(await readFile(bench.path(name), 'utf8')).to.equal('x')
      }
    }
    expect(await bench.hidden()).to.deep.equal([])
  })

  it('a listener that throws ends the download; nothing is left', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: content(PART + 1) })
    await writeFile(bench.path('f'), 'old')
    for (const after of [0, 1]) {
      const onProgress = ({ bytes }: { bytes: number }): void => {
        if (bytes >= after) throw new RangeError('of the listener')
      }
      const call = client.downloadFile({
        Key: 'k',
        DestFilePath: bench.path('f'),
        PartSize: PART,
        onProgress,
      })
      const error: unknown = await call.catch((reason: unknown) => reason)
      expect(error).to.be.instanceOf(RangeError)
    }
    expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
    expect(await bench.names()).to.deep.equal(['f'])
  })

  it('a target that becomes a directory meanwhile is SEALSTREAM_FILE; a checkpoint keeps what was fetched', async () => {
    const client = bench.plain()
    const bytes = content(PART + 1)
    await client.putObject({ Key: 'k', Body: bytes })
    for (const checkpoint of [false, true]) {
      const DestFilePath = bench.path(`f-${checkpoint}`)
      const proxy = await bench.proxy(async ({ method }, forward) => {
        if (method === 'GET') await mkdir(DestFilePath, { recursive: true })
        return forward()
      })
      const params = { Key: 'k', DestFilePath, PartSize: PART, checkpoint }
      await refused('SEALSTREAM_FILE', () => bench.plain({ endpoint: proxy.endpoint }).downloadFile(params))
      expect((await stat(DestFilePath)).isDirectory()).to.equal(true)
      if (!checkpoint) {
        expect(await bench.hidden()).to.deep.equal([])
        continue
      }
      await rmdir(DestFilePath)
      const before = bench.count('getObject')
      await client.downloadFile(params)
      await client.headObject({ Key: 'k' })
      expect(bench.count('getObject')).to.equal(before)
      expect((await readFile(DestFilePath)).equals(bytes)).to.equal(true)
    }
    expect(await bench.hidden()).to.deep.equal([])
  })

  it('a file system that takes no more is SEALSTREAM_FILE, and nothing is left', async () => {
    await bench.plain().putObject({ Key: 'k', Body: content(3 * MIB) })
    const { endpoint, credentials } = bench.server
    const script = `
      import { CosClient } from ${JSON.stringify(new URL('../../lib/cos-client.ts', import.meta.url).href)}
      const [options, params] = JSON.parse(process.env.SPEC_CALL)
      const client = new CosClient(options)
      try { await client.downloadFile(params); console.log('done') } catch (error) { console.log(error.code) }
      client.close()`
    const options = { endpoint, credentials, bucket: 'spec-1250000000' }
    const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: MIB }
    // Files of at most 1 MiB, in blocks of 512 or 1024 bytes, whichever the shell counts in.
    const command = `ulimit -f 1024; exec "$0" --import ts-blank-space/register --input-type=module -e "$1"`
    const child = spawn('sh', ['-c', command, process.execPath, script], {
      env: { ...process.env, SPEC_CALL: JSON.stringify([options, params]) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await once(child, 'close')
    expect(said.trim()).to.equal('SEALSTREAM_FILE')
    expect(await bench.names()).to.deep.equal([])
  })

  it('an abort before the first request, and one in the middle, leave the old file and nothing else', async () => {
    const client = bench.plain()
    await client.putObject({ Key: 'k', Body: content(3 * PART) })
    await writeFile(bench.path('f'), 'old')
    const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 2 }
    const early = await failureOf(() => client.downloadFile({ ...params, signal: AbortSignal.abort('why') }))
    expect(early.code).to.equal('SEALSTREAM_ABORTED')
    const controller = new AbortController()
    const reason = new Error('enough')
    const error = await refused('SEALSTREAM_ABORTED', () =>
      client.downloadFile({
        ...params,
        signal: controller.signal,
        onProgress: ({ bytes }) => {
          if (bytes > PART) controller.abort(reason)
        },
      }),
    )
    expect(error.cause).to.equal(reason)
    expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
    expect(await bench.names()).to.deep.equal(['f'])
  })
})
