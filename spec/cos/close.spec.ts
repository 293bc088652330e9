/** Closing a client: what must still be done is done, and nothing else. */
import { expect } from 'chai'
import { startServer, type RunningServer } from '../../lib/server/index.js'
import { CosClient } from '../../lib/cos-client.js'
import { eventually } from '../support/eventually.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'

const MIB = 1024 * 1024

describe('a client that is closed', () => {
  let server: RunningServer
  before(async () => {
    server = await startServer()
  })
  after(() => server.close())

  const make = (): CosClient =>
    new CosClient({
      endpoint: server.endpoint,
      credentials: server.credentials,
      bucket: BUCKET,
      retry: { attempts: 1 },
    })

  const uploads = async (): Promise<number> => {
    const other = make()
    const { Upload } = await other.listMultipartUploads()
    other.close()
    return Upload.length
  }

  it('makes no more requests: SEALSTREAM_ABORTED', async () => {
    const client = make()
    client.close()
    await refused('SEALSTREAM_ABORTED', () => client.headObject({ Key: 'a' }))
  })

  it('still drops the upload that failed before, though the service takes 300 ms for it', async () => {
    server.faults.add(
      { kind: 'conflict', operation: 'uploadPart', times: Infinity },
      { kind: 'stall-before-headers', operation: 'abortMultipartUpload', ms: 300 },
    )
    const client = make()
    await refused('SEALSTREAM_SERVICE', () =>
      client.upload({ Key: 'a', Body: Buffer.alloc(3 * MIB), PartSize: MIB }),
    )
    client.close()
    expect(await eventually(async () => (await uploads()) === 0)).to.equal(true)
    server.faults.clear()
  })

  it('still drops the upload whose starting was aborted', async () => {
    server.faults.add({ kind: 'stall-before-headers', operation: 'createMultipartUpload', ms: 300 })
    const client = make()
    const abort = new AbortController()
    const starting = client.createMultipartUpload({ Key: 'b', signal: abort.signal })
    setTimeout(() => abort.abort(), 100)
    await refused('SEALSTREAM_ABORTED', () => starting)
    client.close()
    // It is carried out, then its answer is held.
    expect(await eventually(async () => (await uploads()) === 0)).to.equal(true)
    server.faults.clear()
  })
})
