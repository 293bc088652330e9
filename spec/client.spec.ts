/** CosEncryptionClient: its options, its streams, aborting, and what it never shows. */
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { CosEncryptionClient, type CosEncryptionClientOptions } from '../lib/client.js'
import type { SealstreamError } from '../lib/errors.js'
import { OptionError } from '../lib/errors.js'
import { AES_256, encryptedWith, FORMATS, MASTERS, RSA_2048 } from './support/encrypting-masters.js'
import { bytesOf, encryptingStore } from './support/encrypting-store.js'
import { BUCKET } from './support/raw-request.js'
import { ofClass } from './support/of-class.js'
import { failureOf, refused } from './support/refused.js'
import { expectNoTrace, PRINTERS } from './support/secrecy.js'
import { Seeded } from './support/seeded.js'
import { becomesEmpty } from './support/server-files.js'
import { temporaryFolder } from './support/temporary-folder.js'
import { errorReply, type Tamper } from './support/tampering-proxy.js'

const MIB = 1024 * 1024
const PLAIN = new Seeded(21).bytes(3 * MIB + 5000)

/** A request that reaches the proxy and is answered only when `release` is called. */
function held(matches: (method: string) => boolean): {
  tamper: Tamper
  reached: Promise<void>
  release: () => void
} {
  let release = (): void => undefined
  let reach = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  const reached = new Promise<void>((resolve) => (reach = resolve))
  const tamper: Tamper = async ({ method }, forward) => {
    if (!matches(method)) return forward()
    reach()
    await released
    return forward()
  }
  return { tamper, reached, release: () => release() }
}

