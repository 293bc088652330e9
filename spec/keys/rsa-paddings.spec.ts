/** RsaMasterKey and its paddings: written, read, chosen, and one and the same failure (RULES 4.2). */
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { FORMATS, type Format } from '../../lib/crypto/format.js'
import type { RsaPaddingName } from '../../lib/crypto/rsa-wrap.js'
import type { SealstreamError } from '../../lib/errors.js'
import type { Wrapped, WrapScheme } from '../../lib/keys/master-key.js'
import { RsaMasterKey, type RsaPadding } from '../../lib/keys/rsa-master-key.js'
import { refused } from '../support/refused.js'
import {
  oaepModelDecrypt,
  oaepModelEncrypt,
  OAEP_MODELS,
  pkcs1ModelDecrypt,
  pkcs1ModelEncrypt,
} from '../support/rsa-model.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const MODULI = ['2048', '2049', '3072', '3073', '4096'] as const
const SCHEMES: readonly RsaPaddingName[] = [
  'rsa-oaep-sha1',
  'rsa-oaep-sha256-mgf1-sha1',
  'rsa-oaep-sha256',
  'rsa-pkcs1',
]
const random = new Seeded(500)
const KEY = random.bytes(32)
const wrong = (value: unknown): never => value as never

const ivOf = (format: Format): Buffer => new Seeded(501).bytes(FORMATS[format].cipher.ivBytes)

/** What a format is wrapped by. */
const WRITTEN: readonly [Format, RsaPadding, RsaPaddingName][] = [
  ['sealed', 'oaep', 'rsa-oaep-sha256'],
  ['sealed', 'pkcs1', 'rsa-oaep-sha256'],
  ['sealed', 'any', 'rsa-oaep-sha256'],
  ['cos', 'oaep', 'rsa-oaep-sha1'],
  ['cos', 'pkcs1', 'rsa-oaep-sha1'],
  ['cos-python', 'oaep', 'rsa-oaep-sha1'],
  ['cos-python', 'any', 'rsa-oaep-sha1'],
  ['cos-python', 'pkcs1', 'rsa-pkcs1'],
  ['cos-java-gcm', 'oaep', 'rsa-oaep-sha256-mgf1-sha1'],
  ['cos-java-gcm', 'pkcs1', 'rsa-oaep-sha256-mgf1-sha1'],
]

for (const modulus of MODULI) {
  const pair = testPair(modulus)
  const size = Math.ceil(pair.publicKey.asymmetricKeyDetails!.modulusLength! / 8)

  describe(`RsaMasterKey of ${modulus} bits`, () => {
    for (const [format, padding, scheme] of WRITTEN) {
      it(`wraps ${format} by ${scheme} with padding '${padding}', and a model of RFC 8017 opens it`, async () => {
        const iv = ivOf(format)
        const master = RsaMasterKey.from({ publicKey: pair.publicKey, padding })
        const wrapped = await master.wrap(DataKey.from({ format, key: KEY, iv }))
        expect(wrapped).to.include({ format, scheme })
        expect(wrapped.key.length).to.equal(size)
        const decrypt = (bytes: Uint8Array): Buffer =>
          scheme === 'rsa-pkcs1'
            ? pkcs1ModelDecrypt(pair.privateKey, bytes)
            : oaepModelDecrypt(pair.privateKey, bytes, OAEP_MODELS[scheme]!)
        expect(decrypt(wrapped.key).equals(KEY)).to.equal(true)
        if (format === 'sealed')
          expect(wrapped).to.include({ keyId: master.id }).and.have.property('iv').of.length(0)
        else expect(decrypt(wrapped.iv).equals(iv)).to.equal(true)
      })
    }

    for (const scheme of SCHEMES) {
      for (const format of ['cos', 'cos-java-gcm', 'cos-java-cbc'] as const) {
        it(`unwraps ${format} by ${scheme} that a model of RFC 8017 made, with padding 'any'`, async () => {
          const iv = ivOf(format)
          const wrapped: Wrapped = { format, scheme, key: encrypt(scheme, KEY), iv: encrypt(scheme, iv) }
          const dataKey = await RsaMasterKey.from({ ...pair, padding: 'any' }).unwrap(wrapped)
          await dataKey.withBytes((key, found) => {
            expect([key.equals(KEY), found.equals(iv)]).to.deep.equal([true, true])
          })
        })
      }
    }

    const encrypt = (scheme: RsaPaddingName, bytes: Buffer): Buffer =>
      scheme === 'rsa-pkcs1'
        ? pkcs1ModelEncrypt(pair.publicKey, bytes)
        : oaepModelEncrypt(pair.publicKey, bytes, OAEP_MODELS[scheme]!)
  })
}

