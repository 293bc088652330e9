import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  privateDecrypt,
  type KeyObject,
} from 'node:crypto'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { SealstreamError } from '../../lib/errors.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import type { Wrapped } from '../../lib/keys/master-key.js'
import { masterKeyContract } from '../support/master-key-contract.js'
import { failureOf, refused } from '../support/refused.js'
import { PRINTERS } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { wycheproofOaepSha1 } from '../support/vectors.js'

const PRIVATE = createPrivateKey(wycheproofOaepSha1()[0]!.privateKeyPem)
const PUBLIC = createPublicKey(PRIVATE)
const OTHER = generateKeyPairSync('rsa', { modulusLength: 2048 })
const SHORT = generateKeyPairSync('rsa', { modulusLength: 1024 })
const TINY = generateKeyPairSync('rsa', { modulusLength: 768 })
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PSS = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })

const PASSPHRASE = 'correct horse'
const FORMAT = 'SEALSTREAM_KEY_FORMAT'
const FILE = 'SEALSTREAM_KEY_FILE'
const wrong = (value: unknown): never => value as never

const pem = (key: KeyObject, type: 'spki' | 'pkcs1' | 'pkcs8' | 'sec1', passphrase?: string): string => {
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  return key.export({ type, format: 'pem', ...encryption } as never) as unknown as string
}

const PKCS1 = pem(PRIVATE, 'pkcs1')
const PKCS8 = pem(PRIVATE, 'pkcs8')
const SPKI = pem(PUBLIC, 'spki')
const SPKI_PKCS1 = pem(PUBLIC, 'pkcs1')
const ENCRYPTED: Readonly<Record<string, string>> = {
  'encrypted PKCS#8': pem(PRIVATE, 'pkcs8', PASSPHRASE),
  'encrypted PKCS#1': pem(PRIVATE, 'pkcs1', PASSPHRASE),
}

/** No line of a private PEM may be shown anywhere. */
function expectNoPem(text: string, ...pems: string[]): void {
  for (const line of pems.flatMap((whole) => whole.split('\n'))) {
    if (line.length < 40) continue
    expect(text.includes(line.slice(0, 40)), 'a line of the private key is shown').to.equal(false)
  }
}

async function expectPair(writer: RsaMasterKey, reader: RsaMasterKey): Promise<void> {
  const dataKey = await reader.unwrap(await writer.wrap(DataKey.generate('cos')))
  expect(dataKey.format).to.equal('cos')
}

describe('RsaMasterKey', () => {
  masterKeyContract('RSA-2048', () => RsaMasterKey.from({ privateKey: PRIVATE }), ['cos', 'cos-python'])

  it('wraps key and IV each to the 256 bytes of its modulus', async () => {
    const wrapped = await RsaMasterKey.from({ publicKey: PUBLIC }).wrap(DataKey.generate('cos'))
    expect(wrapped.scheme).to.equal('rsa-oaep-sha1')
    expect([wrapped.key.length, wrapped.iv.length]).to.deep.equal([256, 256])
  })

  it("wraps to what Node's OAEP with SHA-1 opens", async () => {
    const [key, iv] = [new Seeded(80).bytes(32), new Seeded(81).bytes(16)]
    const wrapped = await RsaMasterKey.from({ publicKey: SPKI }).wrap(
      DataKey.from({ format: 'cos', key, iv }),
    )
    const options = { key: PRIVATE, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }
    expect(privateDecrypt(options, wrapped.key).equals(key)).to.equal(true)
    expect(privateDecrypt(options, wrapped.iv).equals(iv)).to.equal(true)
  })

  for (const [printer, print] of Object.entries(PRINTERS)) {
    it(`hides the private key from ${printer}`, () => {
      const text = print(RsaMasterKey.from({ privateKey: PKCS8 }))
      expectNoPem(text, PKCS8, PKCS1)
      expect(text).to.not.include('PRIVATE KEY')
    })
  }

  it('says in util.inspect that the private key is hidden', () => {
    const master = RsaMasterKey.from({ privateKey: PRIVATE })
    expect(inspect(master)).to.equal(`RsaMasterKey { id: '${master.id}', bits: 2048, privateKey: <hidden> }`)
  })

  it('says in util.inspect that there is only a public key', () => {
    expect(inspect(RsaMasterKey.from({ publicKey: PUBLIC }))).to.include('public key only')
  })

  it('says in JSON what it is', () => {
    const master = RsaMasterKey.from({ privateKey: PRIVATE })
    expect(JSON.parse(JSON.stringify(master))).to.deep.equal({
      kind: 'rsa',
      id: master.id,
      bits: 2048,
      privateKey: '<hidden>',
    })
  })

  it('says nothing of a private key in the JSON of a public key', () => {
    const master = RsaMasterKey.from({ publicKey: PUBLIC })
    expect(JSON.parse(JSON.stringify(master))).to.deep.equal({ kind: 'rsa', id: master.id, bits: 2048 })
  })
})

