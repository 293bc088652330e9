/** The material description (matdesc) of the COS dialects: written, compared, refused. */
import { inspect } from 'node:util'
import { expect } from 'chai'
import type { EncryptionContext } from '../../lib/crypto/encryption-context.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { EnvelopeError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { refused } from '../support/refused.js'
import { testPair } from '../support/test-keys.js'

const MATDESC = 'x-cos-meta-client-side-encryption-matdesc'
const AES = AesMasterKey.generate()
const RSA = RsaMasterKey.from(testPair('2048'))

const { metadata: aesHeaders } = await createEnvelope(AES, { format: 'cos' })

/** Opens an object whose headers hold this description. */
const open = (matdesc: string | undefined, context?: EncryptionContext): Promise<unknown> =>
  openEnvelope({ ...aesHeaders, [MATDESC]: matdesc }, AES, {
    policy: 'any',
    ...(context === undefined ? {} : { context }),
  })

describe('a description that is written', () => {
  const ways: readonly [string, MasterKey, 'cos' | 'cos-java-gcm'][] = [
    ['cos under AES', AES, 'cos'],
    ['cos under RSA, the bridge', RSA, 'cos'],
    ['cos-java-gcm under RSA', RSA, 'cos-java-gcm'],
    ['cos under KMS', new FakeKmsMasterKey(), 'cos'],
    ['cos-java-gcm under KMS', new FakeKmsMasterKey(), 'cos-java-gcm'],
  ]
  for (const [title, master, format] of ways) {
    it(`is compact JSON, sorted by name: ${title}`, async () => {
      const context = { b: '2', a: '1', '10': 'x', '9': 'y', quote: '"\\' }
      const { metadata } = await createEnvelope(master, { format, context })
      expect(metadata[MATDESC]).to.equal('{"10":"x","9":"y","a":"1","b":"2","quote":"\\"\\\\"}')
    })

    for (const context of [undefined, {}]) {
      it(`is absent for ${inspect(context)}: ${title}`, async () => {
        const options = context === undefined ? {} : { context }
        const { metadata } = await createEnvelope(master, { format, ...options })
        expect(metadata).to.not.have.property(MATDESC)
      })
    }

    it(`opens with the same context, in another order, with none, and not with another: ${title}`, async () => {
      const { metadata } = await createEnvelope(master, { format, context: { a: '1', b: '2' } })
      const reading = (context?: EncryptionContext): Promise<unknown> =>
        openEnvelope(metadata, master, { policy: 'any', ...(context === undefined ? {} : { context }) })
      await reading()
      await reading({ b: '2', a: '1' })
      await refused('SEALSTREAM_CONTEXT', () => reading({}))
      await refused('SEALSTREAM_CONTEXT', () => reading({ a: '1' }))
    })
  }

  it('is refused in format cos-python, which has no place for it', async () => {
    for (const master of [AES, RSA]) {
      const options = { format: 'cos-python' as const, context: { a: '1' } }
      const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(master, options))
      expect(error).to.include({ option: 'context' })
    }
  })

  it('is escaped as Go escapes JSON, whose SDK compares the text', async () => {
    const { metadata } = await createEnvelope(AES, { format: 'cos', context: { a: '<&>', b: '\u2028' } })
    expect(metadata[MATDESC]).to.equal('{"a":"\\u003c\\u0026\\u003e","b":"\\u2028"}')
  })

  it('is in a header that HTTP can carry: printable ASCII', async () => {
    for (const text of ['é', '中', '\u{1F600}', '\n', '\u007f', '\u2028']) {
      for (const context of [{ a: text }, { [text]: 'a' }]) {
        const value = (await createEnvelope(AES, { format: 'cos', context })).metadata[MATDESC]!
        expect(value).to.match(/^[\x20-\x7e]+$/)
        expect(JSON.parse(value)).to.deep.equal(context)
      }
    }
  })

  it('opens with the very context that it was written with, also with kms_cmk_id in it', async () => {
    const context = { a: '1', kms_cmk_id: 'some-key' }
    const { metadata } = await createEnvelope(AES, { format: 'cos', context })
    await openEnvelope(metadata, AES, { policy: 'any', context })
  })
})

