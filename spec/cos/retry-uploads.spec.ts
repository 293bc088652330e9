import { once } from 'node:events'
import { expect } from 'chai'
import type { CosClient } from '../../lib/cos-client.js'
import type { RetryEvent } from '../../lib/cos/retry.js'
import { cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import { refusal, scriptedService, type Step } from '../support/scripted-service.js'

const QUICK = { baseDelay: 1 }
const COMPLETED = {
  body: '<CompleteMultipartUploadResult><ETag>"e-1"</ETag></CompleteMultipartUploadResult>',
}
const INITIATED = {
  body: '<InitiateMultipartUploadResult><UploadId>u2</UploadId></InitiateMultipartUploadResult>',
}

describe('steps of an upload that are tried again', () => {
  const spec = cosSpec()

  describe('completeMultipartUpload by hand', () => {
    const complete = (client: CosClient): Promise<unknown> =>
      client.completeMultipartUpload({
        Key: 'a',
        UploadId: 'u',
        MultipartUpload: { Part: [{ PartNumber: 1, ETag: '"e"' }] },
      })

    for (const [title, step] of [
      ['429', refusal(429, 'TooManyRequests')],
      ['503', refusal(503, 'ServiceUnavailable')],
      ['400 RequestTimeout', refusal(400, 'RequestTimeout')],
    ] as [string, Step][]) {
      it(`is tried again after ${title}: nothing was done`, async () => {
        const service = await scriptedService(spec, step, COMPLETED)
        await complete(spec.client(service, { retry: QUICK }))
        expect(service.seen).to.have.length(2)
      })
    }

    for (const [title, step] of [
      ['500', refusal(500, 'InternalError')],
      ['a lost answer', 'reset'],
      ['a 200 with an error document', { ...refusal(200, 'InternalError') }],
    ] as [string, Step][]) {
      it(`is not tried again after ${title}: it may have been done`, async () => {
        const service = await scriptedService(spec, step, COMPLETED)
        await complete(spec.client(service, { retry: QUICK })).then(
          () => expect.fail('completed'),
          () => undefined,
        )
        expect(service.seen).to.have.length(1)
      })
    }

    it('is tried again where the connection was refused', async () => {
      const server = await spec.server()
      const client = spec.client(server, { retry: { attempts: 100, baseDelay: 1, maxDelay: 20 } })
      const { UploadId } = await client.createMultipartUpload({ Key: 'a' })
      const part = await client.uploadPart({ Key: 'a', UploadId, PartNumber: 1, Body: 'x' })
      const other = spec.client(server)
      server.faults.add({ kind: 'connect-refused', operation: 'headObject', ms: 5 })
      await refused('SEALSTREAM_CONNECTION', () => other.headObject({ Key: 'a' }))
      const fresh = spec.client(server, { retry: { attempts: 100, baseDelay: 1, maxDelay: 20 } })
      const Part = [{ PartNumber: 1, ETag: part.ETag }]
      await fresh.completeMultipartUpload({ Key: 'a', UploadId, MultipartUpload: { Part } })
      expect((await fresh.headObject({ Key: 'a' })).ContentLength).to.equal(1)
    })
  })

  describe('abortMultipartUpload', () => {
    it('succeeds where its answer was lost and the upload is gone the second time', async () => {
      const server = await spec.server({
        faults: [{ kind: 'answer-lost', operation: 'abortMultipartUpload' }],
      })
      const { UploadId } = await spec.client(server).createMultipartUpload({ Key: 'a' })
      const retries: RetryEvent[] = []
      const client = spec.client(server, { retry: QUICK, onRetry: (event) => void retries.push(event) })
      await client.abortMultipartUpload({ Key: 'a', UploadId })
      expect(retries).to.have.length(1)
      expect((await client.listMultipartUploads()).Upload).to.deep.equal([])
    })

    it('fails with NoSuchUpload where no attempt of its own can have done it', async () => {
      const gone = refusal(404, 'NoSuchUpload')
      for (const first of [gone, refusal(503, 'SlowDown')]) {
        const service = await scriptedService(spec, first, gone)
        const error = await refused('SEALSTREAM_SERVICE', () =>
          spec.client(service, { retry: QUICK }).abortMultipartUpload({ Key: 'a', UploadId: 'u' }),
        )
        expect(error).to.include({ status: 404, serviceCode: 'NoSuchUpload' })
      }
    })

    it('passes on another refusal after a lost answer', async () => {
      const service = await scriptedService(spec, 'reset', refusal(403, 'AccessDenied'))
      const error = await refused('SEALSTREAM_SERVICE', () =>
        spec.client(service, { retry: QUICK }).abortMultipartUpload({ Key: 'a', UploadId: 'u' }),
      )
      expect(error).to.include({ serviceCode: 'AccessDenied' })
    })
  })

  describe('createMultipartUpload', () => {
    it('warns of an upload that may have been left when its answer was lost, and starts another', async () => {
      const service = await scriptedService(spec, 'reset', INITIATED)
      const warned = once(process, 'warning') as Promise<[Error & { code?: string }]>
      const created = await spec.client(service, { retry: QUICK }).createMultipartUpload({ Key: 'dir/a' })
      expect(created.UploadId).to.equal('u2')
      const [warning] = await warned
      expect(warning.code).to.equal('SEALSTREAM_UPLOAD_LEFT')
      expect(warning.message).to.include('dir/a')
    })

    it('warns of nothing where the service surely did nothing', async () => {
      const service = await scriptedService(spec, refusal(503, 'SlowDown'), INITIATED)
      const warnings: unknown[] = []
      const listener = (warning: unknown): void => void warnings.push(warning)
      process.on('warning', listener)
      await spec.client(service, { retry: QUICK }).createMultipartUpload({ Key: 'a' })
      await new Promise(setImmediate)
      process.off('warning', listener)
      expect(warnings).to.deep.equal([])
    })
  })
})
