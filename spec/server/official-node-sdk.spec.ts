/**
 * The official Node SDK against the embedded server, unchanged. Its option `Ip` makes it connect to the server while it
 * addresses and signs `<bucket>.cos.<region>.myqcloud.com`; version 3 has no path style.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { expect } from 'chai'
import COS from 'cos-nodejs-sdk-v5'
import { crc64 } from '../../lib/checksum/crc64.js'
import { CosClient } from '../../lib/cos-client.js'
import { type RunningServer } from '../../lib/server/index.js'
import { BUCKET, objectPath, plainRequest, type RawAnswer, rawRequest } from '../support/raw-request.js'
import { filesOf, serversOfSpec } from '../support/server-files.js'

const Region = 'ap-guangzhou'
const Bucket = BUCKET
const MIB = 1024 * 1024

const KEYS = [
  'plain.txt',
  'a b/c d',
  'a+b',
  '100%',
  '%2F%20',
  'x#y?z&w=1',
  '目录/文件 🔑',
  "!'()*~",
  '/lead',
  'a//b',
]

describe('server: the official Node SDK', () => {
  const start = serversOfSpec()
  let server: RunningServer
  let cos: COS
  let directory: string
  let ConfCwd: string

  // The SDK remembers upload ids in a file below the home directory unless told where, and writes it some time after an
  // upload has ended. It does so once for all clients of a process, so the folder goes when the process does.
  before(() => {
    ConfCwd = mkdtempSync(join(tmpdir(), 'sealstream-sdk-'))
    process.once('exit', () => rmSync(ConfCwd, { recursive: true, force: true }))
  })

  function clientOf(options: Partial<COS.COSOptions> = {}): COS {
    const { secretId, secretKey } = server.credentials
    return new COS({
      SecretId: secretId,
      SecretKey: secretKey,
      Protocol: 'http:',
      Ip: `127.0.0.1:${server.port}`,
      KeepAlive: false,
      UseRawKey: true, // Otherwise the SDK drops a leading slash.
      ConfCwd,
      ...options,
    })
  }

  beforeEach(async () => {
    server = await start()
    cos = clientOf()
    directory = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  async function file(size: number): Promise<{ path: string; bytes: Buffer }> {
    const path = join(directory, randomBytes(4).toString('hex'))
    const bytes = randomBytes(size)
    await writeFile(path, bytes)
    return { path, bytes }
  }

  async function stored(Key: string): Promise<Buffer> {
    return (await rawRequest(server, { path: objectPath(Key) })).body
  }

  for (const Key of KEYS) {
    it(`puts, heads, gets, lists and deletes the key ${JSON.stringify(Key)}`, async () => {
      const bytes = Buffer.from(`content of ${Key}`)
      const { ETag } = await cos.putObject({ Bucket, Region, Key, Body: bytes })
      expect(ETag).to.equal(`"${createHash('md5').update(bytes).digest('hex')}"`)
      const head = await cos.headObject({ Bucket, Region, Key })
      expect(head.headers).to.include({ 'content-length': String(bytes.length) })
      expect((await cos.getObject({ Bucket, Region, Key })).Body.equals(bytes)).to.equal(true)
      expect((await stored(Key)).equals(bytes)).to.equal(true)
      const { Contents } = await cos.getBucket({ Bucket, Region })
      expect(Contents.map((item) => [item.Key, item.Size, item.ETag])).to.deep.equal([
        [Key, String(bytes.length), ETag],
      ])
      await cos.deleteObject({ Bucket, Region, Key })
      expect((await cos.getBucket({ Bucket, Region })).Contents).to.deep.equal([])
    })

    it(`gives a presigned URL for the key ${JSON.stringify(Key)} that plain HTTP can fetch`, async () => {
      await cos.putObject({ Bucket, Region, Key, Body: `content of ${Key}` })
      const query = {
        'response-content-type': 'text/plain; charset=utf-8',
        'response-cache-control': 'x y+z',
      }
      const { status, headers, text } = await fetchPlainly(await presigned(cos, Key, query))
      expect([status, text]).to.deep.equal([200, `content of ${Key}`])
      expect(headers).to.include({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'x y+z' })
    })
  }

  function presigned(client: COS, Key: string, Query: Record<string, string> = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      client.getObjectUrl({ Bucket, Region, Key, Query, Sign: true, Expires: 60 }, (error, data) =>
        error === null ? resolve(data.Url) : reject(new Error('no URL', { cause: error })),
      )
    })
  }

  function fetchPlainly(url: string): Promise<RawAnswer> {
    const [, host, path] = /^http:\/\/([^/]+)(.*)$/.exec(url)!
    return plainRequest(server, { path: path!, headers: { host: host! } })
  }

  it('gives presigned URLs that a changed byte breaks', async () => {
    await cos.putObject({ Bucket, Region, Key: 'a', Body: 'hello' })
    const url = await presigned(cos, 'a', { 'response-expires': '1' })
    expect((await fetchPlainly(url)).status).to.equal(200)
    for (const [from, to] of [
      ['response-expires=1', 'response-expires=2'],
      ['.com/a?', '.com/b?'],
      [`${Bucket}.cos`, `other-1250000000.cos`],
    ] as const) {
      expect((await fetchPlainly(url.replace(from, to))).text).to.include('SignatureDoesNotMatch')
    }
  })

  it('puts a stream of known length', async () => {
    const { path, bytes } = await file(3 * MIB + 5)
    const Body = createReadStream(path)
    await cos.putObject({ Bucket, Region, Key: 'a', Body, ContentLength: bytes.length })
    expect((await stored('a')).equals(bytes)).to.equal(true)
  })

  it('keeps headers and metadata, and checks the MD5 that the SDK sends', async () => {
    const client = clientOf({ UploadCheckContentMd5: true })
    const Headers = { 'x-cos-meta-note': 'a; b', 'Content-Type': 'text/plain' }
    await client.putObject({ Bucket, Region, Key: 'a', Body: 'hello', Headers })
    const { headers } = await client.headObject({ Bucket, Region, Key: 'a' })
    expect(headers).to.include({ 'x-cos-meta-note': 'a; b', 'content-type': 'text/plain' })
    expect(headers).not.to.have.property('cache-control')
  })

  it('gets ranges, and whole objects into a stream', async () => {
    const { bytes } = await file(2 * MIB)
    await cos.putObject({ Bucket, Region, Key: 'a', Body: bytes })
    const { Body } = await cos.getObject({ Bucket, Region, Key: 'a', Range: 'bytes=100-299' })
    expect(Body.equals(bytes.subarray(100, 300))).to.equal(true)
    const Output = new PassThrough()
    const [chunks] = await Promise.all([
      Readable.from(Output).toArray() as Promise<Buffer[]>,
      cos.getObject({ Bucket, Region, Key: 'a', Output }),
    ])
    expect(Buffer.concat(chunks).equals(bytes)).to.equal(true)
  })

  it('lists with prefix, delimiter and pages', async () => {
    for (const Key of ['a', 'd/1', 'd/2', 'e f/1']) await cos.putObject({ Bucket, Region, Key, Body: Key })
    const first = await cos.getBucket({ Bucket, Region, Delimiter: '/', MaxKeys: 2 })
    expect(first.IsTruncated).to.equal('true')
    const Marker = first.NextMarker!
    const second = await cos.getBucket({ Bucket, Region, Delimiter: '/', Marker, EncodingType: 'url' })
    const names = [first, second].flatMap(({ Contents, CommonPrefixes }) => [
      ...Contents.map(({ Key }) => Key),
      ...CommonPrefixes.map(({ Prefix }) => decodeURIComponent(Prefix)),
    ])
    expect(names).to.deep.equal(['a', 'd/', 'e f/'])
  })

  it('reports the codes of the server', async () => {
    const missing = await failure(cos.getObject({ Bucket, Region, Key: 'none' }))
    expect(missing).to.include({ code: 'NoSuchKey', statusCode: 404 })
    const head = await failure(cos.headObject({ Bucket, Region, Key: 'none' }))
    expect(head).to.include({ statusCode: 404 })
    const wrong = clientOf({ SecretKey: 'wrong' })
    expect(await failure(wrong.putObject({ Bucket, Region, Key: 'a', Body: 'x' }))).to.include({
      code: 'SignatureDoesNotMatch',
      statusCode: 403,
    })
  })

  it('corrects its clock by an answer of the server', async () => {
    const clock = (): number => Date.now() + 7 * 24 * 3600 * 1000
    server = await start({ clock })
    const reported: unknown[] = []
    const { error } = console
    console.error = (line: unknown) => reported.push(line)
    try {
      await clientOf().putObject({ Bucket, Region, Key: 'a', Body: 'hello' })
    } finally {
      console.error = error
    }
    expect(reported).to.deep.equal(['error: Local time is too skewed.'])
  })

  it('uploads by parts, lists them, completes and aborts', async () => {
    const Key = 'a b/ü+#%'
    const one = Buffer.alloc(MIB, '1')
    const two = Buffer.from('two')
    const { UploadId } = await cos.multipartInit({ Bucket, Region, Key, Headers: { 'x-cos-meta-a': '1' } })
    const Parts: COS.Part[] = []
    for (const [i, Body] of [one, two].entries()) {
      const PartNumber = i + 1
      const { ETag } = await cos.multipartUpload({ Bucket, Region, Key, UploadId, PartNumber, Body })
      Parts.push({ PartNumber, ETag })
    }
    const listed = await cos.multipartListPart({ Bucket, Region, Key, UploadId, EncodingType: 'url' })
    expect(listed.Part.map((part) => [part.PartNumber, part.Size, part.ETag])).to.deep.equal([
      ['1', String(MIB), Parts[0]!.ETag],
      ['2', '3', Parts[1]!.ETag],
    ])
    const completed = await cos.multipartComplete({ Bucket, Region, Key, UploadId, Parts })
    expect(completed.ETag).to.match(/^"[0-9a-f]{32}-2"$/)
    expect(completed.headers).to.include({
      'x-cos-hash-crc64ecma': crc64(Buffer.concat([one, two])).toString(),
    })
    expect((await stored(Key)).equals(Buffer.concat([one, two]))).to.equal(true)

    const { UploadId: other } = await cos.multipartInit({ Bucket, Region, Key: 'b' })
    const uploads = await cos.multipartList({ Bucket, Region, Prefix: '', Delimiter: '' })
    expect(uploads.Upload.map((upload) => [upload.Key, upload.UploadId])).to.deep.equal([['b', other]])
    await cos.multipartAbort({ Bucket, Region, Key: 'b', UploadId: other })
    expect((await cos.multipartList({ Bucket, Region, Prefix: '', Delimiter: '' })).Upload).to.deep.equal([])
    expect(
      await failure(cos.multipartComplete({ Bucket, Region, Key: 'b', UploadId: other, Parts })),
    ).to.include({ code: 'NoSuchUpload', statusCode: 404 })
  })

  it('uploads a file in slices of 1 MiB', async () => {
    const { path, bytes } = await file(5 * MIB + 123)
    const Key = '切片 #1+%.bin'
    const { ETag } = await cos.sliceUploadFile({ Bucket, Region, Key, FilePath: path, ChunkSize: MIB })
    expect(ETag).to.match(/-6"$/)
    expect((await stored(Key)).equals(bytes)).to.equal(true)
    expect(await filesOf(server, 'uploads')).to.deep.equal([])
  })

  it('resumes a sliced upload from the parts that the server has', async () => {
    const { path, bytes } = await file(3 * MIB)
    const Key = 'resumed'
    const { UploadId } = await cos.multipartInit({ Bucket, Region, Key })
    const Body = bytes.subarray(0, MIB)
    await cos.multipartUpload({ Bucket, Region, Key, UploadId, PartNumber: 1, Body })
    const [segment] = await filesOf(server, 'data')
    await cos.sliceUploadFile({ Bucket, Region, Key, FilePath: path, ChunkSize: MIB })
    expect((await stored(Key)).equals(bytes)).to.equal(true)
    expect(await filesOf(server, 'data')).to.include(segment)
  })

  it('uploads and downloads files with uploadFile and downloadFile', async () => {
    const { path, bytes } = await file(4 * MIB + 1)
    for (const [Key, SliceSize] of [
      ['one put', 100 * MIB],
      ['by parts', MIB],
    ] as const) {
      await cos.uploadFile({ Bucket, Region, Key, FilePath: path, SliceSize })
      const FilePath = join(directory, `${SliceSize}.out`)
      await cos.downloadFile({ Bucket, Region, Key, FilePath, ChunkSize: MIB, ParallelLimit: 3 })
      expect((await readFile(FilePath)).equals(bytes)).to.equal(true)
    }
  })

  describe('and our plain client', () => {
    const ours = (): CosClient =>
      new CosClient({ endpoint: server.endpoint, credentials: server.credentials, bucket: Bucket })

    for (const Key of KEYS) {
      it(`read each other's object ${JSON.stringify(Key)}`, async () => {
        const client = ours()
        const [theirs, own] = [randomBytes(1000), randomBytes(1001)]
        await cos.putObject({ Bucket, Region, Key, Body: theirs, Headers: { 'x-cos-meta-by': 'sdk' } })
        const read = await client.getObject({ Key })
        expect(theirs.equals(await read.Body.transformToByteArray())).to.equal(true)
        expect(read.Metadata).to.deep.equal({ by: 'sdk' })
        expect((await client.listObjects()).Contents.map((object) => object.Key)).to.deep.equal([Key])

        await client.putObject({ Key, Body: own, Metadata: { by: 'us' } })
        const got = await cos.getObject({ Bucket, Region, Key })
        expect(own.equals(got.Body)).to.equal(true)
        expect(got.headers).to.include({ 'x-cos-meta-by': 'us' })
        void client.close()
      })
    }

    it("read each other's objects of several parts, and use each other's presigned URLs", async () => {
      const client = ours()
      const { path, bytes } = await file(3 * MIB + 5)
      await cos.sliceUploadFile({ Bucket, Region, Key: 'theirs', FilePath: path, ChunkSize: MIB })
      const read = await client.getObject({ Key: 'theirs' })
      expect(bytes.equals(await read.Body.transformToByteArray())).to.equal(true)

      const stream = client.createWriteStream({ Key: 'ours', PartSize: MIB })
      stream.end(bytes)
      expect(await stream.result).to.include({ PartCount: 4, verified: 'crc64' })
      expect(bytes.equals((await cos.getObject({ Bucket, Region, Key: 'ours' })).Body)).to.equal(true)

      const fetched = await fetch(await client.presign({ Key: 'theirs' }))
      expect(bytes.equals(Buffer.from(await fetched.arrayBuffer()))).to.equal(true)
      void client.close()
    })
  })
})

/** The SDK rejects with its own kind of error. */
async function failure(promise: Promise<unknown>): Promise<object> {
  try {
    await promise
  } catch (error) {
    return error as object
  }
  throw new Error('succeeded')
}
