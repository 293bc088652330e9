/** What rewrap leaves as it was: headers, metadata, access, tags, server-side encryption, versions, descriptions. */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { AES_256, RSA_2048 } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import { kmsKey, rawObject } from '../support/format-writers.js'
import { sendToBucket } from '../support/object-requests.js'
import { objectPath, rawRequest } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const PLAIN = content(PART + 40_000, 5)
const WAYS = { 'in one request': {}, 'by part copies': { MultipartThreshold: 0, PartSize: PART } }

const HEADERS = {
  CacheControl: 'max-age=60',
  ContentDisposition: 'attachment; filename="a.txt"',
  ContentEncoding: 'gzip',
  ContentLanguage: 'de',
  ContentType: 'text/plain; charset=utf-8',
  Expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
  StorageClass: 'STANDARD_IA',
} as const
const Metadata = { colour: 'blue', 'a-name': 'x y' }

describe('rewrap keeps', () => {
  const bench = transferBench()
  const to = RSA_2048.masterKey()

  const sealing = (options = {}): CosEncryptionClient =>
    bench.encrypting({ format: 'sealed', policy: 'any', ...options })
  const cos = (options = {}): CosEncryptionClient => bench.encrypting({ policy: 'any', ...options })
  const reader = (options = {}): CosEncryptionClient => cos({ masterKey: to, ...options })

  async function expectRead(by: CosEncryptionClient, more: object = {}): Promise<void> {
    const got = await by.getObject({ Key: 'k', ...more })
    expect((await bytesOf(got.Body)).equals(PLAIN)).to.equal(true)
  }
  const access = async (what: 'acl' | 'tagging'): Promise<string> => {
    const { text } = await rawRequest(bench.server, { path: objectPath('k'), query: { [what]: '' } })
    return text.replace(/<RequestId>.*?<\/RequestId>/, '')
  }

  for (const [way, how] of Object.entries(WAYS)) {
    for (const format of ['sealed', 'cos'] as const) {
      it(`content headers, storage class, metadata, access rule and tags, ${format}, ${way}`, async () => {
        const from = format === 'sealed' ? sealing() : cos()
        const Tagging = { project: 'one & two', stage: 'test' }
        const params = { Key: 'k', ...HEADERS, Metadata, ACL: 'public-read', Tagging }
        await from.putObject({ ...params, Body: PLAIN })
        const before = await from.headObject({ Key: 'k' })
        const [acl, tags] = [await access('acl'), await access('tagging')]
        expect([acl, tags].join(' ')).to.contain('AllUsers').and.contain('one &amp; two')
        const told = await from.rewrap({ Key: 'k', masterKey: to, ...how })
        expect(told.PartCount).to.equal('PartSize' in how ? 2 : 0)
        const after = await reader().headObject({ Key: 'k' })
        const { ETag: _e, LastModified: _l, $metadata: _m, ...rest } = after
        const { ETag: _be, LastModified: _bl, $metadata: _bm, ...expected } = before
        expect(rest).to.deep.equal(expected)
        expect(rest).to.deep.include({ ...HEADERS, Metadata })
        expect([await access('acl'), await access('tagging')]).to.deep.equal([acl, tags])
        await expectRead(reader())
      })
    }

    it(`what an object without any of these has, ${way}`, async () => {
      await cos().putObject({ Key: 'k', Body: PLAIN })
      const [acl, tags] = [await access('acl'), await access('tagging')]
      await cos().rewrap({ Key: 'k', masterKey: to, ...how })
      expect([await access('acl'), await access('tagging')]).to.deep.equal([acl, tags])
      expect((await reader().headObject({ Key: 'k' })).Metadata).to.deep.equal({})
      await expectRead(reader())
    })

    it(`or takes an access rule and tags that are given, and asks for none, ${way}`, async () => {
      await cos().putObject({ Key: 'k', Body: PLAIN, ACL: 'public-read', Tagging: { a: 'b' } })
      await cos().rewrap({ Key: 'k', masterKey: to, ACL: 'private', Tagging: { c: 'd' }, ...how })
      expect(bench.count('getObjectAcl') + bench.count('getObjectTagging')).to.equal(0)
      expect(await access('acl')).not.to.contain('AllUsers')
      expect(await access('tagging'))
        .to.contain('<Key>c</Key>')
        .and.not.contain('<Key>a</Key>')
    })

    it(`server-side encryption by the service's keys and by KMS, ${way}`, async () => {
      for (const sse of [
        { ServerSideEncryption: 'AES256' },
        { ServerSideEncryption: 'cos/kms' },
        { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'key-1' },
      ] as const) {
        await sealing().putObject({ Key: 'k', Body: PLAIN, ...sse })
        const before = await sealing().headObject({ Key: 'k' })
        const told = await sealing().rewrap({ Key: 'k', masterKey: to, ...how })
        expect(told).to.include(sse)
        const after = await reader().headObject({ Key: 'k' })
        expect(after.ServerSideEncryption).to.equal(before.ServerSideEncryption)
        expect(after.SSEKMSKeyId).to.equal(before.SSEKMSKeyId)
        await expectRead(reader())
      }
    })

    it(`server-side encryption under the customer's key, which is asked for, ${way}`, async () => {
      const SSECustomerKey = content(32, 6)
      for (const from of [sealing(), cos()]) {
        await from.putObject({ Key: 'k', Body: PLAIN, SSECustomerKey })
        const error = await refused('SEALSTREAM_SERVICE', () =>
          from.rewrap({ Key: 'k', masterKey: to, ...how }),
        )
        expect(error).to.have.property('status').that.is.at.least(400)
        await from.rewrap({ Key: 'k', masterKey: to, SSECustomerKey, ...how })
        const head = await reader().headObject({ Key: 'k', SSECustomerKey })
        expect(head).to.include({ SSECustomerAlgorithm: 'AES256' })
        await expectRead(reader(), { SSECustomerKey })
      }
    })
  }

  it('or changes server-side encryption to another that is asked for', async () => {
    const modes = [
      {},
      { ServerSideEncryption: 'AES256' },
      { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'key-1' },
    ] as const
    for (const before of modes) {
      for (const after of modes.slice(1)) {
        await cos().putObject({ Key: 'k', Body: PLAIN, ...before })
        await cos().rewrap({ Key: 'k', masterKey: to, ...after })
        const head = await reader().headObject({ Key: 'k' })
        expect(head, JSON.stringify([before, after])).to.include(after)
        expect(head.SSEKMSKeyId).to.equal('SSEKMSKeyId' in after ? after.SSEKMSKeyId : undefined)
      }
    }
  })

  it('old versions with their old envelope, and where they are', async () => {
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    await sendToBucket(bench.server, 'PUT', { versioning: '' }, { body })
    const first = await sealing().putObject({ Key: 'k', Body: 'the first one' })
    const second = await sealing().putObject({ Key: 'k', Body: PLAIN })
    for (const how of Object.values(WAYS)) {
      const current = (await sealing().headObject({ Key: 'k' })).VersionId!
      for (const VersionId of [first.VersionId!, 'none']) {
        const error = await refused('SEALSTREAM_OPTION', () =>
          sealing().rewrap({ Key: 'k', VersionId, masterKey: to, ...how }),
        )
        expect(error).to.have.property('option', 'VersionId')
      }
      const told = await sealing().rewrap({ Key: 'k', VersionId: current, masterKey: to, ...how })
      expect(told.VersionId).to.be.a('string').and.not.be.oneOf([first.VersionId, second.VersionId, current])
      await expectRead(reader())
      await expectRead(sealing(), { VersionId: second.VersionId! })
      const old = { Key: 'k', VersionId: second.VersionId! }
      await refused('SEALSTREAM_KEY_KIND', () => reader().getObject(old))
      // Back, for the other way.
      await reader().rewrap({ Key: 'k', masterKey: AES_256.masterKey() })
    }
  })

  it('the description of an object, also where the client expects none, and binds it to KMS', async () => {
    const context = { tenant: 'north', 'a & b': '"c"' }
    const kms = kmsKey(bench)
    await cos({ context }).putObject({ Key: 'k', Body: PLAIN })
    await cos().rewrap({ Key: 'k', masterKey: kms })
    await expectRead(cos({ masterKey: kms, context }))
    await expectRead(cos({ masterKey: kms }))
    await refused('SEALSTREAM_CONTEXT', () => cos({ masterKey: kms, context: {} }).getObject({ Key: 'k' }))
    // Who alters it in the headers is refused by the key service.
    const { bytes, metadata } = await rawObject(bench)
    const name = 'client-side-encryption-matdesc'
    await bench
      .plain()
      .putObject({ Key: 'k', Body: bytes, Metadata: { ...metadata, [name]: '{"tenant":"x"}' } })
    const error = await refused('SEALSTREAM_UNWRAP', () => cos({ masterKey: kms }).getObject({ Key: 'k' }))
    expect(error.message).not.to.contain('north')
    await bench.plain().putObject({ Key: 'k', Body: bytes, Metadata: metadata })
    await cos({ masterKey: kms, context }).rewrap({ Key: 'k', masterKey: to })
    await expectRead(reader({ context }))
  })

  it('the other key from reading: a wrong master key changes nothing', async () => {
    const other = AES_256.otherKey()
    for (const format of ['cos', 'sealed'] as const) {
      await bench.encrypting({ format }).putObject({ Key: 'k', Body: PLAIN })
      const before = await rawObject(bench)
      const wrong = bench.encrypting({ format, masterKey: other, policy: 'any' })
      await refused('SEALSTREAM_UNWRAP', () => wrong.rewrap({ Key: 'k', masterKey: to }))
      expect((await rawObject(bench)).metadata).to.deep.equal(before.metadata)
    }
  })

  it('objects of cos-python under AES from a key that nothing proves, unless told that it is right', async () => {
    const python = (masterKey = AES_256.masterKey()): CosEncryptionClient =>
      bench.encrypting({ format: 'cos-python', masterKey, policy: 'any' })
    await python().putObject({ Key: 'k', Body: PLAIN })
    const before = await rawObject(bench)
    for (const by of [python(), python(AES_256.otherKey())]) {
      for (const params of [
        { masterKey: to },
        { format: 'cos' as const },
        { masterKey: to, acceptUnverifiedKey: false },
      ]) {
        const error = await refused('SEALSTREAM_UNWRAP', () => by.rewrap({ Key: 'k', ...params }))
        expect(error.hint).to.contain('acceptUnverifiedKey')
      }
    }
    expect((await rawObject(bench)).metadata).to.deep.equal(before.metadata)
    await python().rewrap({ Key: 'k', masterKey: to, acceptUnverifiedKey: true })
    await expectRead(python(to))
  })
})
