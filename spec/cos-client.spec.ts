import { once } from 'node:events'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { CosClient, type CosClientOptions } from '../lib/cos-client.js'
import { type SealstreamError } from '../lib/errors.js'
import { checksumsOf, cosSpec, KEYS, onHeads, rawAnswer } from './support/cos-service.js'
import { eventually } from './support/eventually.js'
import { refused } from './support/refused.js'
import { Seeded } from './support/seeded.js'

const MIB = 1024 * 1024
const bytes = new Seeded(9).bytes(2 * MIB + 77)

describe('CosClient', () => {
  const spec = cosSpec()

  describe('options', () => {
    const good: CosClientOptions = { region: 'ap-beijing', credentials: KEYS }

    it('take a region and credentials, and an integer of milliseconds for each timeout', () => {
      void new CosClient(good).close()
      void new CosClient({
        ...good,
        timeouts: { connect: 1, stall: 1 },
        bucket: 'b-1',
        clock: () => 0,
      }).close()
      void new CosClient({ ...good, integrity: 'crc64', requireChecksum: true, pathStyle: true }).close()
      void new CosClient({ ...good, timeouts: undefined, bucket: undefined, clock: undefined }).close()
    })

    const bad: [options: unknown, option: string][] = [
      [{ ...good, regio: 'x' }, 'regio'],
      [{ credentials: KEYS }, 'region'],
      [{ ...good, region: 5 }, 'region'],
      [{ ...good, endpoint: 'http://a/b' }, 'endpoint'],
      [{ ...good, credentials: {} }, 'credentials.secretId'],
      [{ ...good, timeouts: { connect: 0 } }, 'timeouts.connect'],
      [{ ...good, timeouts: { stall: '5s' } }, 'timeouts.stall'],
      [{ ...good, timeouts: { total: 5 } }, 'timeouts.total'],
      [{ ...good, timeouts: 5 }, 'timeouts'],
      [{ ...good, integrity: 'md5' }, 'integrity'],
      [{ ...good, integrity: false }, 'integrity'],
      [{ ...good, requireChecksum: 'yes' }, 'requireChecksum'],
      [{ ...good, pathStyle: 1 }, 'pathStyle'],
      [{ ...good, bucket: 'no appid' }, 'bucket'],
      [{ ...good, bucket: 5 }, 'bucket'],
      [{ ...good, clock: 5 }, 'clock'],
    ]
    for (const [options, option] of bad) {
      const { credentials, ...shown } = options as CosClientOptions
      it(`refuse bad ${option} in ${JSON.stringify(shown)}${credentials === KEYS ? '' : ' without keys'}`, async () => {
        const error = await refused('SEALSTREAM_OPTION', () => {
          void new CosClient(options as CosClientOptions).close()
        })
        expect(error).to.have.property('option', option)
        expect(inspect(error, { depth: 10 })).to.not.include(KEYS.secretKey)
      })
    }

    for (const [foreign, hint] of [
      ['SecretId', 'credentials'],
      ['SecretKey', 'credentials'],
      ['Region', 'region'],
      ['Bucket', 'bucket'],
      ['Domain', 'endpoint'],
      ['Protocol', 'endpoint'],
      ['ForcePathStyle', 'pathStyle'],
      ['Timeout', 'timeouts'],
    ] as const) {
      it(`say what to write instead of ${foreign}, without its value`, async () => {
        const error = await refused(
          'SEALSTREAM_OPTION',
          () => new CosClient({ ...good, [foreign]: KEYS.secretKey }),
        )
        expect(error).to.have.property('option', foreign)
        expect(error.hint).to.include(hint)
        expect(inspect(error)).to.not.include(KEYS.secretKey)
      })
    }

    for (const options of [undefined, null, 5]) {
      it(`are refused when they are ${String(options)}`, async () => {
        await refused('SEALSTREAM_OPTION', () => new CosClient(options as never))
      })
    }
  })

  describe('parameters', () => {
    const methods = {
      putObject: { Key: 'a', Body: '' },
      getObject: { Key: 'a' },
      headObject: { Key: 'a' },
      deleteObject: { Key: 'a' },
      listObjects: {},
      presign: { Key: 'a' },
      createMultipartUpload: { Key: 'a' },
      uploadPart: { Key: 'a', UploadId: 'u', PartNumber: 1, Body: '' },
      listParts: { Key: 'a', UploadId: 'u' },
      completeMultipartUpload: {
        Key: 'a',
        UploadId: 'u',
        MultipartUpload: { Part: [{ PartNumber: 1, ETag: 'e' }] },
      },
      abortMultipartUpload: { Key: 'a', UploadId: 'u' },
    } as const

    for (const [method, params] of Object.entries(methods) as [keyof typeof methods, object][]) {
      const call = (given: unknown): unknown => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        // A refusal is a rejection, never an exception.
        const promise: unknown = client[method](given as never)
        expect(promise).to.be.instanceOf(Promise)
        return promise
      }

      it(`of ${method}: an unknown name is refused with those that are known`, async () => {
        const error = await refused('SEALSTREAM_OPTION', () => call({ ...params, colour: 'red' }))
        expect(error).to.have.property('option', 'colour')
        expect(error.hint).to.include('Bucket')
      })

      it(`of ${method}: foreign names are refused with ours`, async () => {
        for (const [foreign, hint] of [
          ['Region', 'region'],
          ['Headers', 'field'],
          ['FilePath', 'LocalFilePath'],
          ['SliceSize', 'PartSize'],
          ['abortSignal', 'signal'],
        ] as const) {
          const error = await refused('SEALSTREAM_OPTION', () => call({ ...params, [foreign]: 'x' }))
          expect(error).to.have.property('option', foreign)
          expect(error.hint).to.include(hint)
        }
      })

      it(`of ${method}: a bad bucket is refused with its value`, async () => {
        const error = await refused('SEALSTREAM_OPTION', () => call({ ...params, Bucket: 'a/b' }))
        expect(error).to.include({ option: 'Bucket', value: 'a/b' })
      })

      if ('Key' in params) {
        it(`of ${method}: a bad key is refused with its value`, async () => {
          const error = await refused('SEALSTREAM_OPTION', () => call({ ...params, Key: 'a/../b' }))
          expect(error).to.include({ option: 'Key', value: 'a/../b' })
          await refused('SEALSTREAM_OPTION', () => call({ ...params, Key: undefined }))
        })

        it(`of ${method}: nothing at all is refused`, async () => {
          await refused('SEALSTREAM_OPTION', () => call(undefined))
        })
      }
    }

    it('of putObject and getObject: an onProgress that is no function is refused', async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const onProgress = 5 as never
      for (const run of [
        () => client.putObject({ Key: 'a', Body: 'x', onProgress }),
        () => client.getObject({ Key: 'a', onProgress }),
      ]) {
        expect(await refused('SEALSTREAM_OPTION', run)).to.have.property('option', 'onProgress')
      }
    })
  })

  describe('Body', () => {
    it('can be taken whole as bytes and as text, or as a web stream', async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: 'aé漢' })
      const body = async (): Promise<Awaited<ReturnType<typeof client.getObject>>['Body']> =>
        (await client.getObject({ Key: 'a' })).Body
      expect(await (await body()).transformToByteArray()).to.deep.equal(Buffer.from('aé漢'))
      expect(await (await body()).transformToString()).to.equal('aé漢')
      expect(await (await body()).transformToString('hex')).to.equal(Buffer.from('aé漢').toString('hex'))
      const chunks: Uint8Array[] = []
      for await (const chunk of (await body()).transformToWebStream()) chunks.push(chunk)
      expect(Buffer.concat(chunks).toString()).to.equal('aé漢')
    })

    it('is read at the pace of its reader', async () => {
      let written = 0
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 200 * MIB, etag: '"e"' })
        const source = new Readable({
          read() {
            written += 64 * 1024
            this.push(Buffer.alloc(64 * 1024))
          },
        })
        source.pipe(response)
        response.on('close', () => source.destroy())
      })
      const { Body } = await spec.client(service).getObject({ Key: 'a' })
      for (let read = 0; read < 3 * MIB;) {
        read += (Body.read() as Buffer | null)?.length ?? (await once(Body, 'readable'), 0)
      }
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(written).to.be.below(100 * MIB)
      Body.destroy()
    })
  })

  describe('createReadStream', () => {
    const ranges: [start: number | undefined, end: number | undefined][] = [
      [undefined, undefined],
      [0, undefined],
      [0, 0],
      [1, 1],
      [5, 100],
      [MIB, 2 * MIB],
      [bytes.length - 1, undefined],
      [undefined, bytes.length - 1],
      [10, 10 * MIB],
    ]
    for (const [start, end] of ranges) {
      it(`gives bytes ${start} to ${end}`, async () => {
        const client = spec.client(await spec.server())
        await client.putObject({ Key: 'a', Body: bytes })
        const range = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) }
        const stream = client.createReadStream({ Key: 'a', ...range })
        const chunks: Buffer[] = []
        for await (const chunk of stream) chunks.push(chunk as Buffer)
        const expected = bytes.subarray(start ?? 0, (end ?? bytes.length) + 1)
        expect(Buffer.concat(chunks).equals(expected)).to.equal(true)
      })
    }

    it('gives an empty object', async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: '' })
      expect(await client.createReadStream({ Key: 'a' }).transformToByteArray()).to.have.length(0)
    })

    it('makes no request before it is read', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 1, etag: '"e"' }).end('x')
      })
      const stream = spec.client(service).createReadStream({ Key: 'a' })
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(service.accepted).to.equal(0)
      expect(await stream.transformToString()).to.equal('x')
      expect(service.accepted).to.equal(1)
    })

    it('makes no request when it is destroyed before', async () => {
      const service = await spec.net(() => undefined)
      const stream = spec.client(service).createReadStream({ Key: 'a' })
      stream.destroy()
      await once(stream, 'close')
      expect(service.accepted).to.equal(0)
    })

    it('passes on errors of the service and of the bytes', async () => {
      const client = spec.client(await spec.server())
      const missing = client.createReadStream({ Key: 'missing' })
      const error = await refused('SEALSTREAM_SERVICE', () => missing.transformToByteArray())
      expect(error).to.include({ status: 404, serviceCode: 'NoSuchKey' })

      await client.putObject({ Key: 'a', Body: 'abc' })
      const past = await refused('SEALSTREAM_SERVICE', () =>
        client.createReadStream({ Key: 'a', start: 3 }).transformToByteArray(),
      )
      expect(past).to.include({ status: 416, serviceCode: 'InvalidRange' })

      const altered = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 3, ...checksumsOf(Buffer.from('abd')) }).end('abc')
      })
      await refused('SEALSTREAM_INTEGRITY', () =>
        spec.client(altered).createReadStream({ Key: 'a' }).transformToByteArray(),
      )
    })

    it('does not hand out the whole object where the service ignored the range', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 10, etag: '"e"' }).end('0123456789')
      })
      await refused('SEALSTREAM_ANSWER', () =>
        spec.client(service).createReadStream({ Key: 'a', start: 5, end: 6 }).transformToString(),
      )
    })

    it('sends conditions and the version', async () => {
      let head = ''
      const service = await spec.net((socket) =>
        onHeads(socket, (text) => {
          head = text
          socket.write(rawAnswer('412 Precondition Failed', {}))
        }),
      )
      const error = await refused('SEALSTREAM_SERVICE', () =>
        spec
          .client(service)
          .createReadStream({ Key: 'a', IfMatch: 'e', VersionId: 'v', start: 1 })
          .transformToString(),
      )
      expect(error).to.include({ status: 412 })
      expect(head).to.match(/^GET \/spec-1250000000\/a\?versionId=v HTTP/)
      expect(head.toLowerCase()).to.include('if-match: "e"').and.to.include('range: bytes=1-')
    })

    it('destroyed in the middle ends the request', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 50 * MIB, etag: '"e"' })
        response.write(Buffer.alloc(MIB))
      })
      const stream = spec.client(service).createReadStream({ Key: 'a' })
      await once(stream, 'readable')
      expect(service.standing).to.equal(1)
      stream.destroy()
      await eventually(() => service.standing === 0)
    })

    it('destroyed while the service thinks ends the request', async () => {
      let arrived!: () => void
      const request = new Promise<void>((resolve) => (arrived = resolve))
      const service = await spec.net((socket) => onHeads(socket, () => arrived()))
      const stream = spec.client(service).createReadStream({ Key: 'a' })
      stream.resume()
      await request
      let errors = 0
      stream.on('error', () => (errors += 1))
      stream.destroy()
      await eventually(() => service.standing === 0)
      expect(errors).to.equal(0)
    })

    it('left early by for await ends the request', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 50 * MIB, etag: '"e"' })
        response.write(Buffer.alloc(MIB))
      })
      for await (const chunk of spec.client(service).createReadStream({ Key: 'a' })) {
        expect((chunk as Buffer).length).to.be.above(0)
        break
      }
      await eventually(() => service.standing === 0)
    })

    it('aborted by its signal fails with SEALSTREAM_ABORTED and the reason', async () => {
      const service = await spec.http((_request, response) => {
        response.writeHead(200, { 'content-length': 50 * MIB, etag: '"e"' })
        response.write(Buffer.alloc(MIB))
      })
      const controller = new AbortController()
      const reason = new Error('changed my mind')
      const stream = spec.client(service).createReadStream({ Key: 'a', signal: controller.signal })
      let errors = 0
      stream.on('error', () => (errors += 1))
      stream.once('data', () => controller.abort(reason))
      const error = await refused('SEALSTREAM_ABORTED', () => finished(stream))
      expect(error.cause).to.equal(reason)
      expect(errors).to.equal(1)
      await eventually(() => service.standing === 0)
    })

    it('aborted before it is read makes no request', async () => {
      const service = await spec.net(() => undefined)
      const stream = spec.client(service).createReadStream({ Key: 'a', signal: AbortSignal.abort('no') })
      const error = await refused('SEALSTREAM_ABORTED', () => stream.transformToByteArray())
      expect(error.cause).to.equal('no')
      expect(service.accepted).to.equal(0)
    })

    it('copies an object through createWriteStream', async () => {
      const client = spec.client(await spec.server())
      await client.putObject({ Key: 'a', Body: bytes })
      const copy = client.createWriteStream({ Key: 'b', PartSize: MIB })
      await pipeline(client.createReadStream({ Key: 'a' }), copy)
      const got = await client.getObject({ Key: 'b' })
      expect(Buffer.from(await got.Body.transformToByteArray()).equals(bytes)).to.equal(true)
      expect((await copy.result).PartCount).to.equal(3)
    })

    for (const params of [
      { start: -1 },
      { start: 1.5 },
      { start: '0' },
      { end: -1 },
      { start: 5, end: 4 },
      { end: null },
      { Range: 'bytes=0-1' },
      { start: 2 ** 53 },
    ]) {
      it(`refuses ${JSON.stringify(params)} at once`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        const error: SealstreamError = await refused('SEALSTREAM_OPTION', () => {
          client.createReadStream({ Key: 'a', ...params } as never)
        })
        expect(error).to.have.property('option').that.is.oneOf(Object.keys(params))
      })
    }
  })

  it('leaves nothing that keeps the process alive once it is closed', async () => {
    const before = process.getActiveResourcesInfo().sort()
    const server = await spec.server()
    const client = spec.client(server)
    const stream = client.createWriteStream({ Key: 'a', PartSize: MIB })
    await pipeline(Readable.from([bytes]), stream)
    await client.createReadStream({ Key: 'a' }).transformToByteArray()
    await client.putObject({ Key: 'b', Body: ['x'], ContentLength: 1 })
    void client.close()
    await server.close()
    await eventually(() => {
      const now = process
        .getActiveResourcesInfo()
        .filter((name) => name !== 'Immediate' && name !== 'Timeout')
      return now.length <= before.filter((name) => name !== 'Immediate' && name !== 'Timeout').length
    })
  })
})
