import { expect } from 'chai'
import {
  httpString,
  signature,
  type SignedRequest,
  stringToSign,
  verifySignature,
} from '../../lib/server/index.js'
import { Refusal } from '../../lib/server/refusal.js'

type Pairs = [string, string][]

// Go SDK, auth_test.go.
const GO = {
  time: '1480932292;1481012292',
  secretId: 'QmFzZTY0IGlzIGEgZ2VuZXJp',
  secretKey: 'AKIDZfbOA78asKUYBcXFrJD0a1ICvR98JM',
  signature: 'ce4ac0ecbcdb30538b3fee0a97cc6389694ce53a',
  request: {
    method: 'PUT',
    path: '/testfile2',
    query: [] as Pairs,
    headerPairs: [
      ['Host', 'testbucket-125000000.cos.ap-guangzhou.myqcloud.com'],
      ['x-cos-content-sha1', 'db8ac1c259eb89d4a131b253bacfca5f319d54f2'],
      ['x-cos-stroage-class', 'nearline'],
    ] as Pairs,
  },
  headerList: ['host', 'x-cos-content-sha1', 'x-cos-stroage-class'],
}

// Output of the Node SDK, with every encoding rule.
const NODE = {
  time: '1700000000;1700003600',
  signature: '395f2a3871e9ea07b1a64a8e1633f82786a47486',
  request: {
    method: 'GET',
    path: '/a/b c(1).txt',
    query: [
      ['response-content-type', 'text/plain'],
      ['Prefix', 'x y'],
    ] as Pairs,
    headerPairs: [
      ['Host', 'b-1.cos.ap-x.myqcloud.com'],
      ['Range', 'bytes=0-9'],
      ['x-cos-meta-é', 'v'],
    ] as Pairs,
  },
  headerList: ['host', 'range', 'x-cos-meta-%c3%a9'],
  paramList: ['prefix', 'response-content-type'],
}

const CREDENTIALS = { secretId: 'AK', secretKey: 'SK' }
const NOW = 1_700_000_100_000

function fieldsOf(changes: Record<string, string | undefined> = {}): [string, string][] {
  const fields: Record<string, string | undefined> = {
    'q-sign-algorithm': 'sha1',
    'q-ak': 'AK',
    'q-sign-time': NODE.time,
    'q-key-time': NODE.time,
    'q-header-list': NODE.headerList.join(';'),
    'q-url-param-list': NODE.paramList.join(';'),
    'q-signature': NODE.signature,
    ...changes,
  }
  return Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
}

function authorized(changes: Record<string, string | undefined> = {}): SignedRequest {
  const authorization = fieldsOf(changes)
    .map((field) => field.join('='))
    .join('&')
  return { ...NODE.request, headers: { authorization } }
}

