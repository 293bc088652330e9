/** `encrypt` that fails: nothing is left behind, nothing is lost. */
import { execFileSync } from 'node:child_process'
import { copyFile, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { runBatch } from '../support/cli-batch.js'
import { cliKeys } from '../support/cli-fixture.js'
import { sealedSize } from '../support/cli-store.js'
import { eventually } from '../support/eventually.js'
import { expectRefused, here, silent } from '../support/refused-runs.js'
import { errorOf, runCli, startCli } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const BEFORE = 'what was there before'
const CONTENT = new Seeded(22).bytes(60_000)

describe('cli/encrypt that fails', () => {
  const test = sideBySide(async () => {
    await writeFile(at('in'), CONTENT)
    await writeFile(at('out'), BEFORE)
  })

  async function expectUntouched(...more: string[]): Promise<void> {
    expect(await here()).to.deep.equal(['in', 'out', ...more].sort())
    expect(await readFile(at('out'), 'utf8')).to.equal(BEFORE)
    expect((await readFile(at('in'))).equals(CONTENT)).to.equal(true)
  }

  test('ends with 7 where the envelope exists, which stays as it is, and so does the target', async () => {
    for (const name of ['out.envelope.json', 'named']) await writeFile(at(name), 'of other bytes')
    const named = ['--envelope', at('named')]
    const runs = await runBatch([
      ['encrypt', at('in'), at('out'), ...AES],
      ['encrypt', at('in'), at('new'), ...AES, ...named],
      ['encrypt', at('in'), '-', ...AES, ...named],
    ])
    expectRefused(runs, 7)
    expect(errorOf(runs[0]!)).to.include(`${at('out.envelope.json')}: it exists`)
    await expectUntouched('named', 'out.envelope.json')
    for (const name of ['out.envelope.json', 'named']) {
      expect(await readFile(at(name), 'utf8')).to.equal('of other bytes')
    }
  })

  test('ends with 7 where the envelope is the source itself, which stays as it is', async () => {
    expectRefused(await runBatch([['encrypt', at('in'), at('out'), ...AES, '--envelope', at('in')]]), 7)
    await expectUntouched()
  })

  test('ends with 2 where the ciphertext has no name and the envelope none, or the two are one, however it is spelt', async () => {
    await mkdir(at('folder'))
    await symlink(at('folder'), at('same'))
    await symlink(at('out'), at('link'))
    const runs = await runBatch([
      ['encrypt', at('in'), '-', ...AES],
      ['encrypt', at('in'), at('out'), ...AES, '--envelope', at('out')],
      ['encrypt', at('in'), at('new'), ...AES, '--envelope', at('new')],
      ['encrypt', at('in'), at('new'), ...AES, '--envelope', `${at('folder')}/../new`],
      ['encrypt', at('in'), at('folder/new'), ...AES, '--envelope', at('same/new')],
      ['encrypt', at('in'), at('link'), ...AES, '--envelope', at('out')],
      ['encrypt', at('in'), at('new'), ...AES, '--envelope', at('new'), '--json'],
    ])
    for (const run of runs.slice(0, -1)) expect(errorOf(run)).to.include('--envelope')
    expect(JSON.parse(runs.at(-1)!.stderr)).to.have.nested.property('error.code', 'SEALSTREAM_OPTION')
    for (const run of runs) expect(run, run.stderr).to.include({ code: 2, stdout: '' })
    expect(await readdir(at('folder'))).to.deep.equal([])
    await expectUntouched('folder', 'link', 'same')
  })

  test('ends with 2 where the envelope would go to standard output as well, and makes no file by the name of -', async () => {
    await mkdir(at('folder'))
    const wrap = ['sh', '-c', 'cd "$0" && exec "$@"', at('folder')]
    const run = await runCli(['encrypt', at('in'), '-', ...AES, '--envelope', '-'], { wrap })
    expectRefused([run], 2)
    expect(errorOf(run)).to.include('--envelope')
    expect(await readdir(at('folder'))).to.deep.equal([])
    await expectUntouched('folder')
  })

  test('ends with 2 where the target is the file of its key, which stays as it is', async () => {
    await copyFile(keys.aes, at('key'))
    expectRefused(await runBatch([['encrypt', at('in'), at('key'), '--aes-key', at('key')]]), 2)
    expect(await readFile(at('key'), 'utf8')).to.equal(await readFile(keys.aes, 'utf8'))
    await expectUntouched('key')
  })

  test('ends with 7 where the target is a FIFO, which stays one', async () => {
    execFileSync('mkfifo', [at('fifo')])
    expectRefused(await runBatch([['encrypt', at('in'), at('fifo'), ...AES]]), 7)
    expect((await stat(at('fifo'))).isFIFO()).to.equal(true)
    await expectUntouched('fifo')
  })

  test('ends with 7 where the source is missing, a directory or cannot be read, and leaves no envelope', async () => {
    await mkdir(at('directory'))
    const broken = process.platform === 'linux' ? '/proc/self/mem' : at('none')
    const envelope = ['--envelope', at('e')]
    const runs = await runBatch(
      [at('none'), at('directory'), broken].flatMap((source) => [
        ['encrypt', source, at('out'), ...AES],
        ['encrypt', source, at('new'), ...AES],
        ['encrypt', source, '-', ...AES, ...envelope],
      ]),
    )
    expectRefused(runs, 7)
    for (const run of runs.slice(0, 3)) expect(errorOf(run)).to.include(`cannot read ${at('none')}`)
    for (const run of runs.slice(3, 6)) expect(errorOf(run)).to.include('directory')
    await expectUntouched('directory')
  })

  test('ends with 7 where target or envelope cannot be written, and leaves neither', async () => {
    await mkdir(at('directory'))
    const runs = await runBatch([
      ['encrypt', at('in'), at('none/new'), ...AES],
      ['encrypt', at('in'), at('directory'), ...AES],
      ['encrypt', at('in'), at('new'), ...AES, '--envelope', at('none/e')],
      ['encrypt', at('in'), at('out'), ...AES, '--envelope', at('directory')],
      ['encrypt', at('in'), '-', ...AES, '--envelope', at('none/e')],
    ])
    expectRefused(runs, 7)
    for (const [index, path] of ['none/new', 'directory', 'none/e', 'directory', 'none/e'].entries()) {
      expect(errorOf(runs[index]!))
        .to.match(/cannot write (envelope )?/)
        .and.include(at(path))
    }
    expect(await readdir(at('directory'))).to.deep.equal([])
    await expectUntouched('directory')
  })

  test('ends with 2 or 3 for keys, formats, contexts and recipients that are none, before anything is made', async () => {
    const encrypt = ['encrypt', at('in'), at('out')]
    const runs = await runBatch([
      encrypt,
      [...encrypt, ...AES, ...RSA],
      [...encrypt, ...AES, '--format', 'rot13'],
      [...encrypt, ...AES, '--format', 'cos-java-gcm'],
      [...encrypt, ...AES, '--format', 'cos', '--recipient', `rsa:${keys.rsaPublic}`],
      [...encrypt, ...AES, '--context', 'tenant'],
      [...encrypt, ...AES, '--recipient', keys.rsaPublic],
      [...encrypt, ...AES, '--kms-key-id', 'key-1'],
      [...encrypt, '--kms-key-id', 'key-1'],
      [...encrypt, '--aes-key', at('none')],
      [...encrypt, ...AES, '--recipient', `rsa:${at('none')}`],
    ])
    expectRefused(runs.slice(0, 9), 2)
    expectRefused(runs.slice(9), 3)
    await expectUntouched()
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`ends with 130 on ${signal} while it writes a file, without an envelope and a part file, and keeps the target`, async () => {
      const args = ['encrypt', '-', at('out'), ...AES]
      const { child, result } = startCli(args, { stdin: silent(CONTENT) })
      await eventually(async () => (await here()).some((name) => name.endsWith('.part')))
      child.kill(signal)
      expect(await result).to.include({ code: 130, stdout: '' })
      await expectUntouched()
    })
  }

  test('ends with 130 on SIGINT while it writes to standard output, and takes the envelope away that it made', async () => {
    const args = ['encrypt', '-', '-', ...AES, '--envelope', at('e')]
    const encrypting = startCli(args, { stdin: silent(CONTENT) })
    // Its first bytes; the envelope is there before them.
    await encrypting.printed('stdout', /[^]/)
    expect(await here()).to.include('e')
    encrypting.child.kill('SIGINT')
    expect(await encrypting.result).to.include({ code: 130 })
    await expectUntouched()
  })

  test('replaces a target where all went well; of a symbolic link the file that it names', async () => {
    await symlink(at('out'), at('link'))
    const [run] = await runBatch([['encrypt', at('in'), at('link'), ...AES, '--envelope', at('e')]])
    expect(run?.code, run?.stderr).to.equal(0)
    expect(await here()).to.deep.equal(['e', 'in', 'link', 'out'])
    expect((await lstat(at('link'))).isSymbolicLink()).to.equal(true)
    expect(await readFile(at('out'))).to.have.lengthOf(sealedSize(CONTENT.length))
  })
})
