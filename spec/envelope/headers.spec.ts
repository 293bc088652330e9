import { expect } from 'chai'
import {
  EnvelopeHeaders,
  envelopeHeaders,
  isEnvelopeHeader,
  isReservedHeader,
  KEY_HEADER,
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

  for (const name of ['matdesc', 'wrap-alg', 'cek-alg', 'tag-len']) {
    it(`takes x-cos-meta-x-cos-${name} for part of an envelope, the older dialect's`, () => {
      expect(isEnvelopeHeader(`x-cos-meta-x-cos-${name}`)).to.equal(true)
    })
  }

  for (const name of [
    'x-cos-meta-author',
    'x-cos-meta-x-cos-crypto-instr-file',
    'x-cos-meta-x-cos-other',
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

  it('takes names that only begin like one for something else, and reserves those of RULES 7.4 all the same', () => {
    for (const name of ['x-cos-meta-x-cos-keywords', 'x-cos-meta-x-cos-iv-2']) {
      expect([isEnvelopeHeader(name), isReservedHeader(name)], name).to.deep.equal([false, true])
    }
    for (const name of [
      'x-cos-meta-sealstream-x',
      'x-cos-meta-client-side-encryption-x',
      'x-cos-meta-x-cos-tag-len',
    ]) {
      expect([isEnvelopeHeader(name), isReservedHeader(name)], name).to.deep.equal([true, true])
    }
    expect(isReservedHeader('x-cos-meta-author')).to.equal(false)
  })
})

describe('envelopeHeaders', () => {
  it('gives the headers of an answer that are part of an envelope, and only those', () => {
    const envelope = {
      'x-cos-meta-sealstream-version': '1',
      'x-cos-meta-client-side-encryption-iv': 'AAAA',
      'x-cos-meta-x-cos-tag-len': '128',
    }
    const answer = { etag: '"x"', 'x-cos-meta-author': 'me', ...envelope }
    expect(envelopeHeaders(answer)).to.deep.equal(envelope)
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

  it('says which dialects there are by their names alone', () => {
    const facts = (...names: string[]): boolean[] => {
      const headers = new EnvelopeHeaders(Object.fromEntries(names.map((name) => [`x-cos-meta-${name}`, ''])))
      return [headers.hasSealed, headers.hasLegacy]
    }
    expect(facts('sealstream-anything')).to.deep.equal([true, false])
    expect(facts('x-cos-key')).to.deep.equal([false, true])
    expect(facts('x-cos-key-v2')).to.deep.equal([false, true])
    expect(facts('x-cos-key-v3', 'x-cos-iv', 'client-side-encryption-key')).to.deep.equal([false, false])
  })

  it('lists names in lower case, each once', () => {
    const headers = new EnvelopeHeaders({ [KEY_HEADER]: 'x', [KEY_HEADER.toUpperCase()]: 'x', other: 'y' })
    expect(headers.names).to.deep.equal([KEY_HEADER])
  })

  for (const value of [['x'], ['x', 'x'], []]) {
    it(`refuses the list ${JSON.stringify(value)} as a value`, async () => {
      const error = await refused(
        'SEALSTREAM_AMBIGUOUS_ENVELOPE',
        () => new EnvelopeHeaders({ [KEY_HEADER]: value }),
      )
      expect(error).to.include({ header: KEY_HEADER })
    })
  }
})
