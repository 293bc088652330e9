import { expect } from 'chai'
import { answering, checksumsOf, cosSpec, rawAnswer } from '../support/cos-service.js'
import { refused } from '../support/refused.js'

describe('listObjects', () => {
  const spec = cosSpec()

  it('gives key, size, ETag, date and class of every object, typed', async () => {
    const clock = (): number => Date.parse('2024-05-06T07:08:09.123Z')
    const client = spec.client(await spec.server({ clock }), { clock })
    await client.putObject({ Key: 'a', Body: 'xyz', StorageClass: 'STANDARD_IA' })
    const { $metadata, ...listed } = await client.listObjects()
    expect(listed).to.deep.equal({
      Contents: [
        {
          Key: 'a',
          Size: 3,
          ETag: checksumsOf(Buffer.from('xyz')).etag,
          LastModified: new Date('2024-05-06T07:08:09.123Z'),
          StorageClass: 'STANDARD_IA',
        },
      ],
      CommonPrefixes: [],
      IsTruncated: false,
    })
    expect($metadata.status).to.equal(200)
  })

  it('gives empty lists for an empty bucket', async () => {
    const { Contents, CommonPrefixes, IsTruncated } = await spec.client(await spec.server()).listObjects({})
    expect([Contents, CommonPrefixes, IsTruncated]).to.deep.equal([[], [], false])
  })

  for (const MaxKeys of [1, 2, 3, 7, 8, 1000]) {
    it(`pages through everything ${MaxKeys} at a time`, async () => {
      const client = spec.client(await spec.server())
      const keys = ['a/1', 'a/2', 'b', 'c/1', 'd +%', 'é', '😀']
      for (const Key of keys) await client.putObject({ Key, Body: Key })
      const found: string[] = []
      let Marker: string | undefined
      do {
        const page = await client.listObjects({ MaxKeys, ...(Marker === undefined ? {} : { Marker }) })
        expect(page.Contents.length).to.be.at.most(MaxKeys)
        found.push(...page.Contents.map(({ Key }) => Key))
        expect(page.IsTruncated).to.equal(page.NextMarker !== undefined)
        Marker = page.NextMarker
      } while (Marker !== undefined)
      expect(found).to.deep.equal(keys)
    })
  }

  it('groups by delimiter and pages through groups', async () => {
    const client = spec.client(await spec.server())
    for (const Key of ['p/a/1', 'p/a/2', 'p/b', 'p/c é/1', 'q']) await client.putObject({ Key, Body: '' })
    const whole = await client.listObjects({ Prefix: 'p/', Delimiter: '/' })
    expect(whole.Contents.map(({ Key }) => Key)).to.deep.equal(['p/b'])
    expect(whole.CommonPrefixes).to.deep.equal([{ Prefix: 'p/a/' }, { Prefix: 'p/c é/' }])
    const found: string[] = []
    let Marker: string | undefined = ''
    while (Marker !== undefined) {
      const page = await client.listObjects({ Prefix: 'p/', Delimiter: '/', Marker, MaxKeys: 1 })
      found.push(...page.Contents.map(({ Key }) => Key), ...page.CommonPrefixes.map(({ Prefix }) => Prefix))
      Marker = page.NextMarker
    }
    expect(found).to.deep.equal(['p/a/', 'p/b', 'p/c é/'])
  })

  it('takes the last key for the marker where a truncated page names none', async () => {
    const service = await answeringXml(
      '<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>' +
        ['a', 'b%20c']
          .map(
            (key) =>
              `<Contents><Key>${key}</Key><Size>1</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>`,
          )
          .join('') +
        '</ListBucketResult>',
    )
    expect((await spec.client(service).listObjects()).NextMarker).to.equal('b c')
  })

  for (const [title, xml] of [
    ['is truncated', '<ListBucketResult><IsTruncated>false'],
    ['has another root', '<ListPartsResult/>'],
    ['is HTML', '<html><body>proxy</body></html>'],
    ['is empty', ''],
    [
      'has a size that is no number',
      '<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>',
    ],
    [
      'has an escape that is none',
      '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size></Contents></ListBucketResult>',
    ],
    ['declares a document type', '<!DOCTYPE x><ListBucketResult/>'],
  ] as const) {
    it(`refuses an answer that ${title}`, async () => {
      const service = await answeringXml(xml)
      await refused('SEALSTREAM_ANSWER', () => spec.client(service).listObjects())
    })
  }

  for (const params of [
    { MaxKeys: 0 },
    { MaxKeys: 1001 },
    { MaxKeys: '5' },
    { Prefix: '\ud800' },
    { Marker: '\udc00' },
    { Delimiter: '\ud800' },
    { Prefix: 5 },
    { Marker: null },
  ]) {
    it(`refuses ${JSON.stringify(params)}`, async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const error = await refused('SEALSTREAM_OPTION', () => client.listObjects(params as never))
      expect(error).to.have.property('option', Object.keys(params)[0])
    })
  }

  function answeringXml(xml: string): ReturnType<typeof spec.http> {
    return spec.http(answering((_body, _request, response) => response.end(xml)))
  }
})

