/** The headers of format sealed: what is read, and with which error everything else is refused. */
import { expect } from 'chai'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { EnvelopeHeaders } from '../../lib/envelope/headers.js'
import { readEnvelope } from '../../lib/envelope/read-envelope.js'
import { recipientValues, writeRecipient, writeSealed } from '../../lib/envelope/sealed-dialect.js'
import { EnvelopeError, type ErrorCode } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { Wrapped } from '../../lib/keys/master-key.js'
import { refused } from '../support/refused.js'
import { aesRecipientModel, sealedHeaders } from '../support/sealed-model.js'
import { Seeded } from '../support/seeded.js'

const MALFORMED = 'SEALSTREAM_ENVELOPE_MALFORMED'
const UNKNOWN = 'SEALSTREAM_UNKNOWN_ALGORITHM'
const AMBIGUOUS = 'SEALSTREAM_AMBIGUOUS_ENVELOPE'
const META = 'x-cos-meta-'
const PREFIX = `${META}sealstream-`
const VERSION = `${PREFIX}version`
const CONTENT = `${PREFIX}content`
const recipient = (number: number | string): string => `${PREFIX}recipient-${number}`

const random = new Seeded(430)
const MASTER = random.bytes(32)
const master = AesMasterKey.from(MASTER)
const VALUE = aesRecipientModel(MASTER, random.bytes(32))
const [, ID = '', WRAPPED = ''] = VALUE.split('.')
const GOOD = sealedHeaders(VALUE)

/** An RSA recipient with its id and key. */
const rsa = (id: string, bytes: number): string => `rsa.${id}.${Buffer.alloc(bytes, 7).toString('base64url')}`

type Headers = Record<string, string | string[] | undefined>

const withRecipients = (...named: [string | number, string][]): Headers => {
  const { [VERSION]: version, [CONTENT]: content } = GOOD
  const numbered = named.map(([number, value]) => [recipient(number), value])
  return { [VERSION]: version!, [CONTENT]: content!, ...Object.fromEntries(numbered) } as Headers
}

