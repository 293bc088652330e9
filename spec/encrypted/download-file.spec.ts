import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { EnvelopeError, KeyError } from '../../lib/errors.js'
import { rsaPublicOnly } from '../support/encrypting-masters.js'
import { FIVE_RANGES, InterruptedDownload } from '../support/interrupted-download.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { content, ENCRYPTED, PART, PLAIN, transferBench } from '../support/transfers.js'

const [AES, RSA, PYTHON_AES, PYTHON_RSA] = ENCRYPTED as [
  (typeof ENCRYPTED)[0],
  (typeof ENCRYPTED)[0],
  (typeof ENCRYPTED)[0],
  (typeof ENCRYPTED)[0],
]

describe('downloadFile, encrypting: objects that are not opened', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(PART + 9, 5)

  /** Downloads what must not be opened, with and without checkpoint; nothing is written, and no range asked for. */
  async function expectNothing(
    code: Parameters<typeof refused>[0],
    call: (params: never) => unknown,
  ): Promise<void> {
    await writeFile(bench.path('f'), 'old')
    for (const checkpoint of [false, true]) {
      const params = { Key: 'k', DestFilePath: bench.path('f'), PartSize: PART, checkpoint }
      await refused(code, () => call(params as never))
      expect(await readFile(bench.path('f'), 'utf8')).to.equal('old')
      expect(await bench.names()).to.deep.equal(['f'])
      expect(bench.count('getObject')).to.equal(0)
    }
  }

  it('one without an envelope is SEALSTREAM_ENVELOPE_MISSING under every kind of client', async () => {
    for (const size of [0, 1, PART + 1]) {
      await bench.plain().putObject({ Key: 'k', Body: content(size) })
      for (const kind of ENCRYPTED) {
        const client = bench.client(kind)
        await expectNothing('SEALSTREAM_ENVELOPE_MISSING', (params) => client.downloadFile(params))
      }
    }
  })

  for (const kind of [AES, RSA, PYTHON_RSA]) {
    it(`${kind.name}: another master key of the same kind is SEALSTREAM_UNWRAP`, async () => {
      await bench.client(kind).putObject({ Key: 'k', Body: bytes })
      const client = bench.client(kind, { masterKey: kind.master!.otherKey() })
      await expectNothing('SEALSTREAM_UNWRAP', (params) => client.downloadFile(params))
    })
  }

  it('cos-python under AES: another master key gives other bytes, and says keyVerified: false', async () => {
    await bench.client(PYTHON_AES).putObject({ Key: 'k', Body: bytes })
    const client = bench.client(PYTHON_AES, { masterKey: PYTHON_AES.master!.otherKey() })
    const result = await client.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), PartSize: PART })
    expect(result).to.include({ keyVerified: false, authenticated: false, format: 'cos-python' })
    expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(false)
  })

  it('a master key of the other kind is SEALSTREAM_KEY_KIND, and one that cannot unwrap says so', async () => {
    await bench.client(RSA).putObject({ Key: 'k', Body: bytes })
    const aes = bench.client(AES)
    await expectNothing('SEALSTREAM_KEY_KIND', (params) => aes.downloadFile(params))
    const half = bench.encrypting({ masterKey: rsaPublicOnly() })
    await expectNothing('SEALSTREAM_KEY_CANNOT_UNWRAP', (params) => half.downloadFile(params))
    const error = await failureOf(() => half.downloadFile({ Key: 'k', DestFilePath: bench.path('f') }))
    ofClass(error, KeyError)
  })

  it('a format that the policy does not have is SEALSTREAM_POLICY', async () => {
    await bench.client(AES).putObject({ Key: 'k', Body: bytes })
    for (const policy of ['authenticated', ['cos-python']] as const) {
      const client = bench.client(AES, { policy })
      await expectNothing('SEALSTREAM_POLICY', (params) => client.downloadFile(params))
    }
    const client = bench.client(AES, { policy: ['cos-python'] })
    const error = await failureOf(() => client.downloadFile({ Key: 'k', DestFilePath: bench.path('f') }))
    expect(ofClass(error, EnvelopeError).message).to.contain('cos')
  })

  it('an envelope that was tampered with is refused, and nothing is written', async () => {
    await bench.client(AES).putObject({ Key: 'k', Body: bytes })
    const { Metadata } = await bench.plain().headObject({ Key: 'k' })
    const key = Object.keys(Metadata).find((name) => name.endsWith('-key'))!
    const value = Metadata[key]!
    const other = (value.startsWith('A') ? 'B' : 'A') + value.slice(1)
    await bench.plain().copyObject({
      Key: 'k',
      CopySource: { Key: 'k' },
      MetadataDirective: 'Replaced',
      Metadata: { ...Metadata, [key]: other },
    })
    await expectNothing('SEALSTREAM_UNWRAP', (params) => bench.client(AES).downloadFile(params))
  })

  it('every format is read, whichever the client writes', async () => {
    for (const writer of ENCRYPTED) {
      await bench.client(writer).putObject({ Key: 'k', Body: bytes })
      const format = writer.format === 'cos' ? 'cos-python' : 'cos'
      const reader = bench.client(writer, { format })
      const result = await reader.downloadFile({ Key: 'k', DestFilePath: bench.path('f'), PartSize: PART })
      expect(result.DestFilePath).to.equal(bench.path('f'))
      expect(result).to.include({ format: writer.format })
      expect((await readFile(bench.path('f'))).equals(bytes)).to.equal(true)
    }
  })
})

