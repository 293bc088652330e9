/** The encryption context and the formats of a client: what is written, what is stored of it, and who reads it. */
import { inspect } from 'node:util'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../lib/client.js'
import { OptionError } from '../lib/errors.js'
import type { Format } from '../lib/crypto/format.js'
import { Keyring } from '../lib/keys/keyring.js'
import type { MasterKey } from '../lib/keys/master-key.js'
import { AES_256, MASTERS, RSA_2048 } from './support/encrypting-masters.js'
import { bytesOf } from './support/encrypting-store.js'
import { kmsKey, ONE_OF_EACH, rawObject, WRITERS, writing } from './support/format-writers.js'
import { ofClass } from './support/of-class.js'
import { failureOf, refused } from './support/refused.js'
import { content, PART, transferBench } from './support/transfers.js'

const PLAIN = content(PART + 50_000, 3)
const CONTEXT = { document: 'ledger/2024', tenant: 'nörd & <süd>' }
const OTHERS = [
  {},
  { document: 'ledger/2024' },
  { ...CONTEXT, more: '' },
  { document: CONTEXT.tenant, tenant: CONTEXT.document },
  { document: 'ledger/2024', tenant: 'No\u0308rd & <süd>'.normalize('NFD') },
]

describe('the context of a client', () => {
  const bench = transferBench({}, { once: true })

  const reads = async (by: CosEncryptionClient): Promise<boolean> =>
    (await bytesOf((await by.getObject({ Key: 'k' })).Body)).equals(PLAIN)

  for (const writer of WRITERS.filter(({ format }) => format !== 'cos-python')) {
    it(`${writer.name}: is asked of the reader, whichever way it was written`, async () => {
      const client = writing(bench, writer, { context: CONTEXT })
      const isSealed = writer.format === 'sealed'
      await writeFile(bench.path('in'), PLAIN)
      const ways: (() => Promise<unknown>)[] = [
        () => client.putObject({ Key: 'k', Body: PLAIN }),
        () => client.upload({ Key: 'k', Body: PLAIN, PartSize: PART }),
        () => client.uploadFile({ Key: 'k', LocalFilePath: bench.path('in'), PartSize: PART }),
        () => {
          const stream = client.createWriteStream({ Key: 'k', PartSize: PART })
          stream.end(PLAIN)
          return stream.result
        },
        async () => {
          const { UploadId } = await client.createMultipartUpload({ Key: 'k', PartSize: PART })
          const first = { Key: 'k', UploadId, PartNumber: 1, Body: PLAIN.subarray(0, PART) }
          await client.uploadPart(first)
          await client.uploadPart({ ...first, PartNumber: 2, Body: PLAIN.subarray(PART), Last: true })
          await client.completeMultipartUpload({ Key: 'k', UploadId })
        },
      ]
      for (const write of ways) {
        await write()
        expect(await reads(client)).to.equal(true)
      }
      // The same pairs in another order say the same.
      const { document, tenant } = CONTEXT
      expect(await reads(writing(bench, writer, { context: { tenant, document } }))).to.equal(true)
      for (const context of OTHERS) {
        const wrong = writing(bench, writer, { context })
        const code = isSealed ? 'SEALSTREAM_COMMITMENT' : 'SEALSTREAM_CONTEXT'
        await refused(code, () => reads(wrong))
        await refused(code, async () =>
          bytesOf((await wrong.getObject({ Key: 'k', Range: 'bytes=9-9', releaseUnverified: true })).Body),
        )
        await refused(code, () => wrong.downloadFile({ Key: 'k', DestFilePath: bench.path('out') }))
      }
      // Who says nothing reads what the SDKs describe, but not what is bound.
      const silent = writing(bench, writer)
      if (isSealed) await refused('SEALSTREAM_COMMITMENT', () => reads(silent))
      else expect(await reads(silent)).to.equal(true)
    })

    it(`${writer.name}: is ${writer.format === 'sealed' ? 'not stored' : 'stored as the material description'}`, async () => {
      await writing(bench, writer, { context: CONTEXT }).putObject({ Key: 'k', Body: PLAIN })
      const { headers, metadata } = await rawObject(bench)
      const text = JSON.stringify(headers)
      if (writer.format === 'sealed') {
        expect(text).not.to.contain('ledger').and.not.contain('document')
        return
      }
      const described = metadata['client-side-encryption-matdesc']!
      expect(JSON.parse(described)).to.deep.equal(CONTEXT)
      expect(described).to.match(/^[\x20-\x7e]*$/)
    })
  }

  it('has no place in cos-python: refused before anything is stored', async () => {
    const client = bench.encrypting({ format: 'cos-python', context: { a: 'b' } })
    await bench.plain().deleteObject({ Key: 'k' })
    for (const call of [
      () => client.putObject({ Key: 'k', Body: PLAIN }),
      () => client.upload({ Key: 'k', Body: PLAIN, PartSize: PART }),
      () => client.createMultipartUpload({ Key: 'k' }),
    ]) {
      const error = await refused('SEALSTREAM_OPTION', call)
      expect(ofClass(error, OptionError).option).to.equal('context')
    }
    expect(await bench.uploads()).to.deep.equal([])
    await refused('SEALSTREAM_SERVICE', () => bench.plain().headObject({ Key: 'k' }))
    const none = bench.encrypting({ format: 'cos-python', context: {} })
    await none.putObject({ Key: 'k', Body: PLAIN })
    expect(await reads(none)).to.equal(true)
  })

  const wrong: Readonly<Record<string, unknown>> = {
    'a text': 'x',
    null: null,
    'a list': ['a'],
    'a number in it': { a: 5 },
    'half a character': { a: '\ud800' },
    'half a character in a name': { '\udc00': 'a' },
    'a text that is too long': { a: 'x'.repeat(65_536) },
  }
  for (const [title, context] of Object.entries(wrong)) {
    it(`is refused as an option where it is ${title}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        bench.encrypting({ format: 'sealed', context: context as never }),
      )
      expect(ofClass(error, OptionError).option).to.match(/^context/)
    })
  }

  it('of 65,535 bytes is bound all the same, since it is not stored', async () => {
    const context = { a: 'x'.repeat(65_535) }
    const client = bench.encrypting({ format: 'sealed', context })
    await client.putObject({ Key: 'k', Body: PLAIN })
    expect(await reads(client)).to.equal(true)
    await refused('SEALSTREAM_COMMITMENT', () =>
      reads(bench.encrypting({ format: 'sealed', context: { a: 'x'.repeat(65_534) } })),
    )
    // The description of the SDKs has to fit the headers.
    const describing = bench.encrypting({ format: 'cos', context })
    await refused('SEALSTREAM_METADATA', () => describing.putObject({ Key: 'k', Body: PLAIN }))
    expect(await reads(client), 'nothing was stored').to.equal(true)
  })

  it('is not shown with the client', () => {
    const client = bench.encrypting({ format: 'sealed', context: { secret: 'name' } })
    expect(inspect(client, { depth: 9 }) + JSON.stringify(client)).not.to.contain('name')
  })
})

describe('the format of a client', () => {
  const bench = transferBench({}, { once: true })

  it('is one that is written, under a key that has a form in it', async () => {
    for (const format of ['cos-java-cbc', 'SEALED', '', undefined, null]) {
      const error = await refused('SEALSTREAM_OPTION', () => bench.encrypting({ format: format as Format }))
      expect(ofClass(error, OptionError).option).to.equal('format')
      for (const { format: name } of ONE_OF_EACH) expect(error.message).to.contain(name)
    }
    await bench.plain().deleteObject({ Key: 'k' })
    const ring = new Keyring({ write: [AES_256.masterKey(), RSA_2048.masterKey()] })
    const formless: [format: Format, masterKey: MasterKey][] = [
      ['cos-java-gcm', AES_256.masterKey()],
      ['cos-python', kmsKey(bench)],
      ['cos', ring],
      ['cos-python', ring],
      ['cos-java-gcm', ring],
    ]
    for (const [format, masterKey] of formless) {
      const client = bench.encrypting({ format, masterKey })
      await refused('SEALSTREAM_OPTION', () => client.putObject({ Key: 'k', Body: 'x' }))
      await refused('SEALSTREAM_SERVICE', () => bench.plain().headObject({ Key: 'k' }))
    }
  })

  it('sets the policy: authenticated for sealed, any for the others', async () => {
    for (const writer of ONE_OF_EACH) {
      await writing(bench, writer).putObject({ Key: 'k', Body: PLAIN })
      for (const { format } of ONE_OF_EACH) {
        const reader = bench.encrypting({ format, masterKey: writer.masterKey(bench) })
        const found = await reader.getObject({ Key: 'k' }).then(
          ({ Body }) => bytesOf(Body).then(() => 'read'),
          (error: unknown) => (error as { code: string }).code,
        )
        const isRefused = format === 'sealed' && writer.format !== 'sealed'
        expect(found, `${writer.format} by ${format}`).to.equal(isRefused ? 'SEALSTREAM_POLICY' : 'read')
      }
    }
  })

  it('goes with a Keyring that writes with one key and reads what others wrote', async () => {
    const old = [AES_256.masterKey(), MASTERS[1]!.masterKey(), RSA_2048.masterKey(), kmsKey(bench)]
    for (const format of ['sealed', 'cos'] as const) {
      for (const [at, masterKey] of old.entries())
        await bench.encrypting({ format, masterKey }).putObject({ Key: `k${at}`, Body: PLAIN })
      const masterKey = new Keyring({ write: MASTERS[0]!.masterKey(), read: old })
      const client = bench.encrypting({ format, masterKey })
      await client.putObject({ Key: 'k4', Body: PLAIN })
      for (const Key of ['k0', 'k1', 'k2', 'k3', 'k4']) {
        const { Body } = await client.getObject({ Key, Range: 'bytes=7-9' })
        expect((await bytesOf(Body)).equals(PLAIN.subarray(7, 10)), Key).to.equal(true)
      }
      const alone = bench.encrypting({ format, masterKey: MASTERS[0]!.masterKey() })
      expect((await bytesOf((await alone.getObject({ Key: 'k4' })).Body)).equals(PLAIN)).to.equal(true)
      for (const Key of ['k0', 'k1', 'k2', 'k3']) await failureOf(() => alone.getObject({ Key }))
    }
  })
})