describe('multipart operations', () => {
  const spec = cosSpec()
  const MIB = 1024 * 1024

  it('create, upload, list, complete', async () => {
    const client = spec.client(await spec.server())
    const created = await client.createMultipartUpload({
      Key: 'a',
      ContentType: 'text/plain',
      Metadata: { color: 'red' },
    })
    expect(created).to.deep.include({ Bucket: 'spec-1250000000', Key: 'a' })
    const { UploadId } = created
    const parts = [Buffer.alloc(MIB, 'a'), Buffer.alloc(MIB + 1, 'b'), Buffer.from('c')]
    for (const at of [2, 0, 1]) {
      const stored = await client.uploadPart({ Key: 'a', UploadId, PartNumber: at + 1, Body: parts[at]! })
      const { etag, 'x-cos-hash-crc64ecma': HashCrc64ecma } = checksumsOf(parts[at]!)
      expect(stored).to.include({ ETag: etag, HashCrc64ecma, verified: 'crc64' })
    }
    const listed = await client.listParts({ Key: 'a', UploadId })
    expect(listed).to.include({ UploadId, IsTruncated: false })
    expect(listed.Part.map(({ PartNumber, Size, ETag }) => [PartNumber, Size, ETag])).to.deep.equal(
      parts.map((part, at) => [at + 1, part.length, checksumsOf(part).etag]),
    )
    expect(listed.Part[0]!.LastModified).to.be.instanceOf(Date)

    const done = await client.completeMultipartUpload({
      Key: 'a',
      UploadId,
      MultipartUpload: { Part: [...listed.Part].reverse() },
    })
    const whole = Buffer.concat(parts)
    expect(done).to.include({
      Bucket: 'spec-1250000000',
      Key: 'a',
      HashCrc64ecma: checksumsOf(whole)['x-cos-hash-crc64ecma'],
    })
    expect(done.ETag).to.match(/^"[0-9a-f]{32}-3"$/)
    const got = await client.getObject({ Key: 'a' })
    expect(got).to.deep.include({ ContentType: 'text/plain', Metadata: { color: 'red' }, verified: 'crc64' })
    expect(Buffer.from(await got.Body.transformToByteArray()).equals(whole)).to.equal(true)
  })

  it('complete takes ETags without quotes', async () => {
    const client = spec.client(await spec.server())
    const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
    const { ETag } = await client.uploadPart({ Key: 'a', UploadId, PartNumber: 7, Body: 'x' })
    const Part = [{ PartNumber: 7, ETag: ETag.replaceAll('"', '') }]
    await client.completeMultipartUpload({ Key: 'a', UploadId, MultipartUpload: { Part } })
  })

  it('listParts pages', async () => {
    const client = spec.client(await spec.server())
    const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
    for (const PartNumber of [1, 5, 10_000])
      await client.uploadPart({ Key: 'a', UploadId, PartNumber, Body: 'x' })
    const first = await client.listParts({ Key: 'a', UploadId, MaxParts: 2 })
    expect(first.Part.map(({ PartNumber }) => PartNumber)).to.deep.equal([1, 5])
    expect(first).to.include({ IsTruncated: true, NextPartNumberMarker: 5 })
    const second = await client.listParts({ Key: 'a', UploadId, MaxParts: 2, PartNumberMarker: 5 })
    expect(second.Part.map(({ PartNumber }) => PartNumber)).to.deep.equal([10_000])
    expect(second.IsTruncated).to.equal(false)
    expect(second).to.not.have.property('NextPartNumberMarker')
  })

  it('listParts gives an array for no part and for one', async () => {
    const client = spec.client(await spec.server())
    const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
    expect((await client.listParts({ Key: 'a', UploadId })).Part).to.deep.equal([])
    await client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: 'x' })
    expect((await client.listParts({ Key: 'a', UploadId })).Part).to.have.length(1)
  })

  it('abort ends an upload', async () => {
    const client = spec.client(await spec.server())
    const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
    await client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: 'x' })
    expect((await client.abortMultipartUpload({ Key: 'a', UploadId })).$metadata.status).to.equal(204)
    for (const run of [
      () => client.listParts({ Key: 'a', UploadId }),
      () => client.abortMultipartUpload({ Key: 'a', UploadId }),
      () => client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: 'x' }),
    ]) {
      const error = await refused('SEALSTREAM_SERVICE', run)
      expect(error).to.include({ status: 404, serviceCode: 'NoSuchUpload' })
    }
  })

  it('pass on what complete refuses', async () => {
    const client = spec.client(await spec.server())
    const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
    const Part: { PartNumber: number; ETag: string }[] = []
    for (const PartNumber of [1, 2]) {
      const { ETag } = await client.uploadPart({ Key: 'a', UploadId, PartNumber, Body: 'small' })
      Part.push({ PartNumber, ETag })
    }
    const small = await refused('SEALSTREAM_SERVICE', () =>
      client.completeMultipartUpload({ Key: 'a', UploadId, MultipartUpload: { Part } }),
    )
    expect(small).to.include({ status: 400, serviceCode: 'EntityTooSmall' })
  })

  it('take a 200 with an Error document for the error that it is, white space before it', async () => {
    const service = await spec.http(
      answering((_body, _request, response) => {
        response.writeHead(200)
        response.write(' \n'.repeat(20))
        response.end(
          '<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>merge failed</Message></Error>',
        )
      }),
    )
    const error = await refused('SEALSTREAM_SERVICE', () => completeOn(service))
    expect(error).to.include({ status: 200, serviceCode: 'InternalError', serviceMessage: 'merge failed' })
  })

  for (const [title, body] of [
    ['white space alone', ' \n \n'],
    ['a result without ETag', '<CompleteMultipartUploadResult><Key>a</Key></CompleteMultipartUploadResult>'],
    [
      'a result with an empty ETag',
      '<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>',
    ],
    ['half a result', '<CompleteMultipartUploadResult><ETag>"e"</ETag>'],
    ['something else', 'OK'],
  ] as const) {
    it(`do not take a 200 with ${title} for success`, async () => {
      const service = await spec.http(answering((_body, _request, response) => response.end(body)))
      await refused('SEALSTREAM_ANSWER', () => completeOn(service))
    })
  }

  it('do not take a 200 that breaks off while merging for success', async () => {
    const service = await spec.net((socket) => {
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n  \r\n')
      })
    })
    await refused('SEALSTREAM_CONNECTION', () => completeOn(service))
  })

  it('send nothing but number and ETag, escaped, ascending', async () => {
    let document = ''
    const service = await spec.http(
      answering((body, _request, response) => {
        document = body.toString()
        response.end('<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>')
      }),
    )
    const Part = [
      { PartNumber: 10, ETag: '"<&>"', Size: 1, LastModified: new Date() },
      { PartNumber: 9, ETag: 'x' },
    ]
    await spec.client(service).completeMultipartUpload({ Key: 'a', UploadId: 'u', MultipartUpload: { Part } })
    expect(document.replace(/^<\?xml.*?\?>\s*/, '')).to.equal(
      '<CompleteMultipartUpload><Part><PartNumber>9</PartNumber><ETag>x</ETag></Part>' +
        '<Part><PartNumber>10</PartNumber><ETag>"&lt;&amp;&gt;"</ETag></Part></CompleteMultipartUpload>',
    )
  })

  it('refuse an answer to initiate that names no upload', async () => {
    for (const body of [
      '<InitiateMultipartUploadResult><Key>a</Key></InitiateMultipartUploadResult>',
      '',
      '<a',
    ]) {
      const service = await spec.http(answering((_body, _request, response) => response.end(body)))
      await refused('SEALSTREAM_ANSWER', () => spec.client(service).createMultipartUpload({ Key: 'a' }))
    }
  })

  it('refuse a truncated list of parts that does not say where it goes on', async () => {
    const xml = '<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>'
    const service = await spec.net((socket) => {
      socket.once('data', () => socket.write(rawAnswer('200 OK', {}, xml)))
    })
    await refused('SEALSTREAM_ANSWER', () => spec.client(service).listParts({ Key: 'a', UploadId: 'u' }))
  })

  const good = { Key: 'a', UploadId: 'u' }
  for (const [method, params, option] of [
    ['uploadPart', { ...good, PartNumber: 0, Body: '' }, 'PartNumber'],
    ['uploadPart', { ...good, PartNumber: 10_001, Body: '' }, 'PartNumber'],
    ['uploadPart', { ...good, PartNumber: '1', Body: '' }, 'PartNumber'],
    ['uploadPart', { ...good, UploadId: '', PartNumber: 1, Body: '' }, 'UploadId'],
    ['uploadPart', { ...good, UploadId: '\ud800', PartNumber: 1, Body: '' }, 'UploadId'],
    ['uploadPart', { ...good, PartNumber: 1 }, 'Body'],
    ['listParts', { Key: 'a' }, 'UploadId'],
    ['listParts', { ...good, MaxParts: 1001 }, 'MaxParts'],
    ['listParts', { ...good, PartNumberMarker: -1 }, 'PartNumberMarker'],
    ['abortMultipartUpload', { Key: 'a' }, 'UploadId'],
    ['completeMultipartUpload', { ...good }, 'MultipartUpload'],
    ['completeMultipartUpload', { ...good, MultipartUpload: { Part: [] } }, 'MultipartUpload'],
    ['completeMultipartUpload', { ...good, MultipartUpload: { Part: {} } }, 'MultipartUpload'],
    ['completeMultipartUpload', { ...good, MultipartUpload: { Part: [null] } }, 'MultipartUpload.Part[0]'],
    [
      'completeMultipartUpload',
      { ...good, MultipartUpload: { Part: [{ PartNumber: 1 }] } },
      'MultipartUpload.Part[0].ETag',
    ],
    [
      'completeMultipartUpload',
      { ...good, MultipartUpload: { Part: [1, 2, 1].map((PartNumber) => ({ PartNumber, ETag: 'e' })) } },
      'MultipartUpload.Part',
    ],
  ] as const) {
    it(`${method} refuses bad ${option} in ${JSON.stringify(params)}`, async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const error = await refused('SEALSTREAM_OPTION', () => client[method](params as never))
      expect(error).to.have.property('option', option)
    })
  }

  function completeOn(service: { endpoint: string }): Promise<unknown> {
    const Part = [{ PartNumber: 1, ETag: '"e"' }]
    return spec
      .client(service)
      .completeMultipartUpload({ Key: 'a', UploadId: 'u', MultipartUpload: { Part } })
  }
})
