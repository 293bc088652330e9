/** Encrypted multipart uploads by hand. */
import { constants } from 'node:buffer'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { EncryptedCreateResult, EncryptedPartParams } from '../../lib/encrypted/multipart-params.js'
import type { UploadContext } from '../../lib/encrypted/upload-context.js'
import { OptionError } from '../../lib/errors.js'
import { AES_256, encryptedWith, FORMATS, RSA_2048 } from '../support/encrypting-masters.js'
import { bytesOf, encryptingStore } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { errorReply, type Exchange } from '../support/tampering-proxy.js'
import type { PartTask } from '../support/upload-part-process.js'

const MIB = 1024 * 1024
const LAST = 12_345
const PLAIN = new Seeded(7).bytes(8 * MIB + LAST)
const NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9]
const SMALL = PLAIN.subarray(0, 2 * MIB + 17)

/** Plaintext of part `number` of 1 MiB. */
const part = (number: number, of = PLAIN): Buffer => of.subarray((number - 1) * MIB, number * MIB)
const copyOf = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value
const isPart = ({ method, query }: Exchange): boolean => method === 'PUT' && query.has('partNumber')
const shuffled = (numbers: readonly number[], seed: number): number[] => {
  const random = new Seeded(seed)
  return [...numbers]
    .map((n) => [random.integer(1e9), n] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, n]) => n)
}

