import { createHash, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  copySourceKeyHeaders,
  customerKeyHeaders,
  customerKeyOf,
  describeEncryption,
  encryptionHeaders,
  type ServerSideEncryptionParams,
} from '../../lib/cos/sse.js'
import { makeService } from '../../lib/cos-client.js'
import type { Service } from '../../lib/cos/service.js'
import { KEYS } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { expectNoTrace, PRINTERS } from '../support/secrecy.js'

const KEY = randomBytes(32)
const BASE64 = KEY.toString('base64')
const MD5 = createHash('md5').update(KEY).digest('base64')
const PREFIX = 'x-cos-server-side-encryption'

const at = (endpoint: string): Service => makeService({ endpoint, credentials: KEYS })
const secure = at('https://cos.example.com')

const CUSTOMER_HEADERS = {
  [`${PREFIX}-customer-algorithm`]: 'AES256',
  [`${PREFIX}-customer-key`]: BASE64,
  [`${PREFIX}-customer-key-MD5`]: MD5,
}

describe('server-side encryption in headers', () => {
  const good: [title: string, params: ServerSideEncryptionParams, headers: Record<string, string>][] = [
    ['nothing', {}, {}],
    [
      'fields that are undefined',
      { SSECustomerKey: undefined, ServerSideEncryption: undefined } as never,
      {},
    ],
    ['AES256', { ServerSideEncryption: 'AES256' }, { [PREFIX]: 'AES256' }],
    ['SM4', { ServerSideEncryption: 'SM4' }, { [PREFIX]: 'SM4' }],
    ['cos/kms alone', { ServerSideEncryption: 'cos/kms' }, { [PREFIX]: 'cos/kms' }],
    [
      'cos/kms with a key',
      { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: '11111111-2222' },
      { [PREFIX]: 'cos/kms', [`${PREFIX}-cos-kms-key-id`]: '11111111-2222' },
    ],
    [
      'cos/kms with a context, an object',
      { ServerSideEncryption: 'cos/kms', SSEKMSContext: { a: '1', ü: '€' } },
      { [PREFIX]: 'cos/kms', [`${PREFIX}-context`]: Buffer.from('{"a":"1","ü":"€"}').toString('base64') },
    ],
    [
      'cos/kms with a context, Base64, as it is',
      { ServerSideEncryption: 'cos/kms', SSEKMSContext: Buffer.from('{ "a": "1" }').toString('base64') },
      { [PREFIX]: 'cos/kms', [`${PREFIX}-context`]: Buffer.from('{ "a": "1" }').toString('base64') },
    ],
    ['a customer key of 32 bytes', { SSECustomerKey: KEY }, CUSTOMER_HEADERS],
    ['a customer key as Uint8Array', { SSECustomerKey: new Uint8Array(KEY) }, CUSTOMER_HEADERS],
    ['a customer key in Base64', { SSECustomerKey: BASE64 }, CUSTOMER_HEADERS],
    [
      'a customer key with algorithm and MD5',
      { SSECustomerKey: BASE64, SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: MD5 },
      CUSTOMER_HEADERS,
    ],
  ]
  for (const [title, params, headers] of good) {
    it(title, () => expect(encryptionHeaders(secure, params)).to.deep.equal(headers))
  }

  it('of the source of a copy have names of their own', () => {
    const headers = copySourceKeyHeaders(secure, {
      CopySourceSSECustomerAlgorithm: 'AES256',
      CopySourceSSECustomerKey: BASE64,
      CopySourceSSECustomerKeyMD5: MD5,
    })
    const prefix = 'x-cos-copy-source-server-side-encryption-customer'
    expect(headers).to.deep.equal({
      [`${prefix}-algorithm`]: 'AES256',
      [`${prefix}-key`]: BASE64,
      [`${prefix}-key-MD5`]: MD5,
    })
    expect(copySourceKeyHeaders(secure, {})).to.deep.equal({})
  })

  const context = (text: string): string => Buffer.from(text).toString('base64')
  const bad: [params: Record<string, unknown>, option: string][] = [
    [{ ServerSideEncryption: 'aes256' }, 'ServerSideEncryption'],
    [{ ServerSideEncryption: 'aws:kms' }, 'ServerSideEncryption'],
    [{ ServerSideEncryption: '' }, 'ServerSideEncryption'],
    [{ ServerSideEncryption: 5 }, 'ServerSideEncryption'],
    [{ SSEKMSKeyId: 'id' }, 'SSEKMSKeyId'],
    [{ SSEKMSContext: {} }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'AES256', SSEKMSKeyId: 'id' }, 'ServerSideEncryption'],
    [{ ServerSideEncryption: 'SM4', SSEKMSContext: {} }, 'ServerSideEncryption'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSKeyId: '' }, 'SSEKMSKeyId'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'a b' }, 'SSEKMSKeyId'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'a\r\nb' }, 'SSEKMSKeyId'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 5 }, 'SSEKMSKeyId'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSContext: { a: 1 } }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSContext: ['a'] }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSContext: null }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSContext: '{"a":"1"}' }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSContext: context('not json') }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSContext: context('{"a":1}') }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'cos/kms', SSEKMSContext: context('["a"]') }, 'SSEKMSContext'],
    [{ ServerSideEncryption: 'AES256', SSECustomerKey: KEY }, 'ServerSideEncryption'],
    [{ ServerSideEncryption: 'cos/kms', SSECustomerKey: BASE64 }, 'ServerSideEncryption'],
    [{ SSECustomerKey: KEY, SSEKMSKeyId: 'id' }, 'SSEKMSKeyId'],
    [{ SSECustomerAlgorithm: 'AES256' }, 'SSECustomerAlgorithm'],
    [{ SSECustomerKeyMD5: MD5 }, 'SSECustomerKeyMD5'],
    [{ SSECustomerKey: KEY, SSECustomerAlgorithm: 'AES128' }, 'SSECustomerAlgorithm'],
    [{ SSECustomerKey: KEY.subarray(1) }, 'SSECustomerKey'],
    [{ SSECustomerKey: Buffer.alloc(33) }, 'SSECustomerKey'],
    [{ SSECustomerKey: '' }, 'SSECustomerKey'],
    [{ SSECustomerKey: null }, 'SSECustomerKey'],
    [{ SSECustomerKey: KEY.toString('hex') }, 'SSECustomerKey'],
    [{ SSECustomerKey: BASE64.slice(0, -1) }, 'SSECustomerKey'],
    [{ SSECustomerKey: `${BASE64.slice(0, -2)}==` }, 'SSECustomerKey'],
    [{ SSECustomerKey: KEY, SSECustomerKeyMD5: MD5.toLowerCase() }, 'SSECustomerKeyMD5'],
    [{ SSECustomerKey: KEY, SSECustomerKeyMD5: 5 }, 'SSECustomerKeyMD5'],
    [
      { SSECustomerKey: KEY, SSECustomerKeyMD5: createHash('md5').update(KEY).digest('hex') },
      'SSECustomerKeyMD5',
    ],
  ]
  for (const [i, [params, option]] of bad.entries()) {
    it(`refuses ${Object.keys(params).join(' with ')} (case ${i + 1}), naming ${option}, showing no key`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => encryptionHeaders(secure, params))
      expect(error).to.have.property('option', option)
      for (const [name, print] of Object.entries(PRINTERS)) expectNoTrace(print(error), KEY, name)
    })
  }

  it('refuses a bare key of 32 characters with a hint that tells how to give it', async () => {
    const bare = 'abcdefghijklmnopqrstuvwxyz012345'
    const error = await refused('SEALSTREAM_OPTION', () =>
      customerKeyHeaders(secure, { SSECustomerKey: bare }),
    )
    expect(error).to.have.property('option', 'SSECustomerKey')
    expect(error.hint).to.include('Buffer.from')
    expect(inspect(error, { depth: 9, showHidden: true })).to.not.include(bare)
    expect(customerKeyHeaders(secure, { SSECustomerKey: Buffer.from(bare) })).to.have.property(
      `${PREFIX}-customer-key`,
      Buffer.from(bare).toString('base64'),
    )
  })

  it('names the fields of a copy source in its refusals', async () => {
    const option = async (params: object): Promise<unknown> =>
      (
        (await refused('SEALSTREAM_OPTION', () => copySourceKeyHeaders(secure, params))) as {
          option?: string
        }
      ).option
    expect(await option({ CopySourceSSECustomerKey: 'x' })).to.equal('CopySourceSSECustomerKey')
    expect(await option({ CopySourceSSECustomerKeyMD5: MD5 })).to.equal('CopySourceSSECustomerKeyMD5')
    expect(await option({ CopySourceSSECustomerAlgorithm: 'AES256' })).to.equal(
      'CopySourceSSECustomerAlgorithm',
    )
  })

  describe('with a customer key', () => {
    for (const endpoint of [
      'http://cos.example.com',
      'http://10.0.0.1:9000',
      'http://[2001:db8::1]',
      'http://localhost.example.com',
      'http://127.0.0.1.example.com',
      'http://0.0.0.0:80',
    ]) {
      it(`refuses plain ${endpoint}`, async () => {
        for (const run of [
          () => customerKeyHeaders(at(endpoint), { SSECustomerKey: KEY }),
          () => copySourceKeyHeaders(at(endpoint), { CopySourceSSECustomerKey: KEY }),
        ]) {
          const error = await refused('SEALSTREAM_OPTION', run)
          expect(error.message).to.include('https')
          expectNoTrace(inspect(error, { depth: 9 }), KEY, 'the error')
        }
      })
    }

    for (const endpoint of [
      'http://127.0.0.1:9000',
      'http://127.1.2.3',
      'http://localhost:9000',
      'http://cos.localhost',
      'http://[::1]:9000',
      'https://10.0.0.1',
      'https://cos.example.com',
    ]) {
      it(`goes over ${endpoint}`, () => {
        expect(customerKeyHeaders(at(endpoint), { SSECustomerKey: KEY })).to.deep.equal(CUSTOMER_HEADERS)
      })
    }

    it('other modes go anywhere', () => {
      expect(
        encryptionHeaders(at('http://cos.example.com'), { ServerSideEncryption: 'AES256' }),
      ).to.deep.equal({
        [PREFIX]: 'AES256',
      })
    })
  })

  it('picks the customer key out of larger parameters', () => {
    const params = { SSECustomerKey: KEY, SSECustomerKeyMD5: MD5, ACL: 'private', ContentType: 'x' }
    expect(customerKeyOf(params)).to.deep.equal({ SSECustomerKey: KEY, SSECustomerKeyMD5: MD5 })
  })

  it('reads an answer: what is there and nothing else', () => {
    expect(describeEncryption({})).to.deep.equal({})
    const kms = { [PREFIX]: 'cos/kms', [`${PREFIX}-cos-kms-key-id`]: 'id' }
    expect(describeEncryption(kms)).to.deep.equal({ ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'id' })
    const customer = {
      [`${PREFIX}-customer-algorithm`]: 'AES256',
      [`${PREFIX}-customer-key-md5`]: MD5,
      [`${PREFIX}-customer-key`]: BASE64,
    }
    expect(describeEncryption(customer)).to.deep.equal({
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKeyMD5: MD5,
    })
  })
})