/** Every one refused with its code, by the reading and by the opening. */
const REFUSED: Readonly<Record<string, [ErrorCode, Headers]>> = {
  'version 2': [UNKNOWN, { ...GOOD, [VERSION]: '2' }],
  'version 0': [UNKNOWN, { ...GOOD, [VERSION]: '0' }],
  'version 01': [UNKNOWN, { ...GOOD, [VERSION]: '01' }],
  'version "1 "': [UNKNOWN, { ...GOOD, [VERSION]: '1 ' }],
  'an empty version': [UNKNOWN, { ...GOOD, [VERSION]: '' }],
  'no version': [MALFORMED, { ...GOOD, [VERSION]: undefined }],
  'another content': [UNKNOWN, { ...GOOD, [CONTENT]: 'cobblestone-128' }],
  'content in upper case': [UNKNOWN, { ...GOOD, [CONTENT]: 'Cobblestone-256' }],
  'content of the COS dialect': [UNKNOWN, { ...GOOD, [CONTENT]: 'AES/CTR/NoPadding' }],
  'an empty content': [UNKNOWN, { ...GOOD, [CONTENT]: '' }],
  'no content': [MALFORMED, { ...GOOD, [CONTENT]: undefined }],
  'no recipient': [MALFORMED, { ...GOOD, [recipient(1)]: undefined }],
  'a version alone': [MALFORMED, { [VERSION]: '1' }],
  'recipients alone': [MALFORMED, { [recipient(1)]: VALUE }],
  'a gap in the numbers': [MALFORMED, withRecipients([1, VALUE], [3, VALUE])],
  'no number 1': [MALFORMED, withRecipients([2, VALUE])],
  'number 0': [MALFORMED, withRecipients([0, VALUE])],
  'numbers 0 and 1': [MALFORMED, withRecipients([0, VALUE], [1, VALUE])],
  'number 01': [MALFORMED, withRecipients(['01', VALUE])],
  'numbers 1 and 02': [MALFORMED, withRecipients([1, VALUE], ['02', VALUE])],
  'number +1': [MALFORMED, withRecipients(['+1', VALUE])],
  'number 1.0': [MALFORMED, withRecipients(['1.0', VALUE])],
  'number -1': [MALFORMED, withRecipients([1, VALUE], [-1, VALUE])],
  'an empty number': [MALFORMED, withRecipients(['', VALUE], [1, VALUE])],
  'number x': [MALFORMED, withRecipients([1, VALUE], ['x', VALUE])],
  '33 recipients': [MALFORMED, sealedHeaders(...Array.from({ length: 33 }, () => VALUE))],
  'number 33 alone beside 1': [MALFORMED, withRecipients([1, VALUE], [33, VALUE])],
  'a stranger of ours': [MALFORMED, { ...GOOD, [`${PREFIX}extra`]: '1' }],
  'a stranger that begins like recipient': [MALFORMED, { ...GOOD, [`${PREFIX}recipients`]: '1' }],
  'an IV of another dialect': [MALFORMED, { ...GOOD, [`${META}client-side-encryption-iv`]: 'AAAA' }],
  'a description': [MALFORMED, { ...GOOD, [`${META}client-side-encryption-matdesc`]: '{}' }],
  'a tag length': [MALFORMED, { ...GOOD, [`${META}x-cos-tag-len`]: '128' }],
  'a plain IV': [MALFORMED, { ...GOOD, [`${META}x-cos-iv`]: 'AAAA' }],
  'an unknown kind': [UNKNOWN, sealedHeaders(`pgp.${ID}.${WRAPPED}`)],
  'a kind in upper case': [UNKNOWN, sealedHeaders(`AES.${ID}.${WRAPPED}`)],
  'an empty kind': [UNKNOWN, sealedHeaders(`.${ID}.${WRAPPED}`)],
  'a kind of the prototype': [UNKNOWN, sealedHeaders(`constructor.${ID}.${WRAPPED}`)],
  'the kind __proto__': [UNKNOWN, sealedHeaders(`__proto__.${ID}.${WRAPPED}`)],
  'a blank before the kind': [UNKNOWN, sealedHeaders(` ${VALUE}`)],
  'an empty value': [UNKNOWN, sealedHeaders('')],
  'a kind alone': [MALFORMED, sealedHeaders('aes')],
  'kind and id alone': [MALFORMED, sealedHeaders(`aes.${ID}`)],
  'a dot more at the end': [MALFORMED, sealedHeaders(`${VALUE}.`)],
  'a fourth part': [MALFORMED, sealedHeaders(`${VALUE}.AAAA`)],
  'two dots together': [MALFORMED, sealedHeaders(`aes..${ID}.${WRAPPED}`)],
  'an empty id': [MALFORMED, sealedHeaders(`aes..${WRAPPED}`)],
  'an id of 65 letters': [MALFORMED, sealedHeaders(`aes.${'a'.repeat(65)}.${WRAPPED}`)],
  'an id with a slash': [MALFORMED, sealedHeaders(`aes.a/b.${WRAPPED}`)],
  'an id with a blank': [MALFORMED, sealedHeaders(`aes.a b.${WRAPPED}`)],
  'an id with a line feed': [MALFORMED, sealedHeaders(`aes.${ID}\n.${WRAPPED}`)],
  'an id that is not ASCII': [MALFORMED, sealedHeaders(`aes.é.${WRAPPED}`)],
  'no key': [MALFORMED, sealedHeaders(`aes.${ID}.`)],
  'padding in the Base64url': [MALFORMED, sealedHeaders(`${VALUE}==`)],
  'standard Base64': [MALFORMED, sealedHeaders(`aes.${ID}.${Buffer.alloc(40, 0xff).toString('base64')}`)],
  'a blank at the end': [MALFORMED, sealedHeaders(`${VALUE} `)],
  'a line feed in the key': [
    MALFORMED,
    sealedHeaders(`aes.${ID}.${WRAPPED.slice(0, 8)}\n${WRAPPED.slice(8)}`),
  ],
  'bits after the last byte': [
    MALFORMED,
    sealedHeaders(`aes.${ID}.${Buffer.alloc(40).toString('base64url').slice(0, -1)}B`),
  ],
  'a single letter too many': [MALFORMED, sealedHeaders(`${VALUE}A`)],
  'an AES key of 39 bytes': [MALFORMED, sealedHeaders(`aes.${ID}.${Buffer.alloc(39).toString('base64url')}`)],
  'an AES key of 41 bytes': [MALFORMED, sealedHeaders(`aes.${ID}.${Buffer.alloc(41).toString('base64url')}`)],
  'an AES key of 32 bytes': [MALFORMED, sealedHeaders(`aes.${ID}.${Buffer.alloc(32).toString('base64url')}`)],
  'an RSA key of 127 bytes': [MALFORMED, sealedHeaders(rsa('r', 127))],
  'an RSA key of 1025 bytes': [MALFORMED, sealedHeaders(rsa('r', 1025))],
  'a damaged second recipient': [MALFORMED, sealedHeaders(VALUE, `${VALUE}=`)],
  'an unknown second recipient': [UNKNOWN, sealedHeaders(VALUE, `pgp.${ID}.${WRAPPED}`)],
  'a recipient twice in other cases': [AMBIGUOUS, { ...GOOD, [recipient(1).toUpperCase()]: rsa('r', 256) }],
  'a recipient as a list': [AMBIGUOUS, { ...GOOD, [recipient(1)]: [VALUE, VALUE] }],
  'a version as a list': [AMBIGUOUS, { ...GOOD, [VERSION]: ['1'] }],
  'the wrapped key of the COS dialect': [
    AMBIGUOUS,
    { ...GOOD, [`${META}client-side-encryption-key`]: 'AAAA' },
  ],
  'the wrapped key of old Java SDKs': [AMBIGUOUS, { ...GOOD, [`${META}x-cos-key`]: 'AAAA' }],
  'the newer wrapped key of old Java SDKs': [AMBIGUOUS, { ...GOOD, [`${META}x-cos-key-v2`]: 'AAAA' }],
}

