import { inspect } from 'node:util'
import { expect } from 'chai'
import { OptionError } from '../../lib/errors.js'
import {
  assertBytes,
  assertInteger,
  assertKnown,
  assertMultipleOf,
  assertOneOf,
  assertText,
} from '../../lib/internal/assert.js'
import { refused } from '../support/refused.js'

const OPTION = 'SEALSTREAM_OPTION'

describe('assertInteger', () => {
  for (const value of [1, 5, 10]) {
    it(`takes ${value} from 1 to 10`, () => {
      assertInteger(value, 'size', 1, 10)
    })
  }

  for (const value of [0, 11, -1, 1.5, NaN, Infinity, 2 ** 53, '5', 5n, null, undefined, [5]]) {
    it(`refuses ${inspect(value)} from 1 to 10, naming option, range and value`, async () => {
      const error = await refused(OPTION, () => assertInteger(value, 'size', 1, 10))
      expect(error).to.be.instanceOf(OptionError).and.to.include({ option: 'size' })
      expect(error.message).to.include('size').and.to.include('from 1 to 10')
    })
  }

  it('takes 2^53 - 1 where there is no upper end', () => {
    assertInteger(Number.MAX_SAFE_INTEGER, 'size', 0)
  })
})

describe('assertMultipleOf', () => {
  for (const value of [16, 32, 2 ** 40]) {
    it(`takes ${value} as a multiple of 16`, () => {
      assertMultipleOf(value, 'size', 16)
    })
  }

  for (const value of [0, 8, 17, -16, NaN]) {
    it(`refuses ${value} as a multiple of 16`, async () => {
      await refused(OPTION, () => assertMultipleOf(value, 'size', 16))
    })
  }
})

describe('assertText', () => {
  it('takes one character', () => {
    assertText('x', 'name')
  })

  for (const value of ['', 5, null, undefined, Buffer.from('x')]) {
    it(`refuses ${inspect(value)}`, async () => {
      await refused(OPTION, () => assertText(value, 'name'))
    })
  }
})

describe('assertOneOf', () => {
  it('takes one of the choices', () => {
    assertOneOf('b', 'letter', ['a', 'b'])
  })

  for (const value of ['c', '', 'A', undefined, 1]) {
    it(`refuses ${inspect(value)} and lists the choices`, async () => {
      const error = await refused(OPTION, () => assertOneOf(value, 'letter', ['a', 'b']))
      expect(error.message).to.include('a, b')
    })
  }
})

describe('assertBytes', () => {
  it('takes a Buffer and a Uint8Array', () => {
    assertBytes(Buffer.alloc(1), 'key')
    assertBytes(new Uint8Array(1), 'key')
  })

  for (const value of ['secret text', [1, 2], new Uint16Array(1), new ArrayBuffer(1), undefined]) {
    it(`refuses ${inspect(value)} without quoting it`, async () => {
      const error = await refused(OPTION, () => assertBytes(value, 'key'))
      expect(inspect(error)).to.not.include('secret text')
    })
  }
})

describe('assertKnown', () => {
  it('takes known names and missing ones', () => {
    assertKnown({ a: 1 }, 'options', ['a', 'b'])
    assertKnown({}, 'options', ['a', 'b'])
  })

  it('refuses an unknown name by its full path and lists the known ones', async () => {
    const error = await refused(OPTION, () => assertKnown({ c: 1 }, 'options', ['a', 'b']))
    expect(error).to.include({ option: 'options.c' })
    expect(error.hint).to.include('a, b')
  })

  it('names an unknown option alone where there is no path', async () => {
    expect(await refused(OPTION, () => assertKnown({ c: 1 }, '', ['a']))).to.include({ option: 'c' })
  })

  it('gives the hint for a name of another SDK', async () => {
    const hints = { SliceSize: 'write PartSize' }
    const error = await refused(OPTION, () => assertKnown({ SliceSize: 1 }, '', ['a'], hints))
    expect(error.hint).to.equal('write PartSize')
  })

  it('does not quote the value of an unknown option', async () => {
    const error = await refused(OPTION, () => assertKnown({ passwrd: 'secret text' }, '', ['a']))
    expect(inspect(error)).to.not.include('secret text')
  })

  for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
    it(`refuses the unknown name ${name} with a text as hint`, async () => {
      const error = await refused(OPTION, () => assertKnown({ [name]: 1 }, '', ['a']))
      expect(error.hint).to.be.a('string')
    })
  }

  for (const value of [undefined, null, 'text', 5]) {
    it(`refuses ${inspect(value)} in place of options`, async () => {
      await refused(OPTION, () => assertKnown(value, 'options', ['a']))
    })
  }
})
