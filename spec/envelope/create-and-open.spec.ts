/** What createEnvelope and openEnvelope take: options, policies, master keys and headers. */
import { inspect } from 'node:util'
import { expect } from 'chai'
import { FORMAT_NAMES, FORMATS, WRITABLE_FORMATS } from '../../lib/crypto/format.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import type { Metadata } from '../../lib/envelope/write-envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { failureOf, refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const RAW = new Seeded(97).bytes(32)
const MASTER = AesMasterKey.from(RAW)
const RSA = RsaMasterKey.from(testPair('2048'))
const wrong = (value: unknown): never => value as never

describe('createEnvelope', () => {
  for (const format of [
    '',
    'COS',
    'sealed-2',
    'aes',
    'constructor',
    '__proto__',
    'cos-java-cbc',
    undefined,
    null,
    5,
  ]) {
    it(`refuses format ${inspect(format)} and lists those that can be written`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        createEnvelope(MASTER, { format: wrong(format) }),
      )
      expect(error).to.include({ option: 'format' })
      for (const known of WRITABLE_FORMATS) expect(error.message).to.include(known)
    })
  }

  it('refuses to go without a format', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(MASTER, wrong({})))
    expect(error).to.include({ option: 'format' })
  })

  for (const options of [undefined, null, 'cos']) {
    it(`refuses ${inspect(options)} as options`, async () => {
      await refused('SEALSTREAM_OPTION', () => createEnvelope(MASTER, wrong(options)))
    })
  }

  it('refuses an unknown option by its path', async () => {
    const options = { format: 'cos', formt: 'cos' }
    const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(MASTER, wrong(options)))
    expect(error.message).to.include('formt')
  })

  for (const key of [
    undefined,
    null,
    'key',
    {},
    [MASTER],
    { wrap: () => undefined },
    { unwrap: () => undefined },
    { wrap: () => undefined, unwrap: () => undefined },
    { wrap: () => undefined, unwrap: () => undefined, id: 5 },
  ]) {
    it(`refuses ${inspect(key)} as master key`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(wrong(key), { format: 'cos' }))
      expect(error).to.include({ option: 'masterKey' })
    })
  }

  it('does not quote bytes that come in place of a master key', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(wrong(RAW), { format: 'cos' }))
    expect(inspect(error)).to.not.include(RAW.toString('hex').slice(0, 8))
  })
})

describe('openEnvelope', () => {
  const metadata = async (): Promise<Metadata> => (await createEnvelope(MASTER, { format: 'cos' })).metadata

  for (const policy of [
    undefined,
    null,
    '',
    'all',
    'cos',
    'sealed',
    [],
    ['sealed-2'],
    ['authenticated'],
    ['cos', 5],
    [undefined],
    {},
    5,
  ]) {
    it(`refuses policy ${inspect(policy)}`, async () => {
      const headers = await metadata()
      const error = await refused('SEALSTREAM_OPTION', () =>
        openEnvelope(headers, MASTER, { policy: wrong(policy) }),
      )
      expect(error.message).to.include('policy')
    })
  }

  it('refuses to go without a policy', async () => {
    const headers = await metadata()
    await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, MASTER, wrong({})))
    await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, MASTER, wrong(undefined)))
  })

  it('refuses an unknown option', async () => {
    const options = { policy: 'any', polcy: 'any' }
    const headers = await metadata()
    await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, MASTER, wrong(options)))
  })

  for (const key of [undefined, null, {}, { unwrap: () => undefined }]) {
    it(`refuses ${inspect(key)} as master key`, async () => {
      const headers = await metadata()
      await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, wrong(key), { policy: 'any' }))
    })
  }

  for (const headers of [undefined, null, 'x-cos-meta-sealstream-version: 1']) {
    it(`refuses ${inspect(headers)} in place of metadata with an error of this package`, async () => {
      await failureOf(() => openEnvelope(wrong(headers), MASTER, { policy: 'any' }))
    })
  }

  for (const format of WRITABLE_FORMATS) {
    const { authenticated } = FORMATS[format]
    const accepting = ['any', [format], FORMAT_NAMES, ...(authenticated ? ['authenticated' as const] : [])]
    const others = FORMAT_NAMES.filter((name) => name !== format)
    const refusing = [others, ...(authenticated ? [] : ['authenticated' as const])]

    for (const policy of accepting) {
      it(`accepts ${format} under policy ${inspect(policy)}`, async () => {
        const { metadata: headers } = await createEnvelope(RSA, { format })
        expect((await openEnvelope(headers, RSA, { policy: wrong(policy) })).format).to.equal(format)
      })
    }

    for (const policy of refusing) {
      it(`refuses ${format} under policy ${inspect(policy)}, naming format and option, before the key is asked`, async () => {
        const { metadata: headers } = await createEnvelope(RSA, { format })
        const untouchable: MasterKey = {
          id: 'untouchable',
          wrap: () => expect.fail('wrap was called'),
          unwrap: () => expect.fail('unwrap was called'),
        }
        const error = await refused('SEALSTREAM_POLICY', () => openEnvelope(headers, untouchable, { policy }))
        expect(error.message).to.include(`${format};`).and.to.include('policy')
        expect(error.hint).to.include(`policy: ['${format}']`)
      })
    }
  }

  it('calls sealed alone authenticated', () => {
    const found = FORMAT_NAMES.filter((format) => FORMATS[format].authenticated)
    expect(found).to.deep.equal(['sealed'])
  })

  it('ignores headers that are not part of an envelope', async () => {
    const headers = {
      ...(await metadata()),
      'content-length': '5',
      'x-cos-meta-author': 'x',
      'x-cos-meta-empty': '',
      'set-cookie': ['a', 'b'],
      'client-side-encryption-key': 'no prefix',
      'x-cos-meta-nothing': undefined,
    }
    await openEnvelope(headers, MASTER, { policy: 'any' })
  })

  for (const [title, change] of [
    ['upper case', (name: string) => name.toUpperCase()],
    ['canonical case, as Go sends them', (name: string) => name.replace(/\b[a-z]/g, (c) => c.toUpperCase())],
  ] as const) {
    it(`reads header names in ${title}`, async () => {
      const headers = Object.entries(await metadata()).map(([name, text]) => [change(name), text] as const)
      const opened = await openEnvelope(Object.fromEntries(headers), MASTER, { policy: 'any' })
      expect(opened.format).to.equal('cos')
    })
  }

  it('reads metadata that has no prototype', async () => {
    const headers = Object.assign(Object.create(null) as Metadata, await metadata())
    await openEnvelope(headers, MASTER, { policy: 'any' })
  })

  it('leaves the metadata as it was', async () => {
    const headers = await metadata()
    const before = JSON.stringify(headers)
    await openEnvelope(headers, MASTER, { policy: 'any' })
    expect(JSON.stringify(headers)).to.equal(before)
  })
})
