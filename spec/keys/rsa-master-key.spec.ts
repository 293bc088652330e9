import { constants, createHash, privateDecrypt } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { SealstreamError } from '../../lib/errors.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import type { Wrapped } from '../../lib/keys/master-key.js'
import { masterKeyContract } from '../support/master-key-contract.js'
import { refused } from '../support/refused.js'
import {
  expectNoPem,
  expectPair,
  OTHER,
  PKCS1,
  PKCS8,
  PRIVATE,
  PUBLIC,
  SPKI,
  SPKI_PKCS1,
} from '../support/rsa-forms.js'
import { PRINTERS } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'

const wrong = (value: unknown): never => value as never

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

describe('RsaMasterKey.unwrap', () => {
  const master = RsaMasterKey.from({ privateKey: PRIVATE })

  for (const scheme of ['aes-kw', 'aes-ctr', 'aes-ecb', 'kms', 'custom'] as const) {
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
