/** What a multipart upload of `sealed` by hand refuses: other bytes, other contexts, other sizes (RULES 2). */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { UploadContext } from '../../lib/encrypted/upload-context.js'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { OptionError } from '../../lib/errors.js'
import { AES_256, RSA_2048, rsaPublicOnly } from '../support/encrypting-masters.js'
import { SEALED, WRITERS, writing } from '../support/format-writers.js'
import { begin, complete, copyOf, expectJoined, sendPart } from '../support/hand-uploads.js'
import { MessageAudit } from '../support/message-audit.js'
import { ofClass } from '../support/of-class.js'
import { failureOf, refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { content, MIB, transferBench } from '../support/transfers.js'

const CHUNK = 16_384
const PLAIN = content(2 * MIB + 99, 3)
const part = (number: number): Buffer => PLAIN.subarray((number - 1) * MIB, number * MIB)
/** Stored bytes of a part in the middle; the first one has the head before them. */
const HAND_PART = 64 * (CHUNK + 16)

describe('a multipart upload by hand, sealed, refuses', () => {
  let audit = new MessageAudit(HAND_PART, 56)
  const bench = transferBench({ onBody: (event) => audit.record(event) }, { once: true })
  let client: CosEncryptionClient
  beforeEach(() => {
    audit = new MessageAudit(HAND_PART, 56)
    client = writing(bench, SEALED)
  })
  afterEach(async () => {
    for (const { Key, UploadId } of (await bench.plain().listMultipartUploads()).Upload)
      await bench.plain().abortMultipartUpload({ Key, UploadId })
  })

  for (const PartSize of [MIB + 16, MIB + 8192, MIB - CHUNK, 16_384, 1.5 * MIB + 1]) {
    it(`PartSize ${PartSize}, before any request`, async () => {
      const before = bench.calls.length
      const error = await refused('SEALSTREAM_OPTION', () => begin(client, { PartSize }))
      expect(ofClass(error, OptionError).option).to.equal('PartSize')
      expect(bench.calls.length).to.equal(before)
    })
  }

  it('a part larger than PartSize', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await refused('SEALSTREAM_OPTION', () => sendPart(client, upload, 1, PLAIN))
    expect(bench.count('uploadPart')).to.equal(0)
  })

  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 1
    return copy
  }
  const changes: Readonly<Record<string, [body: Buffer, more?: { Last: true }]>> = {
    'its first byte changed': [flipped(part(2), 0)],
    'its last byte changed': [flipped(part(2), MIB - 1)],
    'its last byte missing': [part(2).subarray(0, -1)],
    'its last chunk missing': [part(2).subarray(0, -CHUNK)],
    'nothing left': [Buffer.alloc(0)],
    'Last that was not there': [part(2), { Last: true }],
  }
  for (const PartSize of [MIB, undefined]) {
    for (const [title, [body, more = {}]] of Object.entries(changes)) {
      it(`a part sent again with ${title}, from this client and another, PartSize ${PartSize}`, async () => {
        const upload = await begin(client, PartSize === undefined ? {} : { PartSize })
        await sendPart(client, upload, 1, part(1))
        await sendPart(client, upload, 2, part(2))
        const sent = bench.count('uploadPart')
        await refused('SEALSTREAM_PART_CHANGED', () => sendPart(client, upload, 2, body, more))
        const second = writing(bench, SEALED)
        const Upload = copyOf(upload.Upload)
        await refused('SEALSTREAM_PART_CHANGED', () => sendPart(second, upload, 2, body, { ...more, Upload }))
        expect(bench.count('uploadPart'), 'none of it left').to.equal(sent)
        await sendPart(second, upload, 2, part(2), { Upload: copyOf(upload.Upload) })
        await sendPart(client, upload, 3, PLAIN.subarray(2 * MIB))
        await complete(client, upload)
        await expectJoined(bench, SEALED, client, PLAIN)
        expect(audit.conflicts).to.equal(0)
      })
    }
  }

  it('other bytes for a part that another client stored, which the context does not know', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await sendPart(client, upload, 2, part(2))
    const Upload: UploadContext = { ...copyOf(upload.Upload), Parts: {} }
    const second = writing(bench, SEALED)
    await refused('SEALSTREAM_PART_CHANGED', () =>
      sendPart(second, upload, 2, flipped(part(2), 9), { Upload }),
    )
    await sendPart(second, upload, 2, part(2), { Upload })
    expect(Upload.Parts[2]).to.include({ Offset: MIB, Size: MIB })
  })

  it('other bytes for a part that failed, so that its nonces meet one plaintext', async () => {
    for (const PartSize of [MIB, undefined]) {
      const upload = await begin(client, PartSize === undefined ? {} : { PartSize })
      bench.server.faults.add({ kind: 'internal-error', operation: 'uploadPart', times: 2 })
      await failureOf(() => sendPart(client, upload, 1, part(1)))
      const Upload = copyOf(upload.Upload)
      const second = writing(bench, SEALED)
      await failureOf(() => sendPart(second, upload, 1, part(1), { Upload }))
      bench.forget()
      for (const [who, more] of [
        [client, {}],
        [second, { Upload: copyOf(Upload) }],
      ] as const) {
        await refused('SEALSTREAM_PART_CHANGED', () => sendPart(who, upload, 1, part(2), more))
      }
      await refused('SEALSTREAM_PART_LIST', () => complete(client, upload))
      await sendPart(second, upload, 1, part(1))
      expect(audit.conflicts).to.equal(0)
    }
  })

  it('a client with another context, or other master keys, before any request', async () => {
    const context = { document: 'one' }
    const first = writing(bench, SEALED, { context })
    const upload = await begin(first, { PartSize: MIB })
    await sendPart(first, upload, 1, part(1))
    const { Upload } = upload
    const sent = bench.calls.length
    for (const other of [{ document: 'two' }, {}, { document: 'one', more: '' }]) {
      const second = writing(bench, SEALED, { context: other })
      await refused('SEALSTREAM_CONTEXT', () =>
        sendPart(second, upload, 2, part(2), { Upload: copyOf(Upload) }),
      )
      await refused('SEALSTREAM_CONTEXT', () => complete(second, upload, { Upload: copyOf(Upload) }))
    }
    for (const masterKey of [
      AES_256.otherKey,
      () => RSA_2048.masterKey(),
      WRITERS.find(({ name }) => name.includes('Keyring'))!.masterKey,
    ]) {
      const second = writing(bench, { ...SEALED, masterKey }, { context })
      await refused('SEALSTREAM_UNWRAP', () =>
        sendPart(second, upload, 2, part(2), { Upload: copyOf(Upload) }),
      )
    }
    expect(bench.calls.slice(sent).filter(({ operation }) => operation === 'uploadPart')).to.deep.equal([])
    const right = writing(bench, SEALED, { context: { document: 'one' } })
    await sendPart(right, upload, 2, part(2).subarray(0, 5), { Upload: copyOf(Upload) })
    await complete(right, upload)
    const got = await right.getObject({ Key: 'k' })
    expect(got.ContentLength).to.equal(MIB + 5)
  })

  it('an Upload whose salt, context digest or sizes are not what they should be', async () => {
    const upload = await begin(client, { PartSize: MIB })
    await sendPart(client, upload, 1, part(1))
    const Parts = (more: object): UploadContext['Parts'] => ({ 1: { ...upload.Upload.Parts[1]!, ...more } })
    const damages: [
      change: object,
      code: 'SEALSTREAM_OPTION' | 'SEALSTREAM_UNWRAP' | 'SEALSTREAM_CONTEXT',
    ][] = [
      [{ Salt: undefined }, 'SEALSTREAM_OPTION'],
      [{ Salt: 5 }, 'SEALSTREAM_OPTION'],
      [{ Salt: '' }, 'SEALSTREAM_OPTION'],
      [{ Salt: 'AAAA' }, 'SEALSTREAM_UNWRAP'],
      [{ Salt: '*' }, 'SEALSTREAM_UNWRAP'],
      [{ ContextDigest: undefined }, 'SEALSTREAM_OPTION'],
      [{ ContextDigest: 'x' }, 'SEALSTREAM_CONTEXT'],
      [{ PartSize: MIB + 16 }, 'SEALSTREAM_OPTION'],
      [{ Parts: Parts({ Size: MIB + 1 }) }, 'SEALSTREAM_OPTION'],
      [{ Parts: Parts({ Size: undefined }) }, 'SEALSTREAM_OPTION'],
      [{ Parts: Parts({ Last: 1 }) }, 'SEALSTREAM_OPTION'],
      [{ Parts: Parts({ Last: false }) }, 'SEALSTREAM_OPTION'],
      [{ Format: 'cos-java-gcm' }, 'SEALSTREAM_OPTION'],
      [{ Format: 'other' }, 'SEALSTREAM_OPTION'],
    ]
    const before = bench.count('uploadPart')
    for (const [change, code] of damages) {
      const Upload = { ...copyOf(upload.Upload), ...change } as UploadContext
      await refused(code, () => sendPart(writing(bench, SEALED), upload, 2, part(2), { Upload }))
    }
    expect(bench.count('uploadPart')).to.equal(before)
  })

  it('to show the data key in the Upload, and a client that could not read it', async () => {
    const upload = await begin(client, { PartSize: MIB })
    const text = JSON.stringify(upload.Upload)
    const { Envelope, Salt } = upload.Upload
    expect(Buffer.from(Salt!, 'base64').length).to.equal(24)
    expect(Object.keys(Envelope).length).to.equal(3)
    const { dataKey } = await openEnvelope(Envelope, AES_256.masterKey(), { policy: 'any' })
    await dataKey.withBytes((key) => expectNoTrace(text, key, 'the Upload'))
    const half = writing(bench, { ...SEALED, masterKey: rsaPublicOnly })
    const other = await begin(half, { PartSize: MIB })
    await sendPart(half, other, 1, part(1))
    const next = writing(bench, { ...SEALED, masterKey: rsaPublicOnly })
    await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', () =>
      sendPart(next, other, 2, part(2), { Upload: copyOf(other.Upload) }),
    )
  })
})
