import { appendFile, copyFile, rename, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { EncryptedUploadFileParams } from '../../lib/encrypted/transfers.js'
import { AES_256, MASTERS, RSA_2048 } from '../support/encrypting-masters.js'
import {
  type CheckpointContent,
  expectUploaded,
  type FileUpload,
  fileUploads,
  SHORT_CONTENT as CONTENT,
} from '../support/interrupted-upload.js'
import { Seeded } from '../support/seeded.js'
import { CLIENT_KINDS, PART, TWO_KINDS, type UploadRig, uploadRigs } from '../support/upload-rig.js'

type More = Partial<EncryptedUploadFileParams>

/** What happens to the source between two runs, the reason that the second one gives, and what is to be stored. */
const CHANGES: Record<string, [change: (file: FileUpload) => Promise<Buffer>, reason: string]> = {
  'a byte longer': [
    async ({ path }) => {
      await appendFile(path, 'x')
      return Buffer.concat([CONTENT, Buffer.from('x')])
    },
    'the size of the source changed',
  ],
  'so short that it fits one part': [
    async ({ path }) => {
      await truncate(path, 100)
      return CONTENT.subarray(0, 100)
    },
    'the size of the source changed',
  ],
  empty: [
    async ({ path }) => {
      await truncate(path, 0)
      return Buffer.alloc(0)
    },
    'the size of the source changed',
  ],
  'of another time': [
    async ({ path }) => {
      await utimes(path, 1000, 1000)
      return CONTENT
    },
    'the source changed',
  ],
  'of other content, size and time restored': [
    async ({ path }) => {
      const { atime, mtime } = await stat(path)
      const other = Buffer.from(CONTENT)
      other[2 * PART]! ^= 1
      await writeFile(path, other)
      await utimes(path, atime, mtime)
      return other
    },
    'the source changed',
  ],
  'replaced by a copy of itself': [
    async ({ path }) => {
      await copyFile(path, `${path}2`)
      await rename(`${path}2`, path)
      return CONTENT
    },
    'the source changed',
  ],
}

const HEADERS: Record<string, More> = {
  ContentType: { ContentType: 'text/plain' },
  Metadata: { Metadata: { a: 'b' } },
  StorageClass: { StorageClass: 'STANDARD_IA' },
  ACL: { ACL: 'private' },
  Tagging: { Tagging: 'a=b' },
  ServerSideEncryption: { ServerSideEncryption: 'AES256' },
  CustomHeaders: { CustomHeaders: { 'x-cos-something': 'new' } },
}

describe('a checkpoint is not followed, and the file uploaded afresh', () => {
  const start = uploadRigs()
  const makeOf = fileUploads()
  const make = (): Promise<FileUpload> => makeOf(CONTENT)

  /** After the second run: it said why, and dropped the upload of the first. */
  function expectDropped(rig: UploadRig, { events }: FileUpload, reason: string, before: number): void {
    expect(events).to.deep.equal([{ type: 'restarted', reason }])
    const aborted = rig.requests.slice(before).filter(({ operation }) => operation === 'abortMultipartUpload')
    expect(aborted.map(({ status }) => status)).to.deep.equal([204])
  }

  /** After the second run: nothing proves that the upload is one's own, so it is reported, and left. */
  async function expectLeft(
    rig: UploadRig,
    file: FileUpload,
    reason: string,
    { UploadId, Bucket }: CheckpointContent,
  ): Promise<void> {
    expect(file.events).to.deep.equal([
      { type: 'orphans', uploadIds: [UploadId] },
      { type: 'restarted', reason },
    ])
    expect(rig.of('abortMultipartUpload')).to.deep.equal([])
    expect(await rig.uploads(String(Bucket))).to.deep.equal([UploadId])
    expect((await rig.contentOf())?.equals(CONTENT)).to.equal(true)
    expect(await file.others()).to.deep.equal([])
  }

  for (const kind of TWO_KINDS) {
    for (const [name, [change, reason]] of Object.entries(CHANGES)) {
      it(`where the source is ${name}, ${kind}`, async () => {
        const [rig, file] = [await start(), await make()]
        await file.interrupted(rig, rig.client(kind))
        const before = rig.requests.length
        const content = await change(file)
        await rig.client(kind).uploadFile(file.params())
        expectDropped(rig, file, reason, before)
        await expectUploaded(rig, file, content)
      })
    }

    it(`where the part size is another, ${kind}`, async () => {
      const [rig, file] = [await start(), await make()]
      await file.interrupted(rig, rig.client(kind))
      const before = rig.requests.length
      await rig.client(kind).uploadFile(file.params({ PartSize: 2 * PART }))
      expectDropped(rig, file, 'the part size is another', before)
      await expectUploaded(rig, file, CONTENT)
    })

    for (const [reason, elsewhere] of [
      ['the key is another', { Key: 'b' }],
      ['the bucket is another', { Bucket: 'other-1250000000' }],
    ] as const) {
      it(`where ${reason}, and its upload is ${kind === 'plain' ? 'left' : 'dropped'}, ${kind}`, async () => {
        const [rig, file] = [await start(), await make()]
        const content = await file.interrupted(rig, rig.client(kind), elsewhere)
        const before = rig.requests.length
        await rig.client(kind).uploadFile(file.params())
        // The plain client has no key by which it could know its own checkpoint.
        if (kind === 'plain') return expectLeft(rig, file, reason, content)
        expectDropped(rig, file, reason, before)
        expect(await rig.uploads(String(content.Bucket))).to.deep.equal([])
        await expectUploaded(rig, file, CONTENT)
      })
    }
  }

  for (const [name, more] of Object.entries(HEADERS)) {
    it(`where ${name} is another`, async () => {
      const reason = 'the headers or metadata of the object are others'
      for (const [first, second] of [
        [{}, more],
        [more, {}],
      ]) {
        const [rig, file] = [await start(), await make()]
        await file.interrupted(rig, rig.client(), first)
        const before = rig.requests.length
        await rig.client().uploadFile(file.params(second))
        expectDropped(rig, file, reason, before)
        await expectUploaded(rig, file, CONTENT)
      }
    })
  }

  it("where the customer's key is another", async () => {
    const [rig, file] = [await start(), await make()]
    await file.interrupted(rig, rig.client(), { SSECustomerKey: new Seeded(1).bytes(32) })
    const before = rig.requests.length
    const stored = await rig.client().uploadFile(file.params({ SSECustomerKey: new Seeded(2).bytes(32) }))
    expectDropped(rig, file, 'the headers or metadata of the object are others', before)
    expect(stored.StoredLength).to.equal(CONTENT.length)
    expect(await rig.uploads()).to.deep.equal([])
  })

  it('where the master key is another, of the same kind or not, and its upload is left', async () => {
    for (const masterKey of [AES_256.otherKey(), MASTERS[0]!.masterKey(), RSA_2048.masterKey()]) {
      const [rig, file] = [await start(), await make()]
      const content = await file.interrupted(rig, rig.client('cos', { masterKey }))
      await rig.client().uploadFile(file.params())
      await expectLeft(rig, file, 'the format, the master key or the encryption context is another', content)
    }
  })

  for (const first of CLIENT_KINDS) {
    for (const second of CLIENT_KINDS.filter((kind) => kind !== first)) {
      it(`where it is of ${first} and ${second} is to be written`, async () => {
        const [rig, file] = [await start(), await make()]
        await file.interrupted(rig, rig.client(first))
        await rig.client(second).uploadFile(file.params())
        expect(file.events.at(-1)).to.deep.equal({
          type: 'restarted',
          reason: 'the format, the master key or the encryption context is another',
        })
        expect(file.events.some(({ type }) => type === 'resumed')).to.equal(false)
        const { headers, body } = await rig.raw()
        expect('x-cos-meta-client-side-encryption-key' in headers).to.equal(second !== 'plain')
        expect(body.equals(CONTENT)).to.equal(second === 'plain')
        expect((await rig.contentOf())?.equals(CONTENT)).to.equal(true)
        expect(await file.others()).to.deep.equal([])
      })
    }
  }

  for (const Version of [0, 2, '1', null, undefined]) {
    it(`where its version is ${String(Version)}, and this is the reason`, async () => {
      const [rig, file] = [await start(), await make()]
      const { sealstream, ...content } = await file.interrupted(rig, rig.client())
      await file.write({ sealstream, ...content, Version })
      await rig.client().uploadFile(file.params())
      expect(file.events.at(-1)).to.deep.equal({
        type: 'restarted',
        reason: 'the checkpoint is of another version',
      })
      expect((await rig.contentOf())?.equals(CONTENT)).to.equal(true)
      expect(await file.others()).to.deep.equal([])
    })
  }
})
