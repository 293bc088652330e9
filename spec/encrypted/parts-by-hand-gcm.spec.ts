/** Multipart uploads of `cos-java-gcm` by hand: in order, in one client, the last part flagged (RULES 2.3). */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { OptionError } from '../../lib/errors.js'
import { GCM, WRITERS, writing } from '../support/format-writers.js'
import { begin, complete, copyOf, expectJoined, sendPart } from '../support/hand-uploads.js'
import { MessageAudit } from '../support/message-audit.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { content, MIB, transferBench } from '../support/transfers.js'

const PLAIN = content(2 * MIB + 99, 5)
const part = (number: number): Buffer => PLAIN.subarray((number - 1) * MIB, number * MIB)
const LAST = { Last: true }

describe('a multipart upload by hand, cos-java-gcm', () => {
  let audit = new MessageAudit(MIB)
  const bench = transferBench({ onBody: (event) => audit.record(event) }, { once: true })
  let client: CosEncryptionClient
  beforeEach(() => {
    audit = new MessageAudit(MIB)
    client = writing(bench, GCM)
  })
  afterEach(async () => {
    expect(audit.conflicts, 'one plaintext at each position').to.equal(0)
    for (const { Key, UploadId } of (await bench.plain().listMultipartUploads()).Upload)
      await bench.plain().abortMultipartUpload({ Key, UploadId })
  })

  for (const writer of WRITERS.filter(({ format }) => format === 'cos-java-gcm')) {
    for (const PartSize of [MIB, undefined]) {
      it(`${writer.name}: joins ascending parts, the last one flagged, PartSize ${PartSize}`, async () => {
        const own = writing(bench, writer)
        const upload = await begin(own, PartSize === undefined ? {} : { PartSize })
        expect(upload).to.include({ format: 'cos-java-gcm', authenticated: false })
        expect(await sendPart(own, upload, 1, part(1))).to.include({ ContentLength: MIB, StoredLength: MIB })
        expect(await sendPart(own, upload, 2, part(2))).to.include({ ContentLength: MIB, StoredLength: MIB })
        const last = await sendPart(own, upload, 3, part(3), LAST)
        expect(last).to.include({ ContentLength: 99, StoredLength: 99 + 16, verified: 'crc64' })
        const done = await complete(own, upload)
        expect(done).to.include({ ContentLength: PLAIN.length, StoredLength: PLAIN.length + 16 })
        await expectJoined(bench, writer, own, PLAIN)
      })
    }
  }

  it('joins a last part of PartSize, an empty one, and one that is all there is', async () => {
    for (const cuts of [
      [0, MIB, 2 * MIB],
      [0, MIB, MIB],
      [0, 50],
      [0, 0],
    ]) {
      const upload = await begin(client, { PartSize: MIB })
      for (let number = 1; number < cuts.length; number++) {
        const body = PLAIN.subarray(cuts[number - 1], cuts[number])
        await sendPart(client, upload, number, body, number === cuts.length - 1 ? LAST : {})
      }
      await complete(client, upload)
      await expectJoined(bench, GCM, client, PLAIN.subarray(0, cuts.at(-1)))
    }
  })

  it('takes calls that overlap, in the order in which they were made', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await Promise.all([1, 2, 3].map((n) => sendPart(client, upload, n, part(n), n === 3 ? LAST : {})))
    await complete(client, upload)
    await expectJoined(bench, GCM, client, PLAIN)
  })

  it('takes the same part again, whichever it is, also the last one with its tag', async () => {
    for (const PartSize of [MIB, undefined]) {
      const upload = await begin(client, PartSize === undefined ? {} : { PartSize })
      const etags = new Map<number, string>()
      for (const number of [1, 1, 2, 1, 2, 3, 2, 3, 1, 3]) {
        const { ETag } = await sendPart(client, upload, number, part(number), number === 3 ? LAST : {})
        expect(etags.get(number) ?? ETag).to.equal(ETag)
        etags.set(number, ETag)
      }
      await complete(client, upload)
      await expectJoined(bench, GCM, client, PLAIN)
    }
  })

  it('goes on after a part that failed, sent again with the same bytes', async () => {
    const upload = await begin(client, { PartSize: MIB })
    for (const number of [1, 2, 3]) {
      const more = number === 3 ? LAST : {}
      bench.server.faults.add({ kind: 'internal-error', operation: 'uploadPart' })
      await failureOf(() => sendPart(client, upload, number, part(number), more))
      bench.forget()
      const changed = Buffer.from(part(number))
      changed[0]! ^= 1
      await refused('SEALSTREAM_PART_CHANGED', () => sendPart(client, upload, number, changed, more))
      await sendPart(client, upload, number, part(number), more)
    }
    await complete(client, upload)
    await expectJoined(bench, GCM, client, PLAIN)
  })

  it('goes on after a part whose body failed before it was there', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await sendPart(client, upload, 1, part(1))
    await refused('SEALSTREAM_BODY_LENGTH', () =>
      client.uploadPart({
        Key: 'k',
        UploadId: upload.UploadId,
        PartNumber: 2,
        Body: [part(2).subarray(0, 70_000)],
        ContentLength: MIB,
      }),
    )
    await refused('SEALSTREAM_INTEGRITY', () =>
      sendPart(client, upload, 2, part(2), { ContentMD5: Buffer.alloc(16).toString('base64') }),
    )
    await sendPart(client, upload, 2, part(2))
    await sendPart(client, upload, 3, part(3), LAST)
    await complete(client, upload)
    await expectJoined(bench, GCM, client, PLAIN)
  })

  it('refuses a part out of order, as an option, and takes the right one then', async () => {
    for (const PartSize of [MIB, undefined]) {
      const upload = await begin(client, PartSize === undefined ? {} : { PartSize })
      for (const number of [2, 3]) {
        const error = await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, number, part(2)))
        expect(ofClass(error, OptionError).option).to.equal('PartNumber')
      }
      await sendPart(client, upload, 1, part(1))
      await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 3, part(3), LAST))
      await sendPart(client, upload, 2, part(2), LAST)
      await complete(client, upload)
      await expectJoined(bench, GCM, client, PLAIN.subarray(0, 2 * MIB))
    }
  })

  it('asks for Last: a shorter part without it is refused, and so is completing', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await sendPart(client, upload, 1, part(1))
    const error = await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 2, part(3)))
    expect(ofClass(error, OptionError).option).to.equal('Last')
    const list = await refused('SEALSTREAM_PART_LIST', () => complete(client, upload))
    expect(list.message).to.contain('Last')
    // What was refused moved nothing on.
    await sendPart(client, upload, 2, part(3), LAST)
    await complete(client, upload)
    await expectJoined(bench, GCM, client, Buffer.concat([part(1), part(3)]))
  })

  it('refuses what follows the last part, and the last part with other bytes', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await sendPart(client, upload, 1, part(1), LAST)
    await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 2, part(2), LAST))
    await refused('SEALSTREAM_PART_CHANGED', () => sendPart(client, upload, 1, part(2), LAST))
    await refused('SEALSTREAM_PART_CHANGED', () => sendPart(client, upload, 1, part(1)))
    await complete(client, upload)
    await expectJoined(bench, GCM, client, part(1))
  })

  it('that was sent without Last is not the last one by being sent again with it', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await sendPart(client, upload, 1, part(1))
    await refused('SEALSTREAM_PART_CHANGED', () => sendPart(client, upload, 1, part(1), LAST))
    await sendPart(client, upload, 2, Buffer.alloc(0), LAST)
    await complete(client, upload)
    await expectJoined(bench, GCM, client, part(1))
  })

  it('is not gone on with by another client, whatever it is asked', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await sendPart(client, upload, 1, part(1))
    const second = writing(bench, GCM)
    for (const call of [
      () => sendPart(second, upload, 2, part(2), { Upload: copyOf(upload.Upload) }),
      () => sendPart(second, upload, 1, part(1), { Upload: copyOf(upload.Upload) }),
      () => complete(second, upload, { Upload: copyOf(upload.Upload) }),
    ]) {
      const error = await refused('SEALSTREAM_OPTION', call)
      expect(ofClass(error, OptionError).option).to.equal('Upload')
    }
    await sendPart(client, upload, 2, part(2), { ...LAST, Upload: copyOf(upload.Upload) })
    await complete(client, upload, { Upload: copyOf(upload.Upload) })
    await expectJoined(bench, GCM, client, PLAIN.subarray(0, 2 * MIB))
  })

  it('takes Last as a boolean alone', async () => {
    const upload = await begin(client, { PartSize: MIB })
    for (const Last of ['true', 1, null]) {
      const error = await refused('SEALSTREAM_OPTION', () =>
        sendPart(client, upload, 1, part(1), { Last: Last as never }),
      )
      expect(ofClass(error, OptionError).option).to.equal('Last')
    }
  })
})
