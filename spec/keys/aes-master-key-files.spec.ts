import { readFile, stat, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { KeyError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const random = new Seeded(71)
const KEYS = { 128: random.bytes(16), 192: random.bytes(24), 256: random.bytes(32) }
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const wrong = (value: unknown): never => value as never

describe('AesMasterKey files', () => {
  const folder = temporaryFolder()

  for (const bits of [128, 192, 256] as const) {
    it(`come back as the same key of ${bits} bits`, async () => {
      const master = AesMasterKey.from(KEYS[bits])
      await master.toFile(folder('master.key'))
      expect((await AesMasterKey.fromFile(folder('master.key'))).id).to.equal(master.id)
    })
  }

  it("hold one line of Base64, the form of the COS Python SDK's aes_key_path", async () => {
    await AesMasterKey.from(KEYS[256]).toFile(folder('master.key'))
    expect(await readFile(folder('master.key'), 'utf8')).to.equal(`${KEYS[256].toString('base64')}\n`)
  })

  it('are written by the COS Python SDK without a line feed, which is read too', async () => {
    await writeFile(folder('master.key'), KEYS[256].toString('base64'))
    expect((await AesMasterKey.fromFile(folder('master.key'))).id).to.equal(AesMasterKey.from(KEYS[256]).id)
  })

  it('are read with a CRLF at the end', async () => {
    await writeFile(folder('master.key'), `${KEYS[256].toString('base64')}\r\n`)
    expect((await AesMasterKey.fromFile(folder('master.key'))).id).to.equal(AesMasterKey.from(KEYS[256]).id)
  })

  it('have mode 0600', async () => {
    await AesMasterKey.generate().toFile(folder('master.key'))
    expect((await stat(folder('master.key'))).mode & 0o777).to.equal(0o600)
  })

  it('are not overwritten: the old content stays', async () => {
    await writeFile(folder('master.key'), 'precious')
    const error = await refused('SEALSTREAM_KEY_FILE', () =>
      AesMasterKey.generate().toFile(folder('master.key')),
    )
    expect(error.message).to.include(folder('master.key')).and.to.include('never overwritten')
    expect(await readFile(folder('master.key'), 'utf8')).to.equal('precious')
  })

  const malformed: Readonly<Record<string, string | Buffer>> = {
    'raw key bytes': KEYS[256],
    'the Base64 of 31 bytes': random.bytes(31).toString('base64'),
    'the hex of 32 bytes': hex(random.bytes(32)),
    'URL-safe Base64': Buffer.alloc(32, 0xfb).toString('base64url'),
    'Base64 broken into two lines': `${Buffer.alloc(16, 7).toString('base64').slice(0, 12)}\nBwcHBwcHBwcHBw==`,
    'two keys': `${KEYS[256].toString('base64')}\n${KEYS[128].toString('base64')}\n`,
  }
  for (const [title, content] of Object.entries(malformed)) {
    it(`are refused with ${title} inside; the error names path and form, and shows none of it`, async () => {
      await writeFile(folder('master.key'), content)
      const error = await refused('SEALSTREAM_KEY_FILE', () => AesMasterKey.fromFile(folder('master.key')))
      expect(error)
        .to.be.instanceOf(KeyError)
        .and.to.include({ path: folder('master.key') })
      expect(error.message)
        .to.include(folder('master.key'))
        .and.to.include('Base64 text of 16, 24 or 32 bytes')
      const shown = inspect(error, { depth: 10, showHidden: true })
      expect(shown).to.not.include(content.toString('latin1').slice(0, 12))
      expectNoTrace(shown, Buffer.from(content.toString('latin1'), 'base64'), 'the error')
    })
  }

  for (const value of [undefined, null, 5, '']) {
    it(`refuse ${inspect(value)} as path, in both directions`, async () => {
      await refused('SEALSTREAM_OPTION', () => AesMasterKey.fromFile(wrong(value)))
      await refused('SEALSTREAM_OPTION', () => AesMasterKey.generate().toFile(wrong(value)))
    })
  }
})