function refusal(request: SignedRequest, now = NOW): Refusal {
  try {
    verifySignature(request, CREDENTIALS, now)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('accepted')
}

describe('server: signature steps', () => {
  it("gives the Go SDK's signature for a PUT with signed headers", () => {
    const text = httpString(GO.request, GO.headerList, [])
    expect(signature(GO.secretKey, GO.time, stringToSign(GO.time, text))).to.equal(GO.signature)
  })

  it('writes the HttpString with encoded values, sorted lower-case names and a last line feed', () => {
    expect(httpString(NODE.request, NODE.headerList, NODE.paramList)).to.equal(
      'get\n/a/b c(1).txt\nprefix=x%20y&response-content-type=text%2Fplain\n' +
        'host=b-1.cos.ap-x.myqcloud.com&range=bytes%3D0-9&x-cos-meta-%c3%a9=v\n',
    )
  })

  it("gives the Node SDK's signature for a GET that needs every encoding rule", () => {
    const text = httpString(NODE.request, NODE.headerList, NODE.paramList)
    expect(signature('SK', NODE.time, stringToSign(NODE.time, text))).to.equal(NODE.signature)
  })

  it('leaves out what the lists do not name', () => {
    expect(httpString(NODE.request, ['host'], [])).to.equal(
      'get\n/a/b c(1).txt\n\nhost=b-1.cos.ap-x.myqcloud.com\n',
    )
  })

  it('sorts the values of a repeated parameter and gives a bare name an empty value', () => {
    const query: Pairs = [
      ['b', '2'],
      ['uploads', ''],
      ['b', '10'],
    ]
    const text = httpString({ ...NODE.request, query }, [], ['b', 'uploads'])
    expect(text.split('\n')[2]).to.equal('b=10&b=2&uploads=')
  })

  it('reads header bytes that are UTF-8 as UTF-8 and others as Latin-1', () => {
    const headerPairs: Pairs = [
      ['a', Buffer.from('é').toString('latin1')],
      ['b', '\u00e9'],
    ]
    expect(httpString({ ...NODE.request, headerPairs }, ['a', 'b'], []).split('\n')[3]).to.equal(
      'a=%C3%A9&b=%C3%A9',
    )
  })
})

describe('server: signature verification', () => {
  it('accepts the fields in the Authorization header', () => {
    verifySignature(authorized(), CREDENTIALS, NOW)
  })

  it('accepts the fields in the query', () => {
    const query = [...NODE.request.query, ...fieldsOf()]
    verifySignature({ ...NODE.request, query, headers: {} }, CREDENTIALS, NOW)
  })

  it('accepts lists in the query that are still encoded, or lost their encoding', () => {
    for (const [headers, params] of [
      ['host%3brange%3bx-cos-meta-%c3%a9', 'prefix%3bresponse-content-type'],
      ['host;range;x-cos-meta-é', 'prefix;response-content-type'],
    ]) {
      const fields = fieldsOf({ 'q-header-list': headers, 'q-url-param-list': params })
      const query = [...NODE.request.query, ...fields]
      verifySignature({ ...NODE.request, query, headers: {} }, CREDENTIALS, NOW)
    }
  })

  it('accepts the fields packed into the parameter sign', () => {
    const packed = authorized().headers.authorization!
    const query: Pairs = [...NODE.request.query, ['sign', packed]]
    verifySignature({ ...NODE.request, query, headers: {} }, CREDENTIALS, NOW)
  })

  it('accepts both ends of the key time', () => {
    verifySignature(authorized(), CREDENTIALS, 1_700_000_000_000)
    verifySignature(authorized(), CREDENTIALS, 1_700_003_600_999)
  })

  it('refuses a request without a signature', () => {
    expect(refusal({ ...NODE.request, headers: {} })).to.include({ code: 'AccessDenied', status: 403 })
  })

  for (const [name] of fieldsOf()) {
    it(`refuses a signature without ${name}`, () => {
      const { code, message } = refusal(authorized({ [name]: undefined }))
      expect(code).to.equal('AccessDenied')
      expect(message).to.include(name)
    })
  }

  it('refuses another algorithm', () => {
    expect(refusal(authorized({ 'q-sign-algorithm': 'sha256' })).code).to.equal('AccessDenied')
  })

  it('refuses an unknown access key id', () => {
    expect(refusal(authorized({ 'q-ak': 'AK2' }))).to.include({ code: 'InvalidAccessKeyId', status: 403 })
  })

  it('refuses times that are not two numbers', () => {
    for (const time of ['', '1', '1;', 'a;b', '1;2;3', '-1;5', '1e3;2e9', `1;${'9'.repeat(400)}`]) {
      expect(refusal(authorized({ 'q-key-time': time })).code).to.equal('AccessDenied')
      expect(refusal(authorized({ 'q-sign-time': time })).code).to.equal('AccessDenied')
    }
  })

  it('refuses an expired signature in the words that the Node SDK looks for', () => {
    const { code, message } = refusal(authorized(), 1_700_003_601_000)
    expect({ code, message }).to.deep.equal({ code: 'AccessDenied', message: 'Request has expired' })
  })

  it('refuses a signature that is not valid yet and tells the time', () => {
    const { code, elements } = refusal(authorized(), 1_699_999_999_999)
    expect(code).to.equal('RequestTimeTooSkewed')
    expect(elements).to.deep.equal({ ServerTime: '2023-11-14T22:13:19.999Z' })
  })

  it('refuses a wrong secret without saying the right signature', () => {
    const { code, message } = refusal(authorized({ 'q-signature': GO.signature }))
    expect(code).to.equal('SignatureDoesNotMatch')
    expect(message).not.to.include(NODE.signature)
  })

  it('refuses any change to what was signed', () => {
    const signed = authorized()
    const changes: Partial<SignedRequest>[] = [
      { method: 'HEAD' },
      { path: '/a/b c(2).txt' },
      { query: [['Prefix', 'x y']] },
      { query: [...NODE.request.query, ['prefix', 'z']] },
      { headerPairs: NODE.request.headerPairs.slice(1) },
      { headerPairs: [...NODE.request.headerPairs, ['range', 'bytes=0-1']] },
    ]
    for (const change of changes) {
      expect(refusal({ ...signed, ...change }).code).to.equal('SignatureDoesNotMatch')
    }
  })

  it('lets headers and parameters change that were not signed', () => {
    const headerPairs: Pairs = [...NODE.request.headerPairs, ['user-agent', 'x']]
    const query: Pairs = [...NODE.request.query, ['other', '1']]
    verifySignature({ ...authorized(), headerPairs, query }, CREDENTIALS, NOW)
  })
})
