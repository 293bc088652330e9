/** rewrap: another envelope for the same bytes; who could read them cannot, and who is to can (RULES 6). */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { RewrapParams } from '../../lib/encrypted/rewrap.js'
import { OptionError } from '../../lib/errors.js'
import type { Format } from '../../lib/crypto/format.js'
import { Keyring } from '../../lib/keys/keyring.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { AES_256, MASTERS, RSA_2048, rsaPublicOnly } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import { kmsKey, ONE_OF_EACH, rawObject, writing } from '../support/format-writers.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const SIZE = PART + 70_000
const PLAIN = content(SIZE, 3)

describe('rewrap', () => {
  const bench = transferBench({}, { once: true })
  let keys: Record<'aes' | 'aes128' | 'rsa' | 'kms' | 'kms2', MasterKey>
  before(() => {
    keys = {
      aes: AES_256.masterKey(),
      aes128: MASTERS[0]!.masterKey(),
      rsa: RSA_2048.masterKey(),
      kms: kmsKey(bench),
      kms2: kmsKey(bench, 'key-2'),
    }
  })

  const client = (format: Format, masterKey: MasterKey, options = {}): CosEncryptionClient =>
    bench.encrypting({ format, policy: 'any', masterKey, ...options })
  const reads = async (by: CosEncryptionClient): Promise<boolean> =>
    (await bytesOf((await by.getObject({ Key: 'k' })).Body)).equals(PLAIN)

  /** Rewraps `k`; its bytes and their CRC-64 stay, and nothing but its envelope is another. */
  async function rewrapped(
    by: CosEncryptionClient,
    params: Omit<RewrapParams, 'Key'>,
  ): ReturnType<CosEncryptionClient['rewrap']> {
    const before = await rawObject(bench)
    const told = await by.rewrap({ Key: 'k', ...params })
    const after = await rawObject(bench)
    expect(after.bytes.equals(before.bytes), 'the bytes stay').to.equal(true)
    const crc64 = 'x-cos-hash-crc64ecma'
    expect(after.headers[crc64]).to.equal(before.headers[crc64])
    expect(after.metadata).not.to.deep.equal(before.metadata)
    expect(told).to.include({ verified: 'crc64', StoredLength: before.bytes.length, Key: 'k' })
    expect(await bench.uploads()).to.deep.equal([])
    return told
  }

  /** Refused, and nothing was written. */
  async function expectRefused(
    by: CosEncryptionClient,
    params: Omit<RewrapParams, 'Key'>,
    code: Parameters<typeof refused>[0],
    option?: string,
  ): Promise<void> {
    const before = await rawObject(bench)
    bench.calls.length = 0
    const error = await refused(code, () => by.rewrap({ Key: 'k', ...params }))
    if (option !== undefined) expect(ofClass(error, OptionError).option).to.equal(option)
    expect(bench.calls.filter(({ operation }) => /copy|create|put/i.test(operation))).to.deep.equal([])
    expect((await rawObject(bench)).metadata).to.deep.equal(before.metadata)
  }

  for (const [format, chain] of [
    ['cos', ['aes', 'rsa', 'kms', 'aes128', 'kms2', 'aes']],
    ['sealed', ['aes', 'rsa', 'kms', 'aes128', 'kms2', 'aes']],
    ['cos-java-gcm', ['rsa', 'kms', 'kms2', 'rsa']],
  ] as const) {
    for (const how of [{}, { MultipartThreshold: 0, PartSize: PART, Concurrency: 2 }]) {
      const way = 'PartSize' in how ? 'by part copies' : 'in one request'
      it(`${format}: from ${chain.join(' to ')}, ${way}`, async () => {
        await client(format, keys[chain[0]]).upload({ Key: 'k', Body: PLAIN, PartSize: PART })
        for (const [at, to] of chain.slice(1).entries()) {
          const from = chain[at]!
          const told = await rewrapped(client(format, keys[from]), { masterKey: keys[to], ...how })
          expect(told).to.include({
            format,
            authenticated: format === 'sealed',
            PartCount: 'PartSize' in how ? 2 : 0,
          })
          if (format === 'sealed') expect(told.recipients).to.deep.equal([keys[to].id])
          expect(await reads(client(format, keys[to])), to).to.equal(true)
          // Which key of KMS it was is for KMS to know: whoever may use both reads both.
          if (from.startsWith('kms') && to.startsWith('kms')) continue
          const error = await failureOf(() => client(format, keys[from]).getObject({ Key: 'k' }))
          expect(error.code).to.match(/_(KEY_KIND|UNWRAP)$/)
        }
      })
    }
  }

  for (const [name, accept] of [
    ['rsa', {}],
    ['aes', { acceptUnverifiedKey: true }],
  ] as const) {
    it(`cos to cos-python and back, under ${name}`, async () => {
      const masterKey = keys[name]
      await client('cos', masterKey).putObject({ Key: 'k', Body: PLAIN })
      for (const format of ['cos-python', 'cos'] as const) {
        const told = await rewrapped(client('cos', masterKey), { format, ...accept })
        expect(told).to.include({ format, authenticated: false })
        const got = await client('cos', masterKey).getObject({ Key: 'k' })
        expect(got.format).to.equal(format)
        expect((await bytesOf(got.Body)).equals(PLAIN)).to.equal(true)
      }
    })
  }

  it('cos under AES to cos-python under RSA, and to cos under KMS, in one step each', async () => {
    await client('cos', keys.aes).putObject({ Key: 'k', Body: PLAIN })
    await rewrapped(client('cos', keys.aes), { format: 'cos-python', masterKey: keys.rsa })
    expect(await reads(client('cos-python', keys.rsa))).to.equal(true)
    await rewrapped(client('cos-python', keys.rsa), { format: 'cos', masterKey: keys.kms })
    expect(await reads(client('cos', keys.kms))).to.equal(true)
  })

  it('to a key that only wraps: whoever has the other half reads it', async () => {
    for (const format of ['cos', 'sealed'] as const) {
      await client(format, keys.aes).putObject({ Key: 'k', Body: PLAIN })
      await rewrapped(client(format, keys.aes), { masterKey: rsaPublicOnly() })
      expect(await reads(client(format, keys.rsa))).to.equal(true)
    }
  })

  it('an empty object, and one of a byte', async () => {
    for (const { format, masterKey } of ONE_OF_EACH.filter((each) => each.format !== 'cos-python')) {
      for (const size of [0, 1]) {
        const plain = content(size)
        await client(format, masterKey(bench)).putObject({ Key: 'k', Body: plain })
        await rewrapped(client(format, masterKey(bench)), { masterKey: keys.kms })
        const got = await client(format, keys.kms).getObject({ Key: 'k' })
        expect((await bytesOf(got.Body)).equals(plain)).to.equal(true)
      }
    }
  })

  describe('of sealed', () => {
    beforeEach(() => client('sealed', keys.aes).putObject({ Key: 'k', Body: PLAIN }))

    const by = (name: keyof typeof keys): CosEncryptionClient => client('sealed', keys[name])

    it('adds recipients, and removes some, in one step or two', async () => {
      const { id } = keys.aes
      const added = await rewrapped(by('aes'), { add: [keys.rsa, keys.kms] })
      expect(added.recipients).to.deep.equal([id, keys.rsa.id, keys.kms.id])
      for (const name of ['aes', 'rsa', 'kms'] as const) expect(await reads(by(name)), name).to.equal(true)
      const changed = await rewrapped(by('kms'), { add: [keys.aes128], remove: [id, keys.rsa.id] })
      expect(changed.recipients).to.deep.equal([keys.kms.id, keys.aes128.id])
      for (const name of ['kms', 'aes128'] as const) expect(await reads(by(name)), name).to.equal(true)
      await refused('SEALSTREAM_UNWRAP', () => by('aes').getObject({ Key: 'k' }))
      await refused('SEALSTREAM_KEY_KIND', () => by('rsa').getObject({ Key: 'k' }))
      // The one who removes may be the one who goes.
      const left = await rewrapped(by('kms'), { remove: [keys.kms.id] })
      expect(left.recipients).to.deep.equal([keys.aes128.id])
      await refused('SEALSTREAM_KEY_KIND', () => by('kms').getObject({ Key: 'k' }))
      expect(await reads(by('aes128'))).to.equal(true)
    })

    it('adds all keys that a Keyring writes with, and replaces all recipients by them', async () => {
      const ring = new Keyring({ write: [keys.rsa, keys.kms] })
      const added = await rewrapped(by('aes'), { add: [ring] })
      expect(added.recipients).to.deep.equal([keys.aes.id, keys.rsa.id, keys.kms.id])
      const other = new Keyring({ write: [keys.aes128, keys.kms2], read: [keys.aes] })
      const replaced = await rewrapped(by('aes'), { masterKey: other })
      expect(replaced.recipients).to.deep.equal([keys.aes128.id, keys.kms2.id])
      for (const name of ['aes', 'rsa'] as const) await failureOf(() => by(name).getObject({ Key: 'k' }))
      expect(await reads(client('sealed', other))).to.equal(true)
    })

    it('takes changes by the context with which it was written alone', async () => {
      const context = { tenant: 'north' }
      await client('sealed', keys.aes, { context }).putObject({ Key: 'k', Body: PLAIN })
      await expectRefused(by('aes'), { add: [keys.rsa] }, 'SEALSTREAM_COMMITMENT')
      const wrong = client('sealed', keys.aes, { context: { tenant: 'south' } })
      await expectRefused(wrong, { masterKey: keys.rsa }, 'SEALSTREAM_COMMITMENT')
      for (const params of [{ add: [keys.rsa] }, { masterKey: keys.rsa }]) {
        await rewrapped(client('sealed', keys.aes, { context }), params)
        expect(await reads(client('sealed', keys.rsa, { context }))).to.equal(true)
        await client('sealed', keys.aes, { context }).putObject({ Key: 'k', Body: PLAIN })
      }
    })

    it('refuses a recipient twice, one that is not there, none at all, and more than fit', async () => {
      await expectRefused(by('aes'), { add: [AES_256.masterKey()] }, 'SEALSTREAM_OPTION', 'add')
      await expectRefused(by('aes'), { remove: ['nobody'] }, 'SEALSTREAM_OPTION', 'remove')
      await expectRefused(by('aes'), { remove: [keys.aes.id] }, 'SEALSTREAM_OPTION')
      await expectRefused(by('aes'), { add: [{} as MasterKey] }, 'SEALSTREAM_OPTION', 'add[0]')
      const many = Array.from({ length: 40 }, (_, at) => kmsKey(bench, `many-${at}`))
      const error = await failureOf(() => by('aes').rewrap({ Key: 'k', add: many }))
      expect(error.code).to.match(/_(OPTION|METADATA)$/)
      expect(await reads(by('aes'))).to.equal(true)
    })
  })

  it('refuses a recipient that is added twice at once', async () => {
    await client('sealed', keys.aes).putObject({ Key: 'k', Body: PLAIN })
    const add = [keys.rsa, rsaPublicOnly()]
    await expectRefused(client('sealed', keys.aes), { add }, 'SEALSTREAM_OPTION', 'add')
  })

  const others: Record<string, readonly Format[]> = {
    sealed: ['cos', 'cos-python', 'cos-java-gcm', 'cos-java-cbc'],
    cos: ['sealed', 'cos-java-gcm', 'cos-java-cbc'],
    'cos-python': ['sealed', 'cos-java-gcm', 'cos-java-cbc'],
    'cos-java-gcm': ['sealed', 'cos', 'cos-python', 'cos-java-cbc'],
  }
  for (const writer of ONE_OF_EACH) {
    it(`${writer.format} does not become a format of other bytes`, async () => {
      await writing(bench, writer).putObject({ Key: 'k', Body: PLAIN })
      for (const format of others[writer.format]!) {
        const params = { format, acceptUnverifiedKey: true }
        await expectRefused(writing(bench, writer), params, 'SEALSTREAM_OPTION', 'format')
      }
    })
  }

  it('asks for one change, of a kind that the format has', async () => {
    await client('cos', keys.aes).putObject({ Key: 'k', Body: PLAIN })
    const by = client('cos', keys.aes)
    const wrong: [params: object, option: string][] = [
      [{}, 'masterKey'],
      [{ masterKey: keys.rsa, add: [keys.kms] }, 'masterKey'],
      [{ masterKey: keys.rsa, remove: ['x'] }, 'masterKey'],
      [{ masterKey: {} }, 'masterKey'],
      [{ format: 'other' }, 'format'],
      [{ add: [keys.rsa] }, 'add'],
      [{ remove: [keys.aes.id] }, 'add'],
      [{ masterKey: keys.rsa, acceptUnverifiedKey: 1 }, 'acceptUnverifiedKey'],
      [{ masterKey: new Keyring({ write: [keys.rsa, keys.kms] }) }, 'masterKey'],
      [{ masterKey: keys.kms, format: 'cos-python' }, 'format'],
      [{ masterKey: keys.rsa, Metadata: { a: 'b' } }, 'Metadata'],
    ]
    for (const [params, option] of wrong) {
      const error = await refused('SEALSTREAM_OPTION', () => by.rewrap({ Key: 'k', ...params }))
      expect(ofClass(error, OptionError).option, JSON.stringify(Object.keys(params))).to.equal(option)
      expect(await reads(by)).to.equal(true)
    }
  })
})
