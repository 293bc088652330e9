import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  CredentialProvider,
  credentialsFromEnvironment,
  type Credentials,
} from '../../lib/cos/credentials.js'
import { CosClient } from '../../lib/cos-client.js'
import { SealstreamError } from '../../lib/errors.js'
import { answering, cosSpec, KEYS } from '../support/cos-service.js'
import { refused } from '../support/refused.js'

const SECRET = 'a-secret-key-nobody-may-see'
const keys: Credentials = { secretId: 'AKID1', secretKey: SECRET }

describe('CredentialProvider', () => {
  it('gives keys that were given once', async () => {
    expect(await new CredentialProvider(keys, Date.now).get()).to.deep.equal(keys)
  })

  it('keeps its own copy of them', async () => {
    const given = { ...keys }
    const provider = new CredentialProvider(given, Date.now)
    given.secretId = 'other'
    expect((await provider.get()).secretId).to.equal('AKID1')
  })

  it('calls a function once for concurrent requests, and not again for keys without an end', async () => {
    let calls = 0
    const provider = new CredentialProvider(async () => {
      calls += 1
      await new Promise((resolve) => setImmediate(resolve))
      return keys
    }, Date.now)
    const got = await Promise.all(Array.from({ length: 20 }, () => provider.get()))
    await provider.get()
    expect(calls).to.equal(1)
    expect(new Set(got)).to.have.property('size', 1)
  })

  it('takes a function that is not async', async () => {
    expect(await new CredentialProvider(() => keys, Date.now).get()).to.deep.equal(keys)
  })

  it('renews 60 seconds before the end, not earlier', async () => {
    let now = 1_000_000
    let calls = 0
    const provider = new CredentialProvider(
      () => ({ ...keys, secretId: `AKID${++calls}`, expiresAt: new Date(now + 600_000) }),
      () => now,
    )
    expect((await provider.get()).secretId).to.equal('AKID1')
    now += 600_000 - 60_001
    expect((await provider.get()).secretId).to.equal('AKID1')
    now += 1
    expect((await provider.get()).secretId).to.equal('AKID2')
    expect((await provider.get()).secretId).to.equal('AKID2')
  })

  it('shares one renewal', async () => {
    let now = 0
    let calls = 0
    const provider = new CredentialProvider(
      async () => ({ ...keys, secretId: `AKID${++calls}`, expiresAt: new Date(now + 100_000) }),
      () => now,
    )
    await provider.get()
    now = 90_000
    const got = await Promise.all([provider.get(), provider.get(), provider.get()])
    expect(got.map(({ secretId }) => secretId)).to.deep.equal(['AKID2', 'AKID2', 'AKID2'])
  })

  it('wraps what the function throws, and asks again the next time', async () => {
    const broken = new Error('no network')
    let calls = 0
    const provider = new CredentialProvider(() => {
      calls += 1
      if (calls === 1) throw broken
      return keys
    }, Date.now)
    const error = await refused('SEALSTREAM_CREDENTIALS', () => provider.get())
    expect(error.cause).to.equal(broken)
    expect(await provider.get()).to.deep.equal(keys)
  })

  it('gives every concurrent caller the failure', async () => {
    const provider = new CredentialProvider(() => Promise.reject(new Error('x')), Date.now)
    const outcomes = await Promise.allSettled([provider.get(), provider.get()])
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
  })

  for (const given of [undefined, null, 'text', {}, { secretId: 'a' }, { secretId: 'a', secretKey: 5 }]) {
    it(`refuses ${JSON.stringify(given)} from a function`, async () => {
      const provider = new CredentialProvider(() => given as Credentials, Date.now)
      await refused('SEALSTREAM_CREDENTIALS', () => provider.get())
    })
  }

  it('says that given temporary keys have expired', async () => {
    const provider = new CredentialProvider({ ...keys, expiresAt: new Date(1000) }, () => 2000)
    const error = await refused('SEALSTREAM_CREDENTIALS', () => provider.get())
    expect(error.message).to.include('expired')
    expect(error.hint).to.include('function')
  })

  const bad: [option: string, given: unknown][] = [
    ['credentials.secretId', { secretKey: SECRET }],
    ['credentials.secretId', { secretId: '', secretKey: SECRET }],
    ['credentials.secretId', { secretId: 'a b', secretKey: SECRET }],
    ['credentials.secretId', { secretId: 'a\r\nx: y', secretKey: SECRET }],
    ['credentials.secretKey', { secretId: 'a' }],
    ['credentials.secretKey', { secretId: 'a', secretKey: '' }],
    ['credentials.secretKey', { secretId: 'a', secretKey: Buffer.from(SECRET) }],
    ['credentials.token', { ...keys, token: 5 }],
    ['credentials.token', { ...keys, token: `${SECRET}\n` }],
    ['credentials.expiresAt', { ...keys, expiresAt: 'tomorrow' }],
    ['credentials.expiresAt', { ...keys, expiresAt: new Date(Number.NaN) }],
    ['credentials.SecretKey', { secretId: 'a', SecretKey: SECRET }],
    ['credentials.accessKeyId', { accessKeyId: 'a', secretAccessKey: SECRET }],
    ['credentials', 5],
  ]
  for (const [option, given] of bad) {
    it(`refuses bad ${option} at once and shows no secret (${JSON.stringify(given)})`, async () => {
      const error = await refused(
        'SEALSTREAM_OPTION',
        () => new CredentialProvider(given as Credentials, Date.now),
      )
      expect(error).to.have.property('option', option)
      expect(inspect(error, { depth: 10, showHidden: true })).to.not.include(SECRET)
    })
  }

  it('does not repeat a text that was given instead of keys: it may be the secret', async () => {
    const error = await refused(
      'SEALSTREAM_OPTION',
      () => new CredentialProvider(SECRET as unknown as Credentials, Date.now),
    )
    expect(inspect(error, { depth: 10 })).to.not.include(SECRET)
  })

  for (const [foreign, hint] of [
    ['SecretId', 'secretId'],
    ['SecretKey', 'secretKey'],
    ['accessKeyId', 'secretId'],
    ['sessionToken', 'token'],
  ] as const) {
    it(`says what to write instead of ${foreign}`, async () => {
      const error = await refused(
        'SEALSTREAM_OPTION',
        () => new CredentialProvider({ ...keys, [foreign]: 'x' }, Date.now),
      )
      expect(error.hint).to.include(hint)
    })
  }

  it('never shows the keys, however it is printed', async () => {
    const provider = new CredentialProvider({ ...keys, token: 'the-token' }, Date.now)
    await provider.get()
    const client = new CosClient({ region: 'ap-beijing', credentials: { ...keys, token: 'the-token' } })
    for (const subject of [provider, client]) {
      const shown = [
        inspect(subject, { depth: 10, showHidden: true }),
        inspect(subject, { depth: 10, showHidden: true, customInspect: false }),
        JSON.stringify(subject),
        JSON.stringify({ subject }),
        JSON.stringify(Object.entries(subject)),
      ].join('\n')
      expect(shown).to.not.include(SECRET)
      expect(shown).to.not.include('the-token')
    }
    void client.close()
  })
})