describe('downloadFile, encrypting: a checkpoint and another master key', () => {
  const bench = transferBench({}, { once: true })

  it('cos-python under AES: is noticed by the MAC: nothing of the two keys gets mixed', async () => {
    const download = new InterruptedDownload(bench, PYTHON_AES)
    await download.start(2)
    const client = bench.client(PYTHON_AES, { masterKey: PYTHON_AES.master!.otherKey() })
    const { events, gets, bytes } = await download.resume({}, client)
    expect(events.map(({ type }) => type)).to.deep.equal(['restarted'])
    expect(gets).to.equal(5)
    // All of it is decrypted under the one key, wrong as it is.
    for (const at of [0, PART, 2 * PART]) {
      const range = bytes.subarray(at, at + PART)
      expect(range.equals(FIVE_RANGES.subarray(at, at + PART)), String(at)).to.equal(false)
    }
    const again = await new InterruptedDownload(bench, PYTHON_AES).resume()
    expect(again.bytes.equals(FIVE_RANGES)).to.equal(true)
  })

  it('cos-python under AES: the right key after a wrong one begins afresh', async () => {
    const download = new InterruptedDownload(bench, PYTHON_AES)
    await bench.client(PYTHON_AES).putObject({ Key: 'k', Body: FIVE_RANGES })
    await download.interrupt(2, bench.client(PYTHON_AES, { masterKey: PYTHON_AES.master!.otherKey() }))
    const { events, gets, bytes } = await download.resume()
    expect(events.map(({ type }) => type)).to.deep.equal(['restarted'])
    expect(gets).to.equal(5)
    expect(bytes.equals(FIVE_RANGES)).to.equal(true)
  })

  for (const kind of [AES, RSA]) {
    it(`${kind.name}: is SEALSTREAM_UNWRAP, and the right key still goes on`, async () => {
      const download = new InterruptedDownload(bench, kind)
      await download.start(2)
      const client = bench.client(kind, { masterKey: kind.master!.otherKey() })
      await refused('SEALSTREAM_UNWRAP', () => client.downloadFile(download.params))
      const { events, gets, bytes } = await download.resume()
      expect(events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
      expect(gets).to.equal(3)
      expect(bytes.equals(FIVE_RANGES)).to.equal(true)
    })
  }

  it('one of the plain client, with ciphertext in its file, is not followed by the encrypting one', async () => {
    const download = new InterruptedDownload(bench, AES)
    await bench.client(AES).putObject({ Key: 'k', Body: FIVE_RANGES })
    await new InterruptedDownload(bench, PLAIN).interrupt(2)
    const { events, gets, bytes } = await download.resume()
    expect(events.map(({ type }) => type)).to.deep.equal(['restarted'])
    expect(gets).to.equal(5)
    expect(bytes.equals(FIVE_RANGES)).to.equal(true)
  })

  it('one of the encrypting client, with plaintext in its file, gives the plain one ciphertext all the same', async () => {
    const download = new InterruptedDownload(bench, AES)
    await download.start(2)
    const found = await download.resume({}, bench.plain())
    expect(found.gets).to.equal(5)
    expect(found.bytes.equals(FIVE_RANGES)).to.equal(false)
    expect(found.bytes.length).to.equal(FIVE_RANGES.length)
  })

  it('the checkpoint holds no key, wrapped or not, and no plaintext', async () => {
    const download = new InterruptedDownload(bench, AES)
    await download.start(2)
    const text = await readFile(await download.checkpoint(), 'utf8')
    const { $metadata } = await bench.plain().headObject({ Key: 'k' })
    const { key, iv } = AES.master!.secrets($metadata.headers)
    for (const secret of [key, iv]) {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        expect(text).not.to.contain(secret.toString(encoding))
      }
    }
    await download.resume()
  })
})
