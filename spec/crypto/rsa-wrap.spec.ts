import {
  constants,
  createPrivateKey,
  createPublicKey,
  privateDecrypt,
  publicEncrypt,
  type KeyObject,
} from 'node:crypto'
import { expect } from 'chai'
import { oaepOverhead, rsaOaepEncrypt } from '../../lib/crypto/rsa-oaep.js'
import { modulusBytes } from '../../lib/crypto/rsa-raw.js'
import { rsaUnwrapper, rsaWrap, type RsaPaddingName } from '../../lib/crypto/rsa-wrap.js'
import { Seeded } from '../support/seeded.js'
import { fromHex, wycheproof } from '../support/wycheproof.js'

const PADDINGS = [
  'rsa-oaep-sha1',
  'rsa-oaep-sha256-mgf1-sha1',
  'rsa-oaep-sha256',
  'rsa-pkcs1',
] as const satisfies RsaPaddingName[]

/** What each takes of a modulus (RFC 8017, 7.1.1 and 7.2.1). */
const OVERHEAD = {
  'rsa-oaep-sha1': 42,
  'rsa-oaep-sha256-mgf1-sha1': 66,
  'rsa-oaep-sha256': 66,
  'rsa-pkcs1': 11,
}

const PEM = wycheproof.rsa('rsa_oaep_2048_sha1_mgf1sha1')[0]!.privateKeyPem
const PRIVATE = createPrivateKey(PEM)
const PUBLIC = createPublicKey(PEM)
const BYTES = new Seeded(81).bytes(245)

/** A wrapped key of 32 bytes of each, the same on every run: random padding could once pass by chance. */
const FILES = {
  'rsa-oaep-sha1': 'rsa_oaep_2048_sha1_mgf1sha1',
  'rsa-oaep-sha256-mgf1-sha1': 'rsa_oaep_2048_sha256_mgf1sha1',
  'rsa-oaep-sha256': 'rsa_oaep_2048_sha256_mgf1sha256',
  'rsa-pkcs1': 'rsa_pkcs1_2048',
}

function sample(padding: RsaPaddingName): { key: KeyObject; wrapped: Buffer } {
  const vectors = wycheproof.rsa(FILES[padding])
  const vector = vectors.find(({ result, msg, label }) => result === 'valid' && msg.length === 64 && !label)!
  return { key: createPrivateKey(vector.privateKeyPem), wrapped: fromHex(vector.ct) }
}

const unwrap = (wrapped: Uint8Array, length: number, padding: RsaPaddingName): Buffer | undefined =>
  rsaUnwrapper(PRIVATE, wrapped, length)(padding)

/** The padded block, as RSA itself gives it. */
const raw = (wrapped: Buffer): Buffer =>
  privateDecrypt({ key: PRIVATE, padding: constants.RSA_NO_PADDING }, wrapped)

for (const padding of PADDINGS) {
  describe(`rsaWrap and rsaUnwrapper with ${padding}`, () => {
    const most = 256 - OVERHEAD[padding]

    for (const length of [0, 1, 12, 16, 32, most - 1, most]) {
      it(`restores ${length} bytes under a modulus of 256`, () => {
        const bytes = BYTES.subarray(0, length)
        const wrapped = rsaWrap(PUBLIC, bytes, padding)
        expect(wrapped.length).to.equal(256)
        expect(unwrap(wrapped, length, padding)?.equals(bytes)).to.equal(true)
      })
    }

    it(`refuses to wrap ${most + 1} bytes: the modulus has no room`, () => {
      expect(() => rsaWrap(PUBLIC, Buffer.alloc(most + 1), padding)).to.throw(RangeError)
    })

    it(`gives nothing when more than ${most} bytes are asked for`, () => {
      const wrapped = rsaWrap(PUBLIC, BYTES.subarray(0, most), padding)
      for (const length of [most + 1, 255, 256, 257, 10_000]) {
        expect(unwrap(wrapped, length, padding), `${length} bytes`).to.equal(undefined)
      }
    })

    it('gives nothing at any other length than what was wrapped', () => {
      const wrapped = rsaWrap(PUBLIC, BYTES.subarray(0, 32), padding)
      for (const length of [0, 1, 16, 31, 33, 48]) {
        expect(unwrap(wrapped, length, padding), `${length} bytes`).to.equal(undefined)
      }
    })

    it('gives nothing under another key', () => {
      const { wrapped, key } = sample(padding)
      const other = sample(padding === 'rsa-pkcs1' ? 'rsa-oaep-sha1' : 'rsa-pkcs1').key
      expect(rsaUnwrapper(key, wrapped, 32)(padding)?.length).to.equal(32)
      expect(rsaUnwrapper(other, wrapped, 32)(padding)).to.equal(undefined)
    })

    for (const length of [0, 1, 32, 255, 257, 512]) {
      it(`gives nothing for ${length} bytes under a modulus of 256`, () => {
        expect(unwrap(Buffer.alloc(length, 1), 32, padding)).to.equal(undefined)
      })
    }

    it('gives nothing without a first byte of zero, or with one more: the number is the same, its length is not', () => {
      // One in 256 begins so.
      const wrap = (): Buffer => rsaWrap(PUBLIC, BYTES.subarray(0, 32), padding)
      let wrapped = wrap()
      while (wrapped[0] !== 0) wrapped = wrap()
      expect(unwrap(wrapped, 32, padding)?.length).to.equal(32)
      expect(unwrap(wrapped.subarray(1), 32, padding)).to.equal(undefined)
      expect(unwrap(Buffer.concat([Buffer.of(0), wrapped]), 32, padding)).to.equal(undefined)
    })

    it('gives nothing for a number that is not below the modulus', () => {
      expect(unwrap(Buffer.alloc(256, 0xff), 32, padding)).to.equal(undefined)
    })

    it('gives nothing for single flipped bits, one in each of the 256 bytes', () => {
      const { wrapped, key } = sample(padding)
      for (let at = 0; at < 256; at++) {
        const altered = Buffer.from(wrapped)
        altered[at]! ^= 1 << (at & 7)
        expect(rsaUnwrapper(key, altered, 32)(padding), `byte ${at}`).to.equal(undefined)
      }
    })

    it('wraps the same bytes to something else every time', () => {
      const seen = new Set(Array.from({ length: 20 }, () => rsaWrap(PUBLIC, BYTES.subarray(0, 32), padding)))
      expect(new Set([...seen].map((wrapped) => wrapped.toString('hex'))).size).to.equal(20)
    })

    it('leaves what it is given as it was', () => {
      const bytes = Buffer.from(BYTES.subarray(0, 32))
      const wrapped = rsaWrap(PUBLIC, bytes, padding)
      const before = Buffer.from(wrapped)
      unwrap(wrapped, 32, padding)
      expect([bytes.equals(BYTES.subarray(0, 32)), wrapped.equals(before)]).to.deep.equal([true, true])
    })

    it('is looked for among the others in any order, after one decryption', () => {
      const bytes = BYTES.subarray(0, 32)
      const as = rsaUnwrapper(PRIVATE, rsaWrap(PUBLIC, bytes, padding), 32)
      for (const other of [...PADDINGS, ...PADDINGS.toReversed()]) {
        expect(as(other)?.equals(bytes), other).to.equal(other === padding ? true : undefined)
      }
    })
  })
}

