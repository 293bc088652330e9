import { createHash } from 'node:crypto'
import { expect } from 'chai'
import {
  authorization,
  httpString,
  keyTimeText,
  presignedQuery,
  signature,
  signatureFields,
  signKey,
  stringToSign,
  type SignedRequest,
} from '../../lib/cos/signer.js'
import { type SignedRequest as ReceivedRequest, verifySignature } from '../../lib/server/index.js'
import { Seeded } from '../support/seeded.js'

const sha1 = (text: string): string => createHash('sha1').update(text, 'utf8').digest('hex')

/** wire-formats part G, the second known answer: every encoding rule at once. */
const everyRule: SignedRequest = {
  method: 'GET',
  path: '/a/b c(1).txt',
  query: { 'response-content-type': 'text/plain', Prefix: 'x y' },
  headers: { Host: 'b-1.cos.ap-x.myqcloud.com', Range: 'bytes=0-9', 'x-cos-meta-é': 'v' },
}
const everyRuleTime = { start: 1_700_000_000, end: 1_700_003_600 }
const everyRuleString = [
  'get',
  '/a/b c(1).txt',
  'prefix=x%20y&response-content-type=text%2Fplain',
  'host=b-1.cos.ap-x.myqcloud.com&range=bytes%3D0-9&x-cos-meta-%c3%a9=v',
  '',
].join('\n')

/** The first: cos-go-sdk-v5 `auth_test.go`. */
const goTest: SignedRequest = {
  method: 'PUT',
  path: '/testfile2',
  query: {},
  headers: {
    host: 'testbucket-125000000.cos.ap-guangzhou.myqcloud.com',
    'x-cos-content-sha1': 'db8ac1c259eb89d4a131b253bacfca5f319d54f2',
    'x-cos-stroage-class': 'nearline',
  },
}
const goTime = { start: 1_480_932_292, end: 1_481_012_292 }
const goCredentials = {
  secretId: 'QmFzZTY0IGlzIGEgZ2VuZXJp',
  secretKey: 'AKIDZfbOA78asKUYBcXFrJD0a1ICvR98JM',
}