describe('credentialsFromEnvironment', () => {
  it('reads the id, the key and, where there is one, the token', () => {
    const environment = { COS_SECRET_ID: 'a', COS_SECRET_KEY: 'b' }
    expect(credentialsFromEnvironment(environment)).to.deep.equal({ secretId: 'a', secretKey: 'b' })
    expect(credentialsFromEnvironment({ ...environment, COS_TOKEN: 'c' })).to.deep.equal({
      secretId: 'a',
      secretKey: 'b',
      token: 'c',
    })
    expect(credentialsFromEnvironment({ ...environment, COS_TOKEN: '' })).to.not.have.property('token')
  })

  it('names the variable that is missing', async () => {
    for (const [environment, name] of [
      [{}, 'COS_SECRET_ID'],
      [{ COS_SECRET_KEY: SECRET }, 'COS_SECRET_ID'],
      [{ COS_SECRET_ID: 'a' }, 'COS_SECRET_KEY'],
      [{ COS_SECRET_ID: 'a', COS_SECRET_KEY: '' }, 'COS_SECRET_KEY'],
    ] as const) {
      const error = await refused('SEALSTREAM_CREDENTIALS', () => credentialsFromEnvironment(environment))
      expect(error.message).to.include(`${name} is not set`)
      expect(inspect(error)).to.not.include(SECRET)
    }
  })

  describe('as the default of a client', () => {
    const names = ['COS_SECRET_ID', 'COS_SECRET_KEY', 'COS_TOKEN'] as const
    const before = names.map((name) => [name, process.env[name]] as const)
    afterEach(() => {
      for (const [name, value] of before) {
        if (value === undefined) Reflect.deleteProperty(process.env, name)
        else process.env[name] = value
      }
    })
    const spec = cosSpec()

    it('signs with keys from the environment', async () => {
      const server = await spec.server()
      process.env.COS_SECRET_ID = server.credentials.secretId
      process.env.COS_SECRET_KEY = server.credentials.secretKey
      Reflect.deleteProperty(process.env, 'COS_TOKEN')
      const client = spec.client(server, { credentials: undefined })
      await client.putObject({ Key: 'a', Body: 'b' })
    })

    it('fails the request, not the construction, where there are none', async () => {
      for (const name of names) Reflect.deleteProperty(process.env, name)
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' }, { credentials: undefined })
      const error = await refused('SEALSTREAM_CREDENTIALS', () => client.headObject({ Key: 'a' }))
      expect(error.message).to.include('COS_SECRET_ID')
    })
  })
})

