import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import { cosSpec } from '../support/cos-service.js'
import { eventually } from '../support/eventually.js'
import { startHttpProxy, type HttpProxy } from '../support/http-proxy.js'
import { failureOf, refused } from '../support/refused.js'
import { PRINTERS } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'

const BYTES = new Seeded(41).bytes(400_000)
const PASSWORD = 'the-proxy-password'

/** Puts and gets, so that bytes go both ways. */
async function works(client: CosClient): Promise<void> {
  await client.putObject({ Key: 'ü a', Body: BYTES })
  const { Body } = await client.getObject({ Key: 'ü a' })
  expect(Buffer.from(await Body.transformToByteArray()).equals(BYTES)).to.equal(true)
}

function expectSecret(error: unknown): void {
  for (const [name, print] of Object.entries(PRINTERS)) {
    const shown = print(error as object)
    for (const form of [PASSWORD, Buffer.from(`user:${PASSWORD}`).toString('base64')]) {
      expect(shown.includes(form), `${name} shows the password`).to.equal(false)
    }
  }
}

describe('option tls', () => {
  const spec = cosSpec()

  it('with ca trusts the service', async () => {
    const server = await spec.server({ https: true })
    await works(spec.client(server, { tls: { ca: server.certificate! } }))
    await works(spec.client(server, { tls: { ca: [server.certificate!], minVersion: 'TLSv1.3' } }))
  })

  it('with rejectUnauthorized: false trusts anybody', async () => {
    await works(spec.client(await spec.server({ https: true }), { tls: { rejectUnauthorized: false } }))
  })

  it('another ca or none is refused, once: there is no retry', async () => {
    const [server, other] = [await spec.server({ https: true }), await spec.server({ https: true })]
    for (const tls of [{ ca: other.certificate! }, {}, { rejectUnauthorized: true }]) {
      const client = spec.client(server, {
        tls,
        retry: { baseDelay: 1 },
        onRetry: () => expect.fail('tried again'),
      })
      const error = await refused('SEALSTREAM_CONNECTION', () => client.putObject({ Key: 'a', Body: BYTES }))
      expect((error.cause as NodeJS.ErrnoException).code).to.match(/SELF_SIGNED|UNABLE_TO|CERT_/)
    }
  })

  it('does not accept a certificate for another host, nor try again', async () => {
    const server = await spec.server({ https: true })
    const lookup = (_host: string, options: { all?: boolean }, done: (...values: unknown[]) => void): void =>
      options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
    const agent = new HttpsAgent({ ca: server.certificate!, lookup } as object)
    const client = spec.client(
      { endpoint: `https://cos.example.com:${server.port}` },
      { agents: { https: agent }, retry: { baseDelay: 1 }, onRetry: () => expect.fail('tried again') },
    )
    const error = await refused('SEALSTREAM_CONNECTION', () => client.headObject({ Key: 'a' }))
    expect(error.cause).to.have.property('code', 'ERR_TLS_CERT_ALTNAME_INVALID')
  })

  it('a service that does not speak TLS is refused', async () => {
    const { endpoint } = await spec.server()
    const client = spec.client({ endpoint: endpoint.replace('http:', 'https:') })
    await refused('SEALSTREAM_CONNECTION', () => client.headObject({ Key: 'a' }))
  })
})