describe('signer', () => {
  it('writes the validity as start;end', () => {
    expect(keyTimeText(everyRuleTime)).to.equal('1700000000;1700003600')
  })

  it('derives the SignKey as HMAC-SHA1 in lower-case hex', () => {
    // Computed with: printf '%s' '1700000000;1700003600' | openssl dgst -sha1 -hmac SK
    expect(signKey('SK', '1700000000;1700003600')).to.equal('cf7d44a14a17fc06ee177df0fe0833a3abe9e6b0')
  })

  it('writes the HttpString of the known answer', () => {
    expect(httpString(everyRule)).to.equal(everyRuleString)
  })

  it('keeps the empty lines of a request without parameters and headers', () => {
    expect(httpString({ method: 'DELETE', path: '/', query: {}, headers: {} })).to.equal('delete\n/\n\n\n')
  })

  it('gives a parameter without value its equals sign', () => {
    expect(httpString({ method: 'POST', path: '/k', query: { uploads: '' }, headers: {} })).to.equal(
      'post\n/k\nuploads=\n\n',
    )
  })

  it('sorts by the encoded, lower-cased name', () => {
    const request = { method: 'GET', path: '/', query: { b: '1', A: '2', 'a!': '3', _: '4' }, headers: {} }
    expect(httpString(request)).to.equal('get\n/\n_=4&a=2&a%21=3&b=1\n\n')
  })

  it('hashes the HttpString into the StringToSign', () => {
    expect(stringToSign('1700000000;1700003600', everyRuleString)).to.equal(
      `sha1\n1700000000;1700003600\n${sha1(everyRuleString)}\n`,
    )
  })

  it('gives the signature and lists of the known answer with every encoding rule', () => {
    expect(signature(everyRule, 'SK', everyRuleTime)).to.equal('395f2a3871e9ea07b1a64a8e1633f82786a47486')
    const fields = signatureFields(everyRule, { secretId: 'AK', secretKey: 'SK' }, everyRuleTime)
    expect(fields).to.deep.equal({
      'q-sign-algorithm': 'sha1',
      'q-ak': 'AK',
      'q-sign-time': '1700000000;1700003600',
      'q-key-time': '1700000000;1700003600',
      'q-header-list': 'host;range;x-cos-meta-%c3%a9',
      'q-url-param-list': 'prefix;response-content-type',
      'q-signature': '395f2a3871e9ea07b1a64a8e1633f82786a47486',
    })
  })

  it('gives the authorization of the Go SDK test, fields in order and unencoded', () => {
    expect(authorization(goTest, goCredentials, goTime)).to.equal(
      'q-sign-algorithm=sha1&q-ak=QmFzZTY0IGlzIGEgZ2VuZXJp&q-sign-time=1480932292;1481012292' +
        '&q-key-time=1480932292;1481012292&q-header-list=host;x-cos-content-sha1;x-cos-stroage-class' +
        '&q-url-param-list=&q-signature=ce4ac0ecbcdb30538b3fee0a97cc6389694ce53a',
    )
  })

  it('does not depend on the case of the method or the order of names', () => {
    const turned: SignedRequest = {
      ...everyRule,
      method: 'get',
      query: Object.fromEntries(Object.entries(everyRule.query).reverse()),
      headers: Object.fromEntries(Object.entries(everyRule.headers).reverse()),
    }
    expect(httpString(turned)).to.equal(everyRuleString)
  })

  it('puts own parameters first and encodes every value in a presigned query', () => {
    const query = presignedQuery(
      { ...everyRule, query: { Prefix: 'x y&z' } },
      { secretId: 'AK', secretKey: 'SK' },
      everyRuleTime,
    )
    expect(query).to.match(
      /^Prefix=x%20y%26z&q-sign-algorithm=sha1&q-ak=AK&q-sign-time=1700000000%3B1700003600&q-key-time=/,
    )
    expect(new URLSearchParams(query).get('q-header-list')).to.equal('host;range;x-cos-meta-%c3%a9')
    expect(query).to.not.include('SK')
  })

  describe('against the check of the embedded server', () => {
    const credentials = { secretId: 'AKID/odd+id', secretKey: 'k&y=;/ü' }
    const time = { start: 1_700_000_000, end: 1_700_000_900 }
    const now = 1_700_000_100_000
    const alphabet = Array.from('aZ09-_.~ !\'()*+%&=?#;:@/"<>\\^`{|}éß漢字😀\u0301')

    function odd(random: Seeded, most: number): string {
      const length = random.integer(most + 1)
      return Array.from({ length }, () => alphabet[random.integer(alphabet.length)]!).join('')
    }

    function randomRequest(random: Seeded): SignedRequest {
      const query: Record<string, string> = {}
      // A semicolon would end the name in the lists of a URL that was encoded twice.
      const name = (at: number): string => `p${at}${odd(random, 6).replaceAll(';', '')}`
      const headers: Record<string, string> = { host: `127.0.0.1:${random.integer(65_536)}` }
      for (let at = random.integer(4); at > 0; at--) query[name(at)] = odd(random, 12)
      for (let at = random.integer(4); at > 0; at--) headers[`x-cos-meta-${at}`] = odd(random, 12).trim()
      const method = ['GET', 'PUT', 'HEAD', 'POST', 'DELETE'][random.integer(5)]!
      return { method, path: `/${odd(random, 20)}`, query, headers }
    }

    function received(
      request: SignedRequest,
      more: { query?: Record<string, string>; auth?: string },
    ): ReceivedRequest {
      // Node hands header bytes to a server as Latin-1.
      const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, latin1(value)]),
      )
      if (more.auth !== undefined) headers.authorization = more.auth
      return {
        method: request.method,
        path: request.path,
        query: Object.entries({ ...request.query, ...more.query }),
        headers,
        headerPairs: Object.entries(headers),
      }
    }

    it('is accepted in the header for 300 odd requests', () => {
      const random = new Seeded(1)
      for (let run = 0; run < 300; run++) {
        const request = randomRequest(random)
        const auth = authorization(request, credentials, time)
        verifySignature(received(request, { auth }), credentials, now)
      }
    })

    it('is accepted in the query for 300 odd requests', () => {
      const random = new Seeded(2)
      for (let run = 0; run < 300; run++) {
        const request = randomRequest(random)
        const own = presignedQuery({ ...request, query: {} }, credentials, time)
        const search = new URLSearchParams(presignedQuery(request, credentials, time))
        expect([...new URLSearchParams(own).keys()]).to.have.length(7)
        verifySignature(received(request, { query: Object.fromEntries(search) }), credentials, now)
      }
    })

    it('is refused when path, parameter, header or method is another', () => {
      const request: SignedRequest = { method: 'GET', path: '/a', query: { q: '1' }, headers: { host: 'h' } }
      const auth = authorization(request, credentials, time)
      const others: Partial<SignedRequest>[] = [
        { method: 'PUT' },
        { path: '/b' },
        { query: { q: '2' } },
        { headers: { host: 'g' } },
      ]
      for (const other of others) {
        expect(() =>
          verifySignature(received({ ...request, ...other }, { auth }), credentials, now),
        ).to.throw()
      }
      verifySignature(received(request, { auth }), credentials, now)
    })
  })
})
