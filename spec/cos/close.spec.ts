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

  const make = ({ endpoint, credentials } = server): CosClient =>
    new CosClient({
      endpoint,
      credentials,
      bucket: BUCKET,
      retry: { attempts: 1 },
    })

  const uploads = async (): Promise<number> => {
    const other = make()
    const { Upload } = await other.listMultipartUploads()
    void other.close()
    return Upload.length
  }

  it('makes no more requests: SEALSTREAM_ABORTED', async () => {
    const client = make()
    void client.close()
    await refused('SEALSTREAM_ABORTED', () => client.headObject({ Key: 'a' }))
  })

  it('is closed only when the upload that failed before is dropped, though the service takes 300 ms for it', async () => {
    server.faults.add(
      { kind: 'conflict', operation: 'uploadPart', times: Infinity },
      { kind: 'stall-before-headers', operation: 'abortMultipartUpload', ms: 300 },
    )
    const client = make()
    await refused('SEALSTREAM_SERVICE', () =>
      client.upload({ Key: 'a', Body: Buffer.alloc(3 * MIB), PartSize: MIB }),
    )
    await client.close()
    expect(await uploads()).to.equal(0)
    server.faults.clear()
  })

  it('still drops the upload whose starting was aborted', async () => {
    const abort = new AbortController()
    const ended: string[] = []
    const busy = await startServer({
      // Asked for the time, it has the request.
      clock: () => {
        abort.abort()
        return Date.now()
      },
      onRequest: ({ operation, status }) => ended.push(`${operation} ${status}`),
    })
    const client = make(busy)
    await refused('SEALSTREAM_ABORTED', () =>
      client.createMultipartUpload({ Key: 'b', signal: abort.signal }),
    )
    void client.close()
    await eventually(() =>
      expect(ended).to.deep.equal(['createMultipartUpload 200', 'abortMultipartUpload 204']),
    )
    await busy.close()
  })
})
