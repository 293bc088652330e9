import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { PassThrough, Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { UploadParams } from '../../lib/transfer/upload.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { CLIENT_KINDS, contentIn, PART, TWO_KINDS, uploadRigs } from '../support/upload-rig.js'

const SIZES = [0, 1, 15, 16, 17, PART - 1, PART, PART + 1, 2 * PART + 5]
const CONCURRENCIES = [1, 2, 8]
const all = new Seeded(21).bytes(2 * PART + 5)

type Body = UploadParams['Body']

/** Random pieces, empty ones among them. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  yield Buffer.alloc(0)
  yield* new Seeded(bytes.length).pieces(bytes, 100_000)
}

async function* asyncPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (const piece of pieces(bytes)) yield await Promise.resolve(new Uint8Array(piece))
}

/** What a Body may be, each from the same bytes. */
const SOURCES: Record<string, (bytes: Buffer, path: string) => Body> = {
  'a Buffer': (bytes) => bytes,
  'a view in the middle of a larger buffer': (bytes) => {
    const larger = Buffer.concat([Buffer.alloc(7, 1), bytes, Buffer.alloc(9, 2)])
    return new DataView(larger.buffer, larger.byteOffset + 7, bytes.length)
  },
  'an ArrayBuffer': (bytes) => new Uint8Array(bytes).buffer,
  'a Blob': (bytes) => new Blob([new Uint8Array(bytes)]),
  'an array of pieces': (bytes) => [...pieces(bytes)],
  'an iterable that is no array': (bytes) => ({ [Symbol.iterator]: () => pieces(bytes) }),
  'an async generator': asyncPieces,
  'an async iterable that is no generator': (bytes) => ({
    [Symbol.asyncIterator]: () => asyncPieces(bytes),
  }),
  'a stream in object mode': (bytes) => Readable.from(pieces(bytes)),
  'a stream of bytes': (bytes) => {
    const stream = new PassThrough()
    for (const piece of piecesOf(bytes, 65_537)) stream.write(piece)
    return stream.end()
  },
  'a web stream': (bytes) => new Blob([new Uint8Array(bytes)]).stream(),
  'a file: URL': (_bytes, path) => pathToFileURL(path),
  'a file read stream': (_bytes, path) => createReadStream(path, { highWaterMark: 50_001 }),
}

describe('upload takes', () => {
  const start = uploadRigs()
  const at = temporaryFolder()

  for (const kind of TWO_KINDS) {
    for (const [name, source] of Object.entries(SOURCES)) {
      it(`${name} of 0 to ${2 * PART + 5} bytes, ${kind}`, async () => {
        const rig = await start()
        const client = rig.client(kind)
        for (const [index, size] of SIZES.entries()) {
          const bytes = all.subarray(all.length - size)
          await writeFile(at('file'), bytes)
          const Concurrency = CONCURRENCIES[index % 3]!
          const Body = source(bytes, at('file'))
          const stored = await client.upload({ Key: 'a', Body, PartSize: PART, Concurrency })
          const answer = await rig.raw()
          const { body, headers } = answer
          expect(contentIn(answer)?.equals(bytes), `${size}`).to.equal(true)
          // A byte or two may be encrypted to themselves: one of 256 keys does.
          if (kind === 'plain' || size >= 16) expect(body.equals(bytes), `${size}`).to.equal(kind === 'plain')
          expect(stored, `${size}`).to.include({
            Bucket: BUCKET,
            Key: 'a',
            ETag: headers.etag,
            HashCrc64ecma: String(crc64(body)),
            StoredLength: size,
            PartCount: size <= PART ? 0 : Math.ceil(size / PART),
            verified: 'crc64',
          })
          if (kind !== 'plain') {
            expect(stored).to.include({ ContentLength: size, format: kind, authenticated: false })
          }
        }
        expect(await rig.uploads()).to.deep.equal([])
      })
    }

    it(`a file handle, wherever its position is, and leaves it open there, ${kind}`, async () => {
      const rig = await start()
      await writeFile(at('file'), all)
      const handle = await open(at('file'))
      try {
        await handle.read(Buffer.alloc(1000), 0, 1000, null)
        for (const Concurrency of CONCURRENCIES) {
          await rig.client(kind).upload({ Key: 'a', Body: handle, PartSize: PART, Concurrency })
          expect((await rig.contentOf())?.equals(all)).to.equal(true)
        }
        const { buffer } = await handle.read(Buffer.alloc(10), 0, 10, null)
        expect(buffer).to.deep.equal(all.subarray(1000, 1010))
      } finally {
        await handle.close()
      }
    })

    it(`text as UTF-8: empty, short, over a part, and from streams that give text, ${kind}`, async () => {
      const rig = await start()
      const client = rig.client(kind)
      const long = 'é€😀'.repeat(PART / 8)
      for (const text of ['', 'é', long]) {
        for (const Body of [text, Readable.from([text, '']), [text]]) {
          await client.upload({ Key: 'a', Body, PartSize: PART })
          expect((await rig.contentOf())?.equals(Buffer.from(text))).to.equal(true)
        }
      }
    })

    for (const Concurrency of CONCURRENCIES) {
      it(`chunks of 8 random sizes with Concurrency ${Concurrency}, ${kind}`, async () => {
        const rig = await start()
        const client = rig.client(kind)
        const random = new Seeded(Concurrency)
        for (let i = 0; i < 8; i++) {
          const bytes = all.subarray(0, random.integer(2 * PART + 100))
          const chunks = random.pieces(bytes, 1 + random.integer(i % 2 === 0 ? 3 * PART : 30_000))
          await client.upload({ Key: 'a', Body: Readable.from(chunks), PartSize: PART, Concurrency })
          expect((await rig.contentOf())?.equals(bytes), `${i}: ${bytes.length}`).to.equal(true)
        }
      })
    }
  }

  it('no other body: the error names Body, and no request is made', async () => {
    const rig = await start()
    for (const kind of CLIENT_KINDS) {
      const client = rig.client(kind)
      for (const Body of [undefined, null, 5, true, {}, Symbol('s'), () => 1, new URL('https://a.b/c')]) {
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.upload({ Key: 'a', Body: Body as never }),
        )
        expect(error).to.have.property('option', 'Body')
      }
      for (const chunk of [1, { a: 1 }, [1]]) {
        const error = await refused('SEALSTREAM_OPTION', () =>
          client.upload({ Key: 'a', Body: Readable.from([chunk]) }),
        )
        expect(error).to.have.property('option', 'Body')
      }
    }
    expect(rig.requests).to.deep.equal([])
  })

  for (const url of ['file://host/path', 'file:///a%2Fb']) {
    it(`no ${url}, which names no file here: the error is ours and names Body`, async () => {
      const rig = await start()
      const error = await refused('SEALSTREAM_OPTION', () =>
        rig.client().upload({ Key: 'a', Body: new URL(url) }),
      )
      expect(error).to.have.property('option', 'Body')
    })
  }

  it('no file: URL of a folder, and none of a file that is not there', async () => {
    const rig = await start()
    const folder = await refused('SEALSTREAM_OPTION', () =>
      rig.client().upload({ Key: 'a', Body: pathToFileURL(at('.')) }),
    )
    expect(folder).to.have.property('option', 'Body')
    const missing = await refused('SEALSTREAM_FILE', () =>
      rig.client().upload({ Key: 'a', Body: pathToFileURL(at('missing')) }),
    )
    expect(missing.cause).to.have.property('code', 'ENOENT')
    expect(rig.requests).to.deep.equal([])
  })
})
