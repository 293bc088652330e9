/** Instruction files of the COS Java SDK: the envelope in an object beside the object, taken only where it is asked for. */
import { createCipheriv } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { OptionError } from '../../lib/errors.js'
import { RSA_2048 } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { READ_OPERATIONS } from '../support/read-operations.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { content, transferBench } from '../support/transfers.js'

const PLAIN = content(1000, 3)
const KEY = new Seeded(81).bytes(32)
const IV = new Seeded(82).bytes(16)
const MASTER = new Seeded(256).bytes(32)
const STORED = createCipheriv('aes-256-ctr', KEY, IV).update(PLAIN)
const MOST_BYTES = 64 * 1024

function wrapped(bytes: Buffer): string {
  const cipher = createCipheriv('id-aes256-wrap', MASTER, Buffer.alloc(8, 0xa6))
  return Buffer.concat([cipher.update(bytes), cipher.final()]).toString('base64')
}

/** What the SDK writes into the file. */
const INSTRUCTION: Readonly<Record<string, unknown>> = {
  'x-cos-key-v2': wrapped(KEY),
  'x-cos-iv': IV.toString('base64'),
  'x-cos-cek-alg': 'AES/CTR/NoPadding',
  'x-cos-wrap-alg': 'AESWrap',
  'x-cos-matdesc': '{"tenant":"north"}',
}

/** What it says of the object itself. */
const LENGTH = { 'client-side-encryption-unencrypted-content-length': String(PLAIN.length) }

