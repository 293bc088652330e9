/** Headers of old COS Java SDKs, built by hand (wire-formats B4): read only, the IV in the clear. */
import { expect } from 'chai'
import { openEnvelope, type OpenedEnvelope } from '../../lib/envelope/envelope.js'
import { readInstructionFile } from '../../lib/envelope/legacy-dialect.js'
import { readEnvelope } from '../../lib/envelope/read-envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import {
  aesWrapping,
  CONTENTS,
  ecbWrapping,
  instructionBody,
  legacyHeaders,
  newContent,
  oaepWrapping,
  pkcs1Wrapping,
  storedAs,
  type ContentName,
  type Wrapping,
} from '../support/sdk-headers.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const random = new Seeded(420)
const PLAIN = random.bytes(1000)
const MALFORMED = 'SEALSTREAM_ENVELOPE_MALFORMED'
const META = 'x-cos-meta-'
const PAIR = testPair('2048')
const KEKS = [16, 24, 32].map((length) => random.bytes(length))
const KEK = KEKS[2]!
const CONTENT_NAMES = Object.keys(CONTENTS) as ContentName[]

const open = (headers: Record<string, string>, master: MasterKey): Promise<OpenedEnvelope> =>
  openEnvelope(headers, master, { policy: 'any' })

const without = (headers: Record<string, string>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([each]) => each !== META + name))

const kms: Wrapping = { name: 'kms', wrap: (bytes) => Buffer.from(`BLOB:${bytes.toString('base64')}`) }

const WAYS: readonly [title: string, wrapping: Wrapping, master: MasterKey][] = [
  ...KEKS.flatMap((kek): [string, Wrapping, MasterKey][] => [
    [`the bare AES of ${kek.length * 8} bits, ECB`, ecbWrapping(kek), AesMasterKey.from(kek)],
    [`AESWrap of ${kek.length * 8} bits`, aesWrapping(kek), AesMasterKey.from(kek)],
  ]),
  ['the bare RSA', pkcs1Wrapping(PAIR.publicKey), RsaMasterKey.from({ ...PAIR, padding: 'any' })],
  [
    'the bare RSA, with pkcs1',
    pkcs1Wrapping(PAIR.publicKey),
    RsaMasterKey.from({ ...PAIR, padding: 'pkcs1' }),
  ],
  ...(['rsa-oaep-sha1', 'rsa-oaep-sha256-mgf1-sha1', 'rsa-oaep-sha256'] as const).map(
    (model): [string, Wrapping, MasterKey] => [
      model,
      oaepWrapping(PAIR.publicKey, model),
      RsaMasterKey.from(PAIR),
    ],
  ),
  ['KMS by its old name', kms, new FakeKmsMasterKey()],
  ['KMS', { ...kms, name: 'KMS/TencentCloud' }, new FakeKmsMasterKey()],
]

for (const [title, wrapping, master] of WAYS) {
  describe(`legacy headers under ${title}`, () => {
    for (const cipher of CONTENT_NAMES) {
      for (const keyName of ['x-cos-key', 'x-cos-key-v2'] as const) {
        it(`open ${cipher} in ${keyName}, keyVerified false, and decrypt whole and byte by byte`, async () => {
          const content = newContent(cipher)
          const headers = legacyHeaders(content, wrapping, keyName)
          const { format } = CONTENTS[cipher]
          expect(readEnvelope(headers)).to.include({ format, dialect: 'java-legacy' })
          const { dataKey, ...facts } = await open(headers, master)
          expect(facts).to.deep.equal({ format, authenticated: false, keyVerified: false })
          const stored = storedAs(content, PLAIN)
          for (const pieces of [[stored], [...stored].map((byte) => Buffer.of(byte))]) {
            expect(runCipher(dataKey.decryptor(), pieces).equals(PLAIN)).to.equal(true)
          }
        })
      }

      it(`open ${cipher} from the instruction file that says the same`, async () => {
        const content = newContent(cipher)
        const body = instructionBody(legacyHeaders(content, wrapping))
        const { dataKey } = await open(readInstructionFile(body), master)
        expect(runCipher(dataKey.decryptor(), [storedAs(content, PLAIN)]).equals(PLAIN)).to.equal(true)
      })
    }
  })
}

