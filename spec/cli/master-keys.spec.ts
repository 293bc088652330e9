/** Where master keys come from, and further keys that can read what is written. */
import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { batchJson, runBatch } from '../support/cli-batch.js'
import { cliKeys, object, stored } from '../support/cli-fixture.js'
import { errorOf, hintOf, runCli, runEach } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const RSA_PUBLIC = ['--rsa-public-key', keys.rsaPublic]
const KMS = ['--kms-key-id', 'key-1']

describe('cli: master keys', () => {
  const test = sideBySide()
  const local = (): string[] => ['--local', at('store')]
  const stdin = new Seeded(1000).bytes(1000)

  const kinds = [
    { name: 'an AES key from a file', put: AES },
    { name: 'an AES key from SEALSTREAM_AES_KEY', put: [], env: { SEALSTREAM_AES_KEY: keys.aesText } },
    {
      name: 'an AES key from a file while SEALSTREAM_AES_KEY holds another',
      put: AES,
      env: { SEALSTREAM_AES_KEY: randomBytes(32).toString('base64') },
    },
    { name: 'an RSA pair', put: [...RSA_PUBLIC, ...RSA] },
    { name: 'an RSA private key alone', put: RSA },
    { name: 'an RSA public key for writing and the private key for reading', put: RSA_PUBLIC, get: RSA },
    {
      name: 'an RSA private key with a passphrase from a file',
      put: ['--rsa-private-key', keys.rsaEncrypted, '--passphrase-file', keys.passphrase],
    },
    {
      name: 'an RSA private key with SEALSTREAM_PASSPHRASE',
      put: ['--rsa-private-key', keys.rsaEncrypted],
      env: { SEALSTREAM_PASSPHRASE: keys.passphraseText },
    },
    { name: 'a key in KMS, the embedded one with --local', put: KMS },
  ]
  for (const { name, put, get = put, env = {} } of kinds) {
    test(`are ${name}`, async () => {
      const [stores, reads] = await runBatch(
        [
          ['put', '-', object('a'), ...local(), ...put],
          ['get', object('a'), '-', ...local(), ...get],
        ],
        { stdin, env },
      )
      expect(stores?.code, stores?.stderr).to.equal(0)
      expect(reads?.code, reads?.stderr).to.equal(0)
      expect(reads?.bytes.equals(stdin)).to.equal(true)
    })
  }

  test('that can only write, a public key alone, do not read: 3, and say so', async () => {
    const [put, run] = await runBatch(
      [
        ['put', '-', object('a'), ...local(), ...RSA_PUBLIC],
        ['get', object('a'), at('out'), ...local(), ...RSA_PUBLIC],
      ],
      { stdin },
    )
    expect(put).to.include({ code: 0 })
    expect(run).to.include({ code: 3, stdout: '' })
    expect(errorOf(run!)).to.match(/private|unwrap|only wrap/)
    expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
  })

  test('that are none, several, missing, malformed or locked end with 2 or 3 before anything is stored', async () => {
    await writeFile(at('malformed'), 'not the text of any key\n')
    await writeFile(at('wrong-passphrase'), 'not the passphrase\n')
    const locked = ['--rsa-private-key', keys.rsaEncrypted]
    const cases: [code: number, args: string[], problem: RegExp][] = [
      [2, [], /master key/],
      [2, [...AES, ...RSA_PUBLIC], /cannot all be the master key/],
      [2, [...AES, ...KMS], /cannot all be the master key/],
      [2, [...RSA, ...KMS], /cannot all be the master key/],
      [2, [...RSA, '--rsa-padding', 'pss'], /--rsa-padding must be oaep, pkcs1 or any, got "pss"/],
      [2, [...AES, '--rsa-padding', 'pss'], /--rsa-padding must be oaep, pkcs1 or any, got "pss"/],
      [2, ['--kms-key-id', 'a key'], /must be the id of a key in KMS/],
      [3, ['--aes-key', at('none')], /cannot read key file .*none/],
      [3, ['--aes-key', at('malformed')], /malformed key file .*malformed/],
      [3, ['--aes-key', keys.rsaPrivate], /malformed key file/],
      [3, ['--rsa-public-key', keys.aes], /malformed key file/],
      [3, locked, /passphrase/],
      [3, [...locked, '--passphrase-file', at('wrong-passphrase')], /passphrase/],
      [3, ['--rsa-private-key', keys.rsaPrivate, '--rsa-public-key', keys.aes], /malformed key file/],
    ]
    const runs = await runBatch(
      cases.map(([, args]) => ['put', '-', object('a'), ...local(), ...args]),
      { stdin: 'x' },
    )
    for (const [index, [code, , problem]] of cases.entries()) {
      const run = runs[index]!
      expect(run, run.stderr).to.include({ code, stdout: '' })
      expect(errorOf(run)).to.match(problem)
    }
    expect(hintOf(runs[0]!)).to.include('sealstream keygen aes')
    expect(hintOf(runs[1]!)).to.include('recipients')
    expect(await stored(at('store'), 'objects')).to.deep.equal([])
  })

  test('in SEALSTREAM_AES_KEY that are malformed end with 3', async () => {
    const env = { SEALSTREAM_AES_KEY: 'a malformed key in the environment' }
    const run = await runCli(['put', '-', object('a'), ...local()], { stdin: 'x', env })
    expect(run).to.include({ code: 3, stdout: '' })
    errorOf(run)
  })

  test('given by mistake as a value of --aes-key, --recipient, --to or --add end with 2 or 3 and are not repeated', async () => {
    const put = ['put', '-', object('a'), ...local()]
    const rewrap = ['rewrap', object('a'), ...local(), ...AES]
    const runs = await runBatch(
      [
        [...put, '--aes-key', keys.aesText],
        [...put, ...AES, '--recipient', `aes:${keys.aesText}`],
        [...put, ...AES, '--recipient', keys.aesText],
        [...put, ...AES, '--recipient', `AES:${keys.aesText}`],
        [...rewrap, '--to', `aes:${keys.aesText}`],
        [...rewrap, '--add', keys.aesText],
        ['encrypt', '-', at('out'), '--aes-key', keys.aesText],
        ['encrypt', '-', at('out'), ...AES, '--recipient', `aes:${keys.aesText}`],
      ],
      { stdin: 'x', secrets: [keys.aesText] },
    )
    expect(runs.map(({ code }) => code)).to.deep.equal([3, 3, 2, 2, 3, 2, 3, 3])
    for (const run of runs) expect(run.stdout + errorOf(run)).not.to.include(keys.aesText.slice(0, 8))
    expect(await stored(at('store'), 'objects')).to.deep.equal([])
    expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
  })

  describe('--recipient', () => {
    const otherId = async (): Promise<string> => (await AesMasterKey.fromFile(keys.otherAes)).id

    test('lets a second AES key, an RSA key and a KMS key each read alone what an AES key wrote, and no other key', async () => {
      const to = [`aes:${keys.otherAes}`, `rsa:${keys.rsaPublic}`, 'kms:key-1']
      const get = ['get', object('a'), '-', ...local()]
      const [put, ...runs] = await runBatch(
        [
          ['put', '-', object('a'), ...local(), ...AES, ...to.flatMap((text) => ['--recipient', text])],
          ...[AES, ['--aes-key', keys.otherAes], RSA, KMS].map((key) => [...get, ...key]),
          [...get, '--rsa-private-key', keys.otherRsaPrivate],
        ],
        { stdin },
      )
      expect(put?.code, put?.stderr).to.equal(0)
      expect(runs.map(({ code }) => code)).to.deep.equal([0, 0, 0, 0, 3])
      for (const { bytes } of runs.slice(0, 4)) expect(bytes.equals(stdin)).to.equal(true)
      expect(runs[4]?.stdout).to.equal('')
    })

    for (const [kind, own, further, reader] of [
      ['an RSA', RSA_PUBLIC, `aes:${keys.aes}`, AES],
      ['a KMS', KMS, `rsa:${keys.rsaPublic}`, RSA],
      ['an AES', AES, 'kms:key-2', ['--kms-key-id', 'key-2']],
    ] as const) {
      test(`lets ${further.slice(0, 3)} keys read what ${kind} key wrote`, async () => {
        const [put, get] = await runBatch(
          [
            ['put', '-', object('a'), ...local(), ...own, '--recipient', further],
            ['get', object('a'), '-', ...local(), ...reader],
          ],
          { stdin },
        )
        expect(put?.code, put?.stderr).to.equal(0)
        expect(get?.code, get?.stderr).to.equal(0)
        expect(get?.bytes.equals(stdin)).to.equal(true)
      })
    }

    test('is shown by its id, not by its key', async () => {
      const put = ['put', '-', object('a'), ...local(), ...AES, '--recipient', `aes:${keys.otherAes}`]
      const said = await batchJson([put, ['inspect', object('a'), ...local()]], { stdin })
      const [own, other] = said.recipients as Record<string, unknown>[]
      expect(own).to.include({ kind: 'aes', keyId: AesMasterKey.from(keys.aesText).id })
      expect(other).to.include({ kind: 'aes', keyId: await otherId() })
    })

    test('of no kind, without a name, twice, missing or private ends with 2 or 3, and nothing is stored', async () => {
      const cases: [code: number, recipient: string, problem: RegExp][] = [
        [2, 'dsa:file', /--recipient must be aes:FILE, rsa:PUBLIC-KEY-FILE or kms:KEY-ID$/],
        [2, 'aes:', /--recipient must be/],
        [2, keys.rsaPublic, /--recipient must be/],
        [2, `aes:${keys.aes}`, /twice/],
        [2, 'kms:a key', /must be the id of a key in KMS/],
        [3, `aes:${at('none')}`, /cannot read key file .*none/],
        [3, `aes:${keys.rsaPublic}`, /malformed key file/],
        [3, `rsa:${at('none')}`, /cannot read key file .*none/],
        [3, `rsa:${keys.rsaPrivate}`, /malformed key file .*private key/],
      ]
      const runs = await runBatch(
        cases.map(([, recipient]) => ['put', '-', object('a'), ...local(), ...AES, '--recipient', recipient]),
        { stdin: 'x' },
      )
      for (const [index, [code, recipient, problem]] of cases.entries()) {
        const run = runs[index]!
        expect(run, `${recipient}: ${run.stderr}`).to.include({ code, stdout: '' })
        expect(errorOf(run)).to.match(problem)
      }
      expect(await stored(at('store'), 'objects')).to.deep.equal([])
    })

    test('goes with format sealed only: with cos, cos-python and cos-java-gcm it ends with 2', async () => {
      const to = ['--recipient', `rsa:${keys.rsaPublic}`]
      const runs = await runEach([
        ['put', '-', object('a'), ...local(), ...AES, ...to, '--format', 'cos'],
        ['put', '-', object('a'), ...local(), ...AES, ...to, '--format', 'cos-python'],
        ['put', '-', object('a'), ...local(), ...KMS, ...to, '--format', 'cos-java-gcm'],
      ])
      for (const run of runs) {
        expect(run, run.stderr).to.include({ code: 2, stdout: '' })
        expect(errorOf(run)).to.include('only format sealed takes several recipients')
      }
      expect(await stored(at('store'), 'objects')).to.deep.equal([])
    })
  })
})
