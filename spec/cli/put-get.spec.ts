import { execFileSync } from 'node:child_process'
import { link, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { runBatch } from '../support/cli-batch.js'
import { BUCKET, cliKeys, modeOf, object, someFileHolds, stored } from '../support/cli-fixture.js'
import { sealedSize, storeEncrypted } from '../support/cli-store.js'
import { errorOf, hintOf, jsonLines, runCli, runJson } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const MIB = 1024 * 1024

describe('cli/put and cli/get', () => {
  const test = sideBySide()
  const keys = cliKeys()
  const bytesOf = (length: number): Buffer => new Seeded(length).bytes(length)
  const local = (): string[] => ['--local', at('store')]
  const withAes = (): string[] => [...local(), '--aes-key', keys.aes]

  // Of those in the middle, the first is stored in exactly 1 MiB.
  for (const length of [0, 1, 17, 1_047_496, 1_047_497, MIB, 3 * MIB + 5]) {
    test(`bring back ${length} bytes of a file that were cut into parts of 1 MiB`, async () => {
      const content = bytesOf(length)
      await writeFile(at('in'), content)
      const [put] = await runJson(['put', at('in'), object('a'), ...withAes(), '--part-size', '1MiB'])
      const parts = Math.ceil(sealedSize(length) / MIB)
      expect(put).to.include({
        Bucket: BUCKET,
        Key: 'a',
        StoredLength: sealedSize(length),
        format: 'sealed',
        verified: 'crc64',
      })
      expect(put?.ETag).to.match(parts > 1 ? new RegExp(`^"[0-9a-f]{32}-${parts}"$`) : /^"[0-9a-f]{32}"$/)
      const [got] = await runJson(['get', object('a'), at('out'), ...withAes()])
      expect(got).to.include({
        Bucket: BUCKET,
        Key: 'a',
        ContentLength: length,
        StoredLength: sealedSize(length),
        format: 'sealed',
        keyVerified: true,
      })
      expect((await readFile(at('out'))).equals(content)).to.equal(true)
    })
  }

  for (const length of [0, 2 * MIB + 3]) {
    test(`bring back ${length} binary bytes from standard input on standard output`, async () => {
      const stdin = bytesOf(length)
      const put = await runCli(['put', '-', object('a'), ...withAes(), '--part-size', '1MiB'], { stdin })
      expect(put.code, put.stderr).to.equal(0)
      const { code, bytes } = await runCli(['get', object('a'), '-', ...withAes()])
      expect(code).to.equal(0)
      expect(bytes.equals(stdin)).to.equal(true)
    })
  }

  test('say in one line what was stored and what was read, with sizes and rates of at most one decimal', async () => {
    await writeFile(at('in'), 'hello')
    const put = await runCli(['put', at('in'), object('a/b'), ...withAes()])
    expect(put.stdout).to.match(
      /^stored 77 B as cos:\/\/spec-1250000000\/a\/b, format sealed, verified by crc64, /,
    )
    expect(put.stdout).to.match(/ \d+(\.\d)? k?B\/s\n$/)
    const { bytes, stderr } = await runCli(['get', object('a/b'), '-', ...withAes()])
    expect(bytes.toString()).to.equal('hello')
    expect(stderr).to.match(/^read 5 B of cos:\/\/spec-1250000000\/a\/b, .* \d+(\.\d)? k?B\/s\n$/)
  })

  test('cut 2.5 MiB into 3, 3, 2 and no parts for --part-size 1048576, 1024KiB, 2MiB and 1GiB', async () => {
    const sizes = ['1048576', '1024KiB', '2MiB', '1GiB']
    const runs = await runBatch(
      sizes.map((size) => ['put', '-', object('a'), ...withAes(), '--json', '--part-size', size]),
      { stdin: Buffer.alloc(2.5 * MIB) },
    )
    const tags = runs.map(({ stdout }) => jsonLines(stdout)[0]?.ETag)
    for (const [index, end] of ['-3"', '-3"', '-2"', '"'].entries()) {
      expect(tags[index]).to.match(new RegExp(`^"[0-9a-f]{32}${end}$`))
    }
  })

  test('refuse part sizes of 1000 bytes with the hint that they are bytes: 2', async () => {
    const run = await runCli(['put', '-', object('a'), ...withAes(), '--part-size', '1000'], { stdin: 'x' })
    expect(run).to.include({ code: 2, stdout: '' })
    expect(errorOf(run))
      .to.match(/part-?size/i)
      .and.include('1000')
    expect(hintOf(run)).to.include('bytes')
    expect(await stored(at('store'), 'objects')).to.deep.equal([])
  })

  test('refuse part sizes 0, 1.5MiB, 8MB, 1048577 and 6GiB: 2', async () => {
    const sizes = ['0', '1.5MiB', '8MB', '1048577', '6GiB']
    const runs = await runBatch(
      sizes.map((size) => ['put', '-', object('a'), ...withAes(), '--part-size', size]),
      { stdin: 'x' },
    )
    for (const [index, run] of runs.entries()) {
      expect(run, `${sizes[index] ?? ''}: ${run.stderr}`).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.match(/part-?size/i)
    }
    expect(await stored(at('store'), 'objects')).to.deep.equal([])
  })

  describe('--metadata and --content-type', () => {
    test('are stored, also repeated, with = and blanks in values and capitals in names', async () => {
      const pairs = ['--metadata', 'origin=a=b', '--metadata', 'Two=second value', '--metadata', 'empty=']
      const args = [
        'put',
        '-',
        object('a'),
        ...withAes(),
        ...pairs,
        '--content-type',
        'text/plain; charset=utf-8',
      ]
      expect(await runCli(args, { stdin: 'x' })).to.include({ code: 0 })
      const [head] = await runJson(['head', object('a'), ...local()])
      expect(head).to.include({ ContentType: 'text/plain; charset=utf-8' })
      expect(head?.Metadata).to.include({ origin: 'a=b', two: 'second value' })
    })

    test('that are malformed, reserved, given twice, not ASCII or over 2 KB are refused: 2', async () => {
      const cases = [
        ['no-equals-sign'],
        ['client-side-encryption-key=a'],
        ['Sealstream-Version=1'],
        ['Name=a', 'name=b'],
        ['name=é'],
        [`name=${'v'.repeat(2100)}`],
      ]
      const runs = await runBatch(
        cases.map((pairs) => [
          ...['put', '-', object('a'), ...withAes()],
          ...pairs.flatMap((pair) => ['--metadata', pair]),
        ]),
        { stdin: 'x' },
      )
      for (const [index, run] of runs.entries()) {
        expect(run, `${String(cases[index])}: ${run.stderr}`).to.include({ code: 2, stdout: '' })
        errorOf(run)
      }
      expect(await stored(at('store'), 'objects')).to.deep.equal([])
    })
  })

  describe('what is stored', () => {
    for (const partSize of ['1MiB', '8MiB']) {
      test(`holds no plaintext and no master key, in parts of ${partSize}`, async () => {
        const stdin = Buffer.from('the plaintext that nobody may find '.repeat(60_000))
        const args = ['put', '-', object('a'), ...withAes(), '--part-size', partSize]
        expect(await runCli(args, { stdin })).to.include({ code: 0 })
        expect((await stored(at('store'), 'data')).length).to.be.greaterThan(0)
        const wanted = [stdin.subarray(0, 12), Buffer.from(keys.aesText), Buffer.from(keys.aesText, 'base64')]
        for (const bytes of wanted) expect(await someFileHolds(at('store'), bytes)).to.equal(false)
      })
    }

    test('differs for the same content stored twice', async () => {
      for (const key of ['a', 'b']) {
        await runCli(['put', '-', object(key), ...withAes()], { stdin: Buffer.alloc(1000) })
      }
      const contents = await Promise.all(
        (await stored(at('store'), 'data')).map((name) =>
          readFile(at(`store/${BUCKET}/data/${name}`), 'hex'),
        ),
      )
      expect(new Set(contents).size).to.equal(2)
    })

    test('replaces the object of before', async () => {
      for (const stdin of ['first', 'second'])
        await runCli(['put', '-', object('a'), ...withAes()], { stdin })
      expect(await runCli(['get', object('a'), '-', ...withAes()])).to.include({ stdout: 'second' })
      expect(await stored(at('store'), 'data')).to.have.lengthOf(1)
    })
  })

  test('read a source that is a FIFO to its end', async () => {
    execFileSync('mkfifo', [at('fifo')])
    const put = runCli(['put', at('fifo'), object('a'), ...withAes()])
    await writeFile(at('fifo'), 'through a pipe with a name')
    expect(await put).to.include({ code: 0 })
    expect(await runCli(['get', object('a'), '-', ...withAes()])).to.include({
      stdout: 'through a pipe with a name',
    })
  })

  describe('the file that get writes', () => {
    const test = sideBySide(() => storeEncrypted(at('store'), { a: Buffer.from('new content') }))

    for (const umask of [0o000, 0o022]) {
      test(`has mode 600 under umask ${umask.toString(8).padStart(3, '0')}`, async () => {
        expect(await runCli(['get', object('a'), at('out'), ...withAes()], { umask })).to.include({ code: 0 })
        expect(await modeOf(at('out'))).to.equal('600')
      })
    }

    test('replaces one that exists by a new one: its other names and open descriptors keep the old content', async () => {
      await writeFile(at('out'), 'old content', { mode: 0o644 })
      await link(at('out'), at('other-name'))
      const handle = await open(at('out'))
      try {
        expect(await runCli(['get', object('a'), at('out'), ...withAes()])).to.include({ code: 0 })
        expect(await readFile(at('out'), 'utf8')).to.equal('new content')
        expect(await readFile(at('other-name'), 'utf8')).to.equal('old content')
        expect(await handle.readFile('utf8')).to.equal('old content')
      } finally {
        await handle.close()
      }
      expect((await readdir(dirname(at('x')))).sort()).to.deep.equal(['other-name', 'out', 'store'])
    })

    test('may have a name of 255 bytes', async () => {
      const name = 'n'.repeat(255)
      expect(await runCli(['get', object('a'), at(name), ...withAes()])).to.include({ code: 0 })
      expect(await readFile(at(name), 'utf8')).to.equal('new content')
    })

    test('is not put in the place of a FIFO, which stays one', async () => {
      execFileSync('mkfifo', [at('fifo')])
      const handle = await open(at('fifo'), 'r+')
      try {
        await runCli(['get', object('a'), at('fifo'), ...withAes()])
        expect((await stat(at('fifo'))).isFIFO()).to.equal(true)
      } finally {
        await handle.close()
      }
    })
  })

  test('carry keys with blanks, Unicode, %, +, ?, #, quotes, a leading and a double slash', async () => {
    const names = ['a b/ünïcode 文件 🔑', '100%', 'a%20b', 'a+b', '/lead//slashes', `q?x=1&y=#2<'">`]
    const puts = await Promise.all(
      names.map((key) => runCli(['put', '-', object(key), ...withAes()], { stdin: `content of ${key}` })),
    )
    expect(puts.map(({ code }) => code)).to.deep.equal(names.map(() => 0))
    const listed = await runJson(['ls', `cos://${BUCKET}`, ...local()])
    expect(listed.map(({ Key }) => Key)).to.have.members(names)
    const gets = await runBatch(names.map((key) => ['get', object(key), '-', ...withAes()]))
    expect(gets.map(({ stdout }) => stdout)).to.deep.equal(names.map((key) => `content of ${key}`))
  })

  test('refuse places that are not cos://BUCKET/KEY, buckets without an APPID, and keys with . or .. segments: 2', async () => {
    const places = [
      `cos://${BUCKET}`,
      `${BUCKET}/key`,
      'cos://bucket/key',
      object('a/../b'),
      object('%2e%2E/b'),
      object('//'),
      object('k'.repeat(851)),
    ]
    await mkdir(at('store'))
    const runs = await runBatch(
      places.map((place) => ['put', '-', place, ...withAes()]),
      { stdin: 'x' },
    )
    for (const [index, run] of runs.entries()) {
      expect(run, `${places[index] ?? ''}: ${run.stderr}`).to.include({ code: 2, stdout: '' })
      errorOf(run)
    }
    expect(await readdir(at('store'))).to.deep.equal([])
  })

  test('print one JSON document per result with --json, and nothing else', async () => {
    await writeFile(at('in'), Buffer.alloc(3 * MIB))
    const runs = [
      await runCli(['put', at('in'), object('a'), ...withAes(), '--part-size', '1MiB', '--json']),
      await runCli(['get', object('a'), at('out'), ...withAes(), '--json']),
    ]
    for (const { code, stdout, stderr } of runs) {
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      expect(jsonLines(stdout)).to.have.lengthOf(1)
    }
  })
})
