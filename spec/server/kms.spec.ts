import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { RunningServer } from '../../lib/server/index.js'
import { objectPath, plainRequest, put, rawRequest } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'
import {
  base64,
  call,
  type Changes,
  DATA_KEY,
  INVALID_CIPHERTEXT,
  KEY,
  refusal,
  responseOf,
  send,
} from './kms-request.js'

const MIB = 1024 * 1024

describe('server: KMS', () => {
  const start = serversOfSpec()

  it('is at the endpoint of the server', async () => {
    const [plain, tls] = [await start(), await start({ https: true })]
    expect(plain.kmsEndpoint).to.equal(`http://127.0.0.1:${plain.port}`)
    expect(tls.kmsEndpoint).to.equal(`https://127.0.0.1:${tls.port}`)
  })

  it('generates a data key that Decrypt gives back, with ids like those of the service', async () => {
    const server = await start()
    const made = await call(server, 'GenerateDataKey', DATA_KEY)
    expect(Object.keys(made).sort()).to.deep.equal(['CiphertextBlob', 'KeyId', 'Plaintext', 'RequestId'])
    expect(made.KeyId).to.equal(KEY)
    expect(made.RequestId).to.match(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(Buffer.from(made.Plaintext, 'base64').length).to.equal(32)
    const { CiphertextBlob } = made
    const opened = await call(server, 'Decrypt', { CiphertextBlob })
    expect(Object.keys(opened).sort()).to.deep.equal(['KeyId', 'Plaintext', 'RequestId'])
    expect([opened.KeyId, opened.Plaintext]).to.deep.equal([KEY, made.Plaintext])
    expect(opened.RequestId).to.not.equal(made.RequestId)
    expect(Buffer.from(CiphertextBlob, 'base64').toString('latin1')).to.include(KEY)
  })

  for (const [parameters, length] of [
    [{ KeySpec: 'AES_128' }, 16],
    [{ KeySpec: 'AES_256' }, 32],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
    [{ KeySpec: 'AES_256', NumberOfBytes: 20 }, 20],
    [{ KeySpec: null, NumberOfBytes: 24, EncryptionContext: null }, 24],
  ] as const) {
    it(`generates ${length} bytes for ${JSON.stringify(parameters)}`, async () => {
      const server = await start()
      const { Plaintext } = await call(server, 'GenerateDataKey', { KeyId: KEY, ...parameters })
      expect(Buffer.from(Plaintext, 'base64').length).to.equal(length)
    })
  }

  it('never generates the same key or the same blob twice', async () => {
    const server = await start()
    const seen = new Set<string>()
    for (let i = 0; i < 20; i += 1) {
      const { Plaintext, CiphertextBlob } = await call(server, 'GenerateDataKey', DATA_KEY)
      seen.add(Plaintext).add(CiphertextBlob)
      seen.add((await call(server, 'Encrypt', { KeyId: KEY, Plaintext: 'AAAA' })).CiphertextBlob)
    }
    expect(seen.size).to.equal(60)
  })

  for (const length of [1, 32, 4095, 4096]) {
    it(`encrypts ${length} bytes and decrypts them`, async () => {
      const server = await start()
      const Plaintext = base64(randomBytes(length))
      const sealed = await call(server, 'Encrypt', { KeyId: KEY, Plaintext })
      expect(Object.keys(sealed).sort()).to.deep.equal(['CiphertextBlob', 'KeyId', 'RequestId'])
      const { CiphertextBlob } = sealed
      expect((await call(server, 'Decrypt', { CiphertextBlob })).Plaintext).to.equal(Plaintext)
    })
  }

  it('takes a body in chunks, a charset, white space, and a token that it does not look at', async () => {
    const server = await start()
    const body = `\n { "KeyId" : "${KEY}", "KeySpec" : "AES_256" } `
    for (const changes of [
      { body, chunked: true },
      { body, headers: { 'Content-Type': 'application/json; charset=utf-8', 'X-TC-Token': 'a token' } },
      { body, headers: { 'Content-Type': 'Application/JSON;charset=UTF-8' } },
    ]) {
      const response = responseOf(await send(server, 'GenerateDataKey', {}, changes))
      expect(response.Error).to.equal(undefined)
    }
  })

  it('answers beside COS, and without the request id of COS', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    expect((await call(server, 'GenerateDataKey', DATA_KEY)).KeyId).to.equal(KEY)
    expect((await rawRequest(server, { path: objectPath('a') })).text).to.equal('hello')
    const answer = await send(server, 'GenerateDataKey', DATA_KEY)
    expect(answer.headers).to.not.have.property('x-cos-request-id')
  })

  it('leaves requests that are no POST of the root to COS', async () => {
    const server = await start()
    const headers = { 'x-tc-action': 'Encrypt' }
    expect((await rawRequest(server, { path: '/', headers })).status).to.equal(501)
    expect((await rawRequest(server, { method: 'POST', path: objectPath(''), headers })).status).to.equal(501)
    expect((await rawRequest(server, { method: 'POST', path: '/' })).status).to.equal(501)
    expect((await rawRequest(server, { method: 'POST', path: '//', headers })).status).to.equal(501)
  })
})

