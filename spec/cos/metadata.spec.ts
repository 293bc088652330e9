import { expect } from 'chai'
import { assertMetadataSize, metadataHeaders, readMetadata } from '../../lib/cos/metadata.js'
import { describeObject, headerText, objectHeaders } from '../../lib/cos/object-headers.js'
import { refused } from '../support/refused.js'

/** A header of exactly `size` bytes, name and value together. */
const sized = (name: string, size: number): Record<string, string> => ({
  [name]: 'v'.repeat(size - `x-cos-meta-${name}`.length),
})

describe('metadata', () => {
  it('adds the prefix, or takes it as given, and lowers names', () => {
    expect(metadataHeaders({ Color: 'Red', 'X-Cos-Meta-Size': '1', 'a-1': '' })).to.deep.equal({
      'x-cos-meta-color': 'Red',
      'x-cos-meta-size': '1',
      'x-cos-meta-a-1': '',
    })
    expect(metadataHeaders()).to.deep.equal({})
  })

  it('takes every printable ASCII character in a value', () => {
    const value = String.fromCharCode(...Array.from({ length: 94 }, (_, at) => 0x21 + at))
    expect(metadataHeaders({ a: `${value} ${value}` })).to.deep.equal({ 'x-cos-meta-a': `${value} ${value}` })
  })

  const badNames = ['', 'a_b', 'a b', 'a:b', 'ä', 'a\n', 'a.b', 'x-cos-meta-']
  for (const name of badNames) {
    it(`refuses the name ${JSON.stringify(name)}`, async () => {
      await refused('SEALSTREAM_METADATA', () => metadataHeaders({ [name]: 'v' }))
    })
  }

  const badValues: unknown[] = ['ä', '\t', 'a\r\nx: y', '\u007f', ' a', 'a ', ' ', 5, null, undefined, ['a']]
  for (const value of badValues) {
    it(`refuses the value ${JSON.stringify(value)}`, async () => {
      const error = await refused('SEALSTREAM_METADATA', () => metadataHeaders({ color: value as string }))
      expect(error.message).to.include('color')
    })
  }

  it('refuses two spellings of one name', async () => {
    await refused('SEALSTREAM_METADATA', () => metadataHeaders({ a: '1', A: '2' }))
    await refused('SEALSTREAM_METADATA', () => metadataHeaders({ a: '1', 'x-cos-meta-a': '2' }))
  })

  it('refuses metadata that is no object', async () => {
    for (const metadata of [null, 'a', 5]) {
      const error = await refused('SEALSTREAM_OPTION', () =>
        metadataHeaders(metadata as unknown as Record<string, string>),
      )
      expect(error).to.have.property('option', 'Metadata')
    }
  })

  it('takes 2048 bytes of one header, refuses 2049', async () => {
    assertMetadataSize(metadataHeaders(sized('a', 2048)))
    const error = await refused('SEALSTREAM_METADATA', () =>
      assertMetadataSize(metadataHeaders(sized('a', 2049))),
    )
    expect(error.message).to.include('2049').and.to.include('2048').and.to.include('x-cos-meta-a')
  })

  it('takes 4096 bytes of all headers, refuses 4097', async () => {
    const fits = { ...sized('a', 2048), ...sized('b', 2000), ...sized('c', 48) }
    assertMetadataSize(metadataHeaders(fits))
    const over = { ...fits, ...sized('c', 49) }
    const error = await refused('SEALSTREAM_METADATA', () => assertMetadataSize(metadataHeaders(over)))
    expect(error.message).to.include('4097').and.to.include('4096')
  })

  it('counts only user metadata', () => {
    assertMetadataSize({ 'content-disposition': 'x'.repeat(5000) })
  })

  it('reads metadata back without the prefix', () => {
    expect(readMetadata({ 'x-cos-meta-a': '1', etag: 'e', 'x-cos-meta-': '' })).to.deep.equal({
      a: '1',
      '': '',
    })
  })
})

describe('object headers', () => {
  it('gives every named field its header', () => {
    expect(
      objectHeaders({
        CacheControl: 'no-cache',
        ContentDisposition: 'attachment',
        ContentEncoding: 'gzip',
        ContentLanguage: 'en',
        ContentType: 'text/plain',
        Expires: new Date(0),
        StorageClass: 'STANDARD_IA',
        Metadata: { a: '1' },
      }),
    ).to.deep.equal({
      'cache-control': 'no-cache',
      'content-disposition': 'attachment',
      'content-encoding': 'gzip',
      'content-language': 'en',
      'content-type': 'text/plain',
      expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
      'x-cos-storage-class': 'STANDARD_IA',
      'x-cos-meta-a': '1',
    })
  })

  it('sends application/octet-stream unless told otherwise', () => {
    expect(objectHeaders({})).to.deep.equal({ 'content-type': 'application/octet-stream' })
  })

  for (const value of ['', 'a\r\nb: c', 'ä', 5, null, new Date(Number.NaN)]) {
    it(`refuses ${JSON.stringify(value)} as a header, naming the option`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => headerText(value, 'CacheControl'))
      expect(error).to.have.property('option', 'CacheControl')
      expect(error).to.have.property('value', value)
    })
  }

  it('describes an object by what the answer has, and nothing else', () => {
    expect(describeObject({ etag: '"e"' })).to.deep.equal({ ETag: '"e"', Metadata: {} })
    expect(
      describeObject({
        etag: '"e"',
        'last-modified': 'Thu, 01 Jan 1970 00:00:01 GMT',
        'x-cos-version-id': 'v1',
        'x-cos-hash-crc64ecma': '7',
        expires: 'soon',
        'x-cos-meta-a': '1',
      }),
    ).to.deep.equal({
      ETag: '"e"',
      LastModified: new Date(1000),
      VersionId: 'v1',
      HashCrc64ecma: '7',
      Expires: 'soon',
      Metadata: { a: '1' },
    })
  })

  it('leaves a date that is none out', () => {
    expect(describeObject({ etag: '"e"', 'last-modified': 'yesterday' })).to.not.have.property('LastModified')
  })
})
