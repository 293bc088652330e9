import { createSecretKey } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import type { Wrapped } from '../../lib/keys/master-key.js'
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
  PSS,
  PUBLIC,
  SHORT,
  SPKI,
  SPKI_PKCS1,
  TINY,
} from '../support/rsa-forms.js'

const FORMAT = 'SEALSTREAM_KEY_FORMAT'
const wrong = (value: unknown): never => value as never

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
