/** `decrypt` that fails: nothing is left behind, nothing is lost, and nothing wrong is given out. */
import { copyFile, mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { createEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { runBatch } from '../support/cli-batch.js'
import { cliKeys } from '../support/cli-fixture.js'
import { flip } from '../support/cli-store.js'
import { eventually } from '../support/eventually.js'
import { expectRefused, here, silent } from '../support/refused-runs.js'
import { errorOf, hintOf, runCli, startCli } from '../support/run-cli.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const BEFORE = 'what was there before'
const CONTENT = new Seeded(22).bytes(60_000)

/** The content under the AES key. */
const SEALED = (async () => {
  const { dataKey, metadata } = await createEnvelope(AesMasterKey.from(keys.aesText), { format: 'sealed' })
  return { stored: runCipher(dataKey.encryptor(), [CONTENT]), metadata }
})()

describe('cli/decrypt that fails', () => {
  const test = sideBySide(async () => {
    const { stored, metadata } = await SEALED
    await writeFile(at('in'), CONTENT)
    await writeFile(at('sealed'), stored)
    await writeFile(at('sealed.envelope.json'), JSON.stringify(metadata))
    await writeFile(at('out'), BEFORE)
  })

  async function expectUntouched(...more: string[]): Promise<void> {
    expect(await here()).to.deep.equal(['in', 'out', 'sealed', 'sealed.envelope.json', ...more].sort())
    expect(await readFile(at('out'), 'utf8')).to.equal(BEFORE)
  }

  test('ends with 3 for the wrong key, of its kind or another, or one that can only write, and keeps the target', async () => {
    const decrypt = ['decrypt', at('sealed'), at('out')]
    const runs = await runBatch([
      [...decrypt, '--aes-key', keys.otherAes],
      [...decrypt, ...RSA],
      [...decrypt, '--aes-key', at('none')],
      ['decrypt', at('sealed'), '-', '--aes-key', keys.otherAes],
    ])
    expectRefused(runs, 3)
    await expectUntouched()
  })

  test('ends with 5 for an altered, a cut, an extended, an empty and another file, and keeps the target', async () => {
    const sealed = await readFile(at('sealed'))
    const names = ['altered', 'cut', 'extended', 'empty', 'other']
    for (const name of names) await writeFile(at(name), sealed)
    await flip(at('altered'), sealed.length - 1)
    await truncate(at('cut'), sealed.length - 1)
    await writeFile(at('extended'), 'x', { flag: 'a' })
    await truncate(at('empty'), 0)
    await writeFile(at('other'), CONTENT)
    const envelope = ['--envelope', at('sealed.envelope.json')]
    const runs = await runBatch(names.map((name) => ['decrypt', at(name), at('out'), ...AES, ...envelope]))
    expectRefused(runs, 5)
    await expectUntouched(...names)
  })

  test('gives out only a right beginning of an altered file on standard output: 5', async () => {
    // In the third chunk.
    await flip(at('sealed'), 56 + 2 * 16_400 + 5)
    const [run] = await runBatch([['decrypt', at('sealed'), '-', ...AES]])
    expect(run?.code, run?.stderr).to.equal(5)
    expect(run?.bytes.length).to.be.at.most(2 * 16_384)
    expect(CONTENT.subarray(0, run?.bytes.length).equals(run!.bytes)).to.equal(true)
  })

  test('ends with 5 against the policy, with a hint that names --policy, and for another context', async () => {
    await runBatch([['encrypt', at('in'), at('cos'), ...RSA, '--format', 'cos', '--context', 'a=b']])
    const decrypt = ['decrypt', at('cos'), at('out'), ...RSA]
    const runs = await runBatch([
      decrypt,
      [...decrypt, '--policy', 'sealed,cos-python'],
      [...decrypt, '--policy', 'cos', '--context', 'a=c'],
      ['decrypt', at('sealed'), at('out'), ...AES, '--policy', 'cos'],
      ['decrypt', at('sealed'), at('out'), ...AES, '--context', 'a=b'],
    ])
    expectRefused(runs, 5)
    for (const run of runs.slice(0, 2)) expect(hintOf(run)).to.include('--policy cos')
    for (const run of [runs[2], runs[4]]) expect(run!.stderr).to.include('context')
    await expectUntouched('cos', 'cos.envelope.json')
  })

  test('ends with 7 where envelope or source is missing or unreadable, and where the target cannot be written', async () => {
    await mkdir(at('directory'))
    const envelope = ['--envelope', at('sealed.envelope.json')]
    const runs = await runBatch([
      ['decrypt', at('in'), at('out'), ...AES],
      ['decrypt', at('sealed'), at('out'), ...AES, '--envelope', at('none')],
      ['decrypt', at('sealed'), at('out'), ...AES, '--envelope', at('directory')],
      ['decrypt', at('none'), at('out'), ...AES, ...envelope],
      ['decrypt', at('directory'), at('out'), ...AES, ...envelope],
      ['decrypt', at('sealed'), at('none/out'), ...AES],
      ['decrypt', at('sealed'), at('directory'), ...AES],
    ])
    expectRefused(runs, 7)
    expect(errorOf(runs[0]!)).to.include(`cannot read envelope ${at('in.envelope.json')}`)
    await expectUntouched('directory')
  })

  test('ends with 7 for an envelope file that is none, 5 for one without an envelope or with a damaged one', async () => {
    const whole = JSON.parse(await readFile(at('sealed.envelope.json'), 'utf8')) as Record<string, string>
    const recipient = 'x-cos-meta-sealstream-recipient-1'
    const cases: [code: number, text: string][] = [
      [7, ''],
      [7, 'not JSON'],
      [7, '"a text"'],
      [7, 'null'],
      [7, JSON.stringify({ ...whole, more: 1 })],
      [7, JSON.stringify({ ...whole, more: 'x'.repeat(70_000) })],
      [5, '{}'],
      [5, JSON.stringify({ [recipient]: whole[recipient] })],
      [5, JSON.stringify({ ...whole, 'x-cos-meta-sealstream-version': '2' })],
      [5, JSON.stringify({ ...whole, [recipient]: 'aes.id.' })],
      [5, JSON.stringify({ ...whole, 'x-cos-meta-sealstream-more': '1' })],
    ]
    for (const [index, [, text]] of cases.entries()) await writeFile(at(`e${index}`), text)
    const runs = await runBatch(
      cases.map((_, index) => ['decrypt', at('sealed'), at('out'), ...AES, '--envelope', at(`e${index}`)]),
    )
    expect(runs.map(({ code }) => code)).to.deep.equal(cases.map(([code]) => code))
    for (const run of runs) expect(run.stdout + errorOf(run)).not.to.include(whole[recipient])
    await expectUntouched(...cases.map((_, index) => `e${index}`))
  })

  test('ends with 2 for a pipe without --envelope, and for headers that are none; 5 for headers without an envelope', async () => {
    const header = (text: string): string[] => ['decrypt', at('sealed'), at('out'), ...AES, '--header', text]
    const runs = await runBatch([
      ['decrypt', '-', at('out'), ...AES],
      header('x-cos-meta-sealstream-version'),
      header('=1'),
      header('a b=1'),
      header('date: today'),
      header('x-cos-meta-sealstream-version=1'),
    ])
    expect(errorOf(runs[0]!)).to.include('--envelope')
    for (const run of runs.slice(1, 4)) expect(errorOf(run)).to.include('--header must be NAME=VALUE')
    expectRefused(runs.slice(0, 4), 2)
    expectRefused(runs.slice(4), 5)
    await expectUntouched()
  })

  test('ends with 5 for cos-java-gcm of over 64 MiB, which cannot be held, unless --release-unverified', async () => {
    await writeFile(at('big'), '')
    await truncate(at('big'), 64 * 1024 * 1024 + 1)
    const [made, refused, released] = await runBatch([
      ['encrypt', at('big'), at('gcm'), ...RSA, '--format', 'cos-java-gcm'],
      ['decrypt', at('gcm'), at('out'), ...RSA, '--policy', 'cos-java-gcm'],
      ['decrypt', at('gcm'), at('new'), ...RSA, '--policy', 'cos-java-gcm', '--release-unverified'],
    ])
    for (const run of [made, released]) expect(run?.code, run?.stderr).to.equal(0)
    expectRefused([refused!], 5)
    expect((await readFile(at('new'))).equals(await readFile(at('big')))).to.equal(true)
    await expectUntouched('big', 'gcm', 'gcm.envelope.json', 'new')
  })

  test('ends with 2 where the target is the envelope or the file of its key, however it is spelt, which stay as they are', async () => {
    await copyFile(keys.aes, at('key'))
    await symlink(at('sealed.envelope.json'), at('link'))
    await mkdir(at('folder'))
    const envelope = await readFile(at('sealed.envelope.json'), 'utf8')
    const runs = await runBatch([
      ['decrypt', at('sealed'), at('sealed.envelope.json'), ...AES],
      ['decrypt', at('sealed'), `${at('folder')}/../sealed.envelope.json`, ...AES],
      ['decrypt', at('sealed'), at('link'), ...AES],
      ['decrypt', at('sealed'), at('key'), '--aes-key', at('key')],
    ])
    expectRefused(runs, 2)
    expect(await readFile(at('sealed.envelope.json'), 'utf8')).to.equal(envelope)
    expect(await readFile(at('key'), 'utf8')).to.equal(await readFile(keys.aes, 'utf8'))
    await expectUntouched('folder', 'key', 'link')
  })

  test('ends with 130 on SIGINT in the middle, without its part file, and keeps the target', async () => {
    const sealed = await readFile(at('sealed'))
    const args = ['decrypt', '-', at('out'), ...AES, '--envelope', at('sealed.envelope.json')]
    const { child, result } = startCli(args, { stdin: silent(sealed.subarray(0, -20)) })
    await eventually(async () => (await here()).some((name) => name.endsWith('.part')))
    child.kill('SIGINT')
    expect(await result).to.include({ code: 130, stdout: '' })
    await expectUntouched()
  })

  test('ends quietly with 141 where its reader has gone', async () => {
    const wrap = ['bash', '-c', 'exec 3> >(true); wait $!; exec "$@" >&3 3>&-', 'bash']
    const { code, stderr } = await runCli(['decrypt', at('sealed'), '-', ...AES, '--json'], { wrap })
    expect({ code, stderr }).to.deep.equal({ code: 141, stderr: '' })
  })
})
