/** Instruction files of the COS Java SDK as headers: JSON of other names, and with the IV in the clear. */
import { expect } from 'chai'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { readInstructionFile } from '../../lib/envelope/legacy-dialect.js'
import { EnvelopeError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { refused } from '../support/refused.js'
import { aesWrapping, instructionBody, legacyHeaders, newContent } from '../support/sdk-headers.js'
import { Seeded } from '../support/seeded.js'

const MALFORMED = 'SEALSTREAM_ENVELOPE_MALFORMED'
const KEK = new Seeded(470).bytes(32)
const read = (text: string): Record<string, string> => readInstructionFile(Buffer.from(text))

describe('readInstructionFile', () => {
  it('gives each entry as a header', () => {
    expect(read('{"x-cos-key-v2":"AAAA","x-cos-iv":"BBBB"}')).to.deep.equal({
      'x-cos-meta-x-cos-key-v2': 'AAAA',
      'x-cos-meta-x-cos-iv': 'BBBB',
    })
  })

  it('leaves out what is null: the description of an object that has none', () => {
    expect(read('{"x-cos-matdesc":null,"x-cos-iv":"A"}')).to.deep.equal({ 'x-cos-meta-x-cos-iv': 'A' })
  })

  it('takes blanks, a byte order mark, names in upper case and entries that are none of an envelope', () => {
    expect(read('\ufeff {\n"X-COS-IV" : "A", "other": ""}\n')).to.deep.equal({
      'x-cos-meta-x-cos-iv': 'A',
      'x-cos-meta-other': '',
    })
  })

  it('gives a name like __proto__ as one more header', () => {
    const headers = read('{"__proto__":"x"}')
    expect(Object.entries(headers)).to.deep.equal([['x-cos-meta-__proto__', 'x']])
  })

  it('gives nothing for an empty object, which then is no envelope', async () => {
    const headers = read('{}')
    expect(headers).to.deep.equal({})
    await refused('SEALSTREAM_ENVELOPE_MISSING', () =>
      openEnvelope(headers, AesMasterKey.from(KEK), { policy: 'any' }),
    )
  })

  for (const [title, body] of Object.entries({
    nothing: '',
    'a text': 'hello',
    'JSON that is cut': '{"x-cos-iv":"A"',
    'two objects': '{}{}',
    null: 'null',
    'a list': '[]',
    'a number': '5',
    'a text in quotes': '"x-cos-iv"',
    'a number as value': '{"x-cos-tag-len":128}',
    'an object as value': '{"x-cos-matdesc":{"a":"1"}}',
    'a list as value': '{"x-cos-iv":["A"]}',
    'true as value': '{"x-cos-iv":true}',
    'one name in two cases with two values': '{"x-cos-iv":"A","X-COS-IV":"B"}',
  })) {
    it(`refuses ${title}`, async () => {
      const error = await refused(
        title.startsWith('one name') ? 'SEALSTREAM_AMBIGUOUS_ENVELOPE' : MALFORMED,
        () => read(body),
      )
      expect(error).to.be.instanceOf(EnvelopeError)
      expect(error.message).to.include('instruction file')
    })
  }

  it('refuses what is not UTF-8', async () => {
    const body = Buffer.concat([Buffer.from('{"x-cos-iv":"'), Buffer.of(0xff), Buffer.from('"}')])
    await refused(MALFORMED, () => readInstructionFile(body))
  })

  it('does not quote the file', async () => {
    const error = await refused(MALFORMED, () => read('{"x-cos-iv": secret-secret}'))
    expect(error.message).to.not.include('secret')
  })

  it('opens with the policy that is given, as every envelope does', async () => {
    const content = newContent('AES/CTR/NoPadding')
    const headers = readInstructionFile(instructionBody(legacyHeaders(content, aesWrapping(KEK))))
    const master = AesMasterKey.from(KEK)
    await openEnvelope(headers, master, { policy: ['cos'] })
    await refused('SEALSTREAM_POLICY', () => openEnvelope(headers, master, { policy: 'authenticated' }))
  })
})
