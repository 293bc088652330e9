import { inspect } from 'node:util'
import { expect } from 'chai'
import { Endpoint } from '../../lib/cos/endpoint.js'
import { refused } from '../support/refused.js'

const BUCKET = 'examplebucket-1250000000'

describe('Endpoint', () => {
  it('makes the host of a region, bucket first', () => {
    expect(new Endpoint({ region: 'ap-beijing' }).target(BUCKET, 'a/b c')).to.deep.equal({
      origin: `https://${BUCKET}.cos.ap-beijing.myqcloud.com`,
      host: `${BUCKET}.cos.ap-beijing.myqcloud.com`,
      path: '/a/b c',
      encodedPath: '/a/b%20c',
    })
  })

  it('addresses the bucket itself with the path /', () => {
    const { path, encodedPath } = new Endpoint({ region: 'ap-beijing' }).target(BUCKET)
    expect([path, encodedPath]).to.deep.equal(['/', '/'])
  })

  it('keeps leading and double slashes', () => {
    const { path, encodedPath } = new Endpoint({ region: 'ap-beijing' }).target(BUCKET, '/a//b/')
    expect([path, encodedPath]).to.deep.equal(['//a//b/', '//a//b/'])
  })

  for (const endpoint of ['http://127.0.0.1:9000', 'http://localhost:9000', 'http://[::1]:9000']) {
    it(`puts the bucket of ${endpoint} into the path`, () => {
      const target = new Endpoint({ endpoint }).target(BUCKET, '+%')
      expect(target).to.deep.equal({
        origin: endpoint,
        host: endpoint.slice('http://'.length),
        path: `/${BUCKET}/+%`,
        encodedPath: `/${BUCKET}/%2B%25`,
      })
    })
  }

  it('lets endpoint win over region', () => {
    const target = new Endpoint({ region: 'ap-beijing', endpoint: 'http://cos.example.com' }).target(BUCKET)
    expect(target.origin).to.equal(`http://${BUCKET}.cos.example.com`)
  })

  it('takes an endpoint without a scheme for HTTPS', () => {
    expect(new Endpoint({ endpoint: 'cos.example.com' }).target(BUCKET).origin).to.equal(
      `https://${BUCKET}.cos.example.com`,
    )
  })

  it("leaves the scheme's own port out of the Host header", () => {
    expect(new Endpoint({ endpoint: 'https://cos.example.com:443' }).target(BUCKET).host).to.equal(
      `${BUCKET}.cos.example.com`,
    )
    expect(new Endpoint({ endpoint: 'http://cos.example.com:443' }).target(BUCKET).host).to.equal(
      `${BUCKET}.cos.example.com:443`,
    )
  })

  it('takes pathStyle: true for a host name and pathStyle: false for localhost', () => {
    const named = new Endpoint({ endpoint: 'https://cos.example.com', pathStyle: true }).target(BUCKET, 'k')
    expect([named.host, named.path]).to.deep.equal(['cos.example.com', `/${BUCKET}/k`])
    const local = new Endpoint({ endpoint: 'http://localhost:1', pathStyle: false }).target(BUCKET, 'k')
    expect([local.host, local.path]).to.deep.equal([`${BUCKET}.localhost:1`, '/k'])
  })

  for (const endpoint of [
    '',
    'http://',
    'http://a b',
    'ftp://cos.example.com',
    'http://cos.example.com/path',
    'http://cos.example.com?x=1',
    'http://cos.example.com/#x',
    'http://user@cos.example.com',
    'http://:word@cos.example.com',
    'http://cos.example.com:99999',
    'file:///etc/passwd',
    42,
    null,
  ]) {
    it(`refuses the endpoint ${JSON.stringify(endpoint)}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => new Endpoint({ endpoint: endpoint as string }))
      expect(error).to.have.property('option', 'endpoint')
    })
  }

  it('does not repeat the password of an endpoint that it refuses', async () => {
    const endpoint = 'http://user:the-password@cos.example.com'
    const error = await refused('SEALSTREAM_OPTION', () => new Endpoint({ endpoint }))
    expect(error.message).to.not.include('the-password')
    expect(inspect(error)).to.not.include('the-password')
  })

  for (const region of [
    '',
    'AP-beijing',
    'ap_beijing',
    'ap-beijing.evil.com',
    'ap-beijing/',
    '-a',
    'a-',
    'ap beijing',
    5,
  ]) {
    it(`refuses the region ${JSON.stringify(region)}, naming it`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => new Endpoint({ region: region as string }))
      expect(error).to.have.property('option', 'region')
      expect(error).to.have.property('value', region)
    })
  }

  it('asks for a region or an endpoint when there is neither', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => new Endpoint({}))
    expect(error.message).to.include('region').and.to.include('endpoint')
    expect(error.hint).to.be.a('string')
  })

  it('refuses a pathStyle that is not a boolean', async () => {
    const error = await refused(
      'SEALSTREAM_OPTION',
      () => new Endpoint({ region: 'ap-beijing', pathStyle: 'yes' as unknown as boolean }),
    )
    expect(error).to.have.property('option', 'pathStyle')
  })
})
