import { inspect } from 'node:util'
import { expect } from 'chai'
import { serviceError } from '../../lib/cos/service-error.js'
import { integer, list, readXml, text, writeXml } from '../../lib/cos/xml.js'
import { refused } from '../support/refused.js'

describe('xml', () => {
  it('reads one element and many as lists, and none as the empty list', async () => {
    const one = await readXml('<R><P><N>1</N></P></R>', ['R'])
    const two = await readXml('<R><P><N>1</N></P><P><N>2</N></P></R>', ['R'])
    const none = await readXml('<R/>', ['R'])
    expect(list(one.node, 'P').map((entry) => text(entry, 'N'))).to.deep.equal(['1'])
    expect(list(two.node, 'P').map((entry) => text(entry, 'N'))).to.deep.equal(['1', '2'])
    expect(list(none.node, 'P')).to.deep.equal([])
  })

  it('ignores prefixes, namespaces and attributes', async () => {
    const document = '<c:R xmlns:c="http://www.qcloud.com/document/product/436/7751"><c:A b="c">d</c:A></c:R>'
    const { root, node } = await readXml(document, ['R'])
    expect([root, text(node, 'A')]).to.deep.equal(['R', 'd'])
    const plain = await readXml('<R xmlns="http://x/"><A>d</A></R>', ['R'])
    expect(text(plain.node, 'A')).to.equal('d')
  })

  it('skips white space, a byte order mark and the declaration before the document', async () => {
    const document = ' \r\n\t \ufeff<?xml version="1.0" encoding="UTF-8"?>\n<R><A>1</A></R>\n'
    expect(text((await readXml(document, ['R'])).node, 'A')).to.equal('1')
  })

  it('resolves the five predefined entities and character references', async () => {
    const { node } = await readXml('<R><A>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;</A></R>', ['R'])
    expect(text(node, 'A')).to.equal('<>&"\'A😀')
  })

  it('keeps blanks inside text', async () => {
    const { node } = await readXml('<R><A> a  b </A></R>', ['R'])
    expect(text(node, 'A')).to.equal(' a  b ')
  })

  it('is not confused by elements named like members of objects', async () => {
    const { node } = await readXml('<R><constructor>1</constructor><__proto__><A>x</A></__proto__></R>', [
      'R',
    ])
    expect(text(node, 'A')).to.equal('')
    expect(text(node, 'toString')).to.equal('')
    expect(({} as Record<string, unknown>).A).to.equal(undefined)
  })

  const bad: [title: string, document: string][] = [
    ['nothing', ''],
    ['white space alone', ' \n'],
    ['text', 'hello'],
    ['HTML', '<html><body>Bad gateway</body></html>'],
    ['a truncated document', '<R><A>1</A>'],
    ['an unclosed element', '<R><A>1</R>'],
    ['another root', '<S/>'],
    ['an unknown entity', '<R>&unknown;</R>'],
    ['a bare ampersand', '<R><A>a&b</A></R>'],
    ['a document type', '<!DOCTYPE R><R/>'],
    ['a document type in lower case', '<!doctype R><R/>'],
    [
      'an external entity',
      '<?xml version="1.0"?><!DOCTYPE R [<!ENTITY x SYSTEM "file:///etc/passwd">]><R><A>&x;</A></R>',
    ],
    [
      'an entity bomb',
      '<!DOCTYPE R [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><R><A>&b;</A></R>',
    ],
  ]
  for (const [title, document] of bad) {
    it(`refuses ${title}`, async () => {
      await refused('SEALSTREAM_ANSWER', () => readXml(document, ['R']))
    })
  }

  it('gives the root that it found among several', async () => {
    expect((await readXml('<Error><Code>X</Code></Error>', ['R', 'Error'])).root).to.equal('Error')
  })

  it('reads whole numbers and refuses everything else', async () => {
    const { node } = await readXml('<R><A>0</A><B>123456789012345</B><C>-1</C><D>1.5</D><E>1e3</E><F/></R>', [
      'R',
    ])
    expect([integer(node, 'A'), integer(node, 'B')]).to.deep.equal([0, 123_456_789_012_345])
    for (const name of ['C', 'D', 'E', 'F', 'missing']) {
      const error = await refused('SEALSTREAM_ANSWER', () => integer(node, name))
      expect(error.message).to.include(name)
    }
  })

  it('writes repeated elements and escapes text', () => {
    const document = writeXml('C', {
      P: [
        { N: 1, E: '"<&>"' },
        { N: 2, E: 'x' },
      ],
    })
    expect(document).to.match(/<C><P><N>1<\/N><E>"&lt;&amp;&gt;"<\/E><\/P><P><N>2<\/N><E>x<\/E><\/P><\/C>$/)
  })
})

describe('service errors', () => {
  it('takes its facts from the document', async () => {
    const document =
      '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>gone</Message><Resource>/a</Resource>' +
      '<RequestId>r</RequestId><TraceId>t</TraceId></Error>'
    const error = await serviceError('getObject', 404, {}, document)
    expect(error).to.include({
      name: 'ServiceError',
      code: 'SEALSTREAM_SERVICE',
      status: 404,
      serviceCode: 'NoSuchKey',
      serviceMessage: 'gone',
      resource: '/a',
      requestId: 'r',
      traceId: 't',
    })
    expect(error.message).to.equal('getObject: HTTP 404 NoSuchKey: gone')
  })

  it('takes its facts from the headers where there is no document', async () => {
    const headers = { 'x-cos-error-code': 'NoSuchBucket', 'x-cos-request-id': 'r', 'x-cos-trace-id': 't' }
    const error = await serviceError('headObject', 404, headers, '')
    expect(error).to.include({ status: 404, serviceCode: 'NoSuchBucket', requestId: 'r', traceId: 't' })
  })

  for (const [status, code] of [
    [304, 'NotModified'],
    [403, 'AccessDenied'],
    [404, 'NotFound'],
    [412, 'PreconditionFailed'],
    [416, 'InvalidRange'],
    [502, ''],
  ] as const) {
    it(`calls a bare ${status} ${code === '' ? 'nothing' : code}`, async () => {
      expect((await serviceError('x', status, {}, '<html>proxy')).serviceCode).to.equal(code)
    })
  }

  it('keeps what a service echoes about the signature to itself', async () => {
    const document =
      '<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message><StringToSign>sha1 secret text</StringToSign></Error>'
    const error = await serviceError('putObject', 403, {}, document)
    expect(inspect(error, { depth: 10 })).to.not.include('secret text')
    expect(error.hint).to.be.a('string')
  })
})