describe('credentials on the wire', () => {
  const spec = cosSpec()

  it('sends and signs the token as x-cos-security-token', async () => {
    let headers: NodeJS.Dict<string | string[]> = {}
    const service = await spec.http(
      answering((_body, request, response) => {
        headers = request.headers
        response.end()
      }),
    )
    const client = spec.client(service, { credentials: { ...KEYS, token: 'the/token+=' } })
    await client.deleteObject({ Key: 'a' })
    expect(headers['x-cos-security-token']).to.equal('the/token+=')
    const list = /q-header-list=([^&]*)/.exec(headers.authorization as string)?.[1]?.split(';')
    expect(list).to.include('x-cos-security-token').and.to.include('host')
  })

  it('puts the token into a presigned URL, signed', async () => {
    const client = spec.client({ endpoint: 'http://127.0.0.1:1' }, { credentials: { ...KEYS, token: 't/k' } })
    const { searchParams } = new URL(await client.presign({ Key: 'a' }))
    expect(searchParams.get('x-cos-security-token')).to.equal('t/k')
    expect(searchParams.get('q-url-param-list')?.split(';')).to.include('x-cos-security-token')
  })

  it('asks a function once for concurrent requests of one client', async () => {
    const server = await spec.server()
    let calls = 0
    const client = spec.client(server, {
      credentials: async () => {
        calls += 1
        return server.credentials
      },
    })
    await Promise.all(Array.from({ length: 8 }, (_, at) => client.putObject({ Key: `k${at}`, Body: 'x' })))
    expect(calls).to.equal(1)
  })

  it('fails every operation with the same code when the function fails, and destroys the body', async () => {
    const client = spec.client(
      { endpoint: 'http://127.0.0.1:1' },
      { credentials: () => Promise.reject(new Error('vault is sealed')) },
    )
    const error = await refused('SEALSTREAM_CREDENTIALS', () => client.getObject({ Key: 'a' }))
    expect(error.cause).to.be.instanceOf(Error).and.to.have.property('message', 'vault is sealed')
    expect(error).to.be.instanceOf(SealstreamError)
    await refused('SEALSTREAM_CREDENTIALS', () => client.presign({ Key: 'a' }))
  })
})