describe('legacy headers that are no envelope', () => {
  const aes = AesMasterKey.from(KEK)
  const whole = legacyHeaders(newContent('AES/GCM/NoPadding'), aesWrapping(KEK))

  for (const name of ['x-cos-iv', 'x-cos-cek-alg', 'x-cos-tag-len']) {
    it(`are refused without ${name}, which the error names`, async () => {
      const error = await refused(MALFORMED, () => open(without(whole, name), aes))
      expect(error).to.include({ header: META + name })
    })
  }

  it('are refused without a key', async () => {
    await refused(MALFORMED, () => open(without(whole, 'x-cos-key-v2'), aes))
  })

  it('are refused with both keys', async () => {
    const both = { ...whole, [`${META}x-cos-key`]: whole[`${META}x-cos-key-v2`]! }
    await refused('SEALSTREAM_AMBIGUOUS_ENVELOPE', () => open(both, aes))
  })

  for (const tagLen of ['', '96', '0128', '128 ', '16']) {
    it(`are refused with the tag length "${tagLen}"`, async () => {
      await refused(MALFORMED, () => open({ ...whole, [`${META}x-cos-tag-len`]: tagLen }, aes))
    })
  }

  for (const cipher of CONTENT_NAMES) {
    for (const length of [0, 8, 12, 16, 24].filter((each) => each !== CONTENTS[cipher].ivBytes)) {
      it(`are refused as ${cipher} with an IV of ${length} bytes`, async () => {
        const content = { ...newContent(cipher), iv: Buffer.alloc(length, 1) }
        await refused(MALFORMED, () => open(legacyHeaders(content, aesWrapping(KEK)), aes))
      })
    }
  }

  for (const length of [16, 32, 40, 47, 49, 64, 127, 1025]) {
    it(`are refused with a key of ${length} bytes and no wrap-alg`, async () => {
      const wrapping: Wrapping = { name: undefined, wrap: () => Buffer.alloc(length, 1) }
      await refused(MALFORMED, () => open(legacyHeaders(newContent('AES/CTR/NoPadding'), wrapping), aes))
    })
  }

  for (const name of ['AES', 'RSA', 'RSA/ECB/PKCS1Padding', 'AES/ECB/PKCS5Padding', '']) {
    it(`are refused with the wrap-alg "${name}": the bare names go without one`, async () => {
      const headers = { ...whole, [`${META}x-cos-wrap-alg`]: name }
      await refused('SEALSTREAM_UNKNOWN_ALGORITHM', () => open(headers, aes))
    })
  }
})

describe('legacy headers under the wrong key', () => {
  const ctr = newContent('AES/CTR/NoPadding')

  it('are refused under another AES key, in ECB in all of 40 tries', async () => {
    const headers = legacyHeaders(ctr, ecbWrapping(KEK))
    const seeded = new Seeded(421)
    for (let round = 0; round < 40; round++) {
      await refused('SEALSTREAM_UNWRAP', () => open(headers, AesMasterKey.from(seeded.bytes(32))))
    }
  })

  it('are refused in ECB with an altered last block', async () => {
    const headers = legacyHeaders(ctr, {
      ...ecbWrapping(KEK),
      wrap: (bytes) => {
        const wrapped = ecbWrapping(KEK).wrap(bytes)
        wrapped[47]! ^= 1
        return wrapped
      },
    })
    await refused('SEALSTREAM_UNWRAP', () => open(headers, AesMasterKey.from(KEK)))
  })

  for (const [length, code] of [
    [16, MALFORMED],
    [31, MALFORMED],
    [33, 'SEALSTREAM_UNWRAP'],
    [40, 'SEALSTREAM_UNWRAP'],
  ] as const) {
    it(`are refused with ${code} in ECB around a data key of ${length} bytes`, async () => {
      const wrap = (): Buffer => ecbWrapping(KEK).wrap(Buffer.alloc(length, 5))
      const headers = legacyHeaders(ctr, { name: undefined, wrap })
      await refused(code, () => open(headers, AesMasterKey.from(KEK)))
    })
  }

  it("are refused under the bare RSA with padding 'oaep', with a hint that names the option", async () => {
    const headers = legacyHeaders(ctr, pkcs1Wrapping(PAIR.publicKey))
    const error = await refused('SEALSTREAM_UNWRAP', () => open(headers, RsaMasterKey.from(PAIR)))
    expect(error.hint).to.include("padding: 'any'")
  })

  it('are refused under another RSA key', async () => {
    const headers = legacyHeaders(ctr, pkcs1Wrapping(PAIR.publicKey))
    const other = RsaMasterKey.from({ ...testPair('2048-other'), padding: 'any' })
    await refused('SEALSTREAM_UNWRAP', () => open(headers, other))
  })
})