const PAIR = testPair('2048')
const wrap = (scheme: RsaPaddingName, bytes: Buffer): Buffer =>
  scheme === 'rsa-pkcs1'
    ? pkcs1ModelEncrypt(PAIR.publicKey, bytes)
    : oaepModelEncrypt(PAIR.publicKey, bytes, OAEP_MODELS[scheme]!)

/** As python-dialect.ts reads it: which of the two it is, the headers do not tell. */
const pythonWrapped = (keyBy: RsaPaddingName, ivBy: RsaPaddingName = keyBy): Wrapped => ({
  format: 'cos-python',
  scheme: 'rsa-oaep-sha1',
  alternatives: ['rsa-pkcs1'],
  key: wrap(keyBy, KEY),
  iv: wrap(ivBy, ivOf('cos-python')),
})

describe('option padding of RsaMasterKey', () => {
  const opens: Readonly<Record<RsaPadding, readonly RsaPaddingName[]>> = {
    oaep: ['rsa-oaep-sha1'],
    pkcs1: ['rsa-pkcs1'],
    any: ['rsa-oaep-sha1', 'rsa-pkcs1'],
  }
  for (const [padding, opened] of Object.entries(opens) as [RsaPadding, readonly RsaPaddingName[]][]) {
    const master = RsaMasterKey.from({ ...PAIR, padding })

    for (const scheme of ['rsa-oaep-sha1', 'rsa-pkcs1'] as const) {
      const does = opened.includes(scheme)
      it(`'${padding}' ${does ? 'opens' : 'refuses'} ${scheme} where the headers do not tell`, async () => {
        if (does) await master.unwrap(pythonWrapped(scheme))
        else await refused('SEALSTREAM_UNWRAP', () => master.unwrap(pythonWrapped(scheme)))
      })
    }

    it(`'${padding}' refuses a key in one padding and an IV in the other`, async () => {
      for (const [keyBy, ivBy] of [
        ['rsa-oaep-sha1', 'rsa-pkcs1'],
        ['rsa-pkcs1', 'rsa-oaep-sha1'],
      ] as const) {
        await refused('SEALSTREAM_UNWRAP', () => master.unwrap(pythonWrapped(keyBy, ivBy)))
      }
    })

    for (const scheme of SCHEMES.slice(0, 3)) {
      it(`'${padding}' opens ${scheme} where the headers name it`, async () => {
        const named: Wrapped = {
          format: 'cos',
          scheme,
          key: wrap(scheme, KEY),
          iv: wrap(scheme, ivOf('cos')),
        }
        await master.unwrap(named)
      })
    }

    it(`'${padding}' ${padding === 'oaep' ? 'refuses' : 'opens'} rsa-pkcs1 where the oldest headers mean it`, async () => {
      const old: Wrapped = {
        format: 'cos',
        scheme: 'rsa-pkcs1',
        key: wrap('rsa-pkcs1', KEY),
        iv: ivOf('cos'),
        isIvPlain: true,
      }
      if (padding === 'oaep') await refused('SEALSTREAM_UNWRAP', () => master.unwrap(old))
      else await master.unwrap(old)
    })

    it(`'${padding}' tries each of several named paddings`, async () => {
      const either: Wrapped = {
        format: 'cos',
        scheme: 'rsa-oaep-sha256-mgf1-sha1',
        alternatives: ['rsa-oaep-sha256'],
        key: wrap('rsa-oaep-sha256', KEY),
        iv: wrap('rsa-oaep-sha256', ivOf('cos')),
      }
      await master.unwrap(either)
    })
  }

  it("is 'oaep' where nothing is said", async () => {
    const error = await refused('SEALSTREAM_UNWRAP', () =>
      RsaMasterKey.from(PAIR).unwrap(pythonWrapped('rsa-pkcs1')),
    )
    expect(error.hint).to.include("padding: 'any'")
  })

  for (const padding of ['', 'OAEP', 'pkcs1v15', 'rsa-pkcs1', null, 1]) {
    it(`refuses ${inspect(padding)}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        RsaMasterKey.from({ ...PAIR, padding: wrong(padding) }),
      )
      expect(error).to.include({ option: 'padding' })
    })
  }
})

describe('the failure of RsaMasterKey.unwrap', () => {
  const zeros = Buffer.alloc(256)
  const other = testPair('2048-other').publicKey
  const damages: Readonly<Record<string, (good: Wrapped, scheme: RsaPaddingName) => Partial<Wrapped>>> = {
    'a key under another pair': (_, scheme) => ({
      key:
        scheme === 'rsa-pkcs1'
          ? pkcs1ModelEncrypt(other, KEY)
          : oaepModelEncrypt(other, KEY, OAEP_MODELS[scheme]!),
    }),
    'a key of zeros': () => ({ key: zeros }),
    'an IV of zeros': () => ({ iv: zeros }),
    'both of zeros': () => ({ key: zeros, iv: zeros }),
    'a key above the modulus': () => ({ key: Buffer.alloc(256, 0xff) }),
    'an IV above the modulus': () => ({ iv: Buffer.alloc(256, 0xff) }),
    'a key that is too short': ({ key }) => ({ key: key.subarray(1) }),
    'an IV that is too long': ({ iv }) => ({ iv: Buffer.concat([Buffer.of(0), iv]) }),
    'an empty key': () => ({ key: Buffer.alloc(0) }),
    'key and IV exchanged': ({ key, iv }) => ({ key: iv, iv: key }),
    'a flipped bit in the key': ({ key }) => ({
      key: Buffer.from(key.map((byte, at) => (at === 255 ? byte ^ 1 : byte))),
    }),
    'a data key of 31 bytes': (_, scheme) => ({ key: wrap(scheme, KEY.subarray(1)) }),
    'a data key of 33 bytes': (_, scheme) => ({ key: wrap(scheme, Buffer.concat([KEY, Buffer.of(1)])) }),
    'an IV of 12 bytes': (_, scheme) => ({ iv: wrap(scheme, KEY.subarray(0, 12)) }),
    'an empty message': (_, scheme) => ({ key: wrap(scheme, Buffer.alloc(0)) }),
    'another padding': (_, scheme) => ({
      key: wrap(scheme === 'rsa-pkcs1' ? 'rsa-oaep-sha256' : 'rsa-pkcs1', KEY),
    }),
  }

  for (const scheme of SCHEMES) {
    it(`is one and the same by ${scheme}, whichever of ${Object.keys(damages).length} damages it is`, async () => {
      const master = RsaMasterKey.from({ ...PAIR, padding: 'any' })
      const good: Wrapped = { format: 'cos', scheme, key: wrap(scheme, KEY), iv: wrap(scheme, ivOf('cos')) }
      await master.unwrap(good)
      const errors: SealstreamError[] = []
      for (const damage of Object.values(damages)) {
        errors.push(
          await refused('SEALSTREAM_UNWRAP', () => master.unwrap({ ...good, ...damage(good, scheme) })),
        )
      }
      const shown = errors.map(({ code, message, hint, cause }) => inspect([code, message, hint, cause]))
      expect(new Set(shown).size).to.equal(1)
      expect(errors[0]!.hint).to.equal(undefined)
    })
  }

  it("is one and the same with padding 'oaep', hint included, of whatever is read as cos-python", async () => {
    const master = RsaMasterKey.from(PAIR)
    const good = pythonWrapped('rsa-oaep-sha1')
    const errors = [await refused('SEALSTREAM_UNWRAP', () => master.unwrap(pythonWrapped('rsa-pkcs1')))]
    for (const damage of Object.values(damages)) {
      const damaged = { ...good, ...damage(good, 'rsa-oaep-sha1') }
      errors.push(await refused('SEALSTREAM_UNWRAP', () => master.unwrap(damaged)))
    }
    const shown = errors.map(({ code, message, hint, cause }) => inspect([code, message, hint, cause]))
    expect(new Set(shown).size).to.equal(1)
    expect(errors[0]!.hint).to.include('PKCS#1 v1.5').and.to.include('COS Python SDK')
  })

  /** Each a block that begins like PKCS#1 v1.5 and is none, with as many bytes as the right one. */
  const paddings: Readonly<Record<string, Buffer>> = {
    'a zero among the first eight': Buffer.alloc(221, 1).fill(0, 3, 4),
    'a zero as the very first': Buffer.alloc(221, 1).fill(0, 0, 1),
    'a zero as the last of the padding': Buffer.alloc(221, 1).fill(0, 220),
    'a zero in the middle': Buffer.alloc(221, 1).fill(0, 100, 101),
  }
  for (const [title, padding] of Object.entries(paddings)) {
    it(`comes for PKCS#1 v1.5 with ${title}: lengths are exact`, async () => {
      const master = RsaMasterKey.from({ ...PAIR, padding: 'any' })
      const key = pkcs1ModelEncrypt(PAIR.publicKey, KEY, padding)
      const wrapped = { ...pythonWrapped('rsa-pkcs1'), key }
      await refused('SEALSTREAM_UNWRAP', () => master.unwrap(wrapped))
    })
  }

  for (const scheme of ['aes-kw', 'aes-ctr', 'aes-ecb', 'kms', 'custom'] satisfies WrapScheme[]) {
    it(`is SEALSTREAM_KEY_KIND for ${scheme}, with padding 'any' and with a public key alone, too`, async () => {
      const wrapped = { ...pythonWrapped('rsa-pkcs1'), scheme }
      for (const keys of [{ ...PAIR, padding: 'any' as const }, { publicKey: PAIR.publicKey }]) {
        await refused('SEALSTREAM_KEY_KIND', () => RsaMasterKey.from(keys).unwrap(wrapped))
      }
    })
  }
})
