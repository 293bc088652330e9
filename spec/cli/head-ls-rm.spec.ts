import { expect } from 'chai'
import { BUCKET, cliKeys, object, store, stored } from '../support/cli-fixture.js'
import { errorOf, runCli, runEach, runJson } from '../support/run-cli.js'
import { at, sideBySide } from '../support/side-by-side.js'

const BUCKET_URL = `cos://${BUCKET}`

/** Standard output whose reader has gone before the command begins. */
const TO_NOBODY = ['bash', '-c', 'exec 3> >(true); wait $!; exec "$@" >&3 3>&-', 'bash']

describe('cli/head', () => {
  const test = sideBySide(() =>
    store(at('store'), { a: Buffer.alloc(1000), plain: { plain: Buffer.from('never encrypted') } }),
  )
  const local = (): string[] => ['--local', at('store')]

  test('shows format, both sizes, date and checksums of an encrypted object without a master key', async () => {
    const [head] = await runJson(['head', object('a'), ...local()])
    expect(head).to.include({
      Bucket: BUCKET,
      Key: 'a',
      format: 'cos',
      ContentLength: 1000,
      StoredLength: 1000,
    })
    expect(head?.ETag).to.match(/^"[0-9a-f]{32}"$/)
    expect(head?.HashCrc64ecma).to.match(/^\d+$/)
    expect(Date.parse(String(head?.LastModified))).to.be.closeTo(Date.now(), 60_000)
    const { code, stdout, stderr } = await runCli(['head', object('a'), ...local()])
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    expect(stdout)
      .to.match(/^format +cos$/m)
      .and.match(/^ContentLength +1000$/m)
  })

  test('leaves the envelope out of the metadata it shows', async () => {
    const put = ['put', '-', object('m'), ...local(), '--aes-key', cliKeys().aes, '--metadata', 'name=value']
    await runCli(put, { stdin: 'x' })
    const [head] = await runJson(['head', object('m'), ...local()])
    expect(head?.Metadata).to.deep.equal({ name: 'value' })
  })

  test('shows an object that is not encrypted, and says that it is not: 0', async () => {
    const [head] = await runJson(['head', object('plain'), ...local()])
    expect(head).to.include({ StoredLength: 15 })
    expect(head?.format).to.match(/^none /)
    expect(head).not.to.have.property('ContentLength')
  })

  test('ends with 4 where there is no such object, as text and as JSON', async () => {
    const run = await runCli(['head', object('none'), ...local()])
    expect(run).to.include({ code: 4, stdout: '' })
    expect(errorOf(run)).to.include('404')
    const { code, stdout, stderr } = await runCli(['head', object('none'), ...local(), '--json'])
    expect({ code, stdout }).to.deep.equal({ code: 4, stdout: '' })
    expect(JSON.parse(stderr)).to.have.nested.property('error.code', 'SEALSTREAM_SERVICE')
  })
})

