import { Agent } from 'node:http'
import { expect } from 'chai'
import { makeService } from '../../lib/cos-client.js'
import { Endpoint, type EndpointOptions } from '../../lib/cos/endpoint.js'
import { KEYS } from '../support/cos-service.js'

const BUCKET = 'examplebucket-1250000000'

describe('Endpoint: other hosts of the service', () => {
  const sources: [options: EndpointOptions, region: string | undefined, host: string][] = [
    [{ region: 'ap-beijing' }, undefined, 'cos.ap-beijing.myqcloud.com'],
    [{ region: 'ap-beijing' }, 'eu-frankfurt', 'cos.eu-frankfurt.myqcloud.com'],
    [{ endpoint: 'https://cos.example.com' }, undefined, 'cos.example.com'],
    [{ endpoint: 'https://cos.example.com:8443' }, undefined, 'cos.example.com:8443'],
    [{ endpoint: 'https://cos.example.com' }, 'ap-guangzhou', 'cos.ap-guangzhou.myqcloud.com'],
    [{ endpoint: 'https://cos.example.com', region: 'ap-beijing' }, undefined, 'cos.ap-beijing.myqcloud.com'],
    [{ endpoint: 'http://127.0.0.1:9000', region: 'ap-beijing' }, undefined, 'cos.ap-beijing.myqcloud.com'],
    [{ endpoint: 'http://127.0.0.1:9000' }, 'ap-beijing', 'cos.ap-beijing.myqcloud.com'],
  ]
  for (const [options, region, host] of sources) {
    it(`names the source of a copy with ${JSON.stringify(options)}, region ${region}: ${host}`, () => {
      expect(new Endpoint(options).sourceHost(BUCKET, region)).to.equal(`${BUCKET}.${host}`)
    })
  }

  for (const endpoint of [
    'http://127.0.0.1:9000',
    'http://localhost:9000',
    'http://[::1]:9000',
    'http://10.0.0.1',
  ]) {
    it(`names it in the service's form for ${endpoint}, bucket first, without the address`, () => {
      const host = new Endpoint({ endpoint }).sourceHost(BUCKET)
      expect(host).to.match(new RegExp(`^${BUCKET}\\.cos\\.[a-z0-9-]+\\.myqcloud\\.com$`))
    })
  }

  it('goes to the host of another region only where a region made the endpoint', () => {
    const regional = new Endpoint({ region: 'ap-beijing' }).target(BUCKET, 'k', 'eu-frankfurt')
    expect(regional.origin).to.equal(`https://${BUCKET}.cos.eu-frankfurt.myqcloud.com`)
    expect(regional.host).to.equal(`${BUCKET}.cos.eu-frankfurt.myqcloud.com`)
    const given = new Endpoint({ endpoint: 'http://127.0.0.1:9' }).target(BUCKET, 'k', 'eu-frankfurt')
    expect(given.origin).to.equal('http://127.0.0.1:9')
  })

  for (const [endpoint, isPrivate] of [
    ['https://cos.example.com', true],
    ['https://10.0.0.1', true],
    ['cos.example.com', true],
    ['http://cos.example.com', false],
    ['http://10.0.0.1', false],
    ['http://0.0.0.0', false],
    ['http://[2001:db8::1]', false],
    ['http://localhost:9000', true],
    ['http://cos.localhost', true],
    ['http://127.0.0.1:9000', true],
    ['http://127.255.0.3', true],
    ['http://2130706433', true],
    ['http://[::1]:9000', true],
    ['http://localhost.evil.com', false],
    ['http://notlocalhost', false],
    ['http://127.0.0.1.evil.com', false],
  ] as const) {
    it(`is ${isPrivate ? '' : 'not '}private at ${endpoint}`, () => {
      const { http } = makeService({ endpoint, credentials: KEYS })
      expect(http.isPrivate).to.equal(isPrivate)
      void http.close()
    })
  }

  it('is private in every region', () => {
    expect(makeService({ region: 'ap-beijing', credentials: KEYS }).http.isPrivate).to.equal(true)
  })

  it('is private by http only where nobody stands in between', () => {
    for (const options of [{ proxy: 'http://127.0.0.1:1' }, { agents: { http: new Agent() } }]) {
      const of = (endpoint: string): boolean =>
        makeService({ endpoint, credentials: KEYS, ...options }).http.isPrivate
      expect([of('http://127.0.0.1:9'), of('https://127.0.0.1:9')]).to.deep.equal([false, true])
    }
  })

  describe('redirected', () => {
    const regional = new Endpoint({ region: 'ap-beijing' })
    const target = regional.target(BUCKET, 'a b/ü')
    const path = '/a%20b/%C3%BC'

    for (const host of [
      `${BUCKET}.cos.ap-beijing.myqcloud.com`,
      `${BUCKET}.cos.eu-frankfurt.myqcloud.com`,
      `${BUCKET}.cos.ap-beijing.tencentcos.cn`,
    ]) {
      it(`goes to ${host}`, () => {
        expect(regional.redirected(target, `https://${host}${path}?x=1`)).to.deep.equal({
          ...target,
          origin: `https://${host}`,
          host,
        })
      })
    }

    for (const location of [
      undefined,
      '',
      `http://${target.host}${path}`,
      `https://example.com${path}`,
      `https://myqcloud.com.example.com${path}`,
      `https://evilmyqcloud.com${path}`,
      `https://other-1250000000.cos.ap-beijing.myqcloud.com${path}`,
      `https://${BUCKET}.evil.myqcloud.com${path}`,
      `https://${BUCKET}.cos.ap-beijing.myqcloud.com:8443${path}`,
      `https://${BUCKET}.cos.ap-beijing.myqcloud.com.example.com${path}`,
      `https://myqcloud.com${path}`,
      `https://user:word@${target.host}${path}`,
      `https://${target.host}/other`,
      `https://${target.host}${path}/`,
      `https://${target.host}/`,
      'ftp://x/',
      '::',
    ]) {
      it(`does not go to ${location}`, () => {
        expect(regional.redirected(target, location)).to.equal(undefined)
      })
    }

    it('stays at a host and port that were given: no domain of the service is trusted then', () => {
      const own = new Endpoint({ endpoint: 'https://cos.example.com' })
      const from = own.target(BUCKET, 'k')
      expect(own.redirected(from, `https://${BUCKET}.cos.ap-beijing.myqcloud.com/k`)).to.equal(undefined)
      expect(own.redirected(from, 'https://example.com/k')).to.equal(undefined)
      expect(own.redirected(from, `https://${BUCKET}.eu.cos.example.com/k`)).to.equal(undefined)
      expect(own.redirected(from, `https://${BUCKET}.cos.example.com:8443/k`)).to.equal(undefined)
      expect(own.redirected(from, `https://${BUCKET}.cos.example.com/k`)).to.deep.equal(from)
    })

    it('goes from http to https, not back', () => {
      const plain = new Endpoint({ endpoint: 'http://cos.example.com' })
      const from = plain.target(BUCKET, 'k')
      const location = `https://${BUCKET}.cos.example.com/k`
      expect(plain.redirected(from, location)).to.include({ origin: `https://${BUCKET}.cos.example.com` })
      const secure = new Endpoint({ endpoint: 'https://cos.example.com' })
      const back = `http://${BUCKET}.cos.example.com/k`
      expect(secure.redirected(secure.target(BUCKET, 'k'), back)).to.equal(undefined)
    })

    it('does not come back from https by way of the scheme the endpoint began with', () => {
      const plain = new Endpoint({ endpoint: 'http://cos.example.com' })
      const upgraded = plain.redirected(plain.target(BUCKET, 'k'), `https://${BUCKET}.cos.example.com/k`)
      expect(plain.redirected(upgraded!, `http://${BUCKET}.cos.example.com/k`)).to.equal(undefined)
    })
  })
})
