import { expect } from 'chai'
import {
  assertContext,
  descriptionText,
  isSameContext,
  sealedContext,
  type EncryptionContext,
} from '../../lib/crypto/encryption-context.js'
import { sealedContextModel } from '../support/cobblestone-model.js'
import { refused } from '../support/refused.js'

const LABEL = '7365616c73747265616d2f31' + '00' + '636f62626c6573746f6e652d323536' + '00'

/** An object as JSON writes it: names keep whatever they are. */
const parsed = (json: string): EncryptionContext => JSON.parse(json) as EncryptionContext

describe('sealedContext', () => {
  it('is `sealstream/1`, 0, `cobblestone-256`, 0 for no context', () => {
    expect(sealedContext({}).toString('hex')).to.equal(LABEL)
    expect(sealedContext({}).toString('latin1')).to.equal('sealstream/1\0cobblestone-256\0')
  })

  // By hand: u16be length, name, u16be length, value.
  for (const [title, context, hex] of [
    ['one pair', { a: 'b' }, '0001' + '61' + '0001' + '62'],
    ['an empty value', { a: '' }, '0001' + '61' + '0000'],
    ['an empty name', { '': 'b' }, '0000' + '0001' + '62'],
    ['two empty texts', { '': '' }, '0000' + '0000'],
    ['pairs in the order of their names', { b: '2', a: '1' }, '0001610001310001620001' + '32'],
    ['a name before those that go on', { aa: '2', a: '1' }, '000161000131' + '00026161000132'],
    ['texts of two, three and four bytes', { é: '€😀' }, '0002c3a9' + '0007e282acf09f9880'],
    ['a zero byte in a text', { a: '\0' }, '0001610001' + '00'],
    ['a byte order mark, which is a letter like others', { '\ufeff': 'x' }, '0003efbbbf' + '000178'],
    [
      'no normalisation: two ways to write é',
      { '\u00e9': '', 'e\u0301': '' },
      '000365cc810000' + '0002c3a90000',
    ],
    ['names that look like numbers', { 10: 'x', 9: 'y' }, '00023130000178' + '000139000179'],
  ] as const) {
    it(`has ${title}`, () => {
      expect(sealedContext(context).toString('hex')).to.equal(LABEL + hex)
    })
  }

  it('sorts names by their bytes, not by UTF-16 units: U+FF5E comes before U+10000', () => {
    const [low, high] = ['\uff5e', '\u{10000}']
    // Of UTF-16 units the second begins with 0xD800, and would come first.
    expect(low < high).to.equal(false)
    const expected = sealedContextModel([
      [low, '1'],
      [high, '2'],
    ])
    expect(sealedContext({ [high]: '2', [low]: '1' }).equals(expected)).to.equal(true)
    expect(sealedContext({ [low]: '1', [high]: '2' }).equals(expected)).to.equal(true)
  })

  it('sorts capital before small letters, and those before others', () => {
    const expected = sealedContextModel(['B', 'Z', 'a', 'ä'].map((name) => [name, name]))
    expect(sealedContext({ ä: 'ä', a: 'a', Z: 'Z', B: 'B' }).equals(expected)).to.equal(true)
  })

  it('has names of `__proto__` and `constructor`', () => {
    const context = parsed('{"constructor":"1","__proto__":"2"}')
    const expected = sealedContextModel([
      ['__proto__', '2'],
      ['constructor', '1'],
    ])
    expect(sealedContext(context).equals(expected)).to.equal(true)
  })

  it('leaves no two contexts the same bytes: lengths stand before texts', () => {
    const contexts = [
      {},
      { '': '' },
      { a: 'b' },
      { ab: '' },
      { '': 'ab' },
      { a: 'b', '': '' },
      { a: '', b: '' },
      { a: '\0\x01b\0\0' },
      { a: 'b\0\0' },
    ]
    const seen = new Set(contexts.map((context) => sealedContext(context).toString('hex')))
    expect(seen.size).to.equal(contexts.length)
  })

  it('writes the length of a text of 65,535 bytes as ffff', () => {
    const bytes = sealedContext({ a: 'x'.repeat(65_535) })
    expect(bytes.subarray(29 + 3, 29 + 5).toString('hex')).to.equal('ffff')
    expect(bytes.length).to.equal(29 + 5 + 65_535)
  })
})

