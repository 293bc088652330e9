import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { type CliOptions, errorOf, jsonLines, runCli, startCli } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

describe('cli/demo', () => {
  const test = sideBySide(() => mkdir(at('tmp')))
  const inFolder = (): CliOptions => ({ env: { TMPDIR: at('tmp') }, deadline: 55_000 })

  test('makes a file of 3 MiB and shows a table with both keys, everything the same, and removes its folder', async () => {
    const { code, stdout } = await runCli(['demo', '--size', '3MiB'], inFolder())
    expect(code).to.equal(0)
    const [header = '', aes = '', rsa = '', ...rest] = stdout.trimEnd().split('\n')
    expect(rest).to.deep.equal([])
    expect(header).to.match(/^master key +format +size +upload +download /)
    expect(aes).to.match(/^AES-256 +sealed +3\.1 MB .* 0\.\d\d % .* same SHA-256 +\d of \d same$/)
    expect(rsa).to.match(/^RSA-3072 +cos +3\.1 MB .* 0\.\d\d % .* same SHA-256 +\d of \d same$/)
    expect(await readdir(at('tmp'))).to.deep.equal([])
  })

  for (const { name, bytes, ranges } of [
    { name: '9 MiB', bytes: 9 * 1024 * 1024, ranges: 5 },
    { name: '1 byte', bytes: 1, ranges: 1 },
    { name: '0 bytes', bytes: 0, ranges: 0 },
  ]) {
    test(`reads a file of ${name} back with both keys, says so in one JSON document, and leaves it alone`, async () => {
      const content = new Seeded(3).bytes(bytes)
      await writeFile(at('in'), content)
      const { code, stdout, stderr } = await runCli(['demo', at('in'), '--json'], inFolder())
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      const [said, ...rest] = jsonLines(stdout)
      expect(rest).to.deep.equal([])
      expect(said?.file).to.equal(at('in'))
      const rows = said?.rows as Record<string, unknown>[]
      expect(rows.map(({ masterKey }) => masterKey)).to.deep.equal(['AES-256', 'RSA-3072'])
      for (const row of rows) {
        expect(row).to.include({ bytes, same: true })
        expect(row.equalBytes)
          .to.be.at.least(0)
          .and.at.most(bytes === 1 ? 1 : 0.01)
        const checked = row.ranges as { same: boolean }[]
        expect(checked.length).to.be.at.least(ranges)
        expect(checked.every(({ same }) => same)).to.equal(true)
      }
      expect((await readFile(at('in'))).equals(content)).to.equal(true)
      expect(await readdir(at('tmp'))).to.deep.equal([])
    })
  }

  for (const { name, path } of [
    { name: 'is missing', path: () => at('none') },
    { name: 'is a directory', path: () => at('tmp') },
  ]) {
    test(`ends with 7 where the file ${name}, and removes its folder`, async () => {
      const run = await runCli(['demo', path()], inFolder())
      expect(run, run.stderr).to.include({ code: 7, stdout: '' })
      expect(errorOf(run)).to.include(path())
      expect(await readdir(at('tmp'))).to.deep.equal([])
    })
  }

  test('ends with 2 for --size 3MB, and removes its folder', async () => {
    const run = await runCli(['demo', '--size', '3MB'], inFolder())
    expect(run).to.include({ code: 2, stdout: '' })
    expect(errorOf(run)).to.include('--size').and.include('MiB')
    expect(await readdir(at('tmp'))).to.deep.equal([])
  })

  for (const { when, size, pattern } of [
    { when: 'while it makes a file of 64 GiB', size: '64GiB', pattern: /making a file/ },
    { when: 'while it encrypts 256 MiB', size: '256MiB', pattern: /AES-256 upload: / },
  ]) {
    test(`ends with 130 on SIGINT ${when}, and removes its folder`, async () => {
      const demo = startCli(['demo', '--size', size], inFolder())
      await demo.printed('stderr', pattern)
      demo.child.kill('SIGINT')
      const run = await demo.result
      expect(run, run.stderr).to.include({ code: 130, stdout: '' })
      expect(await readdir(at('tmp'))).to.deep.equal([])
    })
  }
})
