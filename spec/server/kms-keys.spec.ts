import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { OptionError } from '../../lib/errors.js'
import { startServer } from '../../lib/server/index.js'
import { serversOfSpec } from '../support/server-files.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { base64, call, DATA_KEY, INVALID_CIPHERTEXT, KEY, refusal } from './kms-request.js'

describe('server: the keys of KMS', () => {
  const start = serversOfSpec()

  it('are all that are named, by default', async () => {
    const server = await start()
    for (const KeyId of ['a', '0', '-', 'Z'.repeat(64)]) {
      expect((await call(server, 'Encrypt', { KeyId, Plaintext: 'AAAA' })).KeyId).to.equal(KeyId)
    }
  })

  it('are those of the option keys, and those of disabled, which cannot be used', async () => {
    const server = await start({ kms: { keys: ['one', 'off'], disabled: ['off', 'off-too'] } })
    const codes = []
    for (const KeyId of ['off', 'off-too', 'two', 'One']) {
      codes.push(await refusal(server, 'Encrypt', { KeyId, Plaintext: 'AAAA' }))
      codes.push(await refusal(server, 'GenerateDataKey', { KeyId, KeySpec: 'AES_128' }))
    }
    const [disabled, missing] = ['ResourceUnavailable.CmkDisabled', 'ResourceUnavailable.CmkNotFound']
    expect(codes).to.deep.equal([...Array<string>(4).fill(disabled), ...Array<string>(4).fill(missing)])
    expect((await call(server, 'Encrypt', { KeyId: 'one', Plaintext: 'AAAA' })).KeyId).to.equal('one')
  })

  it('decrypt only while they are there: of a genuine ciphertext it is said why not', async () => {
    const server = await start()
    const { directory } = server
    const options = { directory, credentials: server.credentials }
    const { CiphertextBlob } = await call(server, 'Encrypt', { KeyId: 'one', Plaintext: 'AAAA' })
    const disabling = await start({ ...options, kms: { disabled: ['one'] } })
    expect(await refusal(disabling, 'Decrypt', { CiphertextBlob })).to.equal(
      'ResourceUnavailable.CmkDisabled',
    )
    const without = await start({ ...options, kms: { keys: [] } })
    expect(await refusal(without, 'Decrypt', { CiphertextBlob })).to.equal('ResourceUnavailable.CmkNotFound')
    const altered = `${CiphertextBlob.slice(0, -4)}AAAA`
    expect(await refusal(without, 'Decrypt', { CiphertextBlob: altered })).to.equal(INVALID_CIPHERTEXT)
  })

  it('do not open what another wrapped, even when the ciphertext says so', async () => {
    const server = await start()
    const { CiphertextBlob } = await call(server, 'Encrypt', { KeyId: 'one', Plaintext: 'AAAA' })
    const other = CiphertextBlob.replace(base64('one'), base64('two'))
    expect(other).not.to.equal(CiphertextBlob)
    expect(await refusal(server, 'Decrypt', { CiphertextBlob: other })).to.equal(INVALID_CIPHERTEXT)
    expect((await call(server, 'Decrypt', { CiphertextBlob })).KeyId).to.equal('one')
  })

  it('open no ciphertext that was altered in any byte or character, cut or extended', async () => {
    const server = await start()
    const EncryptionContext = '{"a":"b"}'
    const Plaintext = base64('secret')
    const { CiphertextBlob } = await call(server, 'Encrypt', { KeyId: KEY, Plaintext, EncryptionContext })
    const genuine = Buffer.from(CiphertextBlob, 'base64')
    const altered: string[] = []
    for (let i = 0; i < genuine.length; i += 1) {
      for (const mask of [0x01, 0x80]) {
        const bytes = Buffer.from(genuine)
        bytes[i]! ^= mask
        altered.push(base64(bytes))
      }
      altered.push(base64(genuine.subarray(0, i)))
    }
    for (let i = 0; i < CiphertextBlob.length; i += 1) {
      const other = CiphertextBlob[i] === 'B' ? 'C' : 'B'
      altered.push(`${CiphertextBlob.slice(0, i)}${other}${CiphertextBlob.slice(i + 1)}`)
    }
    altered.push(
      base64(Buffer.concat([genuine, Buffer.alloc(1)])),
      base64(Buffer.concat([Buffer.alloc(1), genuine])),
    )
    altered.push(
      `${CiphertextBlob}=`,
      ` ${CiphertextBlob}`,
      `${CiphertextBlob}\n`,
      CiphertextBlob.slice(0, -1),
    )
    expect(altered.length).to.be.greaterThan(300)
    for (const text of altered) {
      const code = await refusal(server, 'Decrypt', { CiphertextBlob: text, EncryptionContext })
      expect(code, text).to.equal(INVALID_CIPHERTEXT)
    }
    const opened = await call(server, 'Decrypt', { CiphertextBlob, EncryptionContext })
    expect(opened.Plaintext).to.equal(Plaintext)
  })

  for (const [what, kms, option] of [
    ['text', 'k', 'kms'],
    ['null', null, 'kms'],
    ['an unknown name', { key: ['k'] }, 'kms.key'],
    ['a single key', { keys: 'k' }, 'kms.keys'],
    ['an empty id', { keys: ['k', ''] }, 'kms.keys[1]'],
    ['an id with a slash', { disabled: ['a/b'] }, 'kms.disabled[0]'],
    ['a number', { disabled: [5] }, 'kms.disabled[0]'],
  ] as const) {
    it(`cannot be given as ${what}: OptionError for ${option}`, async () => {
      const error: unknown = await startServer({ kms: kms as never }).then(
        (server) => server.close(),
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(OptionError).and.to.include({ option })
    })
  }
})

describe('server: the secret of KMS', () => {
  const start = serversOfSpec()
  const folder = temporaryFolder()
  const credentials = { secretId: 'AKIDspec', secretKey: 'the key of the spec' }
  const fileIn = (directory: string): string => join(directory, '.kms-secret')

  it('is made on first use, for its owner alone, and nothing else is left', async () => {
    const directory = folder('store')
    const server = await start({ directory })
    expect(await readdir(directory)).to.deep.equal([])
    await call(server, 'Encrypt', { KeyId: KEY, Plaintext: 'AAAA' })
    expect(await readdir(directory)).to.deep.equal(['.kms-secret'])
    expect((await stat(fileIn(directory))).mode & 0o777).to.equal(0o600)
  })

  it('outlives a restart', async () => {
    const directory = folder('store')
    const first = await start({ directory, credentials })
    const { CiphertextBlob, Plaintext } = await call(first, 'GenerateDataKey', DATA_KEY)
    await first.close()
    const second = await start({ directory, credentials })
    expect((await call(second, 'Decrypt', { CiphertextBlob })).Plaintext).to.equal(Plaintext)
  })

  it('is one for all servers of a directory, also when all need it first at the same moment', async () => {
    const directory = folder('store')
    const servers = await Promise.all(Array.from({ length: 8 }, () => start({ directory, credentials })))
    const made = await Promise.all(servers.map((server) => call(server, 'GenerateDataKey', DATA_KEY)))
    for (const [i, { CiphertextBlob, Plaintext }] of made.entries()) {
      const reader = servers[(i + 1) % servers.length]!
      expect((await call(reader, 'Decrypt', { CiphertextBlob })).Plaintext).to.equal(Plaintext)
    }
    expect(await readdir(directory)).to.deep.equal(['.kms-secret'])
  })

  it('is another in another directory: what was wrapped there does not open here', async () => {
    const [one, two] = [await start(), await start()]
    const { CiphertextBlob } = await call(one, 'GenerateDataKey', DATA_KEY)
    expect(await refusal(two, 'Decrypt', { CiphertextBlob })).to.equal(INVALID_CIPHERTEXT)
  })

  for (const [what, content] of [
    ['empty', ''],
    ['cut short', '00'.repeat(31)],
    ['no hexadecimal', 'x'.repeat(64)],
  ] as const) {
    it(`is not replaced when it is ${what}: InternalError, until it is put right`, async () => {
      const directory = folder('store')
      const lines: string[] = []
      const log = (line: string, error?: unknown): void => void lines.push(`${line} ${String(error)}`)
      const server = await start({ directory, log })
      await writeFile(fileIn(directory), content)
      expect(await refusal(server, 'GenerateDataKey', DATA_KEY)).to.equal('InternalError')
      expect(lines.at(-1)).to.include('KMS failed').and.include(fileIn(directory))
      expect(await readFile(fileIn(directory), 'utf8')).to.equal(content)
      await rm(fileIn(directory))
      await call(server, 'GenerateDataKey', DATA_KEY)
    })
  }

  it('answers InternalError when it cannot be kept', async () => {
    const directory = folder('store')
    const server = await start({ directory })
    await rm(directory, { recursive: true })
    expect(await refusal(server, 'GenerateDataKey', DATA_KEY)).to.equal('InternalError')
  })
})