describe('RsaMasterKey id', () => {
  it('is the first 16 bytes of SHA-256 over the SPKI, in hex', () => {
    const spki = PUBLIC.export({ type: 'spki', format: 'der' })
    const expected = createHash('sha256').update(spki).digest().subarray(0, 16).toString('hex')
    expect(RsaMasterKey.from({ publicKey: PUBLIC }).id).to.equal(expected)
  })

  it('is the same for both halves and every form', () => {
    const ids = [
      { publicKey: SPKI },
      { publicKey: SPKI_PKCS1 },
      { publicKey: PUBLIC },
      { privateKey: PKCS1 },
      { privateKey: PKCS8 },
      { privateKey: PRIVATE },
      { publicKey: SPKI, privateKey: PKCS8 },
    ].map((keys) => RsaMasterKey.from(keys).id)
    expect(new Set(ids).size).to.equal(1)
  })

  it('differs between two pairs', () => {
    const [one, other] = [RsaMasterKey.from({ publicKey: PUBLIC }), RsaMasterKey.from(OTHER)]
    expect(one.id).to.not.equal(other.id)
  })
})

describe('RsaMasterKey.generate', () => {
  for (const bits of [2048, 2056]) {
    it(`makes a pair of ${bits} bits that writes and reads`, async () => {
      const master = await RsaMasterKey.generate(bits)
      expect(master).to.include({ bits, canUnwrap: true })
      await expectPair(master, master)
    })
  }

  it('makes a pair of 3072 bits when not told', async () => {
    expect((await RsaMasterKey.generate()).bits).to.equal(3072)
  })

  for (const bits of [0, 1024, 2047, 2049, 2052, 8200, 16384, 2048.5, NaN, '2048', null]) {
    it(`refuses ${inspect(bits)} bits`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => RsaMasterKey.generate(wrong(bits)))
      expect(error).to.include({ option: 'bits' })
    })
  }
})

