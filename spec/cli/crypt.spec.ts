/** `encrypt` and `decrypt`: files and pipes of this machine. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../lib/server/index.js'
import { runBatch } from '../support/cli-batch.js'
import { cliKeys, modeOf, object } from '../support/cli-fixture.js'
import { rawObject, sealedSize, storeRaw } from '../support/cli-store.js'
import { vectorCase } from '../support/inspected.js'
import { type CliResult, errorOf, jsonLines, runCli } from '../support/run-cli.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const MIB = 1024 * 1024
const CONTENT = new Seeded(21).bytes(100_000)

type Headers = Record<string, string>

async function envelopeIn(path: string): Promise<Headers> {
  return JSON.parse(await readFile(path, 'utf8')) as Headers
}

function expectDone(runs: readonly CliResult[]): void {
  for (const { code, stderr } of runs) expect(code, stderr).to.equal(0)
}

describe('cli/encrypt and cli/decrypt', () => {
  const test = sideBySide()

  for (const { format, size, writers } of [
    { format: 'sealed', size: sealedSize, writers: { aes: AES, rsa: RSA, environment: [] } },
    { format: 'cos', size: (bytes: number) => bytes, writers: { aes: AES, rsa: RSA, environment: [] } },
    { format: 'cos-python', size: (bytes: number) => bytes, writers: { aes: AES, rsa: RSA } },
    { format: 'cos-java-gcm', size: (bytes: number) => bytes + 16, writers: { rsa: RSA } },
  ]) {
    test(`bring back a file in format ${format} under master keys ${Object.keys(writers).join(', ')}`, async () => {
      await writeFile(at('in'), CONTENT)
      const runs = await runBatch(
        Object.entries(writers).flatMap(([name, key]) => [
          ['encrypt', at('in'), at(name), ...key, '--format', format],
          ['decrypt', at(name), at(`${name}.out`), ...key, '--policy', format],
        ]),
        { env: { SEALSTREAM_AES_KEY: keys.aesText } },
      )
      expectDone(runs)
      for (const name of Object.keys(writers)) {
        const stored = await readFile(at(name))
        expect(stored).to.have.lengthOf(size(CONTENT.length))
        expect(stored.includes(CONTENT.subarray(50_000, 50_016))).to.equal(false)
        expect((await readFile(at(`${name}.out`))).equals(CONTENT), name).to.equal(true)
      }
    })
  }

  test('bring back files of 0, 1, 16383, 16384, 16385 bytes and 3 MiB, sealed', async () => {
    const sizes = [0, 1, 16_383, 16_384, 16_385, 3 * MIB]
    for (const size of sizes) await writeFile(at(`in-${size}`), CONTENT.subarray(0, size))
    await writeFile(at(`in-${3 * MIB}`), Buffer.alloc(3 * MIB, 5))
    const runs = await runBatch(
      sizes.flatMap((size) => [
        ['encrypt', at(`in-${size}`), at(`sealed-${size}`), ...AES],
        ['decrypt', at(`sealed-${size}`), at(`out-${size}`), ...AES, '--json'],
      ]),
    )
    expectDone(runs)
    for (const [index, size] of sizes.entries()) {
      const out = await readFile(at(`out-${size}`))
      expect(out.equals(await readFile(at(`in-${size}`))), String(size)).to.equal(true)
      const said = jsonLines(runs[2 * index + 1]?.stdout ?? '')
      expect(said).to.deep.equal([{ format: 'sealed', bytes: sealedSize(size), keyVerified: true }])
    }
  })

  for (const size of [0, 2 * MIB + 3]) {
    test(`bring back ${size} binary bytes through pipes both ways; results go to standard error`, async () => {
      const content = new Seeded(size).bytes(size)
      const envelope = ['--envelope', at('e')]
      const sealed = await runCli(['encrypt', '-', '-', ...AES, ...envelope], { stdin: content })
      expect(sealed.code, sealed.stderr).to.equal(0)
      expect(sealed.bytes).to.have.lengthOf(sealedSize(size))
      expect(sealed.stderr).to.match(/^encrypted .*, format sealed, envelope in .*\/e\n$/m)
      const opened = await runCli(['decrypt', '-', '-', ...AES, ...envelope], { stdin: sealed.bytes })
      expect(opened.code, opened.stderr).to.equal(0)
      expect(opened.bytes.equals(content)).to.equal(true)
      expect(opened.stderr).to.match(/^decrypted .*, format sealed\n$/m)
      expect(await readdir(dirname(at('x')))).to.deep.equal(['e'])
    })
  }

  test('mix files and pipes, with --json on standard error where standard output carries the data', async () => {
    await writeFile(at('in'), CONTENT)
    const [toPipe, fromPipe] = await runBatch(
      [
        ['encrypt', at('in'), '-', ...AES, '--envelope', at('a'), '--json'],
        ['encrypt', '-', at('b'), ...AES, '--json'],
      ],
      { stdin: CONTENT },
    )
    const facts = { format: 'sealed', bytes: CONTENT.length }
    expect(JSON.parse(toPipe?.stderr ?? '')).to.deep.equal({ ...facts, envelope: at('a') })
    expect(fromPipe).to.include({ code: 0, stderr: '' })
    expect(jsonLines(fromPipe?.stdout ?? '')).to.deep.equal([{ ...facts, envelope: at('b.envelope.json') }])
    const [first, second] = await runBatch(
      [
        ['decrypt', '-', at('out'), ...AES, '--envelope', at('a')],
        ['decrypt', at('b'), '-', ...AES, '--json'],
      ],
      { stdin: toPipe?.bytes ?? '' },
    )
    expect(first?.code, first?.stderr).to.equal(0)
    expect((await readFile(at('out'))).equals(CONTENT)).to.equal(true)
    expect(second?.bytes.equals(CONTENT)).to.equal(true)
    expect(JSON.parse(second?.stderr ?? '')).to.include({ format: 'sealed', keyVerified: true })
  })

  test('keep the envelope in OUT.envelope.json, or where it is named, and take it from there, or from headers', async () => {
    await writeFile(at('in'), CONTENT)
    const [byDefault, named] = await runBatch([
      ['encrypt', at('in'), at('a'), ...AES],
      ['encrypt', at('in'), at('b'), ...AES, '--envelope', at('elsewhere')],
    ])
    expect(byDefault?.stdout).to.equal(
      `encrypted 100.0 kB, format sealed, envelope in ${at('a.envelope.json')}\n`,
    )
    expect(named?.stdout).to.include(at('elsewhere'))
    expect((await readdir(dirname(at('x')))).sort()).to.deep.equal([
      ...['a', 'a.envelope.json', 'b', 'elsewhere', 'in'],
    ])
    const headers = Object.entries(await envelopeIn(at('a.envelope.json')))
    const spelled = (spell: (name: string, value: string) => string): string[] =>
      headers.flatMap(([name, value]) => ['--header', spell(name, value)])
    const runs = await runBatch([
      ['decrypt', at('a'), '-', ...AES],
      ['decrypt', at('b'), '-', ...AES, '--envelope', at('elsewhere')],
      ['decrypt', at('a'), '-', ...AES, ...spelled((name, value) => `${name}=${value}`)],
      ['decrypt', at('a'), '-', ...AES, ...spelled((name, value) => `${name}: ${value}`)],
      ['decrypt', at('a'), '-', ...AES, ...spelled((name, value) => `${name.toUpperCase()}:${value}`)],
      ['decrypt', at('a'), '-', ...AES, '--header', 'Date: today', ...spelled((...pair) => pair.join('='))],
    ])
    expectDone(runs)
    for (const { bytes } of runs) expect(bytes.equals(CONTENT)).to.equal(true)
  })

  test('write an envelope of headers in words, which hold no master key, and another data key every time', async () => {
    await runBatch(
      ['a', 'b'].map((name) => ['encrypt', '-', at(name), ...AES]),
      { stdin: CONTENT },
    )
    const [a, b] = [await envelopeIn(at('a.envelope.json')), await envelopeIn(at('b.envelope.json'))]
    expect(Object.keys(a)).to.deep.equal([
      'x-cos-meta-sealstream-version',
      'x-cos-meta-sealstream-content',
      'x-cos-meta-sealstream-recipient-1',
    ])
    expect(a).not.to.deep.equal(b)
    expect((await readFile(at('a'))).equals(await readFile(at('b')))).to.equal(false)
    const text = await readFile(at('a.envelope.json'), 'utf8')
    expect(text).to.match(/^\{\n {2}"x-cos-meta-.*\n\}\n$/s)
    expectNoTrace(text, Buffer.from(keys.aesText, 'base64'), 'the envelope')
  })

  test('make files of mode 600 under umask 000: ciphertext, envelope and plaintext, also over one of mode 644', async () => {
    await writeFile(at('out'), 'before', { mode: 0o644 })
    const runs = await runBatch(
      [
        ['encrypt', '-', at('a'), ...AES],
        ['decrypt', at('a'), at('out'), ...AES],
      ],
      { stdin: CONTENT, umask: 0o000 },
    )
    expectDone(runs)
    for (const name of ['a', 'a.envelope.json', 'out']) expect(await modeOf(at(name)), name).to.equal('600')
    expect((await readFile(at('out'))).equals(CONTENT)).to.equal(true)
  })

  test('serve several recipients and a context, as objects do', async () => {
    const context = ['--context', 'tenant=blue', '--context', 'n=1']
    const to = ['--recipient', `rsa:${keys.rsaPublic}`, '--recipient', `aes:${keys.otherAes}`]
    const runs = await runBatch(
      [
        ['encrypt', '-', at('a'), ...AES, ...to, ...context],
        ...[AES, RSA, ['--aes-key', keys.otherAes]].map((key) => [
          'decrypt',
          at('a'),
          '-',
          ...key,
          ...context,
        ]),
        ['decrypt', at('a'), '-', ...AES],
        ['decrypt', at('a'), '-', ...AES, '--context', 'tenant=blue'],
      ],
      { stdin: CONTENT },
    )
    expect(runs.map(({ code }) => code)).to.deep.equal([0, 0, 0, 0, 5, 5])
    for (const { bytes } of runs.slice(1, 4)) expect(bytes.equals(CONTENT)).to.equal(true)
    for (const { stdout } of runs.slice(4)) expect(stdout).to.equal('')
  })

  test('go together with objects: what encrypt made is read by get, what put stored is read by decrypt', async () => {
    const local = ['--local', at('store')]
    await runBatch(
      [
        ['encrypt', '-', at('a'), ...AES],
        ['put', '-', object('stored'), ...local, ...AES],
      ],
      { stdin: CONTENT },
    )
    const headers = await envelopeIn(at('a.envelope.json'))
    await storeRaw(at('store'), { made: { headers, body: await readFile(at('a')) } })
    const stored = await rawObject(at('store'), 'stored')
    await writeFile(at('b'), stored.body)
    await writeFile(at('b.envelope.json'), JSON.stringify(stored.headers))
    const runs = await runBatch([
      ['get', object('made'), '-', ...local, ...AES],
      ['decrypt', at('b'), '-', ...AES],
    ])
    expectDone(runs)
    for (const { bytes } of runs) expect(bytes.equals(CONTENT)).to.equal(true)
  })

  for (const [writer, name] of [
    ['cos-java-sdk', 'cbc-aeswrap256-4096'],
    ['cos-java-sdk', 'ctr-aeswrap256-4096'],
    ['cos-python-sdk', 'aes256-4096'],
  ] as const) {
    test(`decrypt reads what the ${writer} made as well: ${name}`, async () => {
      const { master, metadata, ciphertext, plaintext } = vectorCase(writer, name)
      if (master.kind !== 'aes') throw new Error('not an AES key')
      await writeFile(at('key'), master.key)
      await writeFile(at('e'), JSON.stringify(metadata))
      const args = ['decrypt', '-', '-', '--aes-key', at('key'), '--envelope', at('e'), '--policy', 'any']
      const run = await runCli(args, { stdin: Buffer.from(ciphertext, 'base64') })
      expect(run.code, run.stderr).to.equal(0)
      expect(run.bytes.toString('base64')).to.equal(plaintext)
    })
  }

  test('under a KMS key take its place and the credentials from options and the environment', async () => {
    const server = await startServer()
    try {
      const { secretId, secretKey } = server.credentials
      const env = { COS_SECRET_ID: secretId, COS_SECRET_KEY: secretKey }
      const kms = ['--kms-endpoint', server.kmsEndpoint]
      const own = ['--kms-key-id', 'key-1', ...kms]
      const runs = await runBatch(
        [
          ['encrypt', '-', at('a'), ...own],
          ['decrypt', at('a'), '-', ...own, '--kms-region', 'ap-guangzhou'],
          ['encrypt', '-', at('b'), ...AES, '--recipient', 'kms:key-2', ...kms],
          ['decrypt', at('b'), '-', '--kms-key-id', 'key-2', ...kms],
        ],
        { stdin: CONTENT, env: { ...env, COS_REGION: 'ap-beijing' } },
      )
      expectDone(runs)
      for (const run of [runs[1], runs[3]]) expect(run?.bytes.equals(CONTENT)).to.equal(true)
      const nowhere = await runCli(['encrypt', '-', at('c'), ...own], { stdin: 'x', env })
      expect(nowhere, nowhere.stderr).to.include({ code: 2, stdout: '' })
      expect(errorOf(nowhere)).to.include('--kms-region')
    } finally {
      await server.close()
    }
  })
})
