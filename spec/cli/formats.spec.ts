/** What is written with `--format`, and what is read with `--policy` and `--context`. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { batchJson, runBatch } from '../support/cli-batch.js'
import { cliKeys, object, stored } from '../support/cli-fixture.js'
import { rawObject, sealedSize, storeRaw } from '../support/cli-store.js'
import { vector, vectorCase } from '../support/inspected.js'
import { errorOf, hintOf, jsonLines, runCli } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'
import type { VectorMaster } from '../support/vectors.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const KMS = ['--kms-key-id', 'key-1']
const ENVIRONMENT: string[] = []
const env = { SEALSTREAM_AES_KEY: keys.aesText }
const CONTENT = new Seeded(20_000).bytes(20_000)

describe('cli: formats', () => {
  const test = sideBySide()
  const local = (): string[] => ['--local', at('store')]
  const put = (...more: string[]): string[] => ['put', '-', object('a'), ...local(), ...more]
  const get = (...more: string[]): string[] => ['get', object('a'), '-', ...local(), ...more]

  for (const { format, size, writers } of [
    { format: 'sealed', size: sealedSize(CONTENT.length), writers: { AES, RSA, KMS, ENVIRONMENT } },
    { format: 'cos', size: CONTENT.length, writers: { AES, RSA, KMS, ENVIRONMENT } },
    { format: 'cos-python', size: CONTENT.length, writers: { AES, RSA, ENVIRONMENT } },
    { format: 'cos-java-gcm', size: CONTENT.length + 16, writers: { RSA, KMS } },
  ]) {
    const names = Object.keys(writers).join(', ')
    test(`${format} is written and read under master keys ${names}, to standard output and to a file`, async () => {
      const reading = ['--policy', format]
      const runs = await runBatch(
        Object.entries(writers).flatMap(([name, key]) => [
          put(...key, '--format', format, '--json'),
          get(...key, ...reading, '--json'),
          ['get', object('a'), at(name), ...local(), ...key, ...reading],
        ]),
        { stdin: CONTENT, env },
      )
      for (const [index, name] of Object.keys(writers).entries()) {
        const [stores, reads, downloads] = runs.slice(3 * index)
        expect(stores?.code, stores?.stderr).to.equal(0)
        expect(jsonLines(stores?.stdout ?? '')[0]).to.include({ format, StoredLength: size })
        expect(reads?.code, reads?.stderr).to.equal(0)
        expect(reads?.bytes.equals(CONTENT), name).to.equal(true)
        const keyVerified = format !== 'cos-python' || name === 'RSA'
        expect(JSON.parse(reads?.stderr ?? '')).to.include({
          format,
          keyVerified,
          authenticated: format === 'sealed',
          ContentLength: CONTENT.length,
          StoredLength: size,
        })
        expect(downloads?.code, downloads?.stderr).to.equal(0)
        expect((await readFile(at(name))).equals(CONTENT), name).to.equal(true)
      }
    })
  }

  test('is sealed where none is named, and what is read then has to be', async () => {
    const runs = await runBatch([put(...AES), get(...AES)], { stdin: CONTENT })
    expect(runs[0]?.stdout).to.include(', format sealed, ')
    expect(runs[1]?.stderr).to.match(/^read .*, format sealed, .*\n$/)
    expect(runs[1]?.stderr).not.to.include('cannot tell a wrong key')
    expect(runs[1]?.bytes.equals(CONTENT)).to.equal(true)
  })

  test('cos-python with an AES key warns on standard error, and is read with a caution', async () => {
    const run = await runCli(put(...AES, '--format', 'cos-python'), { stdin: 'x' })
    expect(run.code).to.equal(0)
    expect(run.stdout).to.include('format cos-python').and.not.include('WEAK_WRAP')
    expect(run.stderr).to.include('SEALSTREAM_WEAK_WRAP')
    const got = await runCli(get(...AES, '--policy', 'any'))
    expect(got).to.include({ code: 0, stdout: 'x' })
    expect(got.stderr).to.match(/format cos-python, .*cannot tell a wrong key/)
  })

  test('cos-python with an RSA key does not warn', async () => {
    const args = put('--rsa-public-key', keys.rsaPublic, '--format', 'cos-python')
    const run = await runCli(args, { stdin: 'x' })
    expect(run.code).to.equal(0)
    expect(run.stderr).not.to.include('WEAK_WRAP')
  })

  test('that have no form are refused, naming the choices: 2, and nothing is stored', async () => {
    const cases: [args: string[], problem: RegExp][] = [
      [[...AES, '--format', 'rot13'], /sealed, cos, cos-python, cos-java-gcm, got "rot13"/],
      [[...AES, '--format', 'cos-java-cbc'], /got "cos-java-cbc"/],
      [[...AES, '--format', 'cos-java-gcm'], /no form under an AES master key/],
      [[...KMS, '--format', 'cos-python'], /no form under a KMS master key/],
      [[...RSA, '--format', 'cos-python', '--context', 'a=b'], /context has no place in format cos-python/],
    ]
    const runs = await runBatch(
      cases.map(([args]) => put(...args)),
      { stdin: 'x' },
    )
    for (const [index, [, problem]] of cases.entries()) {
      const run = runs[index]!
      expect(run, run.stderr).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.match(problem)
    }
    expect(await stored(at('store'), 'objects')).to.deep.equal([])
  })

  test('of the COS Python SDK under an RSA key given by value are read with --rsa-padding pkcs1 or any, not with oaep: 3', async () => {
    const { master, plaintext } = vectorCase('cos-python-sdk', 'rsa2048-by-value-pkcs1v15-4096')
    await storeRaw(at('store'), { a: vector('cos-python-sdk', 'rsa2048-by-value-pkcs1v15-4096') })
    const args = get(...(await keyFileOf(master)), '--policy', 'any')
    const [pkcs1, any, oaep] = await runBatch([
      [...args, '--rsa-padding', 'pkcs1'],
      [...args, '--rsa-padding', 'any'],
      args,
    ])
    for (const run of [pkcs1, any]) {
      expect(run?.code, run?.stderr).to.equal(0)
      expect(run?.bytes.toString('base64')).to.equal(plaintext)
    }
    expect(oaep).to.include({ code: 3, stdout: '' })
  })

  test('of the COS Java SDK with an instruction file are read, and rewrapped to do without, with --instruction-file; else: 5', async () => {
    const { metadata, ciphertext, instructionBody, master, plaintext } = vectorCase(
      'cos-java-sdk',
      'ctr-rsa2048-instruction-file-100',
    )
    await storeRaw(at('store'), {
      a: { headers: metadata, body: Buffer.from(ciphertext, 'base64') },
      'a.instruction': { headers: {}, body: Buffer.from(instructionBody ?? '') },
    })
    const key = [...(await keyFileOf(master)), '--policy', 'cos']
    const [without, read, verified, rewrapped, afterwards] = await runBatch([
      get(...key),
      get(...key, '--instruction-file'),
      ['verify', object('a'), ...local(), ...key, '--instruction-file', '.instruction'],
      [
        'rewrap',
        object('a'),
        ...local(),
        ...key,
        '--instruction-file',
        '--accept-unverified-key',
        '--to',
        `aes:${keys.aes}`,
      ],
      get(...AES, '--policy', 'cos'),
    ])
    expect(without, without?.stderr).to.include({ code: 5, stdout: '' })
    for (const run of [read, verified, rewrapped, afterwards]) expect(run?.code, run?.stderr).to.equal(0)
    for (const run of [read, afterwards]) expect(run?.bytes.toString('base64')).to.equal(plaintext)
    expect(read?.stderr).to.include('cannot tell a wrong key')
    expect(afterwards?.stderr).not.to.include('cannot tell a wrong key')
  })

  describe('--policy', () => {
    const WRITE = { stdin: 'of the store' }

    for (const { format, key } of [
      { format: 'cos', key: AES },
      { format: 'cos-python', key: RSA },
      { format: 'cos-java-gcm', key: RSA },
    ]) {
      test(`refuses ${format} unless it is named, or any is: 5, with a hint that names --policy, and gives nothing out`, async () => {
        const [, ...runs] = await runBatch(
          [
            put(...key, '--format', format),
            get(...key),
            get(...key, '--policy', 'sealed'),
            ['get', object('a'), at('out'), ...local(), ...key],
            ['verify', object('a'), ...local(), ...key],
            ['rewrap', object('a'), ...local(), ...key, '--to', `rsa:${keys.rsaPublic}`],
            get(...key, '--policy', format),
            get(...key, '--policy', `sealed,${format}`),
            get(...key, '--policy', 'any'),
          ],
          WRITE,
        )
        for (const run of runs.slice(0, 5)) {
          expect(run, run.stderr).to.include({ code: 5, stdout: '' })
          expect(errorOf(run)).to.include(format).and.include('policy')
          expect(hintOf(run)).to.include(`--policy ${format}`)
        }
        for (const run of runs.slice(5)) expect(run).to.include({ code: 0, stdout: 'of the store' })
        expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
      })
    }

    test('of cos refuses sealed: 5; of formats that are none is refused: 2', async () => {
      const [, other, ...wrong] = await runBatch(
        [
          put(...AES),
          ...['cos', '', 'authentic', 'sealed,', 'cos;sealed'].map((policy) =>
            get(...AES, '--policy', policy),
          ),
        ],
        WRITE,
      )
      expect(other).to.include({ code: 5, stdout: '' })
      expect(hintOf(other!)).to.include('--policy sealed')
      for (const run of wrong) {
        expect(run, run.stderr).to.include({ code: 2, stdout: '' })
        expect(errorOf(run)).to.match(/policy\[\d\] must be one of sealed, cos, /)
      }
    })
  })

  describe('--context', () => {
    const PAIRS = ['--context', 'tenant=blue', '--context', 'Dokument=7=ü']

    test('is bound to a sealed object: the same pairs read it in any order, none, one, more and others do not: 5, with a hint', async () => {
      const others = [
        [],
        PAIRS.slice(0, 2),
        [...PAIRS, '--context', 'more='],
        ['--context', 'tenant=red', ...PAIRS.slice(2)],
        ['--context', 'TENANT=blue', ...PAIRS.slice(2)],
      ]
      const runs = await runBatch(
        [
          put(...AES, ...PAIRS),
          get(...AES, ...PAIRS.slice(2), ...PAIRS.slice(0, 2)),
          ...others.map((pairs) => get(...AES, ...pairs)),
          ['get', object('a'), at('out'), ...local(), ...AES],
          get(...AES, '--range', '0-0'),
        ],
        { stdin: CONTENT },
      )
      expect(runs[0]?.code, runs[0]?.stderr).to.equal(0)
      expect(runs[1]?.bytes.equals(CONTENT)).to.equal(true)
      for (const run of runs.slice(2)) {
        expect(run, run.stderr).to.include({ code: 5, stdout: '' })
        expect(hintOf(run)).to.include('context')
      }
      expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
    })

    test('of a sealed object is stored nowhere', async () => {
      const said = await batchJson(
        [put(...AES, '--context', 'tenant=a name that nobody sees'), ['inspect', object('a'), ...local()]],
        { stdin: 'x' },
      )
      expect(said).not.to.have.property('description')
      const { headers, body } = await rawObject(at('store'), 'a')
      expect(JSON.stringify(headers) + body.toString('latin1')).not.to.include('nobody sees')
    })

    test('of cos is stored for everyone, compared where it is given (5, with what the object says), and need not be', async () => {
      const reading = ['--policy', 'cos']
      const runs = await runBatch(
        [
          put(...RSA, '--format', 'cos', ...PAIRS),
          get(...RSA, ...reading),
          get(...RSA, ...reading, ...PAIRS),
          get(...RSA, ...reading, '--context', 'tenant=red'),
          ['inspect', object('a'), ...local(), '--json'],
        ],
        { stdin: 'x' },
      )
      for (const run of runs.slice(0, 3)) expect(run.code, run.stderr).to.equal(0)
      expect(runs[3]).to.include({ code: 5, stdout: '' })
      expect(hintOf(runs[3]!)).to.include('"tenant":"blue"')
      const description = { tenant: 'blue', Dokument: '7=ü' }
      expect(jsonLines(runs[4]?.stdout ?? '')[0]).to.deep.include({ description })
    })

    test('is refused without a name or a value, and twice for one name: 2, and nothing is stored', async () => {
      const wrong = [['tenant'], ['=blue'], [''], ['a=1', 'a=2'], ['a=1', 'a=1']]
      const runs = await runBatch(
        wrong.map((pairs) => put(...AES, ...pairs.flatMap((pair) => ['--context', pair]))),
        { stdin: 'x' },
      )
      for (const run of runs) {
        expect(run, run.stderr).to.include({ code: 2, stdout: '' })
        expect(errorOf(run)).to.match(/--context must (be NAME=VALUE|not name a thing twice)/)
      }
      expect(await stored(at('store'), 'objects')).to.deep.equal([])
    })
  })
})

/** The key of a vector as options. */
async function keyFileOf(master: VectorMaster): Promise<string[]> {
  if (master.kind !== 'rsa') throw new Error('not an RSA key')
  await writeFile(at('key.pem'), master.privateKeyPkcs8 ?? '')
  return ['--rsa-private-key', at('key.pem')]
}