describe('cli/ls', () => {
  const plain = { plain: Buffer.from('12345') }
  const test = sideBySide(() => store(at('store'), { 'a/1': plain, 'a/2': Buffer.alloc(20), b: plain }))
  const local = (): string[] => ['--local', at('store')]

  test('prints nothing for an empty bucket and for a prefix of nothing: 0', async () => {
    const runs = await runEach([
      ['ls', 'cos://empty-1250000000', ...local()],
      ['ls', `${BUCKET_URL}/none`, ...local()],
      ['ls', 'cos://empty-1250000000', ...local(), '--json'],
    ])
    for (const { code, stdout, stderr } of runs) {
      expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: '', stderr: '' })
    }
  })

  test('prints stored bytes, date and key, one object to a line, in order', async () => {
    const { code, stdout } = await runCli(['ls', BUCKET_URL, ...local()])
    expect(code).to.equal(0)
    const lines = stdout.trimEnd().split('\n')
    expect(
      lines.map((line) =>
        line
          .trim()
          .split(/ +/)
          .filter((_, column) => column !== 1),
      ),
    ).to.deep.equal([
      ['5', 'a/1'],
      ['20', 'a/2'],
      ['5', 'b'],
    ])
    for (const line of lines) expect(line).to.match(/ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /)
  })

  test('keeps to a prefix, given as cos://BUCKET/a/ or with a slash alone for the whole bucket', async () => {
    const [prefix, whole] = await Promise.all([
      runJson(['ls', `${BUCKET_URL}/a/`, ...local()]),
      runJson(['ls', `${BUCKET_URL}/`, ...local()]),
    ])
    expect(prefix.map(({ Key, Size }) => [Key, Size])).to.deep.equal([
      ['a/1', 5],
      ['a/2', 20],
    ])
    expect(whole).to.have.lengthOf(3)
  })

  test('ends with 2 for what is not a bucket', async () => {
    for (const run of await runEach([
      ['ls', BUCKET, ...local()],
      ['ls', 'cos://', ...local()],
    ])) {
      expect(run).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.include('cos://BUCKET')
    }
  })

  test('ends quietly with 141 where its reader has gone', async () => {
    const { code, stderr } = await runCli(['ls', BUCKET_URL, ...local()], { wrap: TO_NOBODY })
    expect({ code, stderr }).to.deep.equal({ code: 141, stderr: '' })
  })
})

describe('keys with control characters', () => {
  const KEY = 'a\u001b[31m\nb\u009bc\u007f'
  const test = sideBySide(() => store(at('store'), { [KEY]: Buffer.from('x') }))
  const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/

  test('are escaped by ls, one line for each object', async () => {
    const { stdout } = await runCli(['ls', BUCKET_URL, '--local', at('store')])
    expect(stdout).not.to.match(CONTROL)
    expect(stdout.trimEnd()).to.match(/ a\\u001b\[31m\\(n|u000a)b\\u009bc\\u007f$/)
  })

  test('are whole in the JSON of ls', async () => {
    const [listed] = await runJson(['ls', BUCKET_URL, '--local', at('store')])
    expect(listed).to.include({ Key: KEY })
  })

  test('are escaped where put, get and rm name them, in results, progress and errors', async () => {
    const options = ['--local', at('store'), '--aes-key', cliKeys().aes]
    const runs = [
      await runCli(['put', '-', object(KEY), ...options], { stdin: 'x' }),
      await runCli(['get', object(KEY), '-', ...options]),
      await runCli(['rm', object(KEY), '--local', at('store')]),
      await runCli(['get', object(KEY), '-', ...options]),
    ]
    expect(runs.map(({ code }) => code)).to.deep.equal([0, 0, 0, 4])
    for (const { stdout, stderr } of runs) expect(`${stdout}${stderr}`).not.to.match(CONTROL)
  })
})

describe('cli/rm', () => {
  const test = sideBySide(() => store(at('store'), { a: Buffer.from('x'), b: Buffer.from('y') }))
  const local = (): string[] => ['--local', at('store')]

  test('deletes the object and no other, and succeeds again for what is no longer there', async () => {
    expect(await runCli(['rm', object('a'), ...local()])).to.include({
      code: 0,
      stdout: `deleted cos://${BUCKET}/a\n`,
      stderr: '',
    })
    expect(await stored(at('store'), 'objects')).to.have.lengthOf(1)
    expect(await stored(at('store'), 'data')).to.have.lengthOf(1)
    const [again] = await runJson(['rm', object('a'), ...local()])
    expect(again).to.deep.equal({ Bucket: BUCKET, Key: 'a', deleted: true })
  })

  test('does not delete a bucket or a prefix: 2', async () => {
    for (const run of await runEach([
      ['rm', BUCKET_URL, ...local()],
      ['rm', `${BUCKET_URL}/`, ...local()],
    ])) {
      expect(run).to.include({ code: 2, stdout: '' })
      errorOf(run)
    }
    expect(await stored(at('store'), 'objects')).to.have.lengthOf(2)
  })
})
