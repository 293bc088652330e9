import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { cliKeys, modeOf } from '../support/cli-fixture.js'
import { errorOf, runCli, runEach, runJson } from '../support/run-cli.js'
import { at, sideBySide } from '../support/side-by-side.js'

describe('cli/keygen', () => {
  const test = sideBySide()

  for (const bits of [128, 192, 256]) {
    test(`makes an AES key of ${bits} bits that the library reads`, async () => {
      const [said] = await runJson(['keygen', 'aes', at('key'), '--bits', String(bits)])
      const { id } = await AesMasterKey.fromFile(at('key'))
      expect(said).to.deep.equal({ kind: 'aes', bits, id, file: at('key') })
      expect(Buffer.from(await readFile(at('key'), 'utf8'), 'base64')).to.have.lengthOf(bits / 8)
    })
  }

  test('makes 256 bits by default, another key every time, and says what for', async () => {
    const runs = await runEach([
      ['keygen', 'aes', at('a')],
      ['keygen', 'aes', at('b')],
    ])
    const { id } = await AesMasterKey.fromFile(at('a'))
    expect(runs[0]).to.include({ code: 0, stderr: '' })
    expect(runs[0]?.stdout)
      .to.match(/^AES-256 master key .+\n$/)
      .and.include(id)
      .and.include(at('a'))
    expect(await readFile(at('a'), 'utf8')).not.to.equal(await readFile(at('b'), 'utf8'))
  })

  test('makes an RSA pair of 2048 bits that the library reads and that belongs together', async () => {
    const [said] = await runJson(['keygen', 'rsa', at('private'), at('public'), '--bits', '2048'])
    const key = await RsaMasterKey.fromFiles({ privateKey: at('private'), publicKey: at('public') })
    expect(said).to.deep.equal({
      kind: 'rsa',
      bits: 2048,
      id: key.id,
      privateKey: at('private'),
      publicKey: at('public'),
      encrypted: false,
    })
    const derived = createPublicKey(createPrivateKey(await readFile(at('private'))))
    expect(derived.export({ type: 'spki', format: 'pem' })).to.equal(await readFile(at('public'), 'utf8'))
  })

  test('makes 3072 bits of RSA by default', async () => {
    const { code, stdout } = await runCli(['keygen', 'rsa', at('private'), at('public')])
    expect(code).to.equal(0)
    expect(stdout).to.match(/^RSA-3072 master key .*\(not encrypted\)/)
    const { modulusLength } = createPublicKey(await readFile(at('public'))).asymmetricKeyDetails ?? {}
    expect(modulusLength).to.equal(3072)
  })

  for (const umask of [0o000, 0o022, 0o077]) {
    test(`makes files of mode 600 under umask ${umask.toString(8).padStart(3, '0')}`, async () => {
      const runs = await Promise.all([
        runCli(['keygen', 'aes', at('key')], { umask }),
        runCli(['keygen', 'rsa', at('private'), at('public'), '--bits', '2048'], { umask }),
      ])
      expect(runs.map(({ code }) => code)).to.deep.equal([0, 0])
      expect([await modeOf(at('key')), await modeOf(at('private'))]).to.deep.equal(['600', '600'])
      expect(await modeOf(at('public'))).to.be.oneOf(['600', (0o666 & ~umask).toString(8)])
    })
  }

  describe('with a passphrase', () => {
    const secret = cliKeys().passphraseText

    for (const { from, content } of [
      { from: 'a file that ends with a newline', content: `${secret}\n` },
      { from: 'a file that ends with CR and LF', content: `${secret}\r\n` },
      { from: 'a file without a newline', content: secret },
    ]) {
      test(`encrypts the private key, taking it from ${from}`, async () => {
        await writeFile(at('passphrase'), content)
        const args = ['keygen', 'rsa', at('private'), at('public'), '--bits', '2048']
        const [said] = await runJson([...args, '--passphrase-file', at('passphrase')])
        expect(said).to.include({ encrypted: true })
        const pem = await readFile(at('private'), 'utf8')
        expect(pem).to.match(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
        expect(createPrivateKey({ key: pem, passphrase: secret }).asymmetricKeyType).to.equal('rsa')
        expect(() => createPrivateKey({ key: pem, passphrase: `${secret}\n` })).to.throw()
      })
    }

    test('encrypts the private key, taking it from SEALSTREAM_PASSPHRASE', async () => {
      const env = { SEALSTREAM_PASSPHRASE: secret }
      const args = ['keygen', 'rsa', at('private'), at('public'), '--bits', '2048']
      const { code, stdout } = await runCli(args, { env })
      expect(code).to.equal(0)
      expect(stdout).to.include('private key (encrypted)')
      await RsaMasterKey.fromFiles({ privateKey: at('private'), passphrase: secret })
      expect(await readFile(at('public'), 'utf8')).to.match(/^-----BEGIN PUBLIC KEY-----\n/)
    })

    test('takes an empty SEALSTREAM_PASSPHRASE as none', async () => {
      const args = ['keygen', 'rsa', at('private'), at('public'), '--bits', '2048']
      const [said] = await runJson(args, { env: { SEALSTREAM_PASSPHRASE: '' } })
      expect(said).to.include({ encrypted: false })
      expect(await readFile(at('private'), 'utf8')).to.match(/^-----BEGIN PRIVATE KEY-----\n/)
    })

    for (const { name, content } of [
      { name: 'is missing', content: undefined },
      { name: 'is empty', content: '' },
    ]) {
      test(`ends with 3 and makes nothing where its file ${name}`, async () => {
        if (content !== undefined) await writeFile(at('passphrase'), content)
        const args = ['keygen', 'rsa', at('private'), at('public'), '--bits', '2048']
        const run = await runCli([...args, '--passphrase-file', at('passphrase')])
        expect(run).to.include({ code: 3, stdout: '' })
        expect(errorOf(run)).to.include(at('passphrase'))
        expect(await readdir(dirname(at('x')))).to.deep.equal(content === undefined ? [] : ['passphrase'])
      })
    }
  })

  describe('refuses, and leaves everything as it was,', () => {
    test('an AES key file that exists: 3', async () => {
      await writeFile(at('key'), 'mine', { mode: 0o640 })
      const run = await runCli(['keygen', 'aes', at('key')])
      expect(run).to.include({ code: 3, stdout: '' })
      expect(errorOf(run)).to.include(at('key')).and.include('exists')
      expect(await readFile(at('key'), 'utf8')).to.equal('mine')
      expect(await modeOf(at('key'))).to.equal('640')
    })

    for (const existing of ['private', 'public']) {
      test(`a ${existing} key file that exists, and makes no half of a pair: 3`, async () => {
        await writeFile(at(existing), 'mine')
        const run = await runCli(['keygen', 'rsa', at('private'), at('public'), '--bits', '2048'])
        expect(run).to.include({ code: 3, stdout: '' })
        expect(errorOf(run)).to.include(at(existing)).and.include('exists')
        expect(await readFile(at(existing), 'utf8')).to.equal('mine')
        expect(await readdir(dirname(at('x')))).to.deep.equal([existing])
      })
    }

    test('a symbolic link that leads nowhere: 3', async () => {
      await symlink(at('elsewhere'), at('key'))
      expect(await runCli(['keygen', 'aes', at('key')])).to.include({ code: 3, stdout: '' })
      expect(await readdir(dirname(at('x')))).to.deep.equal(['key'])
    })

    test('a folder that does not exist: 3', async () => {
      const run = await runCli(['keygen', 'aes', at('none/key')])
      expect(run).to.include({ code: 3, stdout: '' })
      expect(errorOf(run)).to.include(at('none/key'))
    })

    test('one file for both halves of a pair: 2', async () => {
      expect(await runCli(['keygen', 'rsa', at('one'), at('one')])).to.include({ code: 2, stdout: '' })
      expect(await readdir(dirname(at('x')))).to.deep.equal([])
    })

    test('bits that there are none of: AES 100 and x, RSA 1024, 2048.5 and 16384: 2', async () => {
      const aes = ['100', 'x'].map((bits) => ['keygen', 'aes', at('key'), '--bits', bits])
      const rsa = ['1024', '2048.5', '16384'].map((bits) => [
        'keygen',
        'rsa',
        at('a'),
        at('b'),
        '--bits',
        bits,
      ])
      for (const run of await runEach([...aes, ...rsa])) {
        expect(run, run.stderr).to.include({ code: 2, stdout: '' })
        expect(errorOf(run)).to.include('bits')
      }
      expect(await readdir(dirname(at('x')))).to.deep.equal([])
    })
  })

  test('reports a file in the way as JSON on standard error with --json', async () => {
    await writeFile(at('key'), 'mine')
    const { code, stdout, stderr } = await runCli(['keygen', 'aes', at('key'), '--json'])
    expect({ code, stdout }).to.deep.equal({ code: 3, stdout: '' })
    expect(JSON.parse(stderr)).to.have.nested.property('error.code', 'SEALSTREAM_KEY_FILE')
  })
})