describe('assertContext', () => {
  it('takes texts of up to 65,535 bytes, names and values', () => {
    for (const text of ['x'.repeat(65_535), '€'.repeat(21_845), '😀'.repeat(16_383)]) {
      assertContext({ [text]: text })
    }
  })

  for (const [title, text] of [
    ['65,536 letters', 'x'.repeat(65_536)],
    ['21,846 letters of three bytes', '€'.repeat(21_846)],
    ['16,384 letters of four bytes', '😀'.repeat(16_384)],
  ] as const) {
    it(`refuses ${title}, as a value and as a name`, async () => {
      const value = await refused('SEALSTREAM_OPTION', () => assertContext({ a: text }))
      expect(value).to.include({ option: 'context["a"]' })
      expect(value.message).to.include('65535')
      const name = await refused('SEALSTREAM_OPTION', () => assertContext({ [text]: 'a' }))
      expect(name.message.length).to.be.below(300)
    })
  }

  for (const [title, text] of [
    ['a high surrogate alone', '\ud83d'],
    ['a low surrogate alone', '\ude00'],
    ['a pair the wrong way round', '\ude00\ud83d'],
    ['a high surrogate before a letter', 'a\ud83db'],
    ['a low surrogate at the end', 'a\ude00'],
  ] as const) {
    it(`refuses ${title}, as a value and as a name`, async () => {
      const value = await refused('SEALSTREAM_OPTION', () => assertContext({ fine: 'x', a: text }))
      expect(value).to.include({ option: 'context["a"]' })
      await refused('SEALSTREAM_OPTION', () => assertContext({ [text]: 'a' }))
    })
  }

  it('takes the replacement character itself, and whole pairs', () => {
    assertContext({ '\ufffd': '\ufffd', '😀': '😀' })
  })

  it('names another option where it is one', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => assertContext({ a: 5 }, 'add.context'))
    expect(error).to.include({ option: 'add.context["a"]' })
    expect(await refused('SEALSTREAM_OPTION', () => assertContext(5, 'other'))).to.include({
      option: 'other',
    })
  })

  it('refuses what is no object of texts', async () => {
    for (const context of [undefined, null, 'a', 5, true, [], ['a'], { a: 1 }, { a: null }, { a: ['b'] }]) {
      await refused('SEALSTREAM_OPTION', () => assertContext(context))
    }
  })

  it('takes an object without a prototype', () => {
    assertContext(Object.assign(Object.create(null) as object, { a: 'b' }))
  })
})

describe('descriptionText', () => {
  for (const [context, text] of [
    [{}, '{}'],
    [{ b: '2', a: '1' }, '{"a":"1","b":"2"}'],
    [{ a: 'say "so"\n\\' }, '{"a":"say \\"so\\"\\n\\\\"}'],
    // A header holds ASCII only; and Go, which compares the text, escapes what HTML could take for markup.
    [{ é: '😀' }, '{"\\u00e9":"\\ud83d\\ude00"}'],
    [{ a: '<b> & ~\u007f\u2028' }, '{"a":"\\u003cb\\u003e \\u0026 ~\\u007f\\u2028"}'],
    // JavaScript would put such names first, and in the order of numbers.
    [{ 9: 'nine', 10: 'ten', '-': 'first' }, '{"-":"first","10":"ten","9":"nine"}'],
    [{ a: '', '': 'a' }, '{"":"a","a":""}'],
  ] as const) {
    it(`is ${text}`, () => {
      expect(descriptionText(context)).to.equal(text)
    })
  }

  it('keeps a name __proto__', () => {
    expect(descriptionText(parsed('{"a":"1","__proto__":"2"}'))).to.equal('{"__proto__":"2","a":"1"}')
  })

  it('is printable ASCII, and what JSON reads back', () => {
    const letters = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join('')
    const context = { [letters]: '\uff5e\uffff😀', a: letters, '10': 'x' }
    expect(descriptionText(context)).to.match(/^[ -~]*$/)
    expect(JSON.parse(descriptionText(context))).to.deep.equal(context)
  })
})

describe('isSameContext', () => {
  for (const [a, b, same] of [
    [{}, {}, true],
    [{ a: '1', b: '2' }, { b: '2', a: '1' }, true],
    [{ a: '1' }, {}, false],
    [{ a: '1' }, { a: '2' }, false],
    [{ a: '1' }, { A: '1' }, false],
    [{ a: '' }, {}, false],
    [{ '\u00e9': '' }, { 'e\u0301': '' }, false],
    [{ '1': 'x', '01': 'y' }, { '01': 'y', '1': 'x' }, true],
    [{ 'a":"b","c': 'd' }, { a: 'b', c: 'd' }, false],
  ] as const) {
    it(`says ${same} of ${JSON.stringify(a)} and ${JSON.stringify(b)}, either way round`, () => {
      expect([isSameContext(a, b), isSameContext(b, a)]).to.deep.equal([same, same])
    })
  }
})