describe('instruction files', () => {
  const bench = transferBench({}, { once: true })
  let client: CosEncryptionClient
  beforeEach(async () => {
    client = bench.encrypting({ policy: 'any' })
    await store(LENGTH)
    await instruct(INSTRUCTION)
  })

  const store = (Metadata: Record<string, string>): Promise<unknown> =>
    bench.plain().putObject({ Key: 'k', Body: STORED, Metadata })
  const instruct = (file: unknown, suffix = '.instruction'): Promise<unknown> =>
    bench.plain().putObject({
      Key: `k${suffix}`,
      Body: file instanceof Buffer ? file : JSON.stringify(file),
      Metadata: { 'x-cos-crypto-instr-file': '' },
    })

  async function expectRead(InstructionFile: boolean | string): Promise<void> {
    for (const [name, read] of Object.entries(READ_OPERATIONS)) {
      const chunks: Buffer[] = []
      const take = (bytes: Buffer): void => void chunks.push(bytes)
      await read(client, { take, path: bench.path('f'), more: { InstructionFile } })
      const bytes = Buffer.concat(chunks)
      const expected =
        name === 'a range'
          ? PLAIN.subarray(1, 10)
          : name === 'a suffix'
            ? PLAIN.subarray(-9)
            : name.endsWith('from 5 on')
              ? PLAIN.subarray(5)
              : PLAIN
      if (!name.startsWith('downloadFile') && name !== 'verify')
        expect(bytes.equals(expected), name).to.equal(true)
      else if (name !== 'verify') expect((await readFile(bench.path('f'))).equals(PLAIN)).to.equal(true)
    }
    const head = await client.headObject({ Key: 'k', InstructionFile })
    expect(head).to.include({ format: 'cos', ContentLength: PLAIN.length, authenticated: false })
  }

  it('with true, beside the object as the SDK has it', async () => {
    await expectRead(true)
    const got = await client.getObject({ Key: 'k', InstructionFile: true })
    // The IV stands in the file as it is.
    expect(got).to.include({ keyVerified: false, format: 'cos' })
    got.Body.destroy()
  })

  it('with a suffix of one’s own', async () => {
    await bench.plain().deleteObject({ Key: 'k.instruction' })
    for (const suffix of ['.keys', '/envelope', '.instruction.v2']) {
      await instruct(INSTRUCTION, suffix)
      await expectRead(suffix)
      await bench.plain().deleteObject({ Key: `k${suffix}` })
    }
  })

  it('are never looked for unless they are asked for', async () => {
    const asked: object[] = [{}, { InstructionFile: false }, { InstructionFile: undefined }]
    for (const [metadata, code] of [
      [{}, 'SEALSTREAM_ENVELOPE_MISSING'],
      [LENGTH, 'SEALSTREAM_ENVELOPE_MALFORMED'],
    ] as const) {
      await store(metadata)
      for (const more of asked) {
        for (const read of Object.values(READ_OPERATIONS)) {
          const take = (): void => expect.fail('no byte')
          await refused(code, () => read(client, { take, path: bench.path('f'), more }))
        }
        const error = await refused(code, () => client.headObject({ Key: 'k', ...more }))
        if (code === 'SEALSTREAM_ENVELOPE_MALFORMED') expect(error.hint).to.contain('InstructionFile')
      }
    }
    expect(
      bench.calls.filter(({ key, operation }) => key !== 'k' && operation === 'getObject'),
    ).to.deep.equal([])
  })

  it('that are missing are the service’s 404, and no byte', async () => {
    await bench.plain().deleteObject({ Key: 'k.instruction' })
    for (const read of Object.values(READ_OPERATIONS)) {
      const take = (): void => expect.fail('no byte')
      const options = { take, path: bench.path('f'), more: { InstructionFile: true } }
      const error = await refused('SEALSTREAM_SERVICE', () => read(client, options))
      expect(error).to.include({ status: 404, serviceCode: 'NoSuchKey' })
    }
    await refused('SEALSTREAM_SERVICE', () => client.headObject({ Key: 'k', InstructionFile: true }))
  })

  const text = JSON.stringify(INSTRUCTION)
  const malformed: Readonly<Record<string, unknown>> = {
    'one byte over 64 KiB': Buffer.from(text.padEnd(MOST_BYTES + 1)),
    'a megabyte': Buffer.alloc(1024 * 1024, ' '),
    'not JSON': Buffer.from(text.slice(1)),
    empty: Buffer.alloc(0),
    'not UTF-8': Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.of(0xff), Buffer.from('"}')]),
    'a list': [INSTRUCTION],
    'a text': 'x',
    null: null,
    'a number among texts': { ...INSTRUCTION, 'x-cos-tag-len': 128 },
    'an object among texts': { ...INSTRUCTION, 'x-cos-matdesc': { tenant: 'north' } },
    'no cek-alg': { ...INSTRUCTION, 'x-cos-cek-alg': null },
    'no IV': { ...INSTRUCTION, 'x-cos-iv': null },
    'an IV too short': { ...INSTRUCTION, 'x-cos-iv': 'AAAA' },
    'a description that is no JSON': { ...INSTRUCTION, 'x-cos-matdesc': 'north' },
  }
  for (const [title, file] of Object.entries(malformed)) {
    it(`that are ${title} are SEALSTREAM_ENVELOPE_MALFORMED`, async () => {
      await instruct(file)
      for (const read of Object.values(READ_OPERATIONS)) {
        const take = (): void => expect.fail('no byte')
        const options = { take, path: bench.path('f'), more: { InstructionFile: true } }
        await refused('SEALSTREAM_ENVELOPE_MALFORMED', () => read(client, options))
      }
      await refused('SEALSTREAM_ENVELOPE_MALFORMED', () =>
        client.headObject({ Key: 'k', InstructionFile: true }),
      )
    })
  }

  it('of 64 KiB, and with what is absent as null, are read', async () => {
    await instruct(Buffer.from(text.padEnd(MOST_BYTES)))
    await expectRead(true)
    await instruct({ ...INSTRUCTION, 'x-cos-matdesc': null })
    await expectRead(true)
  })

  it('of no object are other codes: empty, without a key, of an unknown algorithm, under another key', async () => {
    const cases: [file: object, code: Parameters<typeof refused>[0]][] = [
      [{}, 'SEALSTREAM_ENVELOPE_MISSING'],
      [{ ...INSTRUCTION, 'x-cos-key-v2': null }, 'SEALSTREAM_ENVELOPE_MALFORMED'],
      [{ ...INSTRUCTION, 'x-cos-key': wrapped(KEY) }, 'SEALSTREAM_AMBIGUOUS_ENVELOPE'],
      [{ ...INSTRUCTION, 'x-cos-cek-alg': 'AES/ECB' }, 'SEALSTREAM_UNKNOWN_ALGORITHM'],
      [{ ...INSTRUCTION, 'x-cos-wrap-alg': 'RSA' }, 'SEALSTREAM_UNKNOWN_ALGORITHM'],
      [{ ...INSTRUCTION, 'x-cos-key-v2': Buffer.alloc(40, 1).toString('base64') }, 'SEALSTREAM_UNWRAP'],
    ]
    for (const [file, code] of cases) {
      await instruct(file)
      await refused(code, () => client.getObject({ Key: 'k', InstructionFile: true }))
    }
  })

  it('say what the object is about, and a client that expects something else is refused', async () => {
    const right = bench.encrypting({ policy: 'any', context: { tenant: 'north' } })
    const got = await right.getObject({ Key: 'k', InstructionFile: true })
    expect((await bytesOf(got.Body)).equals(PLAIN)).to.equal(true)
    const wrong = bench.encrypting({ policy: 'any', context: { tenant: 'south' } })
    await refused('SEALSTREAM_CONTEXT', () => wrong.getObject({ Key: 'k', InstructionFile: true }))
  })

  it('are asked for by true or a suffix alone', async () => {
    for (const wrong of ['', 5, {}, null, []]) {
      const more = { InstructionFile: wrong as never }
      for (const read of Object.values(READ_OPERATIONS)) {
        const take = (): void => expect.fail('no byte')
        const error = await refused('SEALSTREAM_OPTION', () =>
          read(client, { take, path: bench.path('f'), more }),
        )
        expect(ofClass(error, OptionError).option).to.equal('InstructionFile')
      }
    }
  })

  it('are read under the customer’s key of the object, where the service encrypts with one', async () => {
    const SSECustomerKey = content(32, 6)
    const plain = bench.plain()
    await plain.putObject({ Key: 'k', Body: STORED, SSECustomerKey })
    await plain.putObject({ Key: 'k.instruction', Body: text, SSECustomerKey })
    const got = await client.getObject({ Key: 'k', InstructionFile: true, SSECustomerKey })
    expect((await bytesOf(got.Body)).equals(PLAIN)).to.equal(true)
    const range = await client.getObject({
      Key: 'k',
      InstructionFile: true,
      SSECustomerKey,
      Range: 'bytes=7-9',
    })
    expect((await bytesOf(range.Body)).equals(PLAIN.subarray(7, 10))).to.equal(true)
  })

  for (const metadata of [LENGTH, {}]) {
    const what = metadata === LENGTH ? 'states its length' : 'says nothing'
    it(`are given up by rewrap, of an object that ${what}: its own envelope says the same from then on`, async () => {
      await store(metadata)
      const masterKey = RSA_2048.masterKey()
      // The IV in the file is not proven to be the one that the object was written with.
      await refused('SEALSTREAM_UNWRAP', () => client.rewrap({ Key: 'k', InstructionFile: true, masterKey }))
      const params = { InstructionFile: true, acceptUnverifiedKey: true }
      const told = await client.rewrap({ Key: 'k', masterKey, ...params })
      expect(told).to.include({ format: 'cos', StoredLength: STORED.length })
      const right = bench.encrypting({ policy: 'any', masterKey, context: { tenant: 'north' } })
      const got = await right.getObject({ Key: 'k' })
      expect(got.keyVerified).to.equal(true)
      expect((await bytesOf(got.Body)).equals(PLAIN)).to.equal(true)
      const wrong = bench.encrypting({ policy: 'any', masterKey, context: { tenant: 'south' } })
      await refused('SEALSTREAM_CONTEXT', () => wrong.getObject({ Key: 'k' }))
    })
  }
})
