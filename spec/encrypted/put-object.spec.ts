/** putObject of the encrypting client, against the embedded server. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { BodyInput } from '../../lib/cos/request-body.js'
import { IntegrityError, LengthError } from '../../lib/errors.js'
import {
  encryptedWith,
  FORMATS,
  MASTERS,
  AES_256,
  RSA_2048,
  rsaPublicOnly,
  wrapOnlyRsa,
} from '../support/encrypting-masters.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { bytesOf, encryptingStore } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const SIZES = [0, 1, 15, 16, 17, 4095, 65536, 1024 * 1024 + 1]
const SOURCE = new Seeded(1).bytes(1024 * 1024 + 1)
/** ASCII, so that text has the same length in characters and bytes. */
const TEXT = SOURCE.map((byte) => 32 + (byte % 95))

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64')

interface Kind {
  readonly name: string
  readonly make: (bytes: Buffer, path: string) => Promise<{ Body: BodyInput; ContentLength?: number }>
  readonly after?: (body: BodyInput) => Promise<void>
}

function* pieces(bytes: Buffer): Generator<Uint8Array> {
  yield* new Seeded(bytes.length).pieces(bytes, 100_000)
}

const KINDS: readonly Kind[] = [
  { name: 'a Buffer', make: async (bytes) => ({ Body: bytes }) },
  { name: 'a string', make: async (bytes) => ({ Body: bytes.toString('latin1') }) },
  {
    name: 'a stream with ContentLength',
    make: async (bytes) => ({ Body: Readable.from(pieces(bytes)), ContentLength: bytes.length }),
  },
  {
    name: 'a file handle',
    make: async (bytes, path) => {
      await writeFile(path, bytes)
      return { Body: await open(path) }
    },
    after: (body) => (body as Awaited<ReturnType<typeof open>>).close(),
  },
  {
    name: 'a file stream',
    make: async (bytes, path) => {
      await writeFile(path, bytes)
      return { Body: createReadStream(path) }
    },
  },
  { name: 'a Blob', make: async (bytes) => ({ Body: new Blob([bytes]) }) },
  { name: 'a web stream', make: async (bytes) => ({ Body: new Blob([bytes]).stream() as BodyInput }) },
  { name: 'an iterable without length', make: async (bytes) => ({ Body: pieces(bytes) }) },
]

