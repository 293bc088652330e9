import { setImmediate } from 'node:timers/promises'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { UploadParams } from '../../lib/transfer/upload.js'
import { eventually } from '../support/eventually.js'
import { BUCKET } from '../support/raw-request.js'
import { failureOf, refused } from '../support/refused.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { becomesEmpty } from '../support/server-files.js'
import { PART, uploadRigs } from '../support/upload-rig.js'
import { warningsOf } from '../support/warnings.js'

const all = new Seeded(26).bytes(2 * PART + 5)

const SOURCES: Record<string, () => UploadParams['Body']> = {
  bytes: () => all,
  'a stream': () => Readable.from(piecesOf(all, 400_000)),
}

describe('SEALSTREAM_UPLOAD_LEFT', () => {
  const start = uploadRigs()
  const warnings = warningsOf('SEALSTREAM_UPLOAD_LEFT')

  for (const [name, source] of Object.entries(SOURCES)) {
    it(`names bucket, key and upload where an upload from ${name} fails and cannot be aborted`, async () => {
      const rig = await start({
        faults: [
          { kind: 'conflict', operation: 'uploadPart', partNumber: 2 },
          { kind: 'conflict', operation: 'abortMultipartUpload', times: Infinity },
        ],
      })
      const error = await refused('SEALSTREAM_SERVICE', () =>
        rig.client().upload({ Key: 'a', Body: source(), PartSize: PART }),
      )
      // The upload's own failure, not that of aborting it.
      expect(error.message).to.contain('uploadPart')
      await eventually(() => warnings.length > 0)
      const [uploadId] = await rig.uploads()
      expect(warnings.length).to.equal(1)
      expect(warnings[0]!.detail).to.contain(`${BUCKET}/a`).and.to.contain(uploadId!).and.to.contain('409')
    })

    it(`does not come where aborting an upload from ${name} succeeds at the third attempt`, async () => {
      const rig = await start({
        faults: [
          { kind: 'conflict', operation: 'uploadPart', partNumber: 2 },
          { kind: 'internal-error', operation: 'abortMultipartUpload', times: 2 },
        ],
      })
      await failureOf(() => rig.client().upload({ Key: 'a', Body: source(), PartSize: PART }))
      await becomesEmpty(rig.server)
      await setImmediate()
      expect(warnings).to.deep.equal([])
    })

    it(`does not come where an upload from ${name} was dropped by somebody else`, async () => {
      const rig = await start({ faults: [{ kind: 'no-such-upload', operation: 'abortMultipartUpload' }] })
      const enough = new Error('enough')
      const onProgress = (): never => {
        throw enough
      }
      const uploading = rig.client().upload({ Key: 'a', Body: source(), PartSize: PART, onProgress })
      expect(await uploading.catch((error: unknown) => error)).to.equal(enough)
      await eventually(() =>
        expect(rig.of('abortMultipartUpload').map(({ status }) => status)).to.deep.equal([404]),
      )
      await setImmediate()
      expect(warnings).to.deep.equal([])
    })

    it(`comes where the answer to starting an upload from ${name} is lost on a connection used before`, async () => {
      const rig = await start()
      const client = rig.client()
      await client.upload({ Key: 'b', Body: 'x' })
      rig.server.faults.add({ kind: 'answer-lost', operation: 'createMultipartUpload' })
      await client.upload({ Key: 'a', Body: source(), PartSize: PART })
      expect((await rig.contentOf())?.equals(all)).to.equal(true)
      // It cannot be told from somebody else's, so it is there still.
      expect((await rig.uploads()).length).to.equal(1)
      await setImmediate()
      expect(warnings.length).to.equal(1)
    })

    it(`comes where the answer to starting an upload from ${name} never comes`, async () => {
      const rig = await start({
        faults: [{ kind: 'stall-before-headers', operation: 'createMultipartUpload' }],
      })
      // Short, but long enough for everything else.
      const client = rig.client('cos', { timeouts: { stall: 1000 } })
      await client.upload({ Key: 'a', Body: source(), PartSize: PART })
      expect((await rig.contentOf())?.equals(all)).to.equal(true)
      expect((await rig.uploads()).length).to.equal(1)
      await setImmediate()
      expect(warnings.length).to.equal(1)
    })
  }

  it('does not keep the caller waiting: the upload fails while aborting it hangs', async () => {
    const rig = await start({
      faults: [
        { kind: 'conflict', operation: 'uploadPart', partNumber: 2, times: Infinity },
        { kind: 'stall-before-headers', operation: 'abortMultipartUpload', times: Infinity },
      ],
    })
    for (const source of Object.values(SOURCES)) {
      // Aborting has 10 seconds until it times out, three times over.
      await refused('SEALSTREAM_SERVICE', () =>
        rig.client().upload({ Key: 'a', Body: source(), PartSize: PART }),
      )
    }
  }).timeout(8000)
})