describe(`${Object.keys(REFUSED).length} malformed headers of format sealed`, () => {
  for (const [title, [code, headers]] of Object.entries(REFUSED)) {
    it(`are refused with ${code}: ${title}`, async () => {
      const error = await refused(code, () => openEnvelope(headers, master, { policy: 'any' }))
      expect(error).to.be.instanceOf(EnvelopeError)
      await refused(code, () => readEnvelope(headers))
      expect(error.message, 'a wrapped key is quoted').to.not.include(WRAPPED.slice(0, 12))
      expect(error.message).to.not.match(/[\r\n]/)
    })
  }
})

describe('the error for a malformed header of format sealed', () => {
  for (const stranger of [
    `${PREFIX}extra`,
    `${META}client-side-encryption-iv`,
    `${META}client-side-encryption-matdesc`,
    `${META}x-cos-tag-len`,
  ]) {
    it(`names the one that does not belong there: ${stranger}`, async () => {
      const error = await refused(MALFORMED, () => readEnvelope({ ...GOOD, [stranger]: 'AAAA' }))
      expect(error).to.include({ header: stranger })
    })
  }

  for (const [number, headers] of [
    [2, withRecipients([1, VALUE], [3, VALUE])],
    [2, sealedHeaders(VALUE, `${VALUE}=`)],
    [1, sealedHeaders('aes')],
  ] as const) {
    it(`names the recipient that is missing or damaged: ${Object.keys(headers).length} headers, number ${number}`, async () => {
      const error = await refused(MALFORMED, () => readEnvelope(headers))
      expect(error).to.include({ header: recipient(number) })
    })
  }
})

