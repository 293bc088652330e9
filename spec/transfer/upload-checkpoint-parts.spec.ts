import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { CONTENT, expectUploaded, fileUploads, PARTS } from '../support/interrupted-upload.js'
import { BUCKET, objectPath, put, rawRequest } from '../support/raw-request.js'
import { TWO_KINDS, PART, uploadRigs } from '../support/upload-rig.js'

describe('a checkpoint and what the service has', () => {
  const start = uploadRigs()
  const make = fileUploads()

  for (const kind of TWO_KINDS) {
    it(`start afresh where the upload is gone, before and after all parts were sent, ${kind}`, async () => {
      for (const parts of [0, 2, PARTS]) {
        const [rig, file] = [await start(), await make()]
        const { UploadId: uploadId } = await file.interrupted(rig, rig.client(kind), { parts })
        await rawRequest(rig.server, { method: 'DELETE', path: objectPath('a'), query: { uploadId } })
        await rig.client(kind).uploadFile(file.params())
        expect(file.events).to.deep.equal([{ type: 'restarted', reason: 'the upload is gone' }])
        await expectUploaded(rig, file)
      }
    })

    it(`are the finished object where it was completed, and nothing is sent again, ${kind}`, async () => {
      const [rig, file] = [await start(), await make()]
      // The operation is carried out, the client does not hear of it, and cannot ask either.
      rig.server.faults.add(
        { kind: 'answer-lost', operation: 'completeMultipartUpload' },
        { kind: 'conflict', operation: 'headObject', times: Infinity },
      )
      const client = rig.client(kind)
      await client.uploadFile(file.params()).then(
        () => expect.fail('expected a failure'),
        () => undefined,
      )
      rig.server.faults.clear()
      expect(await file.others()).to.deep.equal(['checkpoint'])
      const { headers } = await rig.raw()
      const before = rig.requests.length
      const stored = await rig.client(kind).uploadFile(file.params())
      expect(stored).to.include({
        ETag: headers.etag,
        StoredLength: CONTENT.length,
        PartCount: PARTS,
        verified: 'crc64',
      })
      const asked = rig.requests.slice(before).map(({ operation }) => operation)
      expect(asked).to.deep.equal(['listParts', 'headObject'])
      await expectUploaded(rig, file)
    })

    it(`start afresh where the upload is gone and the object there is another, ${kind}`, async () => {
      const [rig, file] = [await start(), await make()]
      const { UploadId: uploadId } = await file.interrupted(rig, rig.client(kind), { parts: PARTS })
      await rawRequest(rig.server, { method: 'DELETE', path: objectPath('a'), query: { uploadId } })
      const other = Buffer.from(CONTENT)
      other[0]! ^= 1
      await put(rig.server, 'a', other)
      await rig.client(kind).uploadFile(file.params())
      expect(file.events).to.deep.equal([{ type: 'restarted', reason: 'the upload is gone' }])
      await expectUploaded(rig, file)
    })

    for (const [name, body] of [
      ['other bytes of the same length', Buffer.alloc(PART, 1)],
      ['more bytes', Buffer.alloc(PART + 1, 1)],
      ['fewer bytes', Buffer.alloc(10, 1)],
    ] as const) {
      it(`that differ in part 2, ${name}: it alone is sent again, ${kind}`, async () => {
        const [rig, file] = [await start(), await make()]
        const { UploadId: uploadId } = await file.interrupted(rig, rig.client(kind), { parts: 4 })
        const query = { uploadId, partNumber: '2' }
        await rawRequest(rig.server, { method: 'PUT', path: objectPath('a'), query, body })
        const before = rig.requests.length
        await rig.client(kind).uploadFile(file.params())
        expect(file.events).to.deep.equal([{ type: 'resumed', parts: 3, bytes: 3 * PART }])
        expect(rig.partsSent(before)).to.deep.equal([2, 5, 6])
        await expectUploaded(rig, file)
      })
    }

    it(`where parts 1 and 3 are missing: they are sent again, ${kind}`, async () => {
      const [rig, file] = [await start(), await make()]
      const { UploadId } = await file.interrupted(rig, rig.client(kind), { parts: 4 })
      const folder = join(rig.server.directory, BUCKET, 'uploads', UploadId)
      expect(await readdir(folder)).to.include.members(['1.json', '3.json'])
      for (const number of [1, 3]) await rm(join(folder, `${number}.json`))
      const before = rig.requests.length
      await rig.client(kind).uploadFile(file.params())
      expect(file.events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
      expect(rig.partsSent(before)).to.deep.equal([1, 3, 5, 6])
      await expectUploaded(rig, file)
    })

    it(`that has a part 5 of somebody else: it is replaced, ${kind}`, async () => {
      const [rig, file] = [await start(), await make()]
      const { UploadId: uploadId } = await file.interrupted(rig, rig.client(kind))
      const query = { uploadId, partNumber: '5' }
      await rawRequest(rig.server, { method: 'PUT', path: objectPath('a'), query, body: Buffer.alloc(PART) })
      await rig.client(kind).uploadFile(file.params())
      expect(file.events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
      await expectUploaded(rig, file)
    })
  }
})
