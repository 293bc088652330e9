import { expect } from 'chai'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { runBatch } from '../support/cli-batch.js'
import { BUCKET, cliKeys, object } from '../support/cli-fixture.js'
import { rawObject, storeRaw } from '../support/cli-store.js'
import { errorOf, hintOf, jsonLines, runCli, type CliResult } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const OTHER = ['--aes-key', keys.otherAes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const KMS = ['--kms-key-id', 'key-1']
const TO_OTHER = ['--to', `aes:${keys.otherAes}`]
const TO_RSA = ['--to', `rsa:${keys.rsaPublic}`]
const ANY = ['--policy', 'any']
const CONTENT = new Seeded(8).bytes(40_000)

describe('cli/rewrap', () => {
  const test = sideBySide()
  const local = (): string[] => ['--local', at('store')]
  const put = (...more: string[]): string[] => ['put', '-', object('a'), ...local(), ...more]
  const get = (...more: string[]): string[] => ['get', object('a'), '-', ...local(), ...more]
  const rewrap = (...more: string[]): string[] => ['rewrap', object('a'), ...local(), ...more]
  const inspect = (): string[] => ['inspect', object('a'), ...local(), '--json']
  const head = (): string[] => ['head', object('a'), ...local(), '--json']

  /** Runs that put the object, and others; the codes of the others, of which each that ends with 0 on `get` gives the content. */
  async function after(...commands: readonly (readonly string[])[]): Promise<CliResult[]> {
    const runs = await runBatch(commands, { stdin: CONTENT })
    for (const [index, run] of runs.entries()) {
      if (commands[index]?.[0] !== 'get') continue
      if (run.code === 0) expect(run.bytes.equals(CONTENT)).to.equal(true)
      else expect(run.stdout).to.equal('')
    }
    return runs
  }

  const codes = (runs: readonly CliResult[]): (number | null)[] => runs.map(({ code }) => code)
  const recipients = (run: CliResult | undefined): unknown[] =>
    (jsonLines(run?.stdout ?? '')[0]?.recipients as Record<string, unknown>[]).map(({ keyId }) => keyId)

  test('--to another key has that alone read a sealed object, whose bytes, metadata and type stay as they were', async () => {
    const described = ['--content-type', 'text/x-note', '--metadata', 'origin=here', '--storage-class']
    const context = ['--context', 'tenant=blue']
    const before = await after(put(...AES, ...context, ...described, 'STANDARD_IA'), head())
    const { body, headers } = await rawObject(at('store'), 'a')
    const runs = await after(
      rewrap(...AES, ...context, ...TO_OTHER),
      get(...AES, ...context),
      get(...OTHER, ...context),
      head(),
    )
    expect(codes([...before, ...runs]), runs[0]?.stderr).to.deep.equal([0, 0, 0, 3, 0, 0])
    const { id } = await AesMasterKey.fromFile(keys.otherAes)
    expect(runs[0]?.stdout).to.match(
      new RegExp(`^rewrapped ${object('a')}, format sealed, verified by \\w+, readable by ${id}\n$`),
    )
    const now = await rawObject(at('store'), 'a')
    expect(now.body.equals(body)).to.equal(true)
    expect(now.headers).not.to.deep.equal(headers)
    const [{ LastModified, ...was } = {}, { LastModified: _, ...is } = {}] = [before[1]!, runs[3]!].flatMap(
      ({ stdout }) => jsonLines(stdout),
    )
    expect(LastModified).to.be.a('string')
    expect(is).to.deep.equal(was)
    expect(is).to.include({ ContentType: 'text/x-note', StorageClass: 'STANDARD_IA' })
    expect(is.Metadata).to.deep.equal({ origin: 'here' })
  })

  test('--to several keys of each kind has each of them, and no other, read a sealed object', async () => {
    const runs = await after(
      put(...AES),
      rewrap(...AES, ...TO_OTHER, ...TO_RSA, '--to', 'kms:key-1', '--json'),
      ...[AES, OTHER, RSA, KMS].map((key) => get(...key)),
    )
    expect(codes(runs), runs[1]?.stderr).to.deep.equal([0, 0, 3, 0, 0, 0])
    const [said] = jsonLines(runs[1]?.stdout ?? '')
    expect(said).to.include({ Bucket: BUCKET, Key: 'a', format: 'sealed', authenticated: true })
    expect(said?.recipients).to.deep.equal([
      (await AesMasterKey.fromFile(keys.otherAes)).id,
      (await RsaMasterKey.fromFiles({ publicKey: keys.rsaPublic })).id,
      'key-1',
    ])
  })

  test('--add and --remove let recipients of a sealed object come and go, also at once, and leave the others', async () => {
    const first = AesMasterKey.from(keys.aesText).id
    const second = (await AesMasterKey.fromFile(keys.otherAes)).id
    const third = (await RsaMasterKey.fromFiles({ publicKey: keys.rsaPublic })).id
    const runs = await after(
      put(...AES),
      rewrap(...AES, '--add', `aes:${keys.otherAes}`),
      inspect(),
      get(...AES),
      get(...OTHER),
      rewrap(...OTHER, '--add', `rsa:${keys.rsaPublic}`, '--add', 'kms:key-1', '--remove', first),
      inspect(),
      get(...AES),
      get(...RSA),
      rewrap(...KMS, '--remove', second, '--remove', third),
      inspect(),
      get(...RSA),
      get(...KMS),
    )
    expect(codes(runs)).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0])
    expect(recipients(runs[2])).to.deep.equal([first, second])
    expect(recipients(runs[6])).to.deep.equal([second, third, 'key-1'])
    expect(recipients(runs[10])).to.deep.equal(['key-1'])
  })

  test('--format makes cos of cos-python and back for the same bytes, under the same key or another', async () => {
    const runs = await after(
      put(...RSA, '--format', 'cos'),
      rewrap(...RSA, ...ANY, '--format', 'cos-python'),
      inspect(),
      get(...RSA, ...ANY),
      rewrap(...RSA, ...ANY, '--format', 'cos', ...TO_OTHER),
      inspect(),
      get(...RSA, ...ANY),
      get(...OTHER, ...ANY),
    )
    expect(codes(runs), runs[1]?.stderr).to.deep.equal([0, 0, 0, 0, 0, 0, 3, 0])
    expect(runs[1]?.stdout).to.match(/, format cos-python, verified by \w+\n$/)
    expect(jsonLines(runs[2]!.stdout)[0]).to.include({ format: 'cos-python', dialect: 'python' })
    expect(jsonLines(runs[5]!.stdout)[0]).to.include({ format: 'cos', dialect: 'java' })
  })

  test('--to another kind of key goes on with the context that a cos object states, which KMS binds', async () => {
    const context = ['--context', 'a=1']
    const runs = await after(
      put(...AES, '--format', 'cos', ...context),
      rewrap(...AES, ...ANY, '--to', 'kms:key-1'),
      inspect(),
      get(...KMS, ...ANY, ...context),
    )
    expect(codes(runs), runs[1]?.stderr).to.deep.equal([0, 0, 0, 0])
    expect(jsonLines(runs[2]!.stdout)[0]).to.deep.include({ description: { a: '1' } })
  })

  test('of cos-java-gcm to another RSA key works; under an AES key it has no form: 2', async () => {
    const runs = await after(
      put(...KMS, '--format', 'cos-java-gcm'),
      rewrap(...KMS, ...ANY, ...TO_OTHER),
      rewrap(...KMS, ...ANY, ...TO_RSA),
      get(...KMS, ...ANY),
      get(...RSA, ...ANY),
    )
    expect(codes(runs)).to.deep.equal([0, 2, 0, 3, 0])
    expect(errorOf(runs[1]!)).to.include('AES')
  })

  test('of cos-python under an AES key needs --accept-unverified-key: 3 without it, and the object stays', async () => {
    const unverified = [...AES, ...ANY, ...TO_OTHER]
    // A process of its own writes: it warns.
    expect(await runCli(put(...AES, '--format', 'cos-python'), { stdin: CONTENT })).to.include({ code: 0 })
    const runs = await after(
      rewrap(...unverified),
      get(...AES, ...ANY),
      rewrap(...unverified, '--accept-unverified-key'),
      get(...OTHER, ...ANY),
    )
    expect(codes(runs)).to.deep.equal([3, 0, 0, 0])
    expect(errorOf(runs[0]!)).to.include('nothing proves')
    expect(hintOf(runs[0]!)).to.include('read the object first')
  })

  test('refuses what does not go together with 2, and leaves the object as it was', async () => {
    const own = AesMasterKey.from(keys.aesText).id
    const sealed: [args: string[], problem: RegExp][] = [
      [[], /must be given/],
      [[...TO_OTHER, '--add', 'kms:key-1'], /replaces all recipients/],
      [[...TO_OTHER, '--remove', own], /replaces all recipients/],
      [['--remove', own], /at least one recipient/],
      [['--remove', 'nobody'], /names no recipient of the object/],
      [['--add', `aes:${keys.aes}`], /names a recipient of the object/],
      [[...TO_OTHER, ...TO_OTHER], /twice/],
      [['--format', 'cos'], /cannot become cos/],
      [['--format', 'cos-java-cbc'], /must be one of/],
      [['--to', keys.otherAes], /must be aes:FILE, rsa:PUBLIC-KEY-FILE or kms:KEY-ID/],
      [[...TO_OTHER, '--concurrency', '0'], /--concurrency/],
    ]
    const cos: [args: string[], problem: RegExp][] = [
      [['--add', `rsa:${keys.rsaPublic}`], /for format sealed, not cos/],
      [['--remove', own], /for format sealed, not cos/],
      [[...TO_OTHER, ...TO_RSA], /only format sealed takes several recipients/],
      [['--format', 'sealed'], /cannot become sealed/],
      [['--format', 'cos-java-gcm', ...TO_RSA], /cannot become cos-java-gcm/],
      [['--format', 'cos-python', '--to', 'kms:key-1'], /no form under a KMS master key/],
    ]
    await expectRefused('sealed', sealed)
    await expectRefused('cos', cos)
  })

  async function expectRefused(format: string, cases: [args: string[], problem: RegExp][]): Promise<void> {
    const [stores] = await after(put(...AES, '--format', format))
    expect(stores?.code, stores?.stderr).to.equal(0)
    const before = await rawObject(at('store'), 'a')
    const runs = await after(...cases.map(([args]) => rewrap(...AES, ...ANY, ...args)))
    for (const [index, [args, problem]] of cases.entries()) {
      const run = runs[index]!
      expect(run, `${args.join(' ')}: ${run.stderr}`).to.include({ code: 2, stdout: '' })
      expect(errorOf(run)).to.match(problem)
    }
    expect(await rawObject(at('store'), 'a')).to.deep.equal(before)
  }

  test('ends with 3 for the wrong key, 4 without an object, 5 without an envelope, for another context, an altered head or against the policy, and changes nothing', async () => {
    const context = ['--context', 'a=b']
    await after(put(...AES, ...context))
    const sealed = await rawObject(at('store'), 'a')
    const altered = Buffer.from(sealed.body)
    altered[10]! ^= 1
    await storeRaw(at('store'), {
      altered: { headers: sealed.headers, body: altered },
      plain: { headers: {}, body: CONTENT },
    })
    const of = (name: string): string[] => ['rewrap', object(name), ...local(), ...AES, ...context]
    const runs = await after(
      rewrap(...OTHER, ...context, ...TO_OTHER),
      rewrap('--rsa-public-key', keys.rsaPublic, ...context, ...TO_OTHER),
      rewrap(...AES, ...context, '--to', `aes:${at('none')}`),
      [...of('none'), ...TO_OTHER],
      [...of('plain'), ...TO_OTHER],
      [...of('altered'), ...TO_OTHER],
      rewrap(...AES, ...TO_OTHER),
      rewrap(...AES, ...context, ...TO_OTHER, '--policy', 'cos'),
      rewrap(...OTHER, ...context, ...TO_OTHER, '--json'),
    )
    expect(codes(runs)).to.deep.equal([3, 3, 3, 4, 5, 5, 5, 5, 3])
    for (const run of runs.slice(0, -1)) expect(run.stdout + errorOf(run)).not.to.include('rewrapped')
    expect(hintOf(runs[6]!)).to.include('context')
    expect(hintOf(runs[7]!)).to.include('--policy sealed')
    expect(JSON.parse(runs[8]!.stderr)).to.have.nested.property('error.code', 'SEALSTREAM_UNWRAP')
    expect(await rawObject(at('store'), 'a')).to.deep.equal(sealed)
    expect((await rawObject(at('store'), 'altered')).headers).to.deep.include(envelopeOf(sealed.headers))
  })
})

function envelopeOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-cos-meta-')))
}