describe('putObject, encrypted', () => {
  const store = encryptingStore()
  const path = temporaryFolder()

  for (const format of FORMATS) {
    for (const { name, masterKey, secrets } of MASTERS) {
      for (const kind of KINDS) {
        it(`stores ${kind.name} of ${SIZES.join(', ')} bytes as ${format} under ${name} and gives it back`, async () => {
          const client = store.client({ format, masterKey: masterKey() })
          for (const size of SIZES) {
            const bytes = Buffer.from(TEXT.subarray(0, size))
            const body = await kind.make(bytes, path(`${size}`))
            const put = await client.putObject({ Key: 'k', ...body })
            await kind.after?.(body.Body)
            const { Body, ...got } = await client.getObject({ Key: 'k' })
            expect((await bytesOf(Body)).equals(bytes), `${size} bytes come back`).to.equal(true)
            const head = await client.headObject({ Key: 'k' })
            for (const result of [put, got, head]) {
              const { ContentLength, StoredLength, ETag, HashCrc64ecma } = result
              expect([ContentLength, StoredLength, result.format, result.authenticated]).to.deep.equal([
                size,
                size,
                format,
                false,
              ])
              expect([ETag, HashCrc64ecma]).to.deep.equal([put.ETag, put.HashCrc64ecma])
            }
            expect([put.verified, got.verified]).to.deep.equal(['crc64', 'crc64'])
            expect(got.keyVerified).to.equal(format === 'cos' || name === 'RSA-2048')
            const stored = await store.stored('k')
            expect(
              stored.bytes.equals(encryptedWith(secrets(stored.headers), bytes)),
              `${size} stored`,
            ).to.equal(true)
          }
        })
      }
    }
  }

  it('keeps only ciphertext in the files of the store', async () => {
    const pattern = Buffer.from('a pattern that nobody can mistake')
    await store.client().putObject({ Key: 'k', Body: Buffer.concat(Array<Buffer>(999).fill(pattern)) })
    expect(await store.holds(pattern)).to.equal(false)
    // Control: a plain client's object is found.
    await store.plain().putObject({ Key: 'plain', Body: pattern })
    expect(await store.holds(pattern)).to.equal(true)
  })

  it('stores other bytes, another key and another IV each time the same plaintext is put', async () => {
    const client = store.client()
    const Body = Buffer.alloc(64)
    const seen = new Set<string>()
    for (const Key of ['a', 'b', 'c']) {
      await client.putObject({ Key, Body })
      const { bytes, headers } = await store.stored(Key)
      const { key, iv } = AES_256.secrets(headers)
      for (const value of [bytes, key, iv]) seen.add(value.toString('hex'))
    }
    expect(seen.size).to.equal(9)
  })

  for (const format of FORMATS) {
    it(`keeps user metadata beside the ${format} envelope and returns it without`, async () => {
      const client = store.client({ format })
      const Metadata = { author: 'me', 'x-cos-meta-Kind': 'letter', 'client-side': 'not reserved' }
      await client.putObject({ Key: 'k', Body: 'x', Metadata, ContentType: 'text/plain' })
      const expected = { author: 'me', kind: 'letter', 'client-side': 'not reserved' }
      const { Body, ...got } = await client.getObject({ Key: 'k' })
      Body.destroy()
      const ranged = await client.getObject({ Key: 'k', Range: 'bytes=0-0' })
      ranged.Body.destroy()
      const head = await client.headObject({ Key: 'k' })
      for (const result of [got, ranged, head]) {
        expect(result.Metadata).to.deep.equal(expected)
        expect(result.ContentType).to.equal('text/plain')
      }
      const { headers } = await store.stored('k')
      expect(headers['x-cos-meta-author']).to.equal('me')
      expect(headers['x-cos-meta-client-side-encryption-key']).to.be.a('string')
    })
  }

  const reserved = [
    'client-side-encryption-key',
    'Client-Side-Encryption-Start',
    'x-cos-meta-client-side-encryption-iv',
    'X-COS-META-CLIENT-SIDE-ENCRYPTION-WHATEVER',
    'sealstream-version',
    'x-cos-key',
    'x-cos-key-v2',
    'x-cos-iv',
    'x-cos-meta-x-cos-iv',
  ]
  for (const name of reserved) {
    it(`refuses the reserved metadata name ${name} before any request`, async () => {
      const { client, proxy } = await store.proxied()
      const params = { Key: 'k', Metadata: { [name]: 'AAAA' } }
      await refused('SEALSTREAM_METADATA', () => client.putObject({ ...params, Body: 'x' }))
      await refused('SEALSTREAM_METADATA', () => client.createMultipartUpload(params))
      await refused('SEALSTREAM_METADATA', () => client.createWriteStream(params))
      expect(proxy.exchanges).to.deep.equal([])
    })
  }

  for (const [bits, room] of [
    [4096, 1900],
    [8192, 0],
  ] as const) {
    it(`refuses an RSA-${bits} envelope beside ${room} bytes of metadata before any request`, async () => {
      const { client, proxy } = await store.proxied(undefined, { masterKey: wrapOnlyRsa(bits) })
      const params = { Key: 'k', ...(room === 0 ? {} : { Metadata: { note: 'n'.repeat(room) } }) }
      await refused('SEALSTREAM_METADATA', () => client.putObject({ ...params, Body: 'x' }))
      await refused('SEALSTREAM_METADATA', () => client.createMultipartUpload(params))
      const stream = client.createWriteStream(params)
      stream.on('error', () => undefined)
      stream.end('x')
      await refused('SEALSTREAM_METADATA', () => stream.result)
      expect(proxy.exchanges).to.deep.equal([])
    })
  }

  it('stores an RSA-4096 envelope alone', async () => {
    await store.client({ masterKey: wrapOnlyRsa(4096) }).putObject({ Key: 'k', Body: 'x' })
    expect(await store.keys()).to.deep.equal(['k'])
  })

  for (const size of [0, 1, 17, 300_000]) {
    const bytes = SOURCE.subarray(0, size)
    const bodies: Record<string, () => BodyInput> = {
      'a Buffer': () => bytes,
      'a stream': () => Readable.from(pieces(bytes)),
    }
    for (const [kind, body] of Object.entries(bodies)) {
      it(`accepts the right ContentMD5 for ${kind} of ${size} bytes and sends none`, async () => {
        const { client, proxy } = await store.proxied()
        const params = { Key: 'k', Body: body(), ContentLength: size, ContentMD5: md5(bytes) }
        await client.putObject(params)
        expect(proxy.exchanges.map(({ headers }) => headers['content-md5'])).to.deep.equal([undefined])
        const { headers } = await store.stored('k')
        expect(Object.values(headers)).not.to.include(md5(bytes))
      })

      it(`refuses another ContentMD5 for ${kind} of ${size} bytes and stores nothing`, async () => {
        const params = { Key: 'k', Body: body(), ContentLength: size, ContentMD5: md5(Buffer.from('other')) }
        const error = await refused('SEALSTREAM_INTEGRITY', () => store.client().putObject(params))
        expect(ofClass(error, IntegrityError).algorithm).to.equal('md5')
        expect(await store.keys()).to.deep.equal([])
      })
    }

    for (const declared of [size - 1, size + 1].filter((length) => length >= 0)) {
      for (const [kind, body] of Object.entries(bodies)) {
        it(`refuses ${kind} of ${size} bytes with ContentLength ${declared} and stores nothing`, async () => {
          const params = { Key: 'k', Body: body(), ContentLength: declared }
          const error = await refused('SEALSTREAM_BODY_LENGTH', () => store.client().putObject(params))
          expect(ofClass(error, LengthError).expected).to.equal(declared)
          expect(await store.keys()).to.deep.equal([])
        })
      }
    }
  }

  it('refuses a malformed ContentMD5 before any request, naming it', async () => {
    const { client, proxy } = await store.proxied()
    const error = await refused('SEALSTREAM_OPTION', () =>
      client.putObject({ Key: 'k', Body: 'x', ContentMD5: 'd41d8cd98f00b204e9800998ecf8427e' }),
    )
    expect(error.message).to.include('ContentMD5')
    expect(proxy.exchanges).to.deep.equal([])
  })

  for (const ContentLength of [undefined, 3]) {
    it(`stores a stream of text chunks with ContentLength ${ContentLength} as UTF-8`, async () => {
      const client = store.client()
      const length = ContentLength === undefined ? {} : { ContentLength }
      await client.putObject({ Key: 'k', Body: Readable.from(['é', 'b']), ...length })
      const { Body } = await client.getObject({ Key: 'k' })
      expect(await Body.transformToString()).to.equal('éb')
    })
  }

  it('stores nothing when the body stream fails after its last byte', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('all ten by')
      throw new Error('the source failed')
    }
    const params = { Key: 'k', Body: Readable.from(failing()), ContentLength: 10 }
    const error = await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () => store.client().putObject(params))
    expect((error.cause as Error).message).to.equal('the source failed')
    expect(await store.keys()).to.deep.equal([])
  })

  it('stores nothing when a body of declared length 0 fails', async () => {
    const Body = new Readable({ read: () => void Body.destroy(new Error('the source failed')) })
    const put = store.client().putObject({ Key: 'k', Body, ContentLength: 0 })
    await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () => put)
    expect(await store.keys()).to.deep.equal([])
  })

  it('rejects when the body stream fails while the data key is being wrapped', async () => {
    const Body = new Readable({ read: () => undefined })
    const inner = AES_256.masterKey()
    const masterKey: MasterKey = {
      id: 'slow',
      wrap: async (dataKey) => {
        // A key service that takes its time; meanwhile the source fails.
        const closed = new Promise((resolve) => Body.once('close', resolve))
        Body.destroy(new Error('the source failed'))
        await closed
        return inner.wrap(dataKey)
      },
      unwrap: (wrapped) => inner.unwrap(wrapped),
    }
    const error = await failureOf(() =>
      store.client({ masterKey }).putObject({ Key: 'k', Body, ContentLength: 10 }),
    )
    expect(error.code).to.equal('SEALSTREAM_SOURCE_ENDED_EARLY')
    expect(await store.keys()).to.deep.equal([])
  })

  it('rejects, and lets no error escape, when the body stream fails while credentials are fetched', async () => {
    const Body = new Readable({ read: () => undefined })
    const { credentials } = store.server
    const slow = async (): Promise<typeof credentials> => {
      const closed = new Promise((resolve) => Body.once('close', resolve))
      Body.destroy(new Error('the source failed'))
      await closed
      return credentials
    }
    const put = store.client({ credentials: slow }).putObject({ Key: 'k', Body, ContentLength: 10 })
    await refused('SEALSTREAM_SOURCE_ENDED_EARLY', () => put)
    expect(await store.keys()).to.deep.equal([])
  })

  it('writes with an RSA public key alone', async () => {
    await store.client({ masterKey: rsaPublicOnly() }).putObject({ Key: 'k', Body: SOURCE })
    const { Body } = await store.client({ masterKey: RSA_2048.masterKey() }).getObject({ Key: 'k' })
    expect((await bytesOf(Body)).equals(SOURCE)).to.equal(true)
  })

  it('reports progress in plaintext bytes up to the whole length', async () => {
    const seen: number[] = []
    await store.client().putObject({ Key: 'k', Body: SOURCE, onProgress: ({ bytes }) => seen.push(bytes) })
    expect(seen.at(-1)).to.equal(SOURCE.length)
    expect(seen).to.deep.equal([...seen].sort((a, b) => a - b))
  })
})
