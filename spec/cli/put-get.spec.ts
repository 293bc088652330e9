import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { BUCKET, cliKeys, modeOf, object, someFileHolds, store, stored } from '../support/cli-fixture.js'
import { errorOf, hintOf, jsonLines, runCli, runEach, runJson } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const MIB = 1024 * 1024

describe('cli/put and cli/get', () => {
  const test = sideBySide()
  const keys = cliKeys()
  const bytesOf = (length: number): Buffer => new Seeded(length).bytes(length)
  const local = (): string[] => ['--local', at('store')]
  const withAes = (): string[] => [...local(), '--aes-key', keys.aes]

  for (const length of [0, 1, 17, MIB - 1, MIB, MIB + 1, 3 * MIB + 5]) {
    test(`bring back ${length} bytes of a file that were cut into parts of 1 MiB`, async () => {
      const content = bytesOf(length)
      await writeFile(at('in'), content)
      const [put] = await runJson(['put', at('in'), object('a'), ...withAes(), '--part-size', '1MiB'])
      const parts = Math.ceil(length / MIB)
      expect(put).to.include({
        Bucket: BUCKET,
        Key: 'a',
        StoredLength: length,
        format: 'cos',
        verified: 'crc64',
      })
      expect(put?.ETag).to.match(parts > 1 ? new RegExp(`^"[0-9a-f]{32}-${parts}"$`) : /^"[0-9a-f]{32}"$/)
      const [got] = await runJson(['get', object('a'), at('out'), ...withAes()])
      expect(got).to.include({
        Bucket: BUCKET,
        Key: 'a',
        ContentLength: length,
        format: 'cos',
        verified: 'crc64',
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
      /^stored 5 B as cos:\/\/spec-1250000000\/a\/b, format cos, verified by crc64, /,
    )
    expect(put.stdout).to.match(/ \d+(\.\d)? k?B\/s\n$/)
    const { bytes, stderr } = await runCli(['get', object('a/b'), '-', ...withAes()])
    expect(bytes.toString()).to.equal('hello')
    expect(stderr).to.match(/^read 5 B of cos:\/\/spec-1250000000\/a\/b, .* \d+(\.\d)? k?B\/s\n$/)
  })

  for (const [text, parts] of [
    ['1048576', 3],
    ['1024KiB', 3],
    ['2MiB', 2],
    ['1GiB', 0],
  ] as const) {
    test(`cut 2.5 MiB into ${parts === 0 ? 'no parts' : `${parts} parts`} for --part-size ${text}`, async () => {
      const args = ['put', '-', object('a'), ...withAes(), '--part-size', text]
      const [put] = await runJson(args, { stdin: Buffer.alloc(2.5 * MIB) })
      expect(put?.ETag).to.match(parts === 0 ? /^"[0-9a-f]{32}"$/ : new RegExp(`-${parts}"$`))
    })
  }

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
    const runs = await runEach(
      sizes.map((size) => ['put', '-', object('a'), ...withAes(), '--part-size', size]),
      { stdin: 'x' },
    )
    for (const [index, run] of runs.entries()) {
      expect(run, `${sizes[index] ?? ''}: ${run.stderr}`).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.match(/part-?size/i)
    }
    expect(await stored(at('store'), 'objects')).to.deep.equal([])
  })

  describe('master keys', () => {
    const kinds = [
      { name: 'an AES key from a file', put: ['--aes-key', keys.aes] },
      { name: 'an AES key from SEALSTREAM_AES_KEY', put: [], env: { SEALSTREAM_AES_KEY: keys.aesText } },
      {
        name: 'an AES key from a file while SEALSTREAM_AES_KEY holds another',
        put: ['--aes-key', keys.aes],
        env: { SEALSTREAM_AES_KEY: randomBytes(32).toString('base64') },
      },
      {
        name: 'an RSA pair',
        put: ['--rsa-public-key', keys.rsaPublic, '--rsa-private-key', keys.rsaPrivate],
      },
      { name: 'an RSA private key alone', put: ['--rsa-private-key', keys.rsaPrivate] },
      {
        name: 'an RSA public key for writing and the private key for reading',
        put: ['--rsa-public-key', keys.rsaPublic],
        get: ['--rsa-private-key', keys.rsaPrivate],
      },
      {
        name: 'an RSA private key with a passphrase from a file',
        put: ['--rsa-private-key', keys.rsaEncrypted, '--passphrase-file', keys.passphrase],
      },
      {
        name: 'an RSA private key with SEALSTREAM_PASSPHRASE',
        put: ['--rsa-private-key', keys.rsaEncrypted],
        env: { SEALSTREAM_PASSPHRASE: keys.passphraseText },
      },
    ]
    for (const { name, put, get = put, env = {} } of kinds) {
      test(`are ${name}`, async () => {
        const stdin = bytesOf(1000)
        const stores = await runCli(['put', '-', object('a'), ...local(), ...put], { stdin, env })
        expect(stores.code, stores.stderr).to.equal(0)
        const { code, bytes } = await runCli(['get', object('a'), '-', ...local(), ...get], { env })
        expect(code).to.equal(0)
        expect(bytes.equals(stdin)).to.equal(true)
      })
    }

    test('that can only write, a public key alone, do not read: 3, and say so', async () => {
      const key = ['--rsa-public-key', keys.rsaPublic]
      expect(await runCli(['put', '-', object('a'), ...local(), ...key], { stdin: 'x' })).to.include({
        code: 0,
      })
      const run = await runCli(['get', object('a'), at('out'), ...local(), ...key])
      expect(run).to.include({ code: 3, stdout: '' })
      expect(errorOf(run)).to.match(/private|unwrap|only wrap/)
      expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
    })

    test('that are none, two, missing, malformed or locked end with 2 or 3 before anything is stored', async () => {
      await writeFile(at('malformed'), 'not the text of any key\n')
      await writeFile(at('wrong-passphrase'), 'not the passphrase\n')
      const cases: [code: number, args: string[], problem: RegExp][] = [
        [2, [], /master key/],
        [2, ['--aes-key', keys.aes, '--rsa-public-key', keys.rsaPublic], /both/],
        [3, ['--aes-key', at('none')], /cannot read key file .*none/],
        [3, ['--aes-key', at('malformed')], /malformed key file .*malformed/],
        [3, ['--aes-key', keys.rsaPrivate], /malformed key file/],
        [3, ['--rsa-public-key', keys.aes], /malformed key file/],
        [3, ['--rsa-private-key', keys.rsaEncrypted], /passphrase/],
        [
          3,
          ['--rsa-private-key', keys.rsaEncrypted, '--passphrase-file', at('wrong-passphrase')],
          /passphrase/,
        ],
        [3, ['--rsa-private-key', keys.rsaPrivate, '--rsa-public-key', keys.aes], /malformed key file/],
      ]
      const runs = await runEach(
        cases.map(([, args]) => ['put', '-', object('a'), ...local(), ...args]),
        { stdin: 'x' },
      )
      for (const [index, [code, , problem]] of cases.entries()) {
        const run = runs[index]!
        expect(run, run.stderr).to.include({ code, stdout: '' })
        expect(errorOf(run)).to.match(problem)
      }
      expect(await stored(at('store'), 'objects')).to.deep.equal([])
    })

    test('in SEALSTREAM_AES_KEY that are malformed end with 3', async () => {
      const env = { SEALSTREAM_AES_KEY: 'a malformed key in the environment' }
      const run = await runCli(['put', '-', object('a'), ...local()], { stdin: 'x', env })
      expect(run).to.include({ code: 3, stdout: '' })
      errorOf(run)
    })

    test('given by mistake as the value of --aes-key are not taken (3) and not repeated in the error', async () => {
      const args = ['put', '-', object('a'), ...local(), '--aes-key', keys.aesText]
      const run = await runCli(args, { stdin: 'x', secrets: [keys.aesText] })
      expect(run).to.include({ code: 3, stdout: '' })
    })
  })

  describe('--format', () => {
    test('cos-python with an AES key warns on standard error, and is read with a caution', async () => {
      const put = await runCli(['put', '-', object('a'), ...withAes(), '--format', 'cos-python'], {
        stdin: 'x',
      })
      expect(put.code).to.equal(0)
      expect(put.stdout).to.include('format cos-python').and.not.include('WEAK_WRAP')
      expect(put.stderr).to.include('SEALSTREAM_WEAK_WRAP')
      const got = await runCli(['get', object('a'), '-', ...withAes()])
      expect(got).to.include({ code: 0, stdout: 'x' })
      expect(got.stderr).to.match(/format cos-python, .*cannot tell a wrong key/)
    })

    test('cos-python with an RSA key does not warn', async () => {
      const args = ['put', '-', object('a'), ...local(), '--rsa-public-key', keys.rsaPublic]
      const put = await runCli([...args, '--format', 'cos-python'], { stdin: 'x' })
      expect(put.code).to.equal(0)
      expect(put.stderr).not.to.include('WEAK_WRAP')
      const key = ['--rsa-private-key', keys.rsaPrivate]
      expect(await runCli(['get', object('a'), '-', ...local(), ...key])).to.include({ code: 0, stdout: 'x' })
    })

    test('of another name is refused, naming the choices: 2', async () => {
      const run = await runCli(['put', '-', object('a'), ...withAes(), '--format', 'rot13'], { stdin: 'x' })
      expect(run).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.include('cos-python').and.include('rot13')
    })
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
        ['Name=a', 'name=b'],
        ['name=é'],
        [`name=${'v'.repeat(2100)}`],
      ]
      const runs = await runEach(
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
    const test = sideBySide(() => store(at('store'), { a: Buffer.from('new content') }))

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

  describe('--range', () => {
    const content = new Seeded(5).bytes(100_000)
    const test = sideBySide(() => store(at('store'), { a: content, empty: Buffer.alloc(0) }))
    const cases: [range: string, first: number, end: number][] = [
      ['0-0', 0, 1],
      ['13-44', 13, 45],
      ['99999-', 99_999, 100_000],
      ['5-', 5, 100_000],
      ['-17', 99_983, 100_000],
      ['-200000', 0, 100_000],
      ['99990-5000000', 99_990, 100_000],
    ]

    test(`gives exactly the bytes of ${cases.map(([range]) => range).join(', ')} on standard output`, async () => {
      const runs = await runEach(
        cases.map(([range]) => ['get', object('a'), '-', ...withAes(), '--range', range]),
      )
      for (const [index, [range, first, end]] of cases.entries()) {
        const run = runs[index]!
        expect(run.code, run.stderr).to.equal(0)
        expect(run.bytes.equals(content.subarray(first, end)), range).to.equal(true)
      }
    })

    test('gives exactly the bytes 100-299 in a file, and says how many', async () => {
      const [got] = await runJson(['get', object('a'), at('out'), ...withAes(), '--range', '100-299'])
      expect(got).to.include({ ContentLength: 200 })
      expect((await readFile(at('out'))).equals(content.subarray(100, 300))).to.equal(true)
    })

    test('is refused as 5-1, abc, nothing and 1-2,4-5: 2', async () => {
      const ranges = ['5-1', 'abc', '', '1-2,4-5']
      const args = ['get', object('a'), at('out'), ...withAes(), '--range']
      for (const [index, run] of (await runEach(ranges.map((range) => [...args, range]))).entries()) {
        expect(run, `${ranges[index] ?? ''}: ${run.stderr}`).to.include({ code: 2, stdout: '' })
        expect(errorOf(run)).to.match(/range/i)
      }
      expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
    })

    test('is refused past the end: 100000- and -0, and 0- of an empty object', async () => {
      const cases = ['a 100000-', 'a -0', 'empty 0-'].map((text) => text.split(' '))
      const runs = await runEach(
        cases.map(([key = '', range = '']) => [
          'get',
          object(key),
          at('out'),
          ...withAes(),
          '--range',
          range,
        ]),
      )
      for (const run of runs) {
        expect(run.code, run.stderr).to.be.oneOf([2, 5])
        expect(errorOf(run)).to.match(/range/i)
        expect(run.stdout).to.equal('')
      }
      expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
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
    const gets = await runEach(names.map((key) => ['get', object(key), '-', ...withAes()]))
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
    const runs = await runEach(
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
