/** Multipart uploads of `sealed` by hand: parts in any order, from several clients, and how the object ends (RULES 2). */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { UploadContext } from '../../lib/encrypted/upload-context.js'
import { OptionError } from '../../lib/errors.js'
import { SEALED, storedSizeOf, WRITERS, writing } from '../support/format-writers.js'
import { begin, complete, copyOf, expectJoined, sendPart } from '../support/hand-uploads.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { content, MIB, transferBench } from '../support/transfers.js'

const CHUNK = 16_384
const LAST = 12_345
const PLAIN = content(4 * MIB + LAST, 1)
const part = (number: number, of = PLAIN, size = MIB): Buffer =>
  of.subarray((number - 1) * size, number * size)
const HAND_PART = 64 * (CHUNK + 16)

describe('a multipart upload by hand, sealed', () => {
  const bench = transferBench({}, { once: true })
  let client: CosEncryptionClient
  beforeEach(() => void (client = writing(bench, SEALED)))
  afterEach(async () => {
    for (const { Key, UploadId } of (await bench.plain().listMultipartUploads()).Upload)
      await bench.plain().abortMultipartUpload({ Key, UploadId })
  })

  const expectObject = (plain: Buffer, writer = SEALED): Promise<void> =>
    expectJoined(bench, writer, writing(bench, writer), plain)

  for (const writer of WRITERS.filter(({ format }) => format === 'sealed')) {
    it(`${writer.name}: joins parts of PartSize in any order, the last one shorter`, async () => {
      const own = writing(bench, writer)
      const upload = await begin(own, { PartSize: MIB })
      expect(upload).to.include({ format: 'sealed', authenticated: true })
      for (const number of [3, 5, 1, 4, 2]) {
        const told = await sendPart(own, upload, number, part(number))
        const isLast = number === 5
        expect(told).to.include({
          ContentLength: isLast ? LAST : MIB,
          StoredLength: (number === 1 ? 56 : 0) + (isLast ? LAST + 16 : HAND_PART),
          format: 'sealed',
          authenticated: true,
          verified: 'crc64',
        })
      }
      const done = await complete(own, upload)
      expect(done).to.include({
        ContentLength: PLAIN.length,
        StoredLength: storedSizeOf('sealed', PLAIN.length),
        verified: 'crc64',
        format: 'sealed',
        authenticated: true,
      })
      await expectObject(PLAIN, writer)
    })
  }

  it('joins parts sent at once', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await Promise.all([5, 2, 4, 1, 3].map((number) => sendPart(client, upload, number, part(number))))
    await complete(client, upload)
    await expectObject(PLAIN)
  })

  it('joins parts of two clients that know the upload through JSON', async () => {
    const upload = await begin(client, { PartSize: MIB })
    const second = writing(bench, SEALED)
    const Upload = copyOf(upload.Upload)
    await sendPart(client, upload, 4, part(4))
    await sendPart(second, upload, 2, part(2), { Upload })
    await sendPart(second, upload, 5, part(5))
    await sendPart(client, upload, 1, part(1))
    await sendPart(second, upload, 3, part(3))
    expect(Object.keys(Upload.Parts)).to.deep.equal(['2', '3', '5'])
    expect(Upload.Parts[5]).to.include({ Last: true, Size: LAST })
    const done = await complete(second, upload, { Upload: copyOf(upload.Upload) })
    expect(done.verified).to.equal('crc64')
    await expectObject(PLAIN)
  })

  it('is completed by a client that sent none of it', async () => {
    for (const plain of [PLAIN, PLAIN.subarray(0, 2 * MIB)]) {
      const upload = await begin(client, { PartSize: MIB })
      for (let number = 1; (number - 1) * MIB < plain.length; number++)
        await sendPart(client, upload, number, part(number, plain))
      const Upload: UploadContext = { ...copyOf(upload.Upload), Parts: {} }
      const done = await complete(writing(bench, SEALED), upload, { Upload })
      expect(done.ContentLength).to.equal(plain.length)
      await expectObject(plain)
    }
  })

  describe('its end', () => {
    it('is the short last part, or the one flagged Last', async () => {
      for (const size of [MIB + 1, MIB + CHUNK, 2 * MIB - 1, 2 * MIB - CHUNK]) {
        const plain = PLAIN.subarray(0, size)
        const upload = await begin(client, { PartSize: MIB })
        for (const number of [2, 1]) await sendPart(client, upload, number, part(number, plain))
        await complete(client, upload)
        await expectObject(plain)
      }
      const plain = PLAIN.subarray(0, 2 * MIB)
      const upload = await begin(client, { PartSize: MIB })
      const last = await sendPart(client, upload, 2, part(2, plain), { Last: true })
      expect(last.StoredLength).to.equal(HAND_PART + 16)
      await sendPart(client, upload, 1, part(1, plain))
      expect((await bench.plain().listParts({ Key: 'k', UploadId: upload.UploadId })).Part.length).to.equal(2)
      await complete(client, upload)
      await expectObject(plain)
    })

    for (const PartSize of [MIB, undefined]) {
      it(`is a part of 16 bytes of its own where none has it, PartSize ${PartSize}`, async () => {
        const plain = PLAIN.subarray(0, 2 * MIB)
        const options = PartSize === undefined ? {} : { PartSize }
        const upload = await begin(client, options)
        for (const number of [1, 2]) await sendPart(client, upload, number, part(number, plain))
        await complete(client, upload)
        expect(upload.Upload.Parts[3]).to.include({ Offset: 2 * MIB, Size: 0, Length: 16, Last: true })
        await expectObject(plain)
      })
    }

    it('is sent again where completing failed on it, or after it', async () => {
      const plain = PLAIN.subarray(0, MIB)
      for (const operation of ['uploadPart', 'completeMultipartUpload'] as const) {
        const upload = await begin(client, { PartSize: MIB })
        await sendPart(client, upload, 1, part(1, plain))
        bench.server.faults.add({ kind: 'conflict', operation })
        const error = await failureOf(() => complete(client, upload))
        expect(error).to.have.property('status', 409)
        bench.forget()
        await complete(client, upload)
        await expectObject(plain)
      }
    })

    it('is not asked for in MultipartUpload, also when completing is asked for again', async () => {
      const plain = PLAIN.subarray(0, MIB)
      const upload = await begin(client, { PartSize: MIB })
      const { ETag } = await sendPart(client, upload, 1, part(1, plain))
      const MultipartUpload = { Part: [{ PartNumber: 1, ETag }] }
      bench.server.faults.add({ kind: 'conflict', operation: 'completeMultipartUpload' })
      await failureOf(() => complete(client, upload, { MultipartUpload }))
      bench.forget()
      await complete(client, upload, { MultipartUpload })
      await expectObject(plain)
    })

    it('is written into the Upload that was given, also where sending it failed', async () => {
      const upload = await begin(client, { PartSize: MIB })
      await sendPart(client, upload, 1, part(1))
      bench.server.faults.add({ kind: 'internal-error', operation: 'uploadPart' })
      const Upload = copyOf(upload.Upload)
      await failureOf(() => complete(client, upload, { Upload }))
      bench.forget()
      expect(Upload.Parts[2]).to.include({ Offset: MIB, Size: 0, Last: true })
      // The 16 bytes have left: the same nonce must not meet other bytes.
      const second = writing(bench, SEALED)
      await refused('SEALSTREAM_PART_CHANGED', () =>
        sendPart(second, upload, 2, part(2), { Upload: copyOf(Upload) }),
      )
    })

    it('of nothing at all is one part, empty, whichever way it is said', async () => {
      for (const [options, more] of [
        [{ PartSize: MIB }, {}],
        [{ PartSize: MIB }, { Last: true }],
        [{}, { Last: true }],
      ] as const) {
        const upload = await begin(client, options)
        await sendPart(client, upload, 1, Buffer.alloc(0), more)
        await complete(client, upload)
        await expectObject(Buffer.alloc(0))
      }
    })

    it('of nothing at all is one part, empty, without PartSize and Last', async () => {
      const upload = await begin(client)
      await sendPart(client, upload, 1, Buffer.alloc(0))
      await complete(client, upload)
      await expectObject(Buffer.alloc(0))
    })

    it('is followed by nothing', async () => {
      for (const [size, more] of [
        [LAST, {}],
        [MIB, { Last: true }],
      ] as const) {
        const upload = await begin(client, { PartSize: MIB })
        await sendPart(client, upload, 2, PLAIN.subarray(0, size), more)
        const error = await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 3, part(3)))
        expect(ofClass(error, OptionError).option).to.equal('PartNumber')
      }
      const upload = await begin(client, { PartSize: MIB })
      await sendPart(client, upload, 1, part(1))
      bench.server.faults.add({ kind: 'conflict', operation: 'completeMultipartUpload' })
      await failureOf(() => complete(client, upload))
      bench.forget()
      await refused('SEALSTREAM_PART_CHANGED', () => sendPart(client, upload, 2, part(2)))
      await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 3, part(3)))
    })

    const ends: [body: Buffer, more: { Last?: true }][] = [
      [part(2).subarray(0, CHUNK), {}],
      [part(2), { Last: true }],
      [Buffer.alloc(0), {}],
    ]
    for (const [body, more] of ends) {
      it(`is not a part before others: ${body.length} bytes, ${JSON.stringify(more)}`, async () => {
        const upload = await begin(client, { PartSize: MIB })
        await sendPart(client, upload, 3, part(3))
        const error = await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 2, body, more))
        expect(ofClass(error, OptionError).option).to.equal('Last')
        // Also by a client that knows of no part but what the service has.
        const Upload: UploadContext = { ...copyOf(upload.Upload), Parts: {} }
        const second = writing(bench, SEALED)
        await refused('SEALSTREAM_OPTION', () => sendPart(second, upload, 2, body, { ...more, Upload }))
        // What was refused took no place.
        for (const number of [4, 2, 1]) await sendPart(client, upload, number, part(number))
        await complete(client, upload)
        await expectObject(PLAIN.subarray(0, 4 * MIB))
      })

      it(`that is before others of another client is found out when completing: ${body.length} bytes, ${JSON.stringify(more)}`, async () => {
        const upload = await begin(client, { PartSize: MIB })
        const second = writing(bench, SEALED)
        await sendPart(second, upload, 1, part(1), { Upload: copyOf(upload.Upload) })
        await sendPart(client, upload, 3, part(3))
        await sendPart(second, upload, 2, body, more)
        for (const who of [client, second, writing(bench, SEALED)]) {
          const Upload: UploadContext = { ...copyOf(upload.Upload), Parts: {} }
          await refused('SEALSTREAM_PART_LIST', () => complete(who, upload, { Upload }))
        }
      })
    }
  })

  it('without PartSize takes ascending multiples of 16,384, and an end of any size', async () => {
    const cuts = [0, MIB + 3 * CHUNK, 2 * MIB + 5 * CHUNK, PLAIN.length]
    const upload = await begin(client)
    for (const number of [1, 2, 3, 2, 1]) {
      await sendPart(client, upload, number, PLAIN.subarray(cuts[number - 1], cuts[number]))
    }
    await complete(client, upload)
    await expectObject(PLAIN)
  })

  it('without PartSize refuses a gap, and whatever follows a part that ended the object', async () => {
    const upload = await begin(client)
    await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 2, part(2)))
    await sendPart(client, upload, 1, PLAIN.subarray(0, MIB + 16))
    expect(upload.Upload.Parts[1]).to.have.property('Last', true)
    await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 2, part(2)))
  })
})
