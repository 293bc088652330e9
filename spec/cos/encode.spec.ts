import { expect } from 'chai'
import { encodePath, encodeQuery, percentEncode } from '../../lib/cos/encode.js'

describe('encode', () => {
  it('leaves the unreserved characters of RFC 3986 alone', () => {
    const unreserved = 'ABCXYZabcxyz0189-_.~'
    expect(percentEncode(unreserved)).to.equal(unreserved)
  })

  it('encodes every other ASCII character as upper-case %XX', () => {
    for (let code = 0; code < 128; code++) {
      const character = String.fromCharCode(code)
      if (/[A-Za-z0-9\-_.~]/.test(character)) continue
      const expected = `%${code.toString(16).toUpperCase().padStart(2, '0')}`
      expect(percentEncode(character)).to.equal(expected)
    }
  })

  it('encodes the UTF-8 bytes of other characters', () => {
    expect(percentEncode('é漢😀')).to.equal('%C3%A9%E6%BC%A2%F0%9F%98%80')
  })

  it('keeps the slashes of a path, and only those', () => {
    expect(encodePath('//a b/%2F/+?#/')).to.equal('//a%20b/%252F/%2B%3F%23/')
  })

  it('joins a query and keeps the equals sign of an empty value', () => {
    expect(encodeQuery({ uploads: '', 'a b': 'c&d=' })).to.equal('uploads=&a%20b=c%26d%3D')
    expect(encodeQuery({})).to.equal('')
  })
})
