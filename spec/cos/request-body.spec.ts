import { once, type EventEmitter } from 'node:events'
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { PassThrough, Readable } from 'node:stream'
import { expect } from 'chai'
import { SealstreamError } from '../../lib/errors.js'
import type { BodyInput } from '../../lib/cos/request-body.js'
import { CosClient } from '../../lib/cos-client.js'
import { cosSpec } from '../support/cos-service.js'
import { failureOf, refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { filesOf } from '../support/server-files.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const bytes = new Seeded(3).bytes(300_000)
const MIB = 1024 * 1024

/** Pieces of `from`, one per turn of the event loop. */
async function* pieces(from: Buffer, size = 7777): AsyncGenerator<Buffer> {
  for (let at = 0; at < from.length; at += size) {
    await new Promise((resolve) => setImmediate(resolve))
    yield from.subarray(at, at + size)
  }
}

describe('request bodies', () => {
  const spec = cosSpec()
  const path = temporaryFolder()

  async function roundTrip(Body: BodyInput, ContentLength?: number): Promise<Buffer> {
    const client = spec.client(await spec.server())
    const stored = await client.putObject({
      Key: 'a',
      Body,
      ...(ContentLength === undefined ? {} : { ContentLength }),
    })
    expect(stored.verified).to.equal('crc64')
    const got = await client.getObject({ Key: 'a' })
    return Buffer.from(await got.Body.transformToByteArray())
  }

  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  const offset = Buffer.concat([Buffer.alloc(13, 'x'), bytes, Buffer.alloc(5, 'y')])
  const aligned = new Uint8Array(bytes).buffer

  const bodies: [title: string, make: () => BodyInput, expected: Buffer][] = [
    ['text, as UTF-8', () => 'aé漢😀', Buffer.from('aé漢😀', 'utf8')],
    ['empty text', () => '', Buffer.alloc(0)],
    ['text with a lone surrogate, as Node encodes it', () => 'a\ud800', Buffer.from('a\ufffd')],
    ['a Buffer', () => bytes, bytes],
    ['an empty Buffer', () => Buffer.alloc(0), Buffer.alloc(0)],
    ['a Uint8Array', () => view, bytes],
    [
      'a Uint8Array with an offset',
      () => new Uint8Array(offset.buffer, offset.byteOffset + 13, bytes.length),
      bytes,
    ],
    ['a Uint16Array', () => new Uint16Array(aligned, 0, 1000), bytes.subarray(0, 2000)],
    ['a Float64Array with an offset', () => new Float64Array(aligned, 8, 1000), bytes.subarray(8, 8008)],
    ['a DataView', () => new DataView(aligned, 3, 1000), bytes.subarray(3, 1003)],
    ['an ArrayBuffer', () => aligned, bytes],
    ['a Blob', () => new Blob([bytes.subarray(0, 1000), bytes.subarray(1000)]), bytes],
    ['an empty Blob', () => new Blob([]), Buffer.alloc(0)],
    ['a slice of a Blob', () => new Blob([bytes]).slice(10, 1000), bytes.subarray(10, 1000)],
    ['a Readable', () => Readable.from(pieces(bytes)), bytes],
    ['a Readable of bytes', () => Readable.from([bytes], { objectMode: false }), bytes],
    ['a web ReadableStream', () => Readable.toWeb(Readable.from(pieces(bytes))) as BodyInput, bytes],
    ['an async iterable', () => pieces(bytes), bytes],
    ['an iterable of strings', () => ['aé', '', '漢'], Buffer.from('aé漢')],
    ['an iterable of Uint8Arrays', () => [view.subarray(0, 10), view.subarray(10)], bytes],
    ['an empty iterable', () => [], Buffer.alloc(0)],
  ]
  for (const [title, make, expected] of bodies) {
    it(`stores ${title}`, async () => {
      expect((await roundTrip(make())).equals(expected)).to.equal(true)
    })

    it(`stores ${title} of declared length`, async () => {
      expect((await roundTrip(make(), expected.length)).equals(expected)).to.equal(true)
    })

    it(`refuses ${title} of declared length + 1, stores nothing`, async () => {
      const server = await spec.server()
      const client = spec.client(server)
      const error = await refused('SEALSTREAM_BODY_LENGTH', () =>
        client.putObject({ Key: 'a', Body: make(), ContentLength: expected.length + 1 }),
      )
      expect(error).to.include({ expected: expected.length + 1, found: expected.length })
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })

    if (expected.length === 0) continue
    it(`refuses ${title} of declared length - 1, stores nothing`, async () => {
      const server = await spec.server()
      const client = spec.client(server)
      await refused('SEALSTREAM_BODY_LENGTH', () =>
        client.putObject({ Key: 'a', Body: make(), ContentLength: expected.length - 1 }),
      )
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })
  }

  it('stores bytes with onProgress as without', async () => {
    const client = spec.client(await spec.server())
    await client.putObject({ Key: 'a', Body: bytes, onProgress: () => undefined })
    const got = await client.getObject({ Key: 'a' })
    expect(Buffer.from(await got.Body.transformToByteArray()).equals(bytes)).to.equal(true)
  })

  describe('from files', () => {
    async function file(): Promise<string> {
      await writeFile(path('file'), bytes)
      return path('file')
    }

    it('stores a file handle from its beginning, wherever it stands, and leaves it open', async () => {
      const handle = await open(await file())
      try {
        await handle.read(Buffer.alloc(100), 0, 100)
        expect((await roundTrip(handle)).equals(bytes)).to.equal(true)
        expect((await handle.stat()).size).to.equal(bytes.length)
      } finally {
        await handle.close()
      }
    })

    it('stores an empty file', async () => {
      await writeFile(path('empty'), '')
      const handle = await open(path('empty'))
      try {
        expect(await roundTrip(handle)).to.have.length(0)
      } finally {
        await handle.close()
      }
      expect(await roundTrip(createReadStream(path('empty')))).to.have.length(0)
    })

    for (const [options, expected] of [
      [{}, bytes],
      [{ start: 5 }, bytes.subarray(5)],
      [{ end: 9 }, bytes.subarray(0, 10)],
      [{ start: 100, end: 70_000 }, bytes.subarray(100, 70_001)],
      [{ start: 299_999, end: 400_000 }, bytes.subarray(299_999)],
      [{ start: 300_000 }, Buffer.alloc(0)],
      [{ start: 0, end: 0 }, bytes.subarray(0, 1)],
    ] as const) {
      it(`stores a ReadStream with ${JSON.stringify(options)}`, async () => {
        expect((await roundTrip(createReadStream(await file(), options))).equals(expected)).to.equal(true)
      })
    }

    it('stores a ReadStream given by descriptor', async () => {
      const handle = await open(await file())
      const stream = createReadStream('', { fd: handle.fd, start: 10, autoClose: false })
      try {
        expect((await roundTrip(stream)).equals(bytes.subarray(10))).to.equal(true)
      } finally {
        await handle.close()
      }
    })

    it('stores the rest of a ReadStream that was read in part', async () => {
      const stream = createReadStream(await file(), { highWaterMark: 1000 })
      await once(stream, 'readable')
      const head = stream.read(300) as Buffer
      expect(Buffer.concat([head, await roundTrip(stream)]).equals(bytes)).to.equal(true)
    })

    it('stores a ReadStream that has read ahead', async () => {
      const stream = createReadStream(await file())
      await once(stream, 'readable')
      expect((await roundTrip(stream)).equals(bytes)).to.equal(true)
    })

    for (const autoClose of [true, false]) {
      it(`refuses a ReadStream that was read to its end (autoClose ${autoClose})`, async () => {
        const server = await spec.server()
        const stream = createReadStream(await file(), { autoClose })
        stream.resume()
        await once(stream, autoClose ? 'close' : 'end')
        const client = spec.client(server)
        await failureOf(() => client.putObject({ Key: 'a', Body: stream }))
        expect(await filesOf(server, 'objects')).to.deep.equal([])
        stream.destroy()
      })
    }

    it('says that a file is missing', async () => {
      const client = spec.client(await spec.server())
      const stream = createReadStream(path('missing'))
      stream.on('error', () => undefined)
      const error = await refused('SEALSTREAM_FILE', () => client.putObject({ Key: 'a', Body: stream }))
      expect(error.cause).to.have.property('code', 'ENOENT')
    })

    it('notices a file that has shrunk under way', async () => {
      const server = await spec.server()
      const client = spec.client(server)
      const handle = await open(await file(), 'r+')
      const stream = createReadStream(path('file'), { highWaterMark: 1000 })
      try {
        const sending = client.putObject({
          Key: 'a',
          Body: stream,
          onProgress: () => void handle.truncate(150_000),
        })
        await refused('SEALSTREAM_SOURCE_CHANGED', () => sending)
      } finally {
        await handle.close()
      }
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })

    it('destroys a ReadStream whose declared length is wrong', async () => {
      const client = spec.client(await spec.server())
      const stream = createReadStream(await file())
      await refused('SEALSTREAM_BODY_LENGTH', () =>
        client.putObject({ Key: 'a', Body: stream, ContentLength: 5 }),
      )
      expect(stream.destroyed).to.equal(true)
    })
  })

  describe('of unknown length', () => {
    it('are collected up to 8 MiB', async () => {
      const body = Buffer.alloc(8 * MIB, 'x')
      expect((await roundTrip(pieces(body, MIB))).equals(body)).to.equal(true)
    })

    it('are refused over 8 MiB with a hint, and destroyed', async () => {
      const server = await spec.server()
      const source = Readable.from(pieces(Buffer.alloc(8 * MIB + 1), MIB))
      const error = await refused('SEALSTREAM_OPTION', () =>
        spec.client(server).putObject({ Key: 'a', Body: source }),
      )
      expect(error).to.have.property('option', 'ContentLength')
      expect(error.hint).to.include('createWriteStream')
      expect(source.destroyed).to.equal(true)
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })

    it('take more than 8 MiB with a length', async () => {
      const body = Buffer.alloc(8 * MIB + 1, 'x')
      expect((await roundTrip(pieces(body, MIB), body.length)).equals(body)).to.equal(true)
    })

    it('that fail are SEALSTREAM_SOURCE_ENDED_EARLY with the cause', async () => {
      const broken = new Error('disk on fire')
      const server = await spec.server()
      async function* failing(): AsyncGenerator<Buffer> {
        yield Buffer.from('some')
        await Promise.resolve()
        throw broken
      }
      for (const Body of [failing(), Readable.from(failing())]) {
        const error = await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () =>
          spec.client(server).putObject({ Key: 'a', Body }),
        )
        expect(error.cause).to.equal(broken)
      }
    })

    it('that never end are left when the signal says so', async () => {
      const client = spec.client(await spec.server())
      const controller = new AbortController()
      const Body = new PassThrough()
      Body.write('some')
      const sending = client.putObject({ Key: 'a', Body, signal: controller.signal })
      setImmediate(() => controller.abort(new Error('changed my mind')))
      const patience = new Promise((resolve) => setTimeout(resolve, 1000, 'still waiting'))
      const outcome = await Promise.race([sending.catch((error: unknown) => error), patience])
      Body.end()
      await sending.catch(() => undefined)
      expect(outcome).to.be.instanceOf(SealstreamError).and.to.have.property('code', 'SEALSTREAM_ABORTED')
    })
  })

  describe('that cannot be sent', () => {
    for (const [title, Body] of [
      ['undefined', undefined],
      ['null', null],
      ['a number', 5],
      ['true', true],
      ['an object', {}],
      ['a Date', new Date()],
      ['a function', () => 'x'],
    ] as const) {
      it(`refuses ${title}`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.putObject({ Key: 'a', Body: Body as never }),
        )
        expect(error).to.have.property('option', 'Body')
      })
    }

    for (const [title, make] of [
      ['a list of numbers', () => [1, 2, 3]],
      ['a stream of numbers', () => Readable.from([1, 2, 3])],
      ['a stream of objects', () => Readable.from([{}])],
    ] as const) {
      it(`refuses ${title}`, async () => {
        const client = spec.client(await spec.server())
        await failureOf(() => client.putObject({ Key: 'a', Body: make() as never }))
      })

      it(`refuses ${title} of declared length`, async () => {
        const client = spec.client(await spec.server())
        await failureOf(() => client.putObject({ Key: 'a', Body: make() as never, ContentLength: 3 }))
      })
    }

    it('refuses a stream that has ended, and one that was destroyed', async () => {
      const server = await spec.server()
      const ended = Readable.from(['x'])
      ended.resume()
      await once(ended, 'end')
      const destroyed = new PassThrough()
      destroyed.destroy()
      for (const Body of [ended, destroyed]) {
        for (const ContentLength of [undefined, 0, 1]) {
          const error = await refused('SEALSTREAM_OPTION', () =>
            spec
              .client(server)
              .putObject({ Key: 'a', Body, ...(ContentLength === undefined ? {} : { ContentLength }) }),
          )
          expect(error).to.have.property('option', 'Body')
        }
      }
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })

    it('refuses a web stream that somebody else reads', async () => {
      const stream = new Blob(['x']).stream()
      stream.getReader()
      const client = spec.client(await spec.server())
      await refused('SEALSTREAM_OPTION', () =>
        client.putObject({ Key: 'a', Body: stream as never, ContentLength: 1 }),
      )
    })

    for (const ContentLength of [-1, 1.5, Number.NaN, '5', null]) {
      it(`refuses ContentLength ${String(ContentLength)}`, async () => {
        const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.putObject({ Key: 'a', Body: 'hello', ContentLength: ContentLength as number }),
        )
        expect(error).to.have.property('option', 'ContentLength')
      })
    }

    it('refuses more than 5 GiB for one PUT, with a hint', async () => {
      const client = spec.client({ endpoint: 'http://127.0.0.1:1' })
      const Body = new PassThrough()
      const error = await refused('SEALSTREAM_OPTION', () =>
        client.putObject({ Key: 'a', Body, ContentLength: 5 * 1024 ** 3 + 1 }),
      )
      expect(error).to.have.property('option', 'Body')
      expect(error.hint).to.include('upload()')
    })
  })

  describe('that fail on the way', () => {
    it('too short: nothing stored, source destroyed', async () => {
      const server = await spec.server()
      const source = Readable.from(pieces(bytes))
      const error = await refused('SEALSTREAM_BODY_LENGTH', () =>
        spec.client(server).putObject({ Key: 'a', Body: source, ContentLength: bytes.length + 1 }),
      )
      expect(error).to.have.property('found', bytes.length)
      expect(source.destroyed).to.equal(true)
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })

    it('too long: nothing stored, source destroyed and not read to its end', async () => {
      const server = await spec.server()
      let given = 0
      const source = Readable.from(
        (async function* () {
          for (;;) {
            given += 1
            yield Buffer.alloc(64 * 1024)
            await Promise.resolve()
          }
        })(),
      )
      await refused('SEALSTREAM_BODY_LENGTH', () =>
        spec.client(server).putObject({ Key: 'a', Body: source, ContentLength: MIB }),
      )
      expect(source.destroyed).to.equal(true)
      expect(given).to.be.below(200)
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })

    it('one byte too long in a chunk of its own: nothing stored', async () => {
      const server = await spec.server()
      await refused('SEALSTREAM_BODY_LENGTH', () =>
        spec.client(server).putObject({ Key: 'a', Body: ['abc', 'd'], ContentLength: 3 }),
      )
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })

    for (const ContentLength of [0, 4, 10]) {
      it(`of declared length ${ContentLength}, after 4 bytes or before: the source's error is the cause`, async () => {
        const server = await spec.server()
        const broken = new Error('disk on fire')
        async function* failing(): AsyncGenerator<Buffer> {
          if (ContentLength > 0) yield Buffer.from('some')
          await new Promise((resolve) => setTimeout(resolve, 20))
          throw broken
        }
        const source = Readable.from(failing())
        const error = await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () =>
          spec.client(server).putObject({ Key: 'a', Body: source, ContentLength }),
        )
        expect(error.cause).to.equal(broken)
        expect(source.destroyed).to.equal(true)
        expect(await filesOf(server, 'objects')).to.deep.equal([])
      })
    }

    it('closed without error or end: nothing stored', async () => {
      const server = await spec.server()
      const source = new PassThrough()
      source.write('some')
      const sending = spec.client(server).putObject({ Key: 'a', Body: source, ContentLength: 4 })
      setTimeout(() => source.destroy(), 20)
      await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () => sending)
      expect(await filesOf(server, 'objects')).to.deep.equal([])
    })
  })
})

describe('a FileHandle as the body of many requests', () => {
  const spec = cosSpec()
  const path = temporaryFolder()

  it('stays open, and keeps no listeners', async () => {
    const client = spec.client(await spec.server())
    await writeFile(path('file'), 'content')
    const handle = await open(path('file'))
    try {
      for (let i = 0; i < 3; i++) await client.putObject({ Key: `a${i}`, Body: handle })
      const failing = client.putObject({ Key: 'b', Body: handle, ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' })
      await refused('SEALSTREAM_SERVICE', () => failing)
      expect((handle as unknown as EventEmitter).listenerCount('close')).to.equal(0)
      expect((await handle.stat()).size).to.equal(7)
    } finally {
      await handle.close()
    }
  })
})

describe('a body that fails although its call was refused', () => {
  it('does not end the process', async () => {
    const client = new CosClient({
      endpoint: 'http://127.0.0.1:9',
      credentials: { secretId: 'a', secretKey: 'b' },
    })
    const Body = new Readable({ read: () => undefined })
    await refused('SEALSTREAM_OPTION', () => client.putObject({ Bucket: 'b-1', Key: '', Body }))
    Body.destroy(new Error('later'))
    await new Promise((resolve) => Body.once('close', resolve))
    void client.close()
  })
})