describe('RsaMasterKey.from', () => {
  const readable: Readonly<Record<string, Parameters<typeof RsaMasterKey.from>[0]>> = {
    'a PKCS#1 private key': { privateKey: PKCS1 },
    'a PKCS#8 private key': { privateKey: PKCS8 },
    'a private KeyObject': { privateKey: PRIVATE },
    'PKCS#8 PEM as a Buffer': { privateKey: Buffer.from(PKCS8) },
    'PKCS#8 PEM as a Uint8Array': { privateKey: new Uint8Array(Buffer.from(PKCS8)) },
    'PKCS#8 PEM with CRLF': { privateKey: PKCS8.replaceAll('\n', '\r\n') },
    'PKCS#8 PEM after other text': { privateKey: `made for testing\n${PKCS8}` },
    'both halves': { privateKey: PKCS8, publicKey: SPKI },
    'both halves, the public one as PKCS#1': { privateKey: PKCS1, publicKey: SPKI_PKCS1 },
    'both halves as KeyObjects': { privateKey: PRIVATE, publicKey: PUBLIC },
    'a private key that needs no passphrase, and one': { privateKey: PKCS8, passphrase: PASSPHRASE },
  }
  for (const [title, keys] of Object.entries(readable)) {
    it(`takes ${title} for writing and reading`, async () => {
      const master = RsaMasterKey.from(keys)
      expect(master).to.include({ canUnwrap: true, bits: 2048 })
      await expectPair(master, RsaMasterKey.from({ privateKey: PRIVATE }))
      await expectPair(RsaMasterKey.from({ publicKey: PUBLIC }), master)
    })
  }

  const writable: Readonly<Record<string, Parameters<typeof RsaMasterKey.from>[0]>> = {
    'an SPKI public key': { publicKey: SPKI },
    'a PKCS#1 public key': { publicKey: SPKI_PKCS1 },
    'a public KeyObject': { publicKey: PUBLIC },
    'SPKI PEM as a Uint8Array': { publicKey: new Uint8Array(Buffer.from(SPKI)) },
  }
  for (const [title, keys] of Object.entries(writable)) {
    it(`takes ${title} alone for writing, and says that it cannot read`, async () => {
      const master = RsaMasterKey.from(keys)
      expect(master.canUnwrap).to.equal(false)
      const wrapped = await master.wrap(DataKey.generate('cos'))
      await RsaMasterKey.from({ privateKey: PRIVATE }).unwrap(wrapped)
      const error = await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', () => master.unwrap(wrapped))
      expect(error.hint).to.include('privateKey')
    })
  }

  for (const [form, text] of Object.entries(ENCRYPTED)) {
    it(`opens ${form} with its passphrase`, async () => {
      const master = RsaMasterKey.from({ privateKey: text, passphrase: PASSPHRASE })
      await expectPair(master, master)
    })

    it(`opens ${form} with its passphrase as bytes, and leaves them as they were`, () => {
      const passphrase = new Uint8Array(Buffer.from(PASSPHRASE))
      expect(RsaMasterKey.from({ privateKey: text, passphrase }).canUnwrap).to.equal(true)
      expect(Buffer.from(passphrase).toString()).to.equal(PASSPHRASE)
    })

    for (const [title, passphrase] of [
      ['a wrong', 'battery staple'],
      ['an empty', ''],
      ['no', undefined],
    ] as const) {
      it(`refuses ${form} with ${title} passphrase; the error speaks of the passphrase`, async () => {
        const keys = passphrase === undefined ? {} : { passphrase }
        const error = await refused(FORMAT, () => RsaMasterKey.from({ privateKey: text, ...keys }))
        expect(error.message).to.include('privateKey').and.to.include('passphrase')
        expectNoPem(inspect(error, { depth: 10 }), text, PKCS8)
        expect(inspect(error, { depth: 10 })).to.not.include(
          passphrase === '' ? 'battery' : (passphrase ?? PASSPHRASE),
        )
      })
    }
  }

  it('refuses a public and a private key that are not a pair', async () => {
    const keys = { publicKey: OTHER.publicKey, privateKey: PRIVATE }
    const error = await refused(FORMAT, () => RsaMasterKey.from(keys))
    expect(error.message).to.include('publicKey').and.to.include('privateKey')
  })

  const refusedKeys: Readonly<Record<string, [Parameters<typeof RsaMasterKey.from>[0], string]>> = {
    'an EC public key': [{ publicKey: pem(EC.publicKey, 'spki') }, 'publicKey'],
    'an EC public KeyObject': [{ publicKey: EC.publicKey }, 'publicKey'],
    'an EC private key': [{ privateKey: pem(EC.privateKey, 'pkcs8') }, 'privateKey'],
    'an EC private key as SEC1': [{ privateKey: pem(EC.privateKey, 'sec1') }, 'privateKey'],
    'an EC private KeyObject': [{ privateKey: EC.privateKey }, 'privateKey'],
    'an RSA-PSS public key': [{ publicKey: pem(PSS.publicKey, 'spki') }, 'publicKey'],
    'an RSA-PSS private key': [{ privateKey: pem(PSS.privateKey, 'pkcs8') }, 'privateKey'],
    'a secret KeyObject': [{ privateKey: createSecretKey(Buffer.alloc(32)) }, 'privateKey'],
    'a private PKCS#8 key as publicKey': [{ publicKey: PKCS8 }, 'publicKey'],
    'a private PKCS#1 key as publicKey': [{ publicKey: PKCS1 }, 'publicKey'],
    'an encrypted private key as publicKey': [{ publicKey: ENCRYPTED['encrypted PKCS#8']! }, 'publicKey'],
    'a private KeyObject as publicKey': [{ publicKey: PRIVATE }, 'publicKey'],
    'a public key as privateKey': [{ privateKey: SPKI }, 'privateKey'],
    'a public KeyObject as privateKey': [{ privateKey: PUBLIC }, 'privateKey'],
    'an RSA key of 768 bits': [{ privateKey: TINY.privateKey }, 'privateKey'],
    'empty text': [{ publicKey: '' }, 'publicKey'],
    'text that is not PEM': [{ publicKey: 'hello' }, 'publicKey'],
    'Base64 without the PEM lines': [{ publicKey: SPKI.replace(/-----.*-----\n/g, '') }, 'publicKey'],
    'PEM cut in the middle': [{ privateKey: PKCS8.slice(0, 900) }, 'privateKey'],
    'PEM with a damaged body': [
      { privateKey: PKCS8.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA') },
      'privateKey',
    ],
    'DER bytes': [{ publicKey: PUBLIC.export({ type: 'spki', format: 'der' }) }, 'publicKey'],
  }
  for (const [title, [keys, option]] of Object.entries(refusedKeys)) {
    it(`refuses ${title}; the error names ${option} and shows no key text`, async () => {
      const error = await refused(FORMAT, () => RsaMasterKey.from(keys))
      expect(error.message).to.include(option)
      expectNoPem(inspect(error, { depth: 10, showHidden: true }), PKCS8, PKCS1, pem(EC.privateKey, 'pkcs8'))
    })
  }

  for (const value of [null, 5, true, {}]) {
    it(`refuses ${inspect(value)} as publicKey with an error of this package`, async () => {
      await failureOf(() => RsaMasterKey.from({ publicKey: wrong(value) }))
    })

    it(`refuses ${inspect(value)} as privateKey with an error of this package`, async () => {
      await failureOf(() => RsaMasterKey.from({ privateKey: wrong(value) }))
    })
  }

  for (const value of [null, 1234, {}]) {
    it(`refuses ${inspect(value)} as passphrase with an error of this package that does not repeat it`, async () => {
      const keys = { privateKey: ENCRYPTED['encrypted PKCS#8']!, passphrase: wrong(value) }
      const error = await failureOf(() => RsaMasterKey.from(keys))
      expect(inspect(error)).to.not.include('1234')
    })
  }

  for (const value of [undefined, null, 'text', {}, { passphrase: 'x' }, { public: SPKI }]) {
    it(`refuses ${inspect(value).slice(0, 30)} in place of keys`, async () => {
      await refused('SEALSTREAM_OPTION', () => RsaMasterKey.from(wrong(value)))
    })
  }

  it('takes a pair of 1024 bits to read with', async () => {
    const master = RsaMasterKey.from(SHORT)
    expect(master).to.include({ bits: 1024, canUnwrap: true })
    const wrapped: Wrapped = {
      format: 'cos-python',
      scheme: 'rsa-oaep-sha1',
      key: Buffer.alloc(128),
      iv: Buffer.alloc(128),
    }
    await refused('SEALSTREAM_UNWRAP', () => master.unwrap(wrapped))
  })

  it('refuses to write with 1024 bits, and says how many it wants', async () => {
    const error = await refused(FORMAT, () => RsaMasterKey.from(SHORT).wrap(DataKey.generate('cos')))
    expect(error.message).to.include('1024')
    expect(error.hint).to.include('2048')
  })
})

describe('RsaMasterKey.unwrap', () => {
  const master = RsaMasterKey.from({ privateKey: PRIVATE })

  for (const scheme of ['aes-kw', 'aes-ctr'] as const) {
    it(`refuses ${scheme} as of another kind of master key`, async () => {
      const wrapped: Wrapped = { format: 'cos', scheme, key: Buffer.alloc(40), iv: Buffer.alloc(24) }
      await refused('SEALSTREAM_KEY_KIND', () => master.unwrap(wrapped))
    })

    it(`refuses ${scheme} as of another kind also with a public key alone`, async () => {
      const wrapped: Wrapped = { format: 'cos', scheme, key: Buffer.alloc(40), iv: Buffer.alloc(24) }
      await refused('SEALSTREAM_KEY_KIND', () => RsaMasterKey.from({ publicKey: PUBLIC }).unwrap(wrapped))
    })
  }

  it('gives one and the same error for a wrong key, a bad key, a bad IV, swapped halves and wrong lengths', async () => {
    const wrapped = await master.wrap(DataKey.generate('cos'))
    const bad = Buffer.alloc(256, 1)
    const errors: SealstreamError[] = []
    const { key, iv } = wrapped
    for (const change of [
      { key: bad },
      { iv: bad },
      { key: iv, iv: key },
      { key: iv },
      { key: Buffer.alloc(5) },
    ]) {
      errors.push(await refused('SEALSTREAM_UNWRAP', () => master.unwrap({ ...wrapped, ...change })))
    }
    errors.push(await refused('SEALSTREAM_UNWRAP', () => RsaMasterKey.from(OTHER).unwrap(wrapped)))
    const shown = errors.map(({ message, hint, cause }) => inspect([message, hint, cause]))
    expect(new Set(shown).size).to.equal(1)
  })

  it('speaks of PKCS#1 v1.5 and the COS Python SDK in the hint', async () => {
    const wrapped = await master.wrap(DataKey.generate('cos-python'))
    const error = await refused('SEALSTREAM_UNWRAP', () => RsaMasterKey.from(OTHER).unwrap(wrapped))
    expect(error.hint).to.include('PKCS#1 v1.5').and.to.include('Python')
  })
})

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

describe('RsaMasterKey, given a PEM where an object belongs', () => {
  for (const given of ['from', 'fromFiles'] as const) {
    it(`${given} refuses it and repeats nothing of it`, async () => {
      const pem = PRIVATE.export({ type: 'pkcs8', format: 'pem' }) as string
      const error = await refused('SEALSTREAM_OPTION', () => RsaMasterKey[given](pem as unknown as object))
      const line = pem.split('\n')[3] ?? ''
      for (const shown of [
        error.message,
        JSON.stringify(error),
        inspect(error, { depth: 10, showHidden: true }),
      ]) {
        expect(shown).not.to.include(line)
        expect(shown).not.to.include('BEGIN')
      }
    })
  }
})
