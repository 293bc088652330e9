import { inspect } from 'node:util'
import { expect } from 'chai'
import { EnvelopeError, OptionError } from '../../lib/errors.js'
import { bytesOf } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { type AnyClient, content, ENCRYPTED, KINDS, PART, transferBench } from '../support/transfers.js'

const SIZE = 2 * PART + 7
const KEY_A = content(32, 1)
const KEY_B = content(32, 2)
const WAYS = { 'one request': {}, parts: { MultipartThreshold: 0, PartSize: PART } }

/** How the service encrypts, and what HEAD says of it. */
const MODES = {
  'SSE-COS': [{ ServerSideEncryption: 'AES256' }, {}, { ServerSideEncryption: 'AES256' }],
  'SSE-KMS': [
    { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'key-1' },
    {},
    { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'key-1' },
  ],
  'SSE-C': [{ SSECustomerKey: KEY_B }, { SSECustomerKey: KEY_B }, { SSECustomerAlgorithm: 'AES256' }],
} as const

describe('copies and encryption', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(SIZE, 4)

  async function read(client: AnyClient, Key: string, more: object = {}): Promise<boolean> {
    return (await bytesOf((await client.getObject({ Key, ...more })).Body)).equals(bytes)
  }

  for (const kind of [KINDS[0]!, KINDS[1]!, KINDS[4]!]) {
    for (const [way, how] of Object.entries(WAYS)) {
      for (const [mode, [write, get, told]] of Object.entries(MODES)) {
        it(`${kind.name}, ${way}: the copy is under ${mode} where that is asked for`, async () => {
          const client = bench.client(kind)
          await client.putObject({ Key: 'from', Body: bytes })
          const copied = await client.copy({ Key: 'to', CopySource: { Key: 'from' }, ...write, ...how })
          expect(copied).to.include(told)
          expect(copied.verified).to.equal('crc64')
          expect(await client.headObject({ Key: 'to', ...get })).to.include(told)
          expect(await read(client, 'to', get)).to.equal(true)
        })

        it(`${kind.name}, ${way}: a source under ${mode} gives a copy without`, async () => {
          const client = bench.client(kind)
          await client.putObject({ Key: 'from', Body: bytes, ...write })
          const source = 'SSECustomerKey' in write ? { CopySourceSSECustomerKey: KEY_B } : {}
          await client.copy({ Key: 'to', CopySource: { Key: 'from' }, ...source, ...how })
          const head = await client.headObject({ Key: 'to' })
          expect(head).not.to.have.any.keys('ServerSideEncryption', 'SSECustomerAlgorithm')
          expect(await read(client, 'to')).to.equal(true)
        })
      }

      it(`${kind.name}, ${way}: from one customer key to another; the wrong one is refused and leaves nothing`, async () => {
        const client = bench.client(kind)
        await client.putObject({ Key: 'from', Body: bytes, SSECustomerKey: KEY_A })
        await client.deleteObject({ Key: 'to' })
        const params = { Key: 'to', CopySource: { Key: 'from' }, SSECustomerKey: KEY_B, ...how }
        for (const CopySourceSSECustomerKey of [undefined, KEY_B]) {
          const source = CopySourceSSECustomerKey === undefined ? {} : { CopySourceSSECustomerKey }
          await refused('SEALSTREAM_SERVICE', () => client.copy({ ...params, ...source }))
        }
        expect(await bench.uploads()).to.deep.equal([])
        await client.copy({ ...params, CopySourceSSECustomerKey: KEY_A })
        expect(await read(client, 'to', { SSECustomerKey: KEY_B })).to.equal(true)
        await refused('SEALSTREAM_SERVICE', () => client.headObject({ Key: 'to', SSECustomerKey: KEY_A }))
      })
    }
  }

  for (const kind of ENCRYPTED) {
    for (const directive of ['Copy', 'Replaced'] as const) {
      it(`${kind.name}: the envelope of the copy is that of the source, ${directive}, in every way`, async () => {
        const client = bench.client(kind)
        await client.putObject({ Key: 'from', Body: bytes, Metadata: { colour: 'blue' } })
        const from = (await bench.plain().headObject({ Key: 'from' })).Metadata
        const given =
          directive === 'Copy' ? {} : { MetadataDirective: directive, Metadata: { taste: 'sour' } }
        const expected: Record<string, string> = { ...from }
        if (directive === 'Replaced') expected.taste = 'sour'
        if (directive === 'Replaced') delete expected.colour
        const params = { Key: 'to', CopySource: { Key: 'from' }, ...given }
        for (const call of [
          () => client.copyObject(params),
          () => client.copy(params),
          () => client.copy({ ...params, ...WAYS.parts }),
        ]) {
          await client.deleteObject({ Key: 'to' })
          await call()
          expect((await bench.plain().headObject({ Key: 'to' })).Metadata).to.deep.equal(expected)
          expect(await read(client, 'to')).to.equal(true)
        }
      })
    }

    it(`${kind.name}: another encrypting client, of another format and key, copies it, too`, async () => {
      await bench.client(kind).putObject({ Key: 'from', Body: bytes })
      const other = ENCRYPTED.find(({ name }) => name !== kind.name)!
      const client = bench.client(other)
      const copied = await client.copy({ Key: 'to', CopySource: { Key: 'from' }, ...WAYS.parts })
      expect(copied).to.include({ format: kind.format })
      const once = await client.copyObject({ Key: 'to', CopySource: { Key: 'from' } })
      expect(once).to.include({ format: kind.format })
      expect(await read(bench.client(kind), 'to')).to.equal(true)
    })
  }

  it('a source without an envelope is SEALSTREAM_ENVELOPE_MISSING, and nothing is begun', async () => {
    await bench.plain().putObject({ Key: 'from', Body: bytes })
    await bench.plain().deleteObject({ Key: 'to' })
    const client = bench.encrypting()
    const params = { Key: 'to', CopySource: { Key: 'from' } }
    for (const call of [
      () => client.copyObject(params),
      () => client.copy(params),
      () => client.copy({ ...params, ...WAYS.parts }),
    ]) {
      ofClass(await refused('SEALSTREAM_ENVELOPE_MISSING', call), EnvelopeError)
    }
    expect(bench.count('copyObject') + bench.count('createMultipartUpload')).to.equal(0)
  })

  it('metadata that would be an envelope is SEALSTREAM_METADATA', async () => {
    const client = bench.encrypting()
    const params = { Key: 'to', CopySource: { Key: 'from' }, MetadataDirective: 'Replaced' } as const
    for (const name of ['client-side-encryption-key', 'X-COS-META-Client-Side-Encryption-IV']) {
      const Metadata = { [name]: 'x' }
      await refused('SEALSTREAM_METADATA', () => client.copyObject({ ...params, Metadata }))
      await refused('SEALSTREAM_METADATA', () => client.copy({ ...params, Metadata }))
    }
    expect(bench.calls).to.deep.equal([])
  })

  it('copyObject, Replaced: a source that is overwritten after HEAD never gets the envelope of the one before', async () => {
    const writer = bench.encrypting()
    for (const condition of [{}, { CopySourceIfMatch: undefined }, { CopySourceIfMatch: '*' }]) {
      await writer.putObject({ Key: 'from', Body: bytes })
      await writer.deleteObject({ Key: 'to' })
      const proxy = await bench.proxy(async ({ headers }, forward) => {
        if (headers['x-cos-copy-source'] !== undefined) {
          await writer.putObject({ Key: 'from', Body: content(SIZE, 9) })
        }
        return forward()
      })
      const client = bench.encrypting({ endpoint: proxy.endpoint })
      const params = { Key: 'to', CopySource: { Key: 'from' }, MetadataDirective: 'Replaced', ...condition }
      await client.copyObject(params as never).catch(() => undefined)
      const found = await writer.getObject({ Key: 'to' }).catch(() => undefined)
      if (found === undefined) continue
      const text = await bytesOf(found.Body)
      const isSome = text.equals(bytes) || text.equals(content(SIZE, 9))
      expect(isSome, `a copy that nobody can read, ${inspect(condition)}`).to.equal(true)
    }
  })

  it('uploadPartCopy is refused on the encrypting client, whatever it is given', async () => {
    const client = bench.encrypting()
    const whole = { Key: 'to', UploadId: 'x', PartNumber: 1, CopySource: { Key: 'from' } }
    for (const params of [whole, undefined, {}, { Key: 'to' }]) {
      const error = await failureOf(() => client.uploadPartCopy(params as never))
      expect(ofClass(error, OptionError).option).to.equal('CopySource')
      expect(error.hint).to.contain('copy()')
    }
    expect(bench.calls).to.deep.equal([])
  })

  it('the plain client copies an encrypted object envelope and all, with Copy', async () => {
    const client = bench.encrypting()
    await client.putObject({ Key: 'from', Body: bytes })
    for (const how of Object.values(WAYS)) {
      await bench.plain().copy({ Key: 'to', CopySource: { Key: 'from' }, ...how })
      expect(await read(client, 'to')).to.equal(true)
    }
  })
})