describe('a multipart upload by hand, encrypted', () => {
  const store = encryptingStore()

  const begin = (
    client: CosEncryptionClient,
    options: { PartSize?: number; Metadata?: Record<string, string> } = { PartSize: MIB },
  ): Promise<EncryptedCreateResult> => client.createMultipartUpload({ Key: 'k', ...options })

  const send = (
    client: CosEncryptionClient,
    { UploadId }: { UploadId: string },
    PartNumber: number,
    Body: EncryptedPartParams['Body'] = part(PartNumber, SMALL),
    more: Partial<EncryptedPartParams> = {},
  ): ReturnType<CosEncryptionClient['uploadPart']> =>
    client.uploadPart({ Key: 'k', UploadId, PartNumber, Body, ...more })

  /** Reads back through the client, and decrypts what is stored on its own. */
  async function expectStored(expected: Buffer, master = AES_256): Promise<void> {
    const { Body } = await store.client({ masterKey: master.masterKey() }).getObject({ Key: 'k' })
    expect((await bytesOf(Body)).equals(expected), 'reads back').to.equal(true)
    const { bytes, headers } = await store.stored('k')
    expect(bytes.equals(encryptedWith(master.secrets(headers), expected)), 'one keystream').to.equal(true)
  }

  for (const format of FORMATS) {
    for (const master of [AES_256, RSA_2048]) {
      it(`joins 9 parts sent in random order as ${format} under ${master.name} into one continuous ciphertext`, async () => {
        const client = store.client({ format, masterKey: master.masterKey() })
        const upload = await begin(client)
        expect([upload.format, upload.authenticated]).to.deep.equal([format, false])
        for (const number of shuffled(NUMBERS, 1)) {
          const sent = await send(client, upload, number, part(number))
          const { length } = part(number)
          expect([sent.ContentLength, sent.StoredLength, sent.verified]).to.deep.equal([
            length,
            length,
            'crc64',
          ])
        }
        const { UploadId } = upload
        const done = await client.completeMultipartUpload({ Key: 'k', UploadId })
        expect([done.ContentLength, done.StoredLength, done.verified, done.format]).to.deep.equal([
          PLAIN.length,
          PLAIN.length,
          'crc64',
          format,
        ])
        await expectStored(PLAIN, master)
        expect(await store.uploads()).to.deep.equal([])
      })
    }
  }

  it('joins 9 parts sent at once, from streams, Blobs, iterables and Buffers', async () => {
    const client = store.client()
    const upload = await begin(client)
    const bodies = [
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => new Blob([bytes]),
      (bytes: Buffer) => new Seeded(1).pieces(bytes, 70_000),
      (bytes: Buffer) => Readable.from(new Seeded(2).pieces(bytes, 70_000)),
    ]
    await Promise.all(
      shuffled(NUMBERS, 2).map((number) => send(client, upload, number, bodies[number % 4]!(part(number)))),
    )
    await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
    await expectStored(PLAIN)
  })

  it('joins parts of several clients that know the upload only through JSON', async () => {
    const first = store.client()
    const upload = await begin(first)
    const contexts: UploadContext[] = []
    for (const number of shuffled(NUMBERS, 3)) {
      const client = store.client()
      const Upload = copyOf(upload.Upload)
      await send(client, upload, number, part(number), { Upload })
      expect(Object.keys(Upload.Parts)).to.deep.equal([String(number)])
      contexts.push(copyOf(Upload))
    }
    const Upload = {
      ...copyOf(upload.Upload),
      Parts: Object.assign({}, ...contexts.map(({ Parts }) => Parts)) as UploadContext['Parts'],
    }
    const { UploadId } = upload
    const done = await store.client().completeMultipartUpload({ Key: 'k', UploadId, Upload })
    expect(done.verified).to.equal('crc64')
    await expectStored(PLAIN)
  })

  it('joins a part of another process', async () => {
    const client = store.client()
    const upload = await begin(client)
    await send(client, upload, 1)
    await send(client, upload, 3)
    const { endpoint, credentials } = store.server
    const task: PartTask = {
      endpoint,
      credentials,
      masterKey: new Seeded(256).bytes(32).toString('base64'),
      upload: upload.Upload,
      number: 2,
      body: part(2, SMALL).toString('base64'),
    }
    const script = new URL('../support/upload-part-process.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--import', 'ts-blank-space/register', script])
    const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    child.stdin.end(JSON.stringify(task))
    const [context, errors, exit] = await output
    expect(exit[0], errors).to.equal(0)
    const Upload = JSON.parse(context) as UploadContext
    expect(Object.keys(Upload.Parts)).to.deep.equal(['1', '2', '3'])
    const { UploadId } = upload
    const done = await client.completeMultipartUpload({ Key: 'k', UploadId, Upload })
    expect(done.verified).to.equal('crc64')
    await expectStored(SMALL)
  })

  it('takes a single part, and a single empty part', async () => {
    for (const bytes of [Buffer.from('short'), Buffer.alloc(0)]) {
      const client = store.client()
      const upload = await begin(client)
      await send(client, upload, 1, bytes)
      await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
      await expectStored(bytes)
    }
  })

  it('keeps user metadata and returns it without the envelope', async () => {
    const client = store.client()
    const upload = await begin(client, { PartSize: MIB, Metadata: { author: 'me' } })
    await send(client, upload, 1, 'x')
    await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
    expect((await client.headObject({ Key: 'k' })).Metadata).to.deep.equal({ author: 'me' })
  })

  describe('a part sent again', () => {
    for (const PartSize of [MIB, undefined]) {
      const options = PartSize === undefined ? {} : { PartSize }

      it(`is the same part when its bytes are the same, PartSize ${PartSize}`, async () => {
        const client = store.client()
        const upload = await begin(client, options)
        const etags = []
        for (const number of [1, 2, 2, 1, 3, 3, 2]) etags.push((await send(client, upload, number)).ETag)
        expect([etags[0], etags[1], etags[4]]).to.deep.equal([etags[3], etags[2], etags[5]])
        expect(etags[1]).to.equal(etags[6])
        await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
        await expectStored(SMALL)
      })

      const changes: Record<string, Buffer> = {
        'one bit': Buffer.from(part(1, SMALL)),
        'its last byte missing': part(1, SMALL).subarray(0, -1),
        'nothing left': Buffer.alloc(0),
      }
      changes['one bit']![500_000]! ^= 1
      for (const [change, bytes] of Object.entries(changes)) {
        it(`is refused with ${change} changed before any request, PartSize ${PartSize}`, async () => {
          const { client, proxy } = await store.proxied()
          const upload = await begin(client, options)
          await send(client, upload, 1)
          const before = proxy.exchanges.length
          await refused('SEALSTREAM_PART_CHANGED', () => send(client, upload, 1, bytes))
          expect(proxy.exchanges.length).to.equal(before)
          await send(client, upload, 1)
        })

        it(`is refused with ${change} changed by a client with a context from before, PartSize ${PartSize}`, async () => {
          const first = store.client()
          const upload = await begin(first, options)
          const Upload = copyOf(upload.Upload)
          await send(first, upload, 1)
          const { client, proxy } = await store.proxied()
          await refused('SEALSTREAM_PART_CHANGED', () => send(client, upload, 1, bytes, { Upload }))
          expect(proxy.exchanges.filter(isPart)).to.deep.equal([])
        })

        it(`is refused with ${change} changed by a client that has a copy of the context, PartSize ${PartSize}`, async () => {
          const first = store.client()
          const upload = await begin(first, options)
          await send(first, upload, 1)
          const { client, proxy } = await store.proxied()
          const Upload = copyOf(upload.Upload)
          await refused('SEALSTREAM_PART_CHANGED', () => send(client, upload, 1, bytes, { Upload }))
          expect(proxy.exchanges.filter(isPart)).to.deep.equal([])
        })
      }
    }

    it('is refused with other bytes when the first attempt failed, whatever the service said', async () => {
      for (const status of [500, 403, 400]) {
        let failing = true
        const { client, proxy } = await store.proxied(async (exchange, forward) =>
          isPart(exchange) && failing ? errorReply(status, 'Scripted') : forward(),
        )
        const upload = await begin(client)
        await refused('SEALSTREAM_SERVICE', () => send(client, upload, 1))
        failing = false
        const before = proxy.exchanges.length
        await refused('SEALSTREAM_PART_CHANGED', () => send(client, upload, 1, part(2, SMALL)))
        expect(proxy.exchanges.length).to.equal(before)
        await send(client, upload, 1)
      }
    })

    it('is refused with other bytes when two attempts run at once', async () => {
      const { client, proxy } = await store.proxied()
      const upload = await begin(client)
      const outcomes = await Promise.allSettled([
        send(client, upload, 1),
        send(client, upload, 1, part(2, SMALL)),
      ])
      expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected'])
      expect(proxy.exchanges.filter(isPart).length).to.equal(1)
    })

    it('is refused when a context brought back from elsewhere has other bytes for it', async () => {
      const first = store.client()
      const second = store.client()
      const upload = await begin(first)
      const Upload = copyOf(upload.Upload)
      await send(second, upload, 1, part(2, SMALL), { Upload })
      await send(first, upload, 2)
      await refused('SEALSTREAM_PART_CHANGED', () => send(first, upload, 1, part(1, SMALL), { Upload }))
    })

    it('can have other bytes when the first ones never left', async () => {
      const { client, proxy } = await store.proxied()
      const upload = await begin(client)
      const wrongMd5 = createHash('md5').update('other').digest('base64')
      await refused('SEALSTREAM_INTEGRITY', () =>
        send(client, upload, 1, part(2, SMALL), { ContentMD5: wrongMd5 }),
      )
      await refused('SEALSTREAM_BODY_LENGTH', () =>
        send(client, upload, 1, Readable.from([part(2, SMALL)]), { ContentLength: 5 }),
      )
      await refused('SEALSTREAM_BODY_LENGTH', () =>
        send(client, upload, 1, Readable.from([part(2, SMALL)]), { ContentLength: MIB - 16 }),
      )
      expect(proxy.exchanges.filter(isPart)).to.deep.equal([])
      await send(client, upload, 1)
    })
  })

  it('checks ContentMD5 of the plaintext and never sends it', async () => {
    const { client, proxy } = await store.proxied()
    const upload = await begin(client)
    const ContentMD5 = createHash('md5').update(part(1, SMALL)).digest('base64')
    await send(client, upload, 1, part(1, SMALL), { ContentMD5 })
    expect(proxy.exchanges.filter(isPart).map(({ headers }) => headers['content-md5'])).to.deep.equal([
      undefined,
    ])
  })

  for (const number of [0, 10_001, 1.5, -1, Number.NaN, '1' as unknown as number]) {
    it(`refuses part number ${JSON.stringify(number)} (${typeof number}) before any request`, async () => {
      const { client, proxy } = await store.proxied()
      const upload = await begin(client)
      const error = await refused('SEALSTREAM_OPTION', () => send(client, upload, number, 'x'))
      expect(ofClass(error, OptionError).option).to.equal('PartNumber')
      expect(proxy.exchanges.length).to.equal(1)
    })
  }

  it('takes part number 10,000 at its own offset', async () => {
    const client = store.client()
    const upload = await begin(client)
    await send(client, upload, 10_000, 'x')
    expect(upload.Upload.Parts[10_000]!.Offset).to.equal(9_999 * MIB)
  })

  for (const over of [1, 16, MIB]) {
    for (const kind of ['Buffer', 'stream with ContentLength', 'stream without length']) {
      it(`refuses a part ${over} bytes longer than PartSize from a ${kind} before any request`, async () => {
        const { client, proxy } = await store.proxied()
        const upload = await begin(client)
        const bytes = PLAIN.subarray(0, MIB + over)
        const body = kind === 'Buffer' ? bytes : Readable.from([bytes])
        const length = kind === 'stream with ContentLength' ? { ContentLength: bytes.length } : {}
        await refused('SEALSTREAM_OPTION', () => send(client, upload, 1, body, length))
        expect(proxy.exchanges.filter(isPart)).to.deep.equal([])
      })
    }
  }

  it('refuses a PartSize of 5 GiB where no Buffer is that large, before any request', async () => {
    const { client, proxy } = await store.proxied()
    const PartSize = 5 * 1024 * MIB
    if (constants.MAX_LENGTH < PartSize) await refused('SEALSTREAM_OPTION', () => begin(client, { PartSize }))
    else await begin(client, { PartSize })
    expect(proxy.exchanges.filter(isPart)).to.deep.equal([])
  })

  describe('text as the body of a part', () => {
    const chunks = ['é', 'bü', 'ß']
    const expected = Buffer.from(chunks.join(''))

    for (const kind of ['with ContentLength', 'without length']) {
      it(`is stored as UTF-8 from a stream of text chunks ${kind}`, async () => {
        const client = store.client()
        const upload = await begin(client)
        const length = kind === 'with ContentLength' ? { ContentLength: expected.length } : {}
        await send(client, upload, 1, Readable.from(chunks), length)
        await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
        await expectStored(expected)
      })
    }

    for (const text of [chunks, ['é', 'b']]) {
      it(`is refused when ContentLength counts characters, not bytes: ${text.join(', ')}`, async () => {
        const client = store.client()
        const upload = await begin(client)
        const ContentLength = text.join('').length
        await refused('SEALSTREAM_BODY_LENGTH', () =>
          send(client, upload, 1, Readable.from(text), { ContentLength }),
        )
      })
    }
  })

  describe('completing', () => {
    const incomplete = async (
      client: CosEncryptionClient,
      params: { UploadId: string },
      MultipartUpload?: { Part: { PartNumber: number; ETag: string }[] },
    ): Promise<string> => {
      const { UploadId } = params
      const list = MultipartUpload === undefined ? {} : { MultipartUpload }
      const error = await refused('SEALSTREAM_PART_LIST', () =>
        client.completeMultipartUpload({ Key: 'k', UploadId, ...list }),
      )
      expect(await store.keys()).to.deep.equal([])
      expect(await store.uploads(), 'the upload stays').to.deep.equal([UploadId])
      return error.message
    }

    for (const missing of [1, 2]) {
      it(`is refused while part ${missing} of 3 is missing, and works once it is there`, async () => {
        const client = store.client()
        const upload = await begin(client)
        for (const number of [1, 2, 3]) if (number !== missing) await send(client, upload, number)
        expect(await incomplete(client, upload)).to.include(`part ${missing}`)
        await send(client, upload, missing)
        await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
        await expectStored(SMALL)
      })
    }

    it('is refused without parts', async () => {
      const client = store.client()
      await incomplete(client, await begin(client))
    })

    for (const length of [0, 16, MIB - 16, MIB - 1]) {
      it(`is refused when a middle part has ${length} bytes of a PartSize of ${MIB}`, async () => {
        const client = store.client()
        const upload = await begin(client)
        await send(client, upload, 1, part(1, SMALL).subarray(0, length))
        await send(client, upload, 2)
        expect(await incomplete(client, upload)).to.include('part 1')
      })
    }

    const lists: Record<
      string,
      (parts: { PartNumber: number; ETag: string }[]) => { PartNumber: number; ETag: string }[]
    > = {
      'a wrong ETag': (parts) => parts.map((entry, at) => (at === 1 ? { ...entry, ETag: '"0"' } : entry)),
      'the ETags of two parts exchanged': ([a, b, c]) => [
        { ...a!, ETag: b!.ETag },
        { ...b!, ETag: a!.ETag },
        c!,
      ],
      'a part too few': (parts) => parts.slice(0, 2),
      'a part too many': (parts) => [...parts, { PartNumber: 4, ETag: parts[0]!.ETag }],
    }
    for (const [title, alter] of Object.entries(lists)) {
      it(`is refused with a list that has ${title}`, async () => {
        const client = store.client()
        const upload = await begin(client)
        for (const number of [1, 2, 3]) await send(client, upload, number)
        const { Part } = await client.listParts({ Key: 'k', UploadId: upload.UploadId })
        await incomplete(client, upload, { Part: alter(Part) })
      })
    }

    it('is refused while a part that was begun is not stored: here part 3, aborted', async () => {
      const { client, proxy } = await store.proxied(async (exchange, forward) =>
        isPart(exchange) && exchange.query.get('partNumber') === '3'
          ? errorReply(500, 'InternalError')
          : forward(),
      )
      const upload = await begin(client)
      for (const number of [1, 2]) await send(client, upload, number)
      await refused('SEALSTREAM_SERVICE', () => send(client, upload, 3))
      const { UploadId } = upload
      const error = await refused('SEALSTREAM_PART_LIST', () =>
        client.completeMultipartUpload({ Key: 'k', UploadId }),
      )
      expect(error.message).to.include('part 3')
      expect(
        proxy.exchanges.filter(({ method, query }) => method === 'POST' && query.has('uploadId')),
      ).to.deep.equal([])
    })

    it('refuses an empty list before any request', async () => {
      const client = store.client()
      const upload = await begin(client)
      await send(client, upload, 1)
      const { UploadId } = upload
      await refused('SEALSTREAM_OPTION', () =>
        client.completeMultipartUpload({ Key: 'k', UploadId, MultipartUpload: { Part: [] } }),
      )
    })

    it('takes the Part of listParts as it is, in reverse, and with bare ETags', async () => {
      const forms: ((
        parts: { PartNumber: number; ETag: string }[],
      ) => { PartNumber: number; ETag: string }[])[] = [
        (parts) => parts,
        (parts) => [...parts].reverse(),
        (parts) => parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag: ETag.replaceAll('"', '') })),
      ]
      for (const form of forms) {
        const client = store.client()
        const upload = await begin(client)
        const { UploadId } = upload
        for (const number of [3, 1, 2]) await send(client, upload, number)
        const listed = await client.listParts({ Key: 'k', UploadId })
        await client.completeMultipartUpload({
          Key: 'k',
          UploadId,
          MultipartUpload: { Part: form(listed.Part) },
        })
        await expectStored(SMALL)
      }
    })

    for (const MultipartUpload of [
      {},
      { Part: 'x' },
      [],
      null,
      { Part: [{ PartNumber: 1 }] },
      { Part: [null] },
    ]) {
      it(`is refused as an option with MultipartUpload ${JSON.stringify(MultipartUpload)}`, async () => {
        const client = store.client()
        const { UploadId } = await begin(client)
        await send(client, { UploadId }, 1)
        const params = { Key: 'k', UploadId, MultipartUpload: MultipartUpload as { Part: [] } }
        const error = await refused('SEALSTREAM_OPTION', () => client.completeMultipartUpload(params))
        expect(ofClass(error, OptionError).option).to.match(/^MultipartUpload/)
      })
    }

    it('is refused with a part that is named twice with different ETags', async () => {
      const client = store.client()
      const upload = await begin(client)
      const { ETag } = await send(client, upload, 1)
      const Part = [
        { PartNumber: 1, ETag: '"0"' },
        { PartNumber: 1, ETag },
      ]
      const { UploadId } = upload
      const error = await failureOf(() =>
        client.completeMultipartUpload({ Key: 'k', UploadId, MultipartUpload: { Part } }),
      )
      expect(['SEALSTREAM_OPTION', 'SEALSTREAM_PART_LIST']).to.include(error.code)
    })

    for (const [title, bytes] of [
      ['of the same length', Buffer.alloc(MIB, 'foreign')],
      ['of another length', Buffer.alloc(MIB + 16, 'foreign')],
    ] as const) {
      it(`is refused when a plain client put a part ${title} in place of ours`, async () => {
        const client = store.client()
        const upload = await begin(client)
        for (const number of [1, 2, 3]) await send(client, upload, number)
        const { UploadId } = upload
        await store.plain().uploadPart({ Key: 'k', UploadId, PartNumber: 2, Body: bytes })
        expect(await incomplete(client, upload)).to.include('part 2')
        // Sending ours again repairs it.
        await send(client, upload, 2)
        await client.completeMultipartUpload({ Key: 'k', UploadId })
        await expectStored(SMALL)
      })
    }

    it('fails when a plain client put a part in place of ours and MD5 is switched off', async () => {
      const client = store.client({ integrity: 'crc64' })
      const { UploadId } = await begin(client)
      for (const number of [1, 2, 3]) await send(client, { UploadId }, number)
      await store.plain().uploadPart({ Key: 'k', UploadId, PartNumber: 2, Body: Buffer.alloc(MIB, 'x') })
      const error = await failureOf(() => client.completeMultipartUpload({ Key: 'k', UploadId }))
      expect(['SEALSTREAM_INTEGRITY', 'SEALSTREAM_PART_LIST']).to.include(error.code)
    })

    it('says verified length, not more, when this context did not send every part', async () => {
      const [first, second] = [store.client(), store.client()]
      const upload = await begin(first)
      await send(second, upload, 1, part(1, SMALL), { Upload: copyOf(upload.Upload) })
      await send(first, upload, 2)
      await send(first, upload, 3)
      const done = await first.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
      expect(done.verified).to.equal('length')
      await expectStored(SMALL)
    })

    it('lets go of the upload: another part is refused', async () => {
      const client = store.client()
      const upload = await begin(client)
      await send(client, upload, 1, 'x')
      await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
      const error = await refused('SEALSTREAM_OPTION', () => send(client, upload, 2, 'y'))
      expect(ofClass(error, OptionError).option).to.equal('Upload')
    })
  })

  describe('without PartSize', () => {
    it('takes parts of any multiple of 16 in ascending order', async () => {
      const client = store.client()
      const upload = await begin(client, {})
      const cuts = [0, MIB + 16, 2 * MIB + 48, 3 * MIB + 48, 5 * MIB, PLAIN.length]
      for (let n = 1; n < cuts.length; n++)
        await send(client, upload, n, PLAIN.subarray(cuts[n - 1], cuts[n]))
      const done = await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
      expect(done.verified).to.equal('crc64')
      await expectStored(PLAIN)
    })

    it('goes on in another client through JSON', async () => {
      const first = store.client()
      const upload = await begin(first, {})
      await send(first, upload, 1)
      const Upload = copyOf(upload.Upload)
      const second = store.client()
      await send(second, upload, 2, part(2, SMALL), { Upload })
      await send(second, upload, 3, part(3, SMALL), { Upload })
      const { UploadId } = upload
      await store.client().completeMultipartUpload({ Key: 'k', UploadId, Upload: copyOf(Upload) })
      await expectStored(SMALL)
    })

    it('gives calls made at once their offsets in the order of the calls', async () => {
      const client = store.client()
      const upload = await begin(client, {})
      // The first body is the slowest to arrive.
      async function* slowly(bytes: Buffer): AsyncGenerator<Buffer> {
        for (const piece of new Seeded(3).pieces(bytes, 50_000)) {
          await new Promise(setImmediate)
          yield piece
        }
      }
      const bodies = [slowly(part(1, SMALL)), new Blob([part(2, SMALL)]), part(3, SMALL)]
      await Promise.all(bodies.map((body, at) => send(client, upload, at + 1, body)))
      expect([1, 2, 3].map((n) => upload.Upload.Parts[n]!.Offset)).to.deep.equal([0, MIB, 2 * MIB])
      await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
      await expectStored(SMALL)
    })

    for (const [title, sent, number] of [
      ['a first part other than 1', [], 2],
      ['a gap', [1], 3],
    ] as const) {
      it(`refuses ${title} before any request`, async () => {
        const { client, proxy } = await store.proxied()
        const upload = await begin(client, {})
        for (const n of sent) await send(client, upload, n)
        const before = proxy.exchanges.length
        const error = await refused('SEALSTREAM_OPTION', () => send(client, upload, number, 'x'))
        expect(ofClass(error, OptionError).option).to.equal('PartNumber')
        expect(error.hint).to.include('PartSize')
        expect(proxy.exchanges.length).to.equal(before)
      })
    }

    for (const length of [MIB + 1, MIB + 15]) {
      it(`refuses a part after one of ${length} bytes, and completes without it`, async () => {
        const { client, proxy } = await store.proxied()
        const upload = await begin(client, {})
        await send(client, upload, 1, SMALL.subarray(0, length))
        const before = proxy.exchanges.length
        const error = await refused('SEALSTREAM_OPTION', () => send(client, upload, 2, 'x'))
        expect(error.message).to.include(String(length))
        expect(proxy.exchanges.length).to.equal(before)
        await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
        await expectStored(SMALL.subarray(0, length))
      })
    }

    it('goes on with the next call after one whose body failed', async () => {
      const client = store.client()
      const upload = await begin(client, {})
      const failing = send(client, upload, 1, Readable.from([Buffer.from('x')]), { ContentLength: 5 })
      const next = send(client, upload, 1)
      await refused('SEALSTREAM_BODY_LENGTH', () => failing)
      await next
    })

    it('refuses to complete with a part that this context did not send', async () => {
      const client = store.client()
      const upload = await begin(client, {})
      await send(client, upload, 1)
      const { UploadId } = upload
      await store.plain().uploadPart({ Key: 'k', UploadId, PartNumber: 2, Body: Buffer.alloc(16) })
      await refused('SEALSTREAM_PART_LIST', () => client.completeMultipartUpload({ Key: 'k', UploadId }))
    })

    it('rejects the call, and lets no error escape, when a body that waits its turn fails', async () => {
      const client = store.client()
      const upload = await begin(client, {})
      const first = new Readable({ read: () => undefined })
      const waiting = new Readable({ read: () => undefined })
      const sendingFirst = send(client, upload, 1, first, { ContentLength: 16 })
      const sendingSecond = failureOf(() => send(client, upload, 2, waiting, { ContentLength: 16 }))
      const closed = new Promise((resolve) => waiting.once('close', resolve))
      waiting.destroy(new Error('the source failed'))
      await closed
      first.push(Buffer.alloc(16))
      first.push(null)
      await sendingFirst
      await sendingSecond
    })
  })

  describe('the context', () => {
    for (const format of FORMATS) {
      for (const master of [AES_256, RSA_2048]) {
        it(`holds no trace of data key or IV as ${format} under ${master.name}`, async () => {
          const client = store.client({ format, masterKey: master.masterKey() })
          const upload = await begin(client)
          await send(client, upload, 1)
          const { key, iv } = master.secrets(upload.Upload.Envelope)
          const json = JSON.stringify(upload)
          expectNoTrace(json, key, 'the context')
          expectNoTrace(json, iv, 'the context')
          // Control: the key is the one that was used.
          const { bytes, headers } = await (async () => {
            await client.completeMultipartUpload({ Key: 'k', UploadId: upload.UploadId })
            return store.stored('k')
          })()
          expect(master.secrets(headers).key.equals(key)).to.equal(true)
          expect(bytes.equals(encryptedWith({ key, iv }, part(1, SMALL)))).to.equal(true)
        })
      }
    }

    it('survives JSON unchanged', async () => {
      const client = store.client()
      const upload = await begin(client)
      await send(client, upload, 1)
      expect(copyOf(upload.Upload)).to.deep.equal(upload.Upload)
    })

    it('is asked for where another client began the upload', async () => {
      const upload = await begin(store.client())
      const { client, proxy } = await store.proxied()
      const { UploadId } = upload
      for (const call of [
        () => send(client, upload, 1),
        () => send(client, { UploadId: 'ffffffffffffffffffffffffffffffff' }, 1),
        () => client.completeMultipartUpload({ Key: 'k', UploadId }),
      ]) {
        const error = await refused('SEALSTREAM_OPTION', call)
        expect(ofClass(error, OptionError).option).to.equal('Upload')
        expect(error.hint).to.include('createMultipartUpload')
      }
      expect(proxy.exchanges).to.deep.equal([])
    })

    it('of another upload is refused, naming what differs', async () => {
      const client = store.client()
      const [one, two] = [await begin(client), await begin(client)]
      const other = await client.createMultipartUpload({ Key: 'other', PartSize: MIB })
      const wrongId = await refused('SEALSTREAM_OPTION', () =>
        send(client, one, 1, 'x', { Upload: two.Upload }),
      )
      const wrongKey = await refused('SEALSTREAM_OPTION', () =>
        send(client, other, 1, 'x', { Upload: other.Upload }),
      )
      expect([wrongId, wrongKey].map((error) => ofClass(error, OptionError).option)).to.deep.equal([
        'Upload.UploadId',
        'Upload.Key',
      ])
    })

    it('of another upload is refused by a client that knows neither', async () => {
      const client = store.client()
      const [one, two] = [await begin(client), await begin(client)]
      await refused('SEALSTREAM_OPTION', () => send(store.client(), one, 1, 'x', { Upload: two.Upload }))
    })

    it('is refused under a master key that did not wrap it', async () => {
      const upload = await begin(store.client())
      const { client, proxy } = await store.proxied(undefined, { masterKey: AES_256.otherKey() })
      await refused('SEALSTREAM_UNWRAP', () =>
        send(client, upload, 1, 'x', { Upload: copyOf(upload.Upload) }),
      )
      expect(proxy.exchanges).to.deep.equal([])
    })

    it('of cos-python is not used under another AES master key, which would store bytes that nobody can read', async () => {
      const upload = await begin(store.client({ format: 'cos-python' }))
      const wrong = store.client({ format: 'cos-python', masterKey: AES_256.otherKey() })
      await failureOf(() => send(wrong, upload, 1, 'x', { Upload: copyOf(upload.Upload) }))
    })

    const damages: Record<string, (context: UploadContext) => unknown> = {
      'is null': () => null,
      'is text': () => 'context',
      'has another Version': (context) => ({ ...context, Version: 2 }),
      'has no Envelope': (context) => ({ ...context, Envelope: undefined }),
      'has a null Envelope': (context) => ({ ...context, Envelope: null }),
      'has no Parts': (context) => ({ ...context, Parts: undefined }),
      'has null Parts': (context) => ({ ...context, Parts: null }),
      'has a null part': (context) => ({ ...context, Parts: { 1: null } }),
      'has a part number 0': (context) => ({ ...context, Parts: { 0: context.Parts[1] } }),
      'has a part with a negative Offset': (context) => ({
        ...context,
        Parts: { 1: { ...context.Parts[1], Offset: -16 } },
      }),
      'has a part with a Crc64 that is no number': (context) => ({
        ...context,
        Parts: { 1: { ...context.Parts[1], Crc64: 'abc' } },
      }),
      'has a part with a numeric Md5': (context) => ({
        ...context,
        Parts: { 1: { ...context.Parts[1], Md5: 5 } },
      }),
      'has a part at an offset that PartSize does not give': (context) => ({
        ...context,
        Parts: { 3: { ...context.Parts[1], Offset: MIB } },
      }),
      'has another Format': (context) => ({ ...context, Format: 'sealed' }),
      'has an odd PartSize': (context) => ({ ...context, PartSize: MIB + 1 }),
    }
    for (const [damage, alter] of Object.entries(damages)) {
      for (const who of ['the client that began the upload', 'another client']) {
        it(`that ${damage} is refused by ${who} as an option`, async () => {
          const first = store.client()
          const upload = await begin(first)
          await send(first, upload, 1)
          const Upload = alter(copyOf(upload.Upload)) as UploadContext
          const client = who === 'another client' ? store.client() : first
          const error = await refused('SEALSTREAM_OPTION', () => send(client, upload, 2, part(2), { Upload }))
          expect(ofClass(error, OptionError).option).to.match(/^Upload/)
        })
      }
    }
  })

  it('does not go on, without PartSize, from a context whose parts lie over each other', async () => {
    const first = store.client()
    const upload = await begin(first, {})
    await send(first, upload, 1)
    await send(first, upload, 2)
    const Upload = copyOf(upload.Upload)
    Upload.Parts[2]!.Offset = 16
    const { client, proxy } = await store.proxied()
    const error = await refused('SEALSTREAM_OPTION', () => send(client, upload, 3, 'x', { Upload }))
    expect(ofClass(error, OptionError).option).to.match(/^Upload/)
    expect(proxy.exchanges).to.deep.equal([])
  })

  it('aborting removes the upload, its parts and the key', async () => {
    const client = store.client()
    const upload = await begin(client)
    await send(client, upload, 1)
    const { UploadId } = upload
    await client.abortMultipartUpload({ Key: 'k', UploadId })
    expect(await store.uploads()).to.deep.equal([])
    await refused('SEALSTREAM_OPTION', () => send(client, upload, 2))
    await refused('SEALSTREAM_OPTION', () => client.completeMultipartUpload({ Key: 'k', UploadId }))
    expect(await store.keys()).to.deep.equal([])
  })

  it('closing the client leaves the upload to others', async () => {
    const first = store.client()
    const upload = await begin(first)
    await send(first, upload, 1)
    await first.close()
    const second = store.client()
    const { Upload, UploadId } = copyOf(upload)
    await send(second, upload, 2, part(2, SMALL), { Upload })
    await send(second, upload, 3, part(3, SMALL))
    await second.completeMultipartUpload({ Key: 'k', UploadId })
    await expectStored(SMALL)
  })

  for (const PartSize of [1000, MIB - 16, MIB + 8, 1.5, Number.NaN, '1048576' as unknown as number]) {
    it(`refuses PartSize ${JSON.stringify(PartSize)} before any request`, async () => {
      const { client, proxy } = await store.proxied()
      const error = await refused('SEALSTREAM_OPTION', () => begin(client, { PartSize }))
      expect(ofClass(error, OptionError).option).to.equal('PartSize')
      expect(proxy.exchanges).to.deep.equal([])
    })
  }

  it('reports the part as progress', async () => {
    const client = store.client()
    const upload = await begin(client)
    const seen: unknown[] = []
    await send(client, upload, 1, part(1, SMALL), { onProgress: (progress) => seen.push(progress) })
    expect(seen.at(-1)).to.deep.equal({ bytes: MIB, total: MIB })
  })
})
