import { expect } from 'chai'
import {
  EnvelopeHeaders,
  isEnvelopeHeader,
  KEY_HEADER,
  RESERVED_SUFFIXES,
} from '../../lib/envelope/headers.js'
import { refused } from '../support/refused.js'

describe('isEnvelopeHeader', () => {
  for (const name of [
    'x-cos-meta-client-side-encryption-key',
    'x-cos-meta-client-side-encryption-iv',
    'x-cos-meta-client-side-encryption-start',
    'x-cos-meta-client-side-encryption-cek-alg',
    'x-cos-meta-client-side-encryption-wrap-alg',
    'x-cos-meta-client-side-encryption-matdesc',
    'x-cos-meta-client-side-encryption-unencrypted-content-length',
    'x-cos-meta-sealstream-version',
    'x-cos-meta-sealstream-recipient-1',
    'x-cos-meta-x-cos-key',
    'x-cos-meta-x-cos-key-v2',
    'x-cos-meta-x-cos-iv',
  ]) {
    it(`takes ${name} for part of an envelope`, () => {
      expect(isEnvelopeHeader(name)).to.equal(true)
    })
  }

  for (const name of [
    'x-cos-meta-author',
    'x-cos-meta-',
    'x-cos-meta-my-client-side-encryption-key',
    'client-side-encryption-key',
    'x-cos-key',
    'x-cos-server-side-encryption',
    'content-type',
    '',
  ]) {
    it(`takes "${name}" for something else`, () => {
      expect(isEnvelopeHeader(name)).to.equal(false)
    })
  }

  it('goes by the reserved suffixes of RULES 7.4', () => {
    expect([...RESERVED_SUFFIXES].sort()).to.deep.equal([
      'client-side-encryption-',
      'sealstream-',
      'x-cos-iv',
      'x-cos-key',
    ])
  })
})

describe('EnvelopeHeaders', () => {
  it('is empty without envelope headers', () => {
    expect(new EnvelopeHeaders({ 'x-cos-meta-author': 'me' }).isEmpty).to.equal(true)
  })

  it('finds headers by lower-case name whatever case they came in', () => {
    const headers = new EnvelopeHeaders({ 'X-COS-META-Client-Side-Encryption-KEY': 'Value' })
    expect(headers.get(KEY_HEADER)).to.equal('Value')
    expect(headers.has(KEY_HEADER)).to.equal(true)
  })

  it('has an empty header', () => {
    expect(new EnvelopeHeaders({ [KEY_HEADER]: '' }).has(KEY_HEADER)).to.equal(true)
  })

  it('does not know __proto__ or constructor', () => {
    const headers = new EnvelopeHeaders({ [KEY_HEADER]: 'x' })
    expect([headers.has('__proto__'), headers.has('constructor')]).to.deep.equal([false, false])
  })

  it('names the header that is required and missing', async () => {
    const error = await refused('SEALSTREAM_ENVELOPE_MALFORMED', () =>
      new EnvelopeHeaders({}).require(KEY_HEADER),
    )
    expect(error).to.include({ header: KEY_HEADER })
  })
})
