/** Headers as the COS Android SDK writes them, built by hand: a plain IV in -start (wire-formats B6). */
import { expect } from 'chai'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { readEnvelope } from '../../lib/envelope/read-envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import {
  aesWrapping,
  androidHeaders,
  newContent,
  oaepWrapping,
  PREFIX,
  storedAs,
  type Wrapping,
} from '../support/sdk-headers.js'
import { Seeded } from '../support/seeded.js'
import { testPair, type TestModulus } from '../support/test-keys.js'

const random = new Seeded(410)
const PLAIN = random.bytes(1000)
const CTR = 'AES/CTR/NoPadding'

const KEKS = [16, 24, 32].map((length) => random.bytes(length))
const kmsWrapping = (name: string): Wrapping => ({
  name,
  wrap: (bytes) => Buffer.from(`BLOB:${bytes.toString('base64')}`),
})

const WAYS: readonly [title: string, wrapping: Wrapping, master: MasterKey][] = [
  ...KEKS.map((kek): [string, Wrapping, MasterKey] => [
    `AESWrap of ${kek.length * 8} bits`,
    aesWrapping(kek),
    AesMasterKey.from(kek),
  ]),
  ...(['2048', '4096'] satisfies TestModulus[]).flatMap((bits) =>
    (['rsa-oaep-sha1', 'rsa-oaep-sha256-mgf1-sha1', 'rsa-oaep-sha256'] as const).map(
      (model): [string, Wrapping, MasterKey] => [
        `RSA-${bits} by ${model}`,
        oaepWrapping(testPair(bits).publicKey, model),
        RsaMasterKey.from(testPair(bits)),
      ],
    ),
  ),
  ['KMS', kmsWrapping('KMS/TencentCloud'), new FakeKmsMasterKey()],
  ['KMS by its old name', kmsWrapping('kms'), new FakeKmsMasterKey()],
]

for (const [title, wrapping, master] of WAYS) {
  describe(`an object of the COS Android SDK under ${title}`, () => {
    const content = newContent(CTR)
    const headers = androidHeaders(content, wrapping)

    it('opens as cos, with keyVerified false: nothing proves the IV', async () => {
      expect(readEnvelope(headers)).to.include({ format: 'cos', dialect: 'android' })
      const { dataKey: _, ...facts } = await openEnvelope(headers, master, { policy: ['cos'] })
      expect(facts).to.deep.equal({
        format: 'cos',
        authenticated: false,
        keyVerified: false,
        description: {},
      })
    })

    it('decrypts whole and from within, which its own SDK cannot', async () => {
      const stored = storedAs(content, PLAIN)
      const { dataKey } = await openEnvelope(headers, master, { policy: 'any' })
      expect(runCipher(dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
      const range = runCipher(dataKey.decryptor({ start: 333, end: 777 }), [stored.subarray(333, 778)])
      expect(range.equals(PLAIN.subarray(333, 778))).to.equal(true)
    })

    it('opens with an empty context, whether the description is {} or absent', async () => {
      const { [`${PREFIX}matdesc`]: _, ...without } = headers
      for (const metadata of [headers, without]) {
        await openEnvelope(metadata, master, { policy: 'any', context: {} })
        await refused('SEALSTREAM_CONTEXT', () =>
          openEnvelope(metadata, master, { policy: 'any', context: { a: '1' } }),
        )
      }
    })

    it('opens with kms_cmk_id in its description, which is no part of the context', async () => {
      const described = androidHeaders(content, wrapping, '{"kms_cmk_id":"some-key","a":"1"}')
      await openEnvelope(described, master, { policy: 'any', context: { a: '1' } })
    })

    for (const name of ['AES/GCM/NoPadding', 'AES/CBC/PKCS5Padding']) {
      it(`does not open as ${name}: the SDK writes CTR only`, async () => {
        const altered = {
          ...headers,
          [`${PREFIX}cek-alg`]: name,
          'x-cos-meta-x-cos-tag-len': '128',
        }
        await refused('SEALSTREAM_ENVELOPE_MALFORMED', () => openEnvelope(altered, master, { policy: 'any' }))
      })
    }

    for (const length of [0, 1, 12, 15, 17, 32]) {
      it(`does not open with an IV of ${length} bytes`, async () => {
        const altered = { ...headers, [`${PREFIX}start`]: Buffer.alloc(length, 3).toString('base64') }
        await refused('SEALSTREAM_ENVELOPE_MALFORMED', () => openEnvelope(altered, master, { policy: 'any' }))
      })
    }
  })
}

describe('an object of the COS Android SDK with an altered IV', () => {
  it('opens to wrong bytes: keyVerified false says so', async () => {
    const content = newContent(CTR)
    const [kek = Buffer.alloc(0)] = KEKS
    const headers = androidHeaders({ ...content, iv: Buffer.alloc(16, 9) }, aesWrapping(kek))
    const opened = await openEnvelope(headers, AesMasterKey.from(kek), { policy: 'any' })
    expect(opened.keyVerified).to.equal(false)
    const output = runCipher(opened.dataKey.decryptor(), [storedAs(content, PLAIN)])
    expect(output.equals(PLAIN)).to.equal(false)
  })
})