describe('headers of format sealed that are read', () => {
  const read: Readonly<Record<string, Headers>> = {
    'as they are written': GOOD,
    'in upper case names': Object.fromEntries(
      Object.entries(GOOD).map(([name, value]) => [name.toUpperCase(), value]),
    ),
    'in names as Go sends them': Object.fromEntries(
      Object.entries(GOOD).map(([name, value]) => [
        name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
        value,
      ]),
    ),
    'with one twice in other cases and the same value': { ...GOOD, [VERSION.toUpperCase()]: '1' },
    'among headers that are none of ours': {
      ...GOOD,
      'x-cos-meta-author': 'me',
      'content-type': 'text/plain',
    },
    'with an id of one letter': sealedHeaders(`aes.a.${WRAPPED}`),
    'with an id of 64 letters': sealedHeaders(`aes.${'Az09-_'.repeat(11).slice(0, 64)}.${WRAPPED}`),
    'in any order': Object.fromEntries(Object.entries(GOOD).reverse()),
  }
  for (const [title, headers] of Object.entries(read)) {
    it(`open ${title}`, async () => {
      const opened = await openEnvelope(headers, master, { policy: 'authenticated' })
      expect(opened).to.include({ format: 'sealed', authenticated: true, keyVerified: true })
    })
  }

  it('hold 32 recipients in the order of their numbers, not of their names', () => {
    const values = Array.from({ length: 32 }, (_, at) => rsa(`id-${at + 1}`, 256))
    const shuffled = Object.fromEntries(Object.entries(sealedHeaders(...values)).sort())
    expect(recipientValues(new EnvelopeHeaders(shuffled))).to.deep.equal(values)
    const ids = readEnvelope(shuffled).recipients.map(({ keyId }) => keyId)
    expect(ids).to.deep.equal(Array.from({ length: 32 }, (_, at) => `id-${at + 1}`))
  })

  it('name kind, scheme and id of each recipient', () => {
    const blob = Buffer.from('a blob').toString('base64url')
    const headers = sealedHeaders(VALUE, rsa('r', 128), rsa('R', 1024), `kms.k.${blob}`, `custom.c.${blob}`)
    const facts = readEnvelope(headers).recipients.map(({ scheme, keyId, iv }) => [scheme, keyId, iv.length])
    expect(facts).to.deep.equal([
      ['aes-kw', ID, 0],
      ['rsa-oaep-sha256', 'r', 0],
      ['rsa-oaep-sha256', 'R', 0],
      ['kms', 'k', 0],
      ['custom', 'c', 0],
    ])
  })
})

describe('writing headers of format sealed', () => {
  const wrapped: Wrapped = {
    format: 'sealed',
    scheme: 'aes-kw',
    key: Buffer.alloc(40),
    iv: Buffer.alloc(0),
    keyId: 'a',
  }

  it('gives back what it reads', () => {
    const values = [writeRecipient(wrapped), writeRecipient({ ...wrapped, scheme: 'kms', keyId: 'b' })]
    expect(recipientValues(new EnvelopeHeaders(writeSealed(values)))).to.deep.equal(values)
  })

  for (const keyId of ['', 'a.b', 'a b', 'é', 'x'.repeat(65)]) {
    it(`refuses the id ${JSON.stringify(keyId.slice(0, 10))} of ${keyId.length} letters`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => writeRecipient({ ...wrapped, keyId }))
      expect(error).to.include({ option: 'masterKey' })
    })
  }

  for (const scheme of [
    'aes-ctr',
    'aes-ecb',
    'rsa-oaep-sha1',
    'rsa-oaep-sha256-mgf1-sha1',
    'rsa-pkcs1',
  ] as const) {
    it(`refuses ${scheme}, which is not how sealed wraps`, async () => {
      await refused('SEALSTREAM_OPTION', () => writeRecipient({ ...wrapped, scheme }))
    })
  }

  for (const count of [0, 33]) {
    it(`refuses ${count} recipients`, async () => {
      const values = Array.from({ length: count }, () => VALUE)
      await refused('SEALSTREAM_OPTION', () => writeSealed(values))
    })
  }
})