describe('a description that is read', () => {
  const same: readonly [string | undefined, EncryptionContext | undefined][] = [
    [undefined, undefined],
    [undefined, {}],
    ['{}', {}],
    ['{"a":"1"}', undefined],
    ['{"a":"1","b":"2"}', { b: '2', a: '1' }],
    ['{"b":"2","a":"1"}', { a: '1', b: '2' }],
    [' { "b" : "2",\t"a": "1" } ', { a: '1', b: '2' }],
    ['{"\\u0061":"\\u0031"}', { a: '1' }],
    ['{"a":"\\u00e9"}', { a: 'é' }],
    ['{"a":"\\u003c\\u0026\\u003e"}', { a: '<&>' }],
    // As a store gives it where nothing was escaped: one character of the text, and one for each byte of its UTF-8.
    ['{"a":"\u00e9"}', { a: '\u00e9' }],
    ['{"a":"\u4e2d"}', { a: '\u4e2d' }],
    [Buffer.from('{"a":"\u4e2d\u00e9"}').toString('latin1'), { a: '\u4e2d\u00e9' }],
    ['{"":""}', { '': '' }],
    ['{"kms_cmk_id":"k"}', {}],
    ['{"kms_cmk_id":"k","a":"1"}', { a: '1' }],
    ['{"a":"1","kms_cmk_id":"k"}', { a: '1' }],
    ['{"__proto__":"x"}', JSON.parse('{"__proto__":"x"}') as EncryptionContext],
  ]
  for (const [text, context] of same) {
    it(`opens: ${text ?? 'none'} with ${inspect(context)}`, async () => {
      await open(text, context)
    })
  }

  const different: readonly [string | undefined, EncryptionContext][] = [
    [undefined, { a: '1' }],
    ['{}', { a: '1' }],
    ['{"a":"1"}', {}],
    ['{"a":"1"}', { a: '2' }],
    ['{"a":"1"}', { A: '1' }],
    ['{"a":"1"}', { a: '1', b: '2' }],
    ['{"a":"1","b":"2"}', { a: '1' }],
    ['{"a":"1","b":"2"}', { a: '2', b: '1' }],
    ['{"a":"e\\u0301"}', { a: '\u00e9' }],
    ['{"__proto__":"x"}', {}],
  ]
  for (const [text, context] of different) {
    it(`is refused with SEALSTREAM_CONTEXT: ${text ?? 'none'} with ${inspect(context)}`, async () => {
      const error = await refused('SEALSTREAM_CONTEXT', () => open(text, context))
      expect(error).to.be.instanceOf(EnvelopeError)
      expect(error.hint).to.be.a('string')
    })
  }

  it('is shown in the hint, at most 200 characters of it', async () => {
    const error = await refused('SEALSTREAM_CONTEXT', () => open('{"tenant":"a"}', {}))
    expect(error.hint).to.include('{"tenant":"a"}')
    const long = await refused('SEALSTREAM_CONTEXT', () => open(`{"a":"${'x'.repeat(5000)}"}`, {}))
    expect(long.hint!.length).to.be.below(250)
  })

  it('is compared before the master key is asked', async () => {
    const untouchable: MasterKey = {
      id: 'untouchable',
      wrap: () => expect.fail('wrap was called'),
      unwrap: () => expect.fail('unwrap was called'),
    }
    const reading = { policy: 'any' as const, context: { a: '1' } }
    await refused('SEALSTREAM_CONTEXT', () => openEnvelope(aesHeaders, untouchable, reading))
  })

  for (const text of [
    '',
    ' ',
    '{',
    '{"a":"1"',
    "{'a':'1'}",
    '{"a":"1"}x',
    '{"a":"1",}',
    'null',
    'true',
    '5',
    '"a"',
    '[]',
    '["a"]',
    '{"a":1}',
    '{"a":null}',
    '{"a":true}',
    '{"a":{}}',
    '{"a":["1"]}',
    '{"kms_cmk_id":5}',
    '{"a":"1","b":2}',
  ]) {
    it(`is refused as malformed, with a context or without: ${text}`, async () => {
      for (const context of [undefined, {}, { a: '1' }]) {
        const error = await refused('SEALSTREAM_ENVELOPE_MALFORMED', () => open(text, context))
        expect(error).to.include({ header: MATDESC })
      }
    })
  }

  it('is none in format cos-python: only an empty context is right', async () => {
    const { metadata } = await createEnvelope(RSA, { format: 'cos-python' })
    await openEnvelope(metadata, RSA, { policy: 'any', context: {} })
    await refused('SEALSTREAM_CONTEXT', () =>
      openEnvelope(metadata, RSA, { policy: 'any', context: { a: '1' } }),
    )
  })
})