describe("RSA wrapping beside Node's own", () => {
  for (const [padding, oaepHash] of [
    ['rsa-oaep-sha1', 'sha1'],
    ['rsa-oaep-sha256', 'sha256'],
  ] as const) {
    const options = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }

    it(`is opened by Node with ${oaepHash}, from ${padding}`, () => {
      const wrapped = rsaWrap(PUBLIC, BYTES.subarray(0, 32), padding)
      expect(privateDecrypt({ key: PRIVATE, ...options }, wrapped).equals(BYTES.subarray(0, 32))).to.equal(
        true,
      )
    })

    it(`opens what Node wrapped with ${oaepHash}, as ${padding}`, () => {
      const wrapped = publicEncrypt({ key: PUBLIC, ...options }, BYTES.subarray(0, 32))
      expect(unwrap(wrapped, 32, padding)?.equals(BYTES.subarray(0, 32))).to.equal(true)
    })

    it(`gives nothing for what Node wrapped with ${oaepHash} and a label, as ${padding}`, () => {
      const labelled = { key: PUBLIC, ...options, oaepLabel: Buffer.from('label') }
      expect(unwrap(publicEncrypt(labelled, BYTES.subarray(0, 32)), 32, padding)).to.equal(undefined)
    })
  }

  it('opens what Node wrapped with PKCS#1 v1.5', () => {
    const wrapped = publicEncrypt(
      { key: PUBLIC, padding: constants.RSA_PKCS1_PADDING },
      BYTES.subarray(0, 32),
    )
    expect(unwrap(wrapped, 32, 'rsa-pkcs1')?.equals(BYTES.subarray(0, 32))).to.equal(true)
  })

  it('pads PKCS#1 v1.5 as 0, 2, 221 random bytes that are never zero, 0, and the message', () => {
    for (let round = 0; round < 10; round++) {
      const block = raw(rsaWrap(PUBLIC, BYTES.subarray(0, 32), 'rsa-pkcs1'))
      expect([block[0], block[1], block[223]]).to.deep.equal([0, 2, 0])
      expect(block.subarray(2, 223).includes(0)).to.equal(false)
      expect(block.subarray(224).equals(BYTES.subarray(0, 32))).to.equal(true)
    }
  })

  it('begins an OAEP block with a zero byte, whatever the hashes', () => {
    for (const padding of PADDINGS.slice(0, 3)) {
      expect(raw(rsaWrap(PUBLIC, BYTES.subarray(0, 32), padding))[0], padding).to.equal(0)
    }
  })
})

describe('RSA sizes', () => {
  for (const [pem, bytes] of [
    ['rsa_oaep_2048_sha1_mgf1sha1', 256],
    ['rsa_pkcs1_3072', 384],
    ['rsa_pkcs1_4096', 512],
  ] as const) {
    it(`has ${bytes} bytes in the modulus of ${pem}`, () => {
      expect(modulusBytes(createPrivateKey(wycheproof.rsa(pem)[0]!.privateKeyPem))).to.equal(bytes)
    })
  }

  it('takes 42 bytes of the modulus for OAEP with SHA-1 and 66 with SHA-256, whatever MGF1 has', () => {
    expect(oaepOverhead({ hash: 'sha1', mgf1Hash: 'sha1' })).to.equal(42)
    expect(oaepOverhead({ hash: 'sha256', mgf1Hash: 'sha1' })).to.equal(66)
    expect(oaepOverhead({ hash: 'sha256', mgf1Hash: 'sha256' })).to.equal(66)
  })

  it('takes SHA-1 with MGF1-SHA-256 too, which no envelope names', () => {
    const wrapped = rsaOaepEncrypt(PUBLIC, BYTES.subarray(0, 32), { hash: 'sha1', mgf1Hash: 'sha256' })
    for (const padding of PADDINGS) expect(unwrap(wrapped, 32, padding), padding).to.equal(undefined)
  })
})
