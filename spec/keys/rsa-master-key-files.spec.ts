import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { SealstreamError } from '../../lib/errors.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { failureOf, refused } from '../support/refused.js'
import {
  EC,
  ENCRYPTED,
  expectNoPem,
  expectPair,
  OTHER,
  PASSPHRASE,
  pem,
  PKCS1,
  PKCS8,
  PRIVATE,
  PUBLIC,
  SPKI,
} from '../support/rsa-forms.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const FORMAT = 'SEALSTREAM_KEY_FORMAT'
const FILE = 'SEALSTREAM_KEY_FILE'
const wrong = (value: unknown): never => value as never

describe('RsaMasterKey files', () => {
  const path = temporaryFolder()
  const paths = (): { publicKey: string; privateKey: string } => ({
    publicKey: path('key.pub'),
    privateKey: path('key.pem'),
  })
  const master = RsaMasterKey.from({ privateKey: PRIVATE })

  it('come back as the same pair', async () => {
    await master.toFiles(paths())
    const back = await RsaMasterKey.fromFiles(paths())
    expect(back.id).to.equal(master.id)
    await expectPair(back, master)
  })

  it('hold SPKI and PKCS#8', async () => {
    await master.toFiles(paths())
    expect(await readFile(path('key.pub'), 'utf8')).to.equal(SPKI)
    expect(await readFile(path('key.pem'), 'utf8')).to.equal(PKCS8)
  })

  for (const umask of [0o000, 0o022]) {
    it(`both have mode 0600 under umask 0${umask.toString(8).padStart(3, '0')}`, async () => {
      const before = process.umask(umask)
      try {
        await master.toFiles(paths())
      } finally {
        process.umask(before)
      }
      for (const file of Object.values(paths())) expect((await stat(file)).mode & 0o777).to.equal(0o600)
    })
  }

  it('hold an encrypted private key when a passphrase is given', async () => {
    await master.toFiles({ ...paths(), passphrase: PASSPHRASE })
    expect(await readFile(path('key.pem'), 'utf8')).to.include('BEGIN ENCRYPTED PRIVATE KEY')
    const back = await RsaMasterKey.fromFiles({ ...paths(), passphrase: PASSPHRASE })
    expect(back.id).to.equal(master.id)
  })

  for (const length of [0, 1, 1024, 1025, 2000]) {
    it(`come back with a passphrase of ${length} characters, or are not written with it`, async () => {
      const passphrase = 'p'.repeat(length)
      try {
        await master.toFiles({ ...paths(), passphrase })
      } catch (error) {
        expect(error).to.be.instanceOf(SealstreamError)
        expect(await readdir(path('.'))).to.deep.equal([])
        return
      }
      expect((await RsaMasterKey.fromFiles({ ...paths(), passphrase })).id).to.equal(master.id)
    })
  }

  for (const value of [1234, null, {}]) {
    it(`are not written with ${inspect(value)} as passphrase; an error of this package does not repeat it`, async () => {
      const error = await failureOf(() => master.toFiles({ ...paths(), passphrase: wrong(value) }))
      expect(inspect(error)).to.not.include('1234')
      expect(await readdir(path('.'))).to.deep.equal([])
    })
  }

  it('are refused without the passphrase they were written with; the error names the path', async () => {
    await master.toFiles({ ...paths(), passphrase: PASSPHRASE })
    const error = await refused(FILE, () => RsaMasterKey.fromFiles({ privateKey: path('key.pem') }))
    expect(error).to.include({ path: path('key.pem') })
    expect(error.message).to.include(path('key.pem')).and.to.include('passphrase')
  })

  it('are read with the private one alone', async () => {
    await master.toFiles(paths())
    expect((await RsaMasterKey.fromFiles({ privateKey: path('key.pem') })).canUnwrap).to.equal(true)
  })

  it('are read with the public one alone, for writing', async () => {
    await master.toFiles(paths())
    expect((await RsaMasterKey.fromFiles({ publicKey: path('key.pub') })).canUnwrap).to.equal(false)
  })

  for (const [form, text] of Object.entries({ ...ENCRYPTED, 'PKCS#1': PKCS1, 'PKCS#8': PKCS8 })) {
    it(`are read in the form ${form}`, async () => {
      await writeFile(path('key.pem'), text)
      const back = await RsaMasterKey.fromFiles({ privateKey: path('key.pem'), passphrase: PASSPHRASE })
      expect(back.id).to.equal(master.id)
    })
  }

  it('are not written when the private one exists: it stays, and there is no public one', async () => {
    await writeFile(path('key.pem'), 'precious')
    const error = await refused(FILE, () => master.toFiles(paths()))
    expect(error).to.include({ path: path('key.pem') })
    expect(await readFile(path('key.pem'), 'utf8')).to.equal('precious')
    expect(await readdir(path('.'))).to.deep.equal(['key.pem'])
  })

  it('are not written when the public one exists: it stays, and no private one is left behind', async () => {
    await writeFile(path('key.pub'), 'precious')
    const error = await refused(FILE, () => master.toFiles(paths()))
    expect(error).to.include({ path: path('key.pub') })
    expect(await readFile(path('key.pub'), 'utf8')).to.equal('precious')
    expect(await readdir(path('.'))).to.deep.equal(['key.pub'])
  })

  it('are not written when both exist: both stay', async () => {
    await writeFile(path('key.pub'), 'precious')
    await writeFile(path('key.pem'), 'precious too')
    await refused(FILE, () => master.toFiles(paths()))
    expect(await readFile(path('key.pub'), 'utf8')).to.equal('precious')
    expect(await readFile(path('key.pem'), 'utf8')).to.equal('precious too')
  })

  it('leave nothing behind when both have the same path', async () => {
    await refused(FILE, () => master.toFiles({ publicKey: path('key'), privateKey: path('key') }))
    expect(await readdir(path('.'))).to.deep.equal([])
  })

  it('leave nothing behind when the path of the public one is missing', async () => {
    const one = { privateKey: path('key.pem') }
    await refused('SEALSTREAM_OPTION', () => master.toFiles(wrong(one)))
    expect(await readdir(path('.'))).to.deep.equal([])
  })

  it('are not written by a public key alone', async () => {
    const writer = RsaMasterKey.from({ publicKey: PUBLIC })
    await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', () => writer.toFiles(paths()))
    expect(await readdir(path('.'))).to.deep.equal([])
  })

  const malformed: Readonly<Record<string, string>> = {
    'an EC key': pem(EC.privateKey, 'pkcs8'),
    'a public key': SPKI,
    'a cut private key': PKCS8.slice(0, 900),
    'no PEM': 'hello, world',
  }
  for (const [title, text] of Object.entries(malformed)) {
    it(`are refused as privateKey with ${title} inside; the error names path and form, and shows no key`, async () => {
      await writeFile(path('key.pem'), text)
      const error = await refused(FILE, () => RsaMasterKey.fromFiles({ privateKey: path('key.pem') }))
      expect(error).to.include({ path: path('key.pem') })
      expect(error.message).to.include(path('key.pem')).and.to.include('PKCS#1 or PKCS#8')
      expectNoPem(inspect(error, { depth: 10, showHidden: true }), text, PKCS8)
      expect(error.message).to.not.include('hello')
    })
  }

  it('are refused with a private key in place of the public one', async () => {
    await writeFile(path('key.pub'), PKCS8)
    const error = await refused(FILE, () => RsaMasterKey.fromFiles({ publicKey: path('key.pub') }))
    expect(error).to.include({ path: path('key.pub') })
    expectNoPem(inspect(error, { depth: 10 }), PKCS8)
  })

  it('are refused when they are missing, naming the first missing path', async () => {
    const error = await refused(FILE, () => RsaMasterKey.fromFiles(paths()))
    expect(error).to.include({ path: path('key.pub') })
  })

  it('are refused when they are two halves of different pairs', async () => {
    await writeFile(path('key.pem'), PKCS8)
    await writeFile(path('key.pub'), pem(OTHER.publicKey, 'spki'))
    await refused(FORMAT, () => RsaMasterKey.fromFiles(paths()))
  })

  it('are read whatever their mode is', async () => {
    await master.toFiles(paths())
    await chmod(path('key.pem'), 0o644)
    expect((await RsaMasterKey.fromFiles(paths())).id).to.equal(master.id)
  })

  for (const value of [undefined, null, {}, { key: 'x' }, { publicKey: 5 }, { privateKey: '' }]) {
    it(`are refused for ${inspect(value)} as paths`, async () => {
      await refused('SEALSTREAM_OPTION', () => RsaMasterKey.fromFiles(wrong(value)))
    })
  }
})
