import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { OptionError, type SealstreamError } from '../../lib/errors.js'
import { makeIdentity } from '../../lib/server/certificate.js'
import { integer, objectIdentifier, octetString, time } from '../../lib/server/der.js'
import { startServer } from '../../lib/server/index.js'
import { outcomeOf } from '../support/outcome.js'
import { objectPath, put, rawRequest } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

const path = objectPath('a')
const DAY_MS = 24 * 60 * 60 * 1000

describe('server: HTTPS', () => {
  const start = serversOfSpec()

  it('stores and gives objects to a client that trusts the certificate', async () => {
    const server = await start({ https: true })
    expect(server.endpoint).to.equal(`https://127.0.0.1:${server.port}`)
    const body = Buffer.alloc(3_000_000, 'bytes')
    expect(await outcomeOf(server, { method: 'PUT', path, body })).to.include({
      status: 200,
      error: undefined,
    })
    expect((await outcomeOf(server, { path })).body.equals(body)).to.equal(true)
  })

  it('is refused by a client that does not', async () => {
    const [server, other] = [await start({ https: true }), await start({ https: true })]
    const { error } = await outcomeOf(server, { path }, { ca: other.certificate! })
    expect(error).to.match(/SELF_SIGNED|SIGNATURE|VERIFY|UNABLE/)
  })

  it('is reached as localhost and as a bucket below cos.localhost, and as nothing else', async () => {
    const server = await start({ https: true })
    const as = (host: string): Promise<unknown> =>
      outcomeOf(
        server,
        { path },
        {
          host,
          lookup: (_host, options, done) =>
            options.all === true
              ? done(null, [{ address: '127.0.0.1', family: 4 }])
              : done(null, '127.0.0.1', 4),
        },
      )
    expect(await as('localhost')).to.include({ status: 404 })
    expect(await as('spec-1250000000.cos.localhost')).to.include({ status: 404 })
    expect(await as('example.com')).to.include({ error: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('listens on IPv6, or says that there is none: SEALSTREAM_SERVER', async () => {
    const server = await start({ https: true, host: '::1' }).catch(
      (error: unknown) => error as SealstreamError,
    )
    if (server instanceof Error) expect(server).to.include({ code: 'SEALSTREAM_SERVER' })
    else expect((await outcomeOf(server, { path })).status).to.equal(404)
  })

  it('does not speak plain HTTP', async () => {
    const server = await start({ https: true })
    const plain = { ...server, endpoint: server.endpoint.replace('https', 'http') }
    expect((await outcomeOf(plain, { path })).error).not.to.equal(undefined)
  })

  it('closes with a connection that never began its handshake', async () => {
    const server = await start({ https: true })
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('connect', resolve))
    await outcomeOf(server, { path })
    await server.close()
    socket.destroy()
  })

  it('keeps the private key off the disk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
    const server = await start({ https: true, directory })
    await outcomeOf(server, { method: 'PUT', path, body: 'hello' })
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      expect(await readFile(join(entry.parentPath, entry.name), 'latin1')).not.to.include('PRIVATE KEY')
    }
    expect(JSON.stringify(server)).not.to.include('PRIVATE KEY')
    await server.close()
    await rm(directory, { recursive: true })
  })

  it('is off by default: HTTP, and no certificate', async () => {
    const server = await start()
    expect([server.certificate, server.endpoint.startsWith('http://')]).to.deep.equal([undefined, true])
    await put(server, 'a', 'hello')
    expect((await rawRequest(server, { path })).text).to.equal('hello')
  })

  it('refuses an option https that is no boolean', async () => {
    const error: unknown = await startServer({ https: 'yes' as never }).catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(OptionError).and.to.include({ option: 'https', value: 'yes' })
  })
})

describe('server: the certificate', () => {
  const openssl = spawnSync('openssl', ['version']).status === 0
  const { certificate, privateKey } = makeIdentity('192.0.2.7')
  const parsed = new X509Certificate(certificate)

  it('is for localhost, the loopback addresses and the host, and not for other names', () => {
    expect(parsed.subject).to.equal('CN=localhost')
    for (const name of ['localhost', 'LOCALHOST', 'b-1.cos.localhost']) {
      expect(parsed.checkHost(name), name).not.to.equal(undefined)
    }
    for (const address of ['127.0.0.1', '::1', '192.0.2.7']) {
      expect(parsed.checkIP(address), address).to.equal(address)
    }
    // It is there, but neither OpenSSL nor Node takes a wildcard right below a top-level name.
    expect(parsed.subjectAltName).to.include('DNS:*.localhost,')
    expect(parsed.checkHost('example.com')).to.equal(undefined)
    expect(parsed.checkIP('127.0.0.2')).to.equal(undefined)
  })

  for (const [host, name] of [
    ['fe80::1%eth0', 'IP Address:FE80:0:0:0:0:0:0:1'],
    ['2001:db8::ff:0', 'IP Address:2001:DB8:0:0:0:0:FF:0'],
    ['::ffff:192.0.2.1', 'IP Address:0:0:0:0:0:FFFF:C000:201'],
    ['::', 'IP Address:0:0:0:0:0:0:0:0'],
    ['1:2:3:4:5:6:7:8', 'IP Address:1:2:3:4:5:6:7:8'],
    ['build.example.org', 'DNS:build.example.org'],
  ] as const) {
    it(`names the host ${host} as ${name}`, () => {
      const names = new X509Certificate(makeIdentity(host).certificate).subjectAltName
      expect(names!.split(', ')).to.include(name)
    })
  }

  it('is valid from a day ago, for a month', () => {
    expect(Date.parse(parsed.validFrom)).to.be.closeTo(Date.now() - DAY_MS, 60_000)
    expect(Date.parse(parsed.validTo)).to.be.closeTo(Date.now() + 30 * DAY_MS, 60_000)
  })

  it('is signed with its own key, belongs to the private one, and is no authority', () => {
    expect(parsed.verify(parsed.publicKey)).to.equal(true)
    expect(parsed.checkPrivateKey(createPrivateKey(privateKey))).to.equal(true)
    expect(parsed.ca).to.equal(false)
  })

  it('is another one each time', () => {
    const other = new X509Certificate(makeIdentity('127.0.0.1').certificate)
    expect(other.serialNumber).not.to.equal(parsed.serialNumber)
    expect(other.publicKey.equals(parsed.publicKey)).to.equal(false)
  })

  const title = 'is verified by openssl, strictly'
  it(openssl ? title : `${title} (skipped: no openssl on this machine)`, async function () {
    if (!openssl) this.skip()
    const folder = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
    const file = join(folder, 'certificate.pem')
    await writeFile(file, certificate)
    const said = execFileSync('openssl', [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      file,
      file,
    ])
    expect(said.toString()).to.match(/: OK\s*$/)
    await rm(folder, { recursive: true })
  })
})

describe('server: DER', () => {
  const hex = (bytes: Buffer): string => bytes.toString('hex')

  it('writes integers without needless zeros, and never as negative', () => {
    expect(
      ['00', '0000', '7f', '80', '00ff', '0100'].map((text) => hex(integer(Buffer.from(text, 'hex')))),
    ).to.deep.equal(['020100', '020100', '02017f', '02020080', '020200ff', '02020100'])
  })

  it('writes lengths from 128 on in the long form', () => {
    for (const [length, head] of [
      [127, '047f'],
      [128, '048180'],
      [255, '0481ff'],
      [256, '04820100'],
      [65_536, '0483010000'],
    ] as const) {
      expect(hex(octetString(Buffer.alloc(length))).slice(0, head.length)).to.equal(head)
    }
  })

  it('writes object identifiers in base 128: 1.2.840.113549 as in X.690', () => {
    expect(hex(objectIdentifier('1.2.840.113549'))).to.equal('06062a864886f70d')
    expect(hex(objectIdentifier('2.5.29.17'))).to.equal('0603551d11')
  })

  it('writes times as UTCTime through 2049, then as GeneralizedTime', () => {
    expect(time(new Date('2049-12-31T23:59:59.999Z')).toString('latin1', 2)).to.equal('491231235959Z')
    expect(time(new Date('2049-12-31T23:59:59Z'))[0]).to.equal(0x17)
    expect(time(new Date('2050-01-01T00:00:00Z')).toString('latin1', 2)).to.equal('20500101000000Z')
    expect(time(new Date('2050-01-01T00:00:00Z'))[0]).to.equal(0x18)
  })
})