describe('option proxy', () => {
  const spec = cosSpec()
  const proxies: HttpProxy[] = []
  afterEach(() => Promise.all(proxies.splice(0).map((proxy) => proxy.close())))

  const proxied = async (basic?: string): Promise<HttpProxy> => {
    const proxy = await startHttpProxy(basic)
    proxies.push(proxy)
    return proxy
  }

  it('sends http in absolute form', async () => {
    const server = await spec.server()
    const proxy = await proxied()
    await works(spec.client(server, { proxy: `http://127.0.0.1:${proxy.port}` }))
    expect(proxy.seen.map(({ method, target }) => `${method} ${target}`)).to.deep.equal(
      ['PUT', 'GET'].map((method) => `${method} ${server.endpoint}/spec-1250000000/%C3%BC%20a`),
    )
  })

  it('sends https through a tunnel, whose certificate is checked as ever', async () => {
    const server = await spec.server({ https: true })
    const proxy = await proxied()
    const url = `http://127.0.0.1:${proxy.port}`
    await works(spec.client(server, { proxy: url, tls: { ca: server.certificate! } }))
    expect(proxy.seen.length).to.be.at.least(1)
    for (const { method, target, headers } of proxy.seen) {
      expect(`${method} ${target}`).to.equal(`CONNECT 127.0.0.1:${server.port}`)
      expect(headers).to.not.have.property('authorization')
    }
    const client = spec.client(server, {
      proxy: url,
      retry: { baseDelay: 1 },
      onRetry: () => expect.fail('tried again'),
    })
    await refused('SEALSTREAM_CONNECTION', () => client.headObject({ Key: 'a' }))
  })

  for (const https of [false, true]) {
    const scheme = https ? 'https' : 'http'

    it(`${scheme}: gives the user and password of its URL, to the proxy alone`, async () => {
      const server = await spec.server({ https })
      const proxy = await proxied(`us er:${PASSWORD}+%`)
      const url = `http://us%20er:${PASSWORD}%2B%25@127.0.0.1:${proxy.port}`
      const tls = https ? { tls: { ca: server.certificate! } } : {}
      await works(spec.client(server, { proxy: url, ...tls }))
    })

    it(`${scheme}: a wrong password is an error, without any password in it`, async () => {
      const server = await spec.server({ https })
      const proxy = await proxied(`user:${PASSWORD}`)
      const tls = https ? { tls: { ca: server.certificate! } } : {}
      const url = `http://user:${PASSWORD}x@127.0.0.1:${proxy.port}`
      const client = spec.client(server, { proxy: url, retry: { baseDelay: 1 }, ...tls })
      const error = await failureOf(() => client.putObject({ Key: 'a', Body: BYTES }))
      expectSecret(error)
      expect(error.message).to.include('407')
      // What a proxy says about a tunnel is no answer of the service.
      expect(error.code).to.equal(https ? 'SEALSTREAM_CONNECTION' : 'SEALSTREAM_SERVICE')
      expect(proxy.seen).to.have.length(1)
    })

    it(`${scheme}: a proxy that is not there is a connection error, without any password in it`, async () => {
      const server = await spec.server({ https })
      const proxy = await startHttpProxy()
      await proxy.close()
      const url = `http://user:${PASSWORD}@127.0.0.1:${proxy.port}`
      const error = await refused('SEALSTREAM_CONNECTION', () =>
        spec.client(server, { proxy: url }).putObject({ Key: 'a', Body: BYTES }),
      )
      expect(error.cause).to.have.property('code', 'ECONNREFUSED')
      expectSecret(error)
    })

    it(`${scheme}: close() ends its connections`, async () => {
      const server = await spec.server({ https })
      const proxy = await proxied()
      const tls = https ? { tls: { ca: server.certificate! } } : {}
      const client = spec.client(server, { proxy: `http://127.0.0.1:${proxy.port}`, ...tls })
      await works(client)
      void client.close()
      await eventually(() => proxy.standing === 0)
    })

    it(`${scheme}: connections are kept and used again`, async () => {
      const server = await spec.server({ https })
      const proxy = await proxied()
      const tls = https ? { tls: { ca: server.certificate! } } : {}
      const client = spec.client(server, { proxy: `http://127.0.0.1:${proxy.port}`, ...tls })
      for (let i = 0; i < 4; i++) await client.putObject({ Key: `k${i}`, Body: 'x' })
      expect(proxy.standing).to.equal(1)
      expect(proxy.seen).to.have.length(https ? 1 : 4)
    })
  }

  it('in the environment is not looked at', async () => {
    const server = await spec.server()
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY']
    const before = names.map((name) => process.env[name])
    for (const name of names) process.env[name] = 'http://127.0.0.1:1'
    try {
      await works(spec.client(server))
    } finally {
      for (const [i, name] of names.entries()) {
        if (before[i] === undefined) Reflect.deleteProperty(process.env, name)
        else process.env[name] = before[i]
      }
    }
  })
})

describe('option agents', () => {
  const spec = cosSpec()

  it('makes the connections, and is not destroyed with the client', async () => {
    const server = await spec.server()
    const http = new HttpAgent({ keepAlive: true })
    let sockets = 0
    http.on('free', () => void (sockets += 1))
    const client = spec.client(server, { agents: { http } })
    await works(client)
    await eventually(() => sockets === 2)
    void client.close()
    expect(Object.values(http.freeSockets).flat()).to.have.length(1)
    await works(spec.client(server, { agents: { http } }))
    await eventually(() => sockets === 4)
    http.destroy()
  })

  it('may name one scheme; the other is the client’s own', async () => {
    const server = await spec.server()
    await works(spec.client(server, { agents: { https: new HttpsAgent() } }))
    const secure = await spec.server({ https: true })
    const https = new HttpsAgent({ ca: secure.certificate! })
    await works(spec.client(secure, { agents: { https } }))
  })
})

describe('options of connections', () => {
  const spec = cosSpec()

  const bad: [options: object, option: string][] = [
    [{ tls: { caFile: 'x' } }, 'tls.caFile'],
    [{ tls: 'none' }, 'tls'],
    [{ tls: null }, 'tls'],
    [{ proxy: `user:${PASSWORD}@proxy` }, 'proxy'],
    [{ proxy: `socks5://user:${PASSWORD}@proxy:1080` }, 'proxy'],
    [{ proxy: `http://user:${PASSWORD}@` }, 'proxy'],
    [{ proxy: `http://user:${PASSWORD}@proxy:99999` }, 'proxy'],
    [{ proxy: '' }, 'proxy'],
    [{ proxy: { host: 'proxy', password: PASSWORD } }, 'proxy'],
    [{ agents: {}, proxy: `http://user:${PASSWORD}@proxy` }, 'proxy'],
    [{ agents: {}, tls: { rejectUnauthorized: false } }, 'tls'],
    [{ agents: { http: {} } }, 'agents.http'],
    [{ agents: { https: 'agent' } }, 'agents.https'],
    [{ agents: { http2: new HttpAgent() } }, 'agents.http2'],
    [{ agents: new HttpAgent() }, 'agents.'],
    [{ agents: 5 }, 'agents'],
  ]
  for (const [i, [options, option]] of bad.entries()) {
    it(`${Object.keys(options).join(' beside ')} (case ${i + 1}) is refused, naming ${option}, with no password`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        spec.client({ endpoint: 'http://127.0.0.1:1' }, options),
      )
      expect((error as { option?: string }).option).to.satisfy((found: string) => found.startsWith(option))
      expectSecret(error)
    })
  }

  it('a value of tls that no TLS can use is no reason to try again', async () => {
    const server = await spec.server({ https: true })
    for (const tls of [
      { ca: server.certificate!, key: 'no key' },
      { ca: server.certificate!, cert: 'no certificate' },
    ]) {
      let retries = 0
      const client = spec.client(server, { tls, retry: { baseDelay: 1 }, onRetry: () => void (retries += 1) })
      await failureOf(() => client.headObject({ Key: 'a' }))
      expect(retries).to.equal(0)
    }
  })
})
