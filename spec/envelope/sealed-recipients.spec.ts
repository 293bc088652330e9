/** Objects of format sealed with one recipient or several: who opens them, who does not, and how large their headers are. */
import { expect } from 'chai'
import { createEnvelope, openEnvelope, type CreatedEnvelope } from '../../lib/envelope/envelope.js'
import { SealstreamError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { kmsOfSpec } from '../support/kms-keys.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const PLAIN = new Seeded(440).bytes(20_000)
const recipient = (number: number): string => `x-cos-meta-sealstream-recipient-${number}`
const AES = AesMasterKey.from(new Seeded(441).bytes(32))
const OTHER_AES = AesMasterKey.from(new Seeded(442).bytes(32))
const RSA = RsaMasterKey.from(testPair('2048'))
const OTHER_RSA = RsaMasterKey.from(testPair('2048-other'))
const RSA_4096 = RsaMasterKey.from(testPair('4096'))
const sizeOf = (headers: Record<string, string>): number => Object.entries(headers).flat().join('').length

/** The envelope under these keys, with the object that belongs to it. */
async function write(...masters: MasterKey[]): Promise<CreatedEnvelope & { stored: Buffer }> {
  const envelope = await createEnvelope(new Keyring({ write: masters }), { format: 'sealed' })
  return { ...envelope, stored: runCipher(envelope.dataKey.encryptor(), [PLAIN]) }
}

async function opensAlone(headers: Record<string, string>, stored: Buffer, reader: MasterKey): Promise<void> {
  const { dataKey, ...facts } = await openEnvelope(headers, reader, { policy: 'authenticated' })
  expect(facts).to.deep.equal({ format: 'sealed', authenticated: true, keyVerified: true })
  expect(runCipher(dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
}

/** The right bytes or an error: never anything else. */
async function opensOrIsRefused(
  headers: Record<string, string>,
  stored: Buffer,
  reader: MasterKey,
): Promise<boolean> {
  try {
    const { dataKey } = await openEnvelope(headers, reader, { policy: 'any' })
    expect(dataKey.format).to.equal('sealed')
    expect(runCipher(dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
    return true
  } catch (error) {
    if (!(error instanceof SealstreamError)) throw error
    return false
  }
}

describe('a sealed object with three recipients: AES, RSA and KMS', () => {
  const kms = kmsOfSpec()
  const other = kmsOfSpec()
  const readers: Readonly<Record<string, () => MasterKey>> = {
    AES: () => AES,
    RSA: () => RSA,
    KMS: () => kms.key(),
  }

  for (const [name, reader] of Object.entries(readers)) {
    it(`opens under ${name} alone, wherever it stands among the three`, async () => {
      for (const order of [
        [AES, RSA, kms.key()],
        [kms.key(), AES, RSA],
        [RSA, kms.key(), AES],
      ]) {
        const { metadata, stored } = await write(...order)
        await opensAlone(metadata, stored, reader())
      }
    })
  }

  it('has the data key of GenerateDataKey, whichever place KMS has', async () => {
    await write(AES, RSA, kms.key())
    await kms.expectCalls({ GenerateDataKey: 1 })
  })

  it('asks two keys in KMS for one data key and one Encrypt', async () => {
    const [one, two] = [kms.key({ keyId: 'one' }), kms.key({ keyId: 'two' })]
    const { metadata, stored } = await write(one, two)
    await kms.expectCalls({ GenerateDataKey: 1, Encrypt: 1 })
    for (const reader of [one, two]) await opensAlone(metadata, stored, reader)
  })

  it('is refused with one and the same error under wrong keys, each alone and all together', async () => {
    const { metadata } = await write(AES, RSA, kms.key())
    const wrong = [OTHER_AES, OTHER_RSA, other.key()]
    const errors = []
    for (const reader of [...wrong, new Keyring({ write: OTHER_AES, read: wrong.slice(1) })]) {
      errors.push(await refused('SEALSTREAM_UNWRAP', () => openEnvelope(metadata, reader, { policy: 'any' })))
    }
    const shown = errors.map(({ message, hint, cause }) => JSON.stringify([message, hint, cause]))
    expect(new Set(shown).size).to.equal(1)
  })

  it('names each key by its id', async () => {
    const { metadata } = await write(AES, RSA, kms.key({ keyId: 'my-key' }))
    const heads = [1, 2, 3].map((number) => metadata[recipient(number)]!.split('.').slice(0, 2).join('.'))
    expect(heads).to.deep.equal([`aes.${AES.id}`, `rsa.${RSA.id}`, 'kms.my-key'])
  })

  it('does not open with the wrapped key of another dialect under the same KMS key', async () => {
    for (const format of ['cos', 'cos-java-gcm'] as const) {
      const { metadata } = await createEnvelope(kms.key(), { format })
      const blob = Buffer.from(metadata['x-cos-meta-client-side-encryption-key']!, 'base64')
      const { metadata: sealed } = await write(kms.key())
      const posing = { ...sealed, [recipient(1)]: `kms.key-1.${blob.toString('base64url')}` }
      await refused('SEALSTREAM_UNWRAP', () => openEnvelope(posing, kms.key(), { policy: 'any' }))
    }
  })
})

describe('a sealed object whose recipients were altered (RULES 3.6)', () => {
  const fakeKms = new FakeKmsMasterKey()
  const masters = { AES, RSA, KMS: fakeKms }
  let metadata: Record<string, string> = {}
  let stored: Buffer = Buffer.alloc(0)
  before(async () => {
    ;({ metadata, stored } = await write(...Object.values(masters)))
  })
  const parts = (number: number): string[] => metadata[recipient(number)]!.split('.')

  for (const [name, reader] of Object.entries(masters)) {
    it(`opens under ${name} with all ids altered, exchanged or the same`, async () => {
      const ids = [1, 2, 3].map((number) => parts(number)[1]!)
      for (const changed of [['x', 'y', 'z'], [...ids].reverse(), ids.map(() => ids[0]!), ['a', 'a', 'a']]) {
        const altered = { ...metadata }
        for (const [index, id] of changed.entries()) {
          const [kind = '', , key = ''] = parts(index + 1)
          altered[recipient(index + 1)] = `${kind}.${id}.${key}`
        }
        await opensAlone(altered, stored, reader)
      }
    })

    it(`opens under ${name} with the others gone, in another order, or there many times`, async () => {
      const mine = metadata[recipient(Object.keys(masters).indexOf(name) + 1)]!
      const values = [1, 2, 3].map((number) => metadata[recipient(number)]!)
      for (const list of [[mine], [...values].reverse(), [...values, ...values, ...values]]) {
        const { [recipient(1)]: _, [recipient(2)]: __, [recipient(3)]: ___, ...rest } = metadata
        const numbered = list.map((value, index) => [recipient(index + 1), value] as const)
        await opensAlone({ ...rest, ...Object.fromEntries(numbered) }, stored, reader)
      }
    })

    it(`gives ${name} the right bytes or none, with each character of each header altered`, async () => {
      let opened = 0
      let count = 0
      for (const [header, value] of Object.entries(metadata)) {
        for (let at = 0; at < value.length; at++) {
          // A neighbour within the alphabet of Base64url, so that most get past the grammar.
          const other = value[at] === 'A' ? 'B' : 'A'
          const altered = { ...metadata, [header]: value.slice(0, at) + other + value.slice(at + 1) }
          count += 1
          if (await opensOrIsRefused(altered, stored, reader)) opened += 1
        }
      }
      expect(count).to.be.greaterThan(400)
      // What is not this recipient's own, the version or the content is harmless.
      expect([opened > 0, opened < count]).to.deep.equal([true, true])
    })

    it(`refuses ${name} another object's wrapped key in its place, at the first byte of content`, async () => {
      const { metadata: another } = await write(...Object.values(masters))
      const number = Object.keys(masters).indexOf(name) + 1
      const altered = { ...metadata, [recipient(number)]: another[recipient(number)]! }
      const { dataKey } = await openEnvelope(altered, reader, { policy: 'any' })
      await refused('SEALSTREAM_COMMITMENT', () => runCipher(dataKey.decryptor(), [stored]))
    })
  }

  it('does not open with the wrapped key of format cos under the same AES key (RULES 3.2)', async () => {
    const { metadata: cos } = await createEnvelope(AES, { format: 'cos' })
    const blob = Buffer.from(cos['x-cos-meta-client-side-encryption-key']!, 'base64')
    const posing = `aes.${AES.id}.${blob.toString('base64url')}`
    const { [recipient(2)]: _, [recipient(3)]: __, ...rest } = metadata
    await refused('SEALSTREAM_UNWRAP', () =>
      openEnvelope({ ...rest, [recipient(1)]: posing }, AES, { policy: 'any' }),
    )
  })

  it('does not open as format cos with the wrapped key of sealed under the same AES key', async () => {
    const [, , key = ''] = parts(1)
    const { metadata: cos } = await createEnvelope(AES, { format: 'cos' })
    const name = 'x-cos-meta-client-side-encryption-key'
    const posing = { ...cos, [name]: Buffer.from(key, 'base64url').toString('base64') }
    await refused('SEALSTREAM_UNWRAP', () => openEnvelope(posing, AES, { policy: 'any' }))
  })

  it('does not open with the wrapped key of cos-java-gcm or cos under the same RSA key', async () => {
    for (const format of ['cos-java-gcm', 'cos'] as const) {
      const { metadata: cos } = await createEnvelope(RSA, { format })
      const blob = Buffer.from(cos['x-cos-meta-client-side-encryption-key']!, 'base64')
      const posing = { ...metadata, [recipient(2)]: `rsa.${RSA.id}.${blob.toString('base64url')}` }
      await refused('SEALSTREAM_UNWRAP', () => openEnvelope(posing, RSA, { policy: 'any' }))
    }
  })
})

describe('the headers of format sealed', () => {
  const kms = kmsOfSpec()
  const SIZES: readonly [title: string, bytes: number, masters: () => MasterKey[]][] = [
    ['AES', 182, () => [AES]],
    ['RSA-2048', 486, () => [RSA]],
    ['RSA-4096', 827, () => [RSA_4096]],
    ['KMS of the embedded server', 243, () => [kms.key()]],
    ['AES, RSA-2048 and KMS', 763, () => [AES, RSA, kms.key()]],
    ['AES, RSA-4096 and KMS', 1104, () => [AES, RSA_4096, kms.key()]],
  ]
  for (const [title, bytes, masters] of SIZES) {
    it(`have ${bytes} bytes under ${title}, of 4096 that the service takes`, async () => {
      const { metadata } = await write(...masters())
      expect(sizeOf(metadata)).to.equal(bytes).and.to.be.below(4096)
      for (const value of Object.values(metadata)) expect(value).to.match(/^[\x21-\x7e]{1,2000}$/)
    })
  }
})