describe('server: KMS refuses', () => {
  const start = serversOfSpec()
  let server: RunningServer
  beforeEach(async () => (server = await start()))

  const encrypt = { KeyId: KEY, Plaintext: 'AAAA' }
  const decrypt = { CiphertextBlob: 'AAAA' }
  for (const [what, code, action, parameters, changes] of [
    ['another secret id', 'AuthFailure.SecretIdNotFound', 'Encrypt', encrypt, { secretId: 'AKIDother' }],
    [
      'a request of yesterday',
      'AuthFailure.SignatureExpire',
      'Encrypt',
      encrypt,
      { now: Date.now() - 864e5 },
    ],
    ['another body', 'AuthFailure.SignatureFailure', 'Encrypt', encrypt, { headers: { Host: 'localhost' } }],
    ['no time', 'MissingParameter', 'Encrypt', encrypt, { headers: { 'X-TC-Timestamp': '' } }],
    ['no version', 'MissingParameter', 'Encrypt', encrypt, { headers: { 'X-TC-Version': '' } }],
    ['another version', 'NoSuchVersion', 'Encrypt', encrypt, { headers: { 'X-TC-Version': '2017-03-12' } }],
    ['no region', 'MissingParameter', 'Encrypt', encrypt, { headers: { 'X-TC-Region': '' } }],
    ['a form', 'InvalidParameter', 'Encrypt', encrypt, { headers: { 'Content-Type': 'text/plain' } }],
    ['a query', 'InvalidParameter', 'Encrypt', encrypt, { path: '/?Action=Encrypt' }],
    ['an unknown action', 'InvalidAction', 'ListKeys', {}],
    ['an action in another case', 'InvalidAction', 'encrypt', encrypt],
    ['no JSON', 'InvalidParameter', 'Encrypt', {}, { body: 'KeyId=k' }],
    ['an empty body', 'InvalidParameter', 'Encrypt', {}, { body: '' }],
    ['a list', 'InvalidParameter', 'Encrypt', {}, { body: '[]' }],
    ['null', 'InvalidParameter', 'Encrypt', {}, { body: 'null' }],
    [
      'bytes that are no UTF-8',
      'InvalidParameter',
      'Encrypt',
      {},
      { body: Buffer.from('7b22ff223a317d', 'hex') },
    ],
    ['an unknown parameter', 'UnknownParameter', 'Encrypt', { ...encrypt, keyId: 'k' }],
    ['a parameter of another action', 'UnknownParameter', 'Decrypt', { ...decrypt, KeyId: KEY }],
    ['an encrypted answer', 'UnsupportedOperation', 'Decrypt', { ...decrypt, EncryptionPublicKey: 'pem' }],
    ['no key id', 'MissingParameter', 'Encrypt', { Plaintext: 'AAAA' }],
    ['no plaintext', 'MissingParameter', 'Encrypt', { KeyId: KEY, Plaintext: null }],
    ['no ciphertext', 'MissingParameter', 'Decrypt', {}],
    ['no length', 'MissingParameter', 'GenerateDataKey', { KeyId: KEY }],
    ['a number as key id', 'InvalidParameter', 'Encrypt', { ...encrypt, KeyId: 5 }],
    ['an empty key id', 'InvalidParameterValue.InvalidKeyId', 'Encrypt', { ...encrypt, KeyId: '' }],
    ['a path as key id', 'InvalidParameterValue.InvalidKeyId', 'Encrypt', { ...encrypt, KeyId: '../k' }],
    ['65 characters', 'InvalidParameterValue.InvalidKeyId', 'Encrypt', { ...encrypt, KeyId: 'k'.repeat(65) }],
    ['another spec', 'InvalidParameter', 'GenerateDataKey', { KeyId: KEY, KeySpec: 'AES_192' }],
    ['an inherited spec', 'InvalidParameter', 'GenerateDataKey', { KeyId: KEY, KeySpec: 'constructor' }],
    ['0 bytes', 'InvalidParameter', 'GenerateDataKey', { KeyId: KEY, NumberOfBytes: 0 }],
    ['1025 bytes', 'InvalidParameter', 'GenerateDataKey', { KeyId: KEY, NumberOfBytes: 1025 }],
    ['half a byte', 'InvalidParameter', 'GenerateDataKey', { KeyId: KEY, NumberOfBytes: 1.5 }],
    ['bytes in text', 'InvalidParameter', 'GenerateDataKey', { KeyId: KEY, NumberOfBytes: '16' }],
    [
      'an empty plaintext',
      'InvalidParameterValue.InvalidPlaintext',
      'Encrypt',
      { ...encrypt, Plaintext: '' },
    ],
    ['no Base64', 'InvalidParameterValue.InvalidPlaintext', 'Encrypt', { ...encrypt, Plaintext: 'AAA' }],
    [
      '4097 bytes',
      'InvalidParameterValue.InvalidPlaintext',
      'Encrypt',
      { ...encrypt, Plaintext: base64(Buffer.alloc(4097)) },
    ],
    ['a list as plaintext', 'InvalidParameter', 'Encrypt', { ...encrypt, Plaintext: ['AAAA'] }],
    ['an empty ciphertext', INVALID_CIPHERTEXT, 'Decrypt', { CiphertextBlob: '' }],
    ['noise', INVALID_CIPHERTEXT, 'Decrypt', { CiphertextBlob: base64(randomBytes(100)) }],
  ] as readonly (readonly [string, string, string, object, Changes?])[]) {
    it(`${what}: ${code}`, async () => {
      expect(await refusal(server, action, parameters, changes)).to.equal(code)
    })
  }

  it('a request that is not signed, or not in this manner', async () => {
    const headers = { 'x-tc-action': 'Encrypt', 'x-tc-timestamp': String(Math.floor(Date.now() / 1000)) }
    const unsigned = await plainRequest(server, { method: 'POST', path: '/', headers, body: '{}' })
    expect(responseOf(unsigned).Error!.Code).to.equal('MissingParameter')
    const cos = await rawRequest(server, { method: 'POST', path: '/', headers, body: '{}' })
    expect(responseOf(cos).Error!.Code).to.equal('AuthFailure.InvalidAuthorization')
  })

  it('a body of more than 10 MiB: RequestSizeLimitExceeded, with or without its length', async () => {
    const body = JSON.stringify({ KeyId: KEY, Plaintext: 'A'.repeat(10 * MIB) })
    const most = body.replace('A'.repeat(body.length - 10 * MIB), '')
    expect(most.length).to.equal(10 * MIB)
    for (const chunked of [false, true]) {
      expect(await refusal(server, 'Encrypt', {}, { body, chunked })).to.equal('RequestSizeLimitExceeded')
      const fits = await refusal(server, 'Encrypt', {}, { body: most, chunked })
      expect(fits).to.equal('InvalidParameterValue.InvalidPlaintext')
    }
  })

  it('without quoting what it was sent', async () => {
    const Plaintext = base64(randomBytes(4097))
    for (const changes of [{}, { body: `{"KeyId":"${KEY}","Plaintext":"${Plaintext}` }]) {
      const { text } = await send(server, 'Encrypt', { KeyId: KEY, Plaintext }, changes)
      expect(text).to.include('Error').and.not.include(Plaintext.slice(0, 16))
    }
  })
})
