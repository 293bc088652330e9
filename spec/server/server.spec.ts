import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { SealstreamError } from '../../lib/errors.js'
import { startServer } from '../../lib/server/index.js'
import { BUCKET, objectPath, put, rawRequest, xmlText } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

async function refusal(options: object): Promise<SealstreamError> {
  try {
    const server = await startServer(options)
    await server.close()
  } catch (error) {
    if (error instanceof SealstreamError) return error
    throw error
  }
  throw new Error('started')
}

describe('server: start and close', () => {
  const start = serversOfSpec()
  let directory: string
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))))
  afterEach(() => rm(directory, { recursive: true }))

  it('listens on a free port of 127.0.0.1 with random credentials', async () => {
    const [one, two] = [await start(), await start()]
    expect(one.endpoint).to.equal(`http://127.0.0.1:${one.port}`)
    expect(one.port).not.to.equal(two.port)
    expect(one.credentials.secretId).to.match(/^AKID[0-9a-f]{32}$/)
    expect(one.credentials.secretKey).not.to.equal(two.credentials.secretKey)
  })

  it('keeps a temporary directory to itself and removes it at close', async () => {
    const server = await start()
    await put(server, 'a', 'hello')
    expect((await stat(server.directory)).mode & 0o777).to.equal(0o700)
    await server.close()
    expect(existsSync(server.directory)).to.equal(false)
  })

  it('closes more than once', async () => {
    const server = await start()
    await Promise.all([server.close(), server.close()])
    await server.close()
  })

  it('takes the credentials it is given, and no others', async () => {
    const credentials = { secretId: 'id', secretKey: 'key' }
    const server = await start({ credentials })
    expect(server.credentials).to.deep.equal(credentials)
    await put(server, 'a', 'hello')
    const wrong = { path: objectPath('a'), credentials: { secretId: 'id', secretKey: 'other' } }
    const { status, text } = await rawRequest(server, wrong)
    expect([status, xmlText(text, 'Code')]).to.deep.equal([403, 'SignatureDoesNotMatch'])
  })

  it('judges signatures by the injected clock', async () => {
    let now = Date.UTC(2030, 0, 2)
    const server = await start({ clock: () => now })
    const request = { path: objectPath('a'), now }
    expect((await rawRequest(server, request)).status).to.equal(404)
    now += 601_000
    const expired = await rawRequest(server, request)
    expect(xmlText(expired.text, 'Message')).to.equal('Request has expired')
    now -= 602_000
    const early = await rawRequest(server, request)
    expect(xmlText(early.text, 'Code')).to.equal('RequestTimeTooSkewed')
    expect(xmlText(early.text, 'ServerTime')).to.equal('2030-01-01T23:59:59.000Z')
  })

  it('says on start that it is not for production', async () => {
    const lines: string[] = []
    const server = await start({ log: (line) => lines.push(line) })
    expect(lines).to.deep.equal([`sealstream server on ${server.endpoint}, for development and tests only`])
  })

  it('listens on IPv6, or says that there is none: SEALSTREAM_SERVER', async () => {
    const server = await start({ host: '::1' }).catch((error: unknown) => error as SealstreamError)
    if (server instanceof Error) {
      expect(server)
        .to.include({ code: 'SEALSTREAM_SERVER' })
        .and.have.property('message')
        .that.contains('::1')
      return
    }
    expect(server.endpoint).to.equal(`http://[::1]:${server.port}`)
    await put(server, 'a', 'hello')
  })

  it('makes the directory it is given and keeps it', async () => {
    const inner = join(directory, 'x', 'y')
    const server = await start({ directory: inner })
    expect(server.directory).to.equal(inner)
    await put(server, 'a', 'hello')
    await server.close()
    const again = await start({ directory: inner })
    expect((await rawRequest(again, { path: objectPath('a') })).text).to.equal('hello')
  })

  it('shows two servers on one directory the same objects and uploads', async () => {
    const [one, two] = [await start({ directory }), await start({ directory })]
    await put(one, 'a', 'hello')
    expect((await rawRequest(two, { path: objectPath('a') })).text).to.equal('hello')
    await put(two, 'a', 'world')
    expect((await rawRequest(one, { path: objectPath('a') })).text).to.equal('world')
    const begun = await rawRequest(one, { method: 'POST', path: objectPath('b'), query: { uploads: '' } })
    const query = { uploadId: xmlText(begun.text, 'UploadId')! }
    const part = { method: 'PUT', path: objectPath('b'), query: { ...query, partNumber: '1' }, body: 'part' }
    const { headers } = await rawRequest(two, part)
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${headers.etag!}</ETag></Part></CompleteMultipartUpload>`
    await rawRequest(one, { method: 'POST', path: objectPath('b'), query, body })
    const listing = await rawRequest(two, { path: `/${BUCKET}/` })
    expect(listing.text).to.match(/<Key>a<.*<Key>b</)
  })

  it('completes an upload once when two servers on one directory try', async () => {
    const servers = [await start({ directory }), await start({ directory })] as const
    const path = objectPath('a')
    for (let round = 0; round < 10; round++) {
      const begun = await rawRequest(servers[0], { method: 'POST', path, query: { uploads: '' } })
      const query = { uploadId: xmlText(begun.text, 'UploadId')! }
      const part = { method: 'PUT', path, query: { ...query, partNumber: '1' }, body: `round ${round}` }
      const { headers } = await rawRequest(servers[1], part)
      const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${headers.etag!}</ETag></Part></CompleteMultipartUpload>`
      const answers = await Promise.all(
        servers.map((server) => rawRequest(server, { method: 'POST', path, query, body })),
      )
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 404])
      expect((await rawRequest(servers[0], { path })).text).to.equal(`round ${round}`)
    }
  })

  it('answers 500 without a stack, and logs, when the directory is damaged', async () => {
    const failures: unknown[] = []
    const server = await start({ directory, log: (_, error) => error !== undefined && failures.push(error) })
    await put(server, 'a', 'hello')
    const objects = join(directory, BUCKET, 'objects')
    await writeFile(join(objects, (await readdir(objects))[0]!), '{ not json')
    const { status, text } = await rawRequest(server, { path: objectPath('a') })
    expect([status, xmlText(text, 'Code')]).to.deep.equal([500, 'InternalError'])
    expect(text).not.to.match(/json|\.ts|\.js/i)
    expect(failures).to.have.length(1)
  })

  it('refuses options it does not know, or of the wrong kind', async () => {
    for (const [options, option] of [
      [{ prot: 1 }, 'prot'],
      [{ port: -1 }, 'port'],
      [{ port: '80' }, 'port'],
      [{ port: 65_536 }, 'port'],
      [{ host: '' }, 'host'],
      [{ directory: 7 }, 'directory'],
      [{ clock: 5 }, 'clock'],
      [{ log: {} }, 'log'],
      [{ credentials: { secretId: 'a' } }, 'credentials.secretKey'],
      [{ credentials: { secretId: 'a', secretKey: 'b', token: 'c' } }, 'credentials.token'],
      [null, 'options'],
    ] as const) {
      expect(await refusal(options as object)).to.include({ code: 'SEALSTREAM_OPTION', option })
    }
  })

  it('names the port that is in use', async () => {
    const { port } = await start()
    const error = await refusal({ port })
    expect(error.code).to.equal('SEALSTREAM_SERVER')
    expect(error.message).to.include(`option port: ${port}`)
    expect(error.cause).to.include({ code: 'EADDRINUSE' })
  })

  it('names a host that is not of this machine', async () => {
    const error = await refusal({ host: '203.0.113.1' })
    expect(error).to.include({ code: 'SEALSTREAM_SERVER' })
    expect(error.message).to.include('option host: 203.0.113.1')
  })

  it('names a directory that cannot be made', async () => {
    const path = join(directory, 'file')
    await writeFile(path, '')
    const error = await refusal({ directory: join(path, 'below') })
    expect(error).to.include({ code: 'SEALSTREAM_SERVER' })
    expect(error.message).to.include(path)
    expect(error.cause).to.include({ code: 'ENOTDIR' })
  })

  it('names a directory that cannot be made', async () => {
    const file = join(directory, 'a file')
    await writeFile(file, '')
    const error = await refusal({ directory: join(file, 'store') })
    expect(error.message).to.include(join(file, 'store'))
  })
})