describe('CosEncryptionClient', () => {
  const store = encryptingStore()
  const path = temporaryFolder()

  describe('options', () => {
    const make = (options: object): CosEncryptionClient =>
      new CosEncryptionClient({
        endpoint: 'http://127.0.0.1:1',
        credentials: { secretId: 'id', secretKey: 'key' },
        masterKey: AES_256.masterKey(),
        format: 'cos',
        ...options,
      })

    const refusals: [title: string, options: object, option: string, says: RegExp][] = [
      ['a missing format', { format: undefined }, 'format', /one of sealed, cos, cos-python, cos-java-gcm/],
      [
        'an unknown format',
        { format: 'open' },
        'format',
        /one of sealed, cos, cos-python, cos-java-gcm, got "open"/,
      ],
      ['a format that is only read', { format: 'cos-java-cbc' }, 'format', /one of sealed, cos/],
      ['a format in another case', { format: 'COS' }, 'format', /one of sealed, cos, cos-python/],
      ['a missing master key', { masterKey: undefined }, 'masterKey', /AesMasterKey/],
      ['raw bytes as master key', { masterKey: Buffer.alloc(32, 'K') }, 'masterKey', /AesMasterKey/],
      ['text as master key', { masterKey: 'c2VjcmV0IGtleSBieXRlcw==' }, 'masterKey', /AesMasterKey/],
      ['an unknown policy', { policy: 'none' }, 'policy', /authenticated/],
      ['an empty policy', { policy: [] }, 'policy', /authenticated/],
      ['a policy with an unknown format', { policy: ['cos', 'x'] }, 'policy[1]', /cos-python/],
      ['an unknown option', { masterkey: 1 }, 'masterkey', /known/],
      ['an unknown integrity', { integrity: 'md5' }, 'integrity', /md5\+crc64/],
      ['SecretId', { SecretId: 'x' }, 'SecretId', /credentials/],
      ['Region', { Region: 'x' }, 'Region', /region/],
      ['Bucket', { Bucket: 'x' }, 'Bucket', /bucket/],
      ['Timeout', { Timeout: 5 }, 'Timeout', /timeouts/],
    ]
    for (const [title, options, option, says] of refusals) {
      it(`refuse ${title}, naming ${option} and what to write`, async () => {
        const error = ofClass(await refused('SEALSTREAM_OPTION', () => make(options)), OptionError)
        expect(error.option).to.equal(option)
        expect(`${error.message} ${error.hint ?? ''}`).to.match(says)
        expectNoTrace(inspect(error, { depth: 10, showHidden: true }), Buffer.alloc(32, 'K'), 'the error')
        expect(error.message).not.to.include('c2VjcmV0')
      })
    }

    for (const options of [undefined, null, 5, 'x']) {
      it(`refuse to be ${String(options)}`, () =>
        refused(
          'SEALSTREAM_OPTION',
          () => new CosEncryptionClient(options as unknown as CosEncryptionClientOptions),
        ))
    }

    const foreign = [
      'Region',
      'Headers',
      'FilePath',
      'SliceSize',
      'ChunkSize',
      'StoragePath',
      'abortSignal',
      'Query',
    ]
    for (const name of foreign) {
      it(`of calls refuse ${name} with a hint`, async () => {
        const client = make({ bucket: BUCKET })
        const params = { Key: 'k', [name]: 'x' }
        for (const call of [
          () => client.putObject({ ...params, Body: 'x' }),
          () => client.getObject(params),
          () => client.getObject({ ...params, Range: 'bytes=0-0' }),
          () => client.headObject(params),
          () => client.createReadStream(params),
          () => client.createWriteStream(params),
          () => client.createMultipartUpload(params),
          () => client.uploadPart({ ...params, UploadId: 'x', PartNumber: 1, Body: 'x' }),
          () => client.completeMultipartUpload({ ...params, UploadId: 'x' }),
          () => client.abortMultipartUpload({ ...params, UploadId: 'x' }),
        ]) {
          const error = ofClass(await refused('SEALSTREAM_OPTION', call), OptionError)
          expect(error.option).to.equal(name)
          expect(error.hint).to.match(/write |named field|option of the client/)
        }
        await client.close()
      })
    }

    it('give a client its region and bucket for a host of the service', async () => {
      const client = make({ endpoint: undefined, region: 'ap-guangzhou', bucket: BUCKET })
      await client.close()
    })
  })

  describe('createWriteStream', () => {
    const sizes = [0, 1, 15, 16, 17, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, PLAIN.length]

    for (const format of FORMATS) {
      for (const size of sizes) {
        it(`stores ${size} bytes as ${format} with a PartSize of 1 MiB, in one PUT if they fit`, async () => {
          const { client, proxy } = await store.proxied(undefined, { format })
          const stream = client.createWriteStream({ Key: 'k', PartSize: MIB })
          const bytes = PLAIN.subarray(0, size)
          await pipeline(Readable.from(new Seeded(size).pieces(bytes, 90_001), { objectMode: false }), stream)
          const result = await stream.result
          const parts = size > MIB ? Math.ceil(size / MIB) : 0
          expect([result.StoredLength, result.PartCount, result.verified]).to.deep.equal([
            size,
            parts,
            'crc64',
          ])
          const puts = proxy.exchanges.filter(({ method }) => method === 'PUT')
          // Several are on their way at a time: in which order they come is not said.
          expect(puts.map(({ query }) => query.get('partNumber')).sort()).to.deep.equal(
            parts === 0 ? [null] : Array.from({ length: parts }, (_, at) => String(at + 1)),
          )
          const { bytes: stored, headers } = await store.stored('k')
          expect(stored.equals(encryptedWith(AES_256.secrets(headers), bytes))).to.equal(true)
          const { Body, ETag } = await client.getObject({ Key: 'k' })
          expect(ETag).to.equal(result.ETag)
          expect((await bytesOf(Body)).equals(bytes)).to.equal(true)
        })
      }
    }

    for (const { name, masterKey, secrets } of MASTERS) {
      it(`stores writes of random sizes under ${name} as one keystream`, async () => {
        const client = store.client({ masterKey: masterKey() })
        const stream = client.createWriteStream({ Key: 'k', PartSize: MIB + 16 })
        for (const piece of new Seeded(31).pieces(PLAIN, 300_000)) stream.write(piece)
        stream.end()
        await stream.result
        const { bytes, headers } = await store.stored('k')
        expect(bytes.equals(encryptedWith(secrets(headers), PLAIN))).to.equal(true)
      })
    }

    it('keeps metadata and headers for one PUT and for parts', async () => {
      for (const size of [5, MIB + 5]) {
        const client = store.client()
        const params = { Key: 'k', PartSize: MIB, ContentType: 'text/plain', Metadata: { author: 'me' } }
        const stream = client.createWriteStream(params)
        stream.end(PLAIN.subarray(0, size))
        await stream.result
        const head = await client.headObject({ Key: 'k' })
        expect([head.ContentType, head.Metadata]).to.deep.equal(['text/plain', { author: 'me' }])
        await client.deleteObject({ Key: 'k' })
      }
    })

    it('emits finish only once the object is there', async () => {
      const client = store.client()
      const stream = client.createWriteStream({ Key: 'k', PartSize: MIB })
      stream.end(PLAIN)
      await finished(stream)
      expect(await store.keys()).to.deep.equal(['k'])
    })

    for (const written of [0, 5, MIB, 2 * MIB + 5]) {
      for (const reason of [undefined, new Error('changed my mind')]) {
        it(`leaves nothing behind when destroyed after ${written} bytes ${reason ? 'with' : 'without'} an error`, async () => {
          const client = store.client()
          const stream = client.createWriteStream({ Key: 'k', PartSize: MIB })
          const errors: unknown[] = []
          stream.on('error', (error) => errors.push(error))
          if (written > 0) await new Promise((resolve) => stream.write(PLAIN.subarray(0, written), resolve))
          const closed = new Promise((resolve) => stream.once('close', resolve))
          stream.destroy(reason)
          await closed
          const failure: unknown = await stream.result.catch((error: unknown) => error)
          if (reason === undefined) expect((failure as SealstreamError).code).to.equal('SEALSTREAM_ABORTED')
          else expect(failure).to.equal(reason)
          expect(errors).to.deep.equal(reason === undefined ? [] : [reason])
          await becomesEmpty(store.server)
        })
      }
    }

    it('leaves nothing behind when a part is refused, and fails once', async () => {
      const { client } = await store.proxied(async ({ method, query }, forward) =>
        method === 'PUT' && query.get('partNumber') === '2' ? errorReply(500, 'InternalError') : forward(),
      )
      const stream = client.createWriteStream({ Key: 'k', PartSize: MIB })
      const errors: unknown[] = []
      stream.on('error', (error) => errors.push(error))
      const closed = new Promise((resolve) => stream.once('close', resolve))
      stream.end(PLAIN)
      await closed
      expect(errors.map((error) => (error as SealstreamError).code)).to.deep.equal(['SEALSTREAM_SERVICE'])
      expect(await stream.result.catch((error: unknown) => error)).to.equal(errors[0])
      await becomesEmpty(store.server)
    })

    it('refuses what is not a part size, and lists of unknown options', async () => {
      const client = store.client()
      for (const PartSize of [8, MIB + 1]) {
        await refused('SEALSTREAM_OPTION', () => client.createWriteStream({ Key: 'k', PartSize }))
      }
    })

    it('gives the same plaintext as putObject and as parts by hand, each under its own key', async () => {
      const client = store.client()
      await client.putObject({ Key: 'put', Body: PLAIN })
      const stream = client.createWriteStream({ Key: 'stream', PartSize: MIB })
      stream.end(PLAIN)
      await stream.result
      const { UploadId } = await client.createMultipartUpload({ Key: 'parts', PartSize: 2 * MIB })
      for (const [at, Body] of [PLAIN.subarray(0, 2 * MIB), PLAIN.subarray(2 * MIB)].entries()) {
        await client.uploadPart({ Key: 'parts', UploadId, PartNumber: at + 1, Body })
      }
      await client.completeMultipartUpload({ Key: 'parts', UploadId })
      const keys = new Set<string>()
      for (const Key of ['put', 'stream', 'parts']) {
        const { bytes, headers } = await store.stored(Key)
        const secrets = AES_256.secrets(headers)
        keys.add(secrets.key.toString('hex'))
        expect(bytes.equals(encryptedWith(secrets, PLAIN)), Key).to.equal(true)
      }
      expect(keys.size).to.equal(3)
    })

    it('takes a file through pipeline and fails when the file does', async () => {
      await writeFile(path('file'), PLAIN)
      const client = store.client()
      const stream = client.createWriteStream({ Key: 'k', PartSize: MIB })
      await pipeline(createReadStream(path('file')), stream)
      expect((await stream.result).StoredLength).to.equal(PLAIN.length)
      const failing = client.createWriteStream({ Key: 'other', PartSize: MIB })
      const failure: unknown = await pipeline(createReadStream(path('none')), failing).catch(
        (error: unknown) => error,
      )
      expect((failure as NodeJS.ErrnoException).code).to.equal('ENOENT')
      expect([await store.keys(), await store.uploads()]).to.deep.equal([['k'], []])
    })
  })

  describe('createReadStream', () => {
    for (const format of FORMATS) {
      it(`gives the whole of a ${format} object, and any start and end`, async () => {
        const client = store.client({ format })
        await client.putObject({ Key: 'k', Body: PLAIN })
        expect((await bytesOf(client.createReadStream({ Key: 'k' }))).equals(PLAIN)).to.equal(true)
        const ranges: [start: number, end: number | undefined][] = [
          [0, 0],
          [0, PLAIN.length - 1],
          [PLAIN.length - 1, undefined],
          [PLAIN.length - 17, PLAIN.length + 100],
        ]
        for (let start = 1; start <= 33; start++) ranges.push([start, start + 3 * start])
        ranges.push([MIB - 3, 2 * MIB + 5])
        for (const [start, end] of ranges) {
          const stream = client.createReadStream({ Key: 'k', start, ...(end === undefined ? {} : { end }) })
          const expected = PLAIN.subarray(start, end === undefined ? undefined : end + 1)
          expect((await bytesOf(stream)).equals(expected), `${start}..${end}`).to.equal(true)
        }
      })
    }

    it('gives an empty object whole', async () => {
      const client = store.client()
      await client.putObject({ Key: 'k', Body: '' })
      expect((await bytesOf(client.createReadStream({ Key: 'k' }))).length).to.equal(0)
    })

    it('fails with SEALSTREAM_RANGE past the end and for a range of an empty object', async () => {
      const client = store.client()
      await client.putObject({ Key: 'k', Body: 'abc' })
      await client.putObject({ Key: 'empty', Body: '' })
      await refused('SEALSTREAM_RANGE', () => bytesOf(client.createReadStream({ Key: 'k', start: 3 })))
      await refused('SEALSTREAM_RANGE', () =>
        bytesOf(client.createReadStream({ Key: 'empty', start: 0, end: 5 })),
      )
    })

    it('makes no request before it is read', async () => {
      const { client, proxy } = await store.proxied()
      const stream = client.createReadStream({ Key: 'k' })
      stream.destroy()
      await new Promise((resolve) => stream.once('close', resolve))
      expect(proxy.exchanges).to.deep.equal([])
    })

    it('refuses end before start, and positions that are no positions', async () => {
      const client = store.client()
      for (const range of [
        { start: 5, end: 4 },
        { start: -1 },
        { end: -1 },
        { start: 1.5 },
        { start: Number.NaN },
      ]) {
        await refused('SEALSTREAM_OPTION', () => client.createReadStream({ Key: 'k', ...range }))
      }
    })

    it('copies an object through pipeline into a write stream of another key and format', async () => {
      const from = store.client({ masterKey: RSA_2048.masterKey() })
      await from.putObject({ Key: 'a', Body: PLAIN })
      const to = store.client({ format: 'cos-python' })
      await pipeline(from.createReadStream({ Key: 'a' }), to.createWriteStream({ Key: 'b', PartSize: MIB }))
      const { bytes, headers } = await store.stored('b')
      expect(bytes.equals(encryptedWith(AES_256.secrets(headers), PLAIN))).to.equal(true)
    })
  })

  describe('an abort signal', () => {
    const reason = new Error('enough')

    it('that was aborted before ends every call before any request, its reason the cause', async () => {
      const { client, proxy } = await store.proxied()
      const signal = AbortSignal.abort(reason)
      const begun = await store.client().createMultipartUpload({ Key: 'k', PartSize: MIB })
      for (const call of [
        () => client.putObject({ Key: 'k', Body: 'x', signal }),
        () => client.getObject({ Key: 'k', signal }),
        () => client.getObject({ Key: 'k', Range: 'bytes=0-0', signal }),
        () => client.headObject({ Key: 'k', signal }),
        () => client.createMultipartUpload({ Key: 'k', signal }),
        () =>
          client.uploadPart({
            Key: 'k',
            UploadId: begun.UploadId,
            Upload: begun.Upload,
            PartNumber: 1,
            Body: 'x',
            signal,
          }),
        () => bytesOf(client.createReadStream({ Key: 'k', signal })),
        () => client.createWriteStream({ Key: 'k', signal }).on('error', () => undefined).result,
      ]) {
        const error = await refused('SEALSTREAM_ABORTED', call)
        expect(error.cause).to.equal(reason)
      }
      expect(proxy.exchanges).to.deep.equal([])
    })

    it('ends a put that waits for its answer', async () => {
      const { tamper, reached, release } = held((method) => method === 'PUT')
      const { client } = await store.proxied(tamper)
      const controller = new AbortController()
      const put = client.putObject({ Key: 'k', Body: PLAIN, signal: controller.signal })
      await reached
      controller.abort(reason)
      const error = await refused('SEALSTREAM_ABORTED', () => put)
      expect(error.cause).to.equal(reason)
      release()
    })

    const stalled = (): { body: Readable; flowing: Promise<void> } => {
      let flow = (): void => undefined
      const flowing = new Promise<void>((resolve) => (flow = resolve))
      let given = false
      const body = new Readable({
        read() {
          if (!given) this.push(Buffer.alloc(1000))
          else flow()
          given = true
        },
      })
      return { body, flowing }
    }

    for (const [title, length] of [
      ['with ContentLength', { ContentLength: 5000 }],
      ['without length', {}],
    ] as const) {
      it(`ends a put whose source stalls, ${title}, and destroys the source`, async function () {
        this.timeout(3000)
        const controller = new AbortController()
        const { body, flowing } = stalled()
        const put = store.client().putObject({ Key: 'k', Body: body, ...length, signal: controller.signal })
        await flowing
        controller.abort(reason)
        const error = await refused('SEALSTREAM_ABORTED', () => put)
        expect([error.cause, body.destroyed]).to.deep.equal([reason, true])
        expect(await store.keys()).to.deep.equal([])
      })

      it(`ends a part whose source stalls, ${title}, and destroys the source`, async function () {
        this.timeout(3000)
        const controller = new AbortController()
        const { body, flowing } = stalled()
        const client = store.client()
        const { UploadId } = await client.createMultipartUpload({ Key: 'k', PartSize: MIB })
        const params = { Key: 'k', UploadId, PartNumber: 1, Body: body, ...length, signal: controller.signal }
        const sent = client.uploadPart(params)
        await flowing
        controller.abort(reason)
        const error = await refused('SEALSTREAM_ABORTED', () => sent)
        expect([error.cause, body.destroyed]).to.deep.equal([reason, true])
      })
    }

    for (const range of [{}, { Range: 'bytes=16-' }]) {
      it(`ends a Body that is being read, once: ${JSON.stringify(range)}`, async () => {
        const client = store.client()
        await client.putObject({ Key: 'k', Body: Buffer.alloc(6 * MIB) })
        const controller = new AbortController()
        const { Body } = await client.getObject({ Key: 'k', ...range, signal: controller.signal })
        const errors: unknown[] = []
        Body.on('error', (error) => errors.push(error))
        await new Promise((resolve) => Body.once('readable', resolve))
        Body.read()
        const closed = new Promise((resolve) => Body.once('close', resolve))
        controller.abort(reason)
        await closed
        expect(errors.map((error) => (error as SealstreamError).code)).to.deep.equal(['SEALSTREAM_ABORTED'])
        expect((errors[0] as Error).cause).to.equal(reason)
      })
    }

    it('ends a read stream, once', async () => {
      const client = store.client()
      await client.putObject({ Key: 'k', Body: Buffer.alloc(6 * MIB) })
      const controller = new AbortController()
      const stream = client.createReadStream({ Key: 'k', signal: controller.signal })
      const errors: unknown[] = []
      stream.on('error', (error) => errors.push(error))
      await new Promise((resolve) => stream.once('readable', resolve))
      const closed = new Promise((resolve) => stream.once('close', resolve))
      controller.abort(reason)
      await closed
      expect(errors.map((error) => (error as SealstreamError).code)).to.deep.equal(['SEALSTREAM_ABORTED'])
    })

    it('ends a write stream, once, and leaves nothing behind', async () => {
      const client = store.client()
      const controller = new AbortController()
      const stream = client.createWriteStream({ Key: 'k', PartSize: MIB, signal: controller.signal })
      const errors: unknown[] = []
      stream.on('error', (error) => errors.push(error))
      await new Promise((resolve) => stream.write(PLAIN, resolve))
      expect((await store.uploads()).length).to.equal(1)
      const closed = new Promise((resolve) => stream.once('close', resolve))
      controller.abort(reason)
      await closed
      expect(errors.map((error) => (error as SealstreamError).code)).to.deep.equal(['SEALSTREAM_ABORTED'])
      await becomesEmpty(store.server)
    })
  })

  describe('secrecy', () => {
    const KEK = new Seeded(256).bytes(32)
    const SECRET = 'SecretKeyThatMustNotShow00000001'
    const options: Partial<CosEncryptionClientOptions> = {
      credentials: {
        secretId: 'AKIDidThatMayShow',
        secretKey: SECRET,
        token: 'TokenThatMustNotShow000000000001',
      },
    }
    const expectSilent = (printed: string, where: string): void => {
      expect(printed, where).not.to.include(SECRET).and.not.include('TokenThatMustNotShow')
      expect(printed, where).not.to.match(/q-signature/)
      expectNoTrace(printed, KEK, where)
    }

    for (const [name, print] of Object.entries(PRINTERS)) {
      it(`of the client survives ${name}`, () => {
        let printed: string
        try {
          printed = print(store.client(options))
        } catch {
          return
        }
        expectSilent(printed, name)
      })
    }

    it('survives every error of a client with wrong credentials or no service', async () => {
      const { client, proxy } = await store.proxied(undefined, options)
      const dead = store.client({ ...options, endpoint: 'http://127.0.0.1:1' })
      const calls = (which: CosEncryptionClient): (() => unknown)[] => [
        () => which.putObject({ Key: 'k', Body: 'x' }),
        () => which.getObject({ Key: 'k' }),
        () => which.getObject({ Key: 'k', Range: 'bytes=0-0' }),
        () => which.createMultipartUpload({ Key: 'k' }),
        () => bytesOf(which.createReadStream({ Key: 'k' })),
        () =>
          which
            .createWriteStream({ Key: 'k' })
            .on('error', () => undefined)
            .end('x').result,
      ]
      for (const call of [...calls(client), ...calls(dead)]) {
        const error = await failureOf(call)
        expect(['SEALSTREAM_SERVICE', 'SEALSTREAM_CONNECTION']).to.include(error.code)
        expectSilent(inspect(error, { depth: 10, showHidden: true }), error.message)
        expectSilent(inspect(error, { depth: 10, customInspect: false, getters: true }), error.message)
        expectSilent(JSON.stringify(error), error.message)
      }
      expect(proxy.exchanges.length).to.be.greaterThan(4)
    })

    it('survives errors of the envelope: neither wrapped nor bare data key is in them', async () => {
      await store.client().putObject({ Key: 'k', Body: 'x' })
      const { headers } = await store.stored('k')
      const { key, iv } = AES_256.secrets(headers)
      for (const masterKey of [AES_256.otherKey(), RSA_2048.masterKey()]) {
        const error = await failureOf(() => store.client({ masterKey }).getObject({ Key: 'k' }))
        const printed = inspect(error, { depth: 10, showHidden: true })
        for (const secret of [KEK, key, iv]) expectNoTrace(printed, secret, error.message)
      }
    })

    it('survives in results: no data key in what put and get return', async () => {
      const client = store.client()
      const put = await client.putObject({ Key: 'k', Body: PLAIN })
      const got = await client.getObject({ Key: 'k' })
      const { headers } = await store.stored('k')
      const { key, iv } = AES_256.secrets(headers)
      for (const result of [put, got]) {
        const printed = inspect(result, { depth: 10 })
        for (const secret of [KEK, key, iv]) expectNoTrace(printed, secret, 'the result')
      }
      got.Body.destroy()
    })
  })

  describe('deleteObject and listObjects', () => {
    it('work on encrypted objects, sizes being stored sizes', async () => {
      const client = store.client()
      await client.putObject({ Key: 'k', Body: PLAIN })
      const { Contents } = await client.listObjects()
      expect(Contents.map(({ Key, Size }) => [Key, Size])).to.deep.equal([['k', PLAIN.length]])
      await client.deleteObject({ Key: 'k' })
      expect(await store.keys()).to.deep.equal([])
    })
  })

  it('shares one connection pool that close empties', async () => {
    const { client, proxy } = await store.proxied()
    await client.putObject({ Key: 'k', Body: 'x' })
    expect(await proxy.connections()).to.equal(1)
    await client.close()
    while ((await proxy.connections()) > 0) await new Promise(setImmediate)
  })
})
