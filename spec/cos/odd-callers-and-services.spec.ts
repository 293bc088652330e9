/** What a review found between the folders: callers that never answer or throw, services that answer oddly. */
import { expect } from 'chai'
import { CosEncryptionClient } from '../../lib/client.js'
import { CosClient } from '../../lib/cos-client.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { cosSpec } from '../support/cos-service.js'
import { refused } from '../support/refused.js'

const never = <Value>(): Promise<Value> => new Promise(() => undefined)

describe('callers and services out of the ordinary', () => {
  const spec = cosSpec()
  const endpoint = 'http://127.0.0.1:9'
  const credentials = { secretId: 'a', secretKey: 'b' }

  it('an abort ends a call whose credentials never come', async () => {
    const client = new CosClient({ endpoint, bucket: 'b-1', credentials: never })
    const signal = AbortSignal.timeout(20)
    const error = await refused('SEALSTREAM_ABORTED', () => client.putObject({ Key: 'a', Body: 'x', signal }))
    expect(error.cause).to.equal(signal.reason)
    await refused('SEALSTREAM_ABORTED', () => client.presign({ Key: 'a', signal }))
    void client.close()
  })

  it('an abort ends calls whose master key never answers', async () => {
    const masterKey: MasterKey = { id: 'slow', wrap: never, unwrap: never }
    const client = new CosEncryptionClient({ endpoint, credentials, bucket: 'b-1', masterKey, format: 'cos' })
    const signal = AbortSignal.timeout(20)
    await refused('SEALSTREAM_ABORTED', () => client.putObject({ Key: 'a', Body: 'x', signal }))
    await refused('SEALSTREAM_ABORTED', () => client.createMultipartUpload({ Key: 'a', signal }))
    const stream = client.createWriteStream({ Key: 'a', signal }).on('error', () => undefined)
    await refused('SEALSTREAM_ABORTED', () => stream.result)
    await client.close()
  })

  it('what a progress listener throws reaches the caller of putObject as it is', async () => {
    const client = spec.client(await spec.server())
    const mine = new Error('mine')
    const onProgress = (): void => {
      throw mine
    }
    const error: unknown = await client
      .putObject({ Key: 'a', Body: 'x', onProgress })
      .catch((reason: unknown) => reason)
    expect(error).to.equal(mine)
    expect((await client.listObjects()).Contents).to.deep.equal([])
  })

  it('an error code that is the name of an inherited member has no hint', async () => {
    const service = await spec.http((_request, response) =>
      response.writeHead(400).end('<Error><Code>toString</Code></Error>'),
    )
    const error = await refused('SEALSTREAM_SERVICE', () => spec.client(service).deleteObject({ Key: 'a' }))
    expect(error).not.to.have.property('hint')
  })

  it('a listing whose marker does not advance ends in an error, not in a loop', async () => {
    const service = await spec.http((_request, response) =>
      response.end(
        '<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>a</NextMarker></ListBucketResult>',
      ),
    )
    const client = spec.client(service)
    expect((await client.listObjects()).NextMarker).to.equal('a')
    await refused('SEALSTREAM_ANSWER', () => client.listObjects({ Marker: 'a' }))
  })

  it('a service that gives one upload id twice is not believed', async () => {
    const service = await spec.http((_request, response) =>
      response.end('<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'),
    )
    const client = new CosEncryptionClient({
      endpoint: service.endpoint,
      credentials,
      bucket: 'b-1',
      masterKey: AesMasterKey.generate(),
      format: 'cos',
    })
    await client.createMultipartUpload({ Key: 'a' })
    await client.createMultipartUpload({ Key: 'b' })
    await refused('SEALSTREAM_ANSWER', () => client.createMultipartUpload({ Key: 'a' }))
    await client.close()
  })

  it('a 200 with an error document is an error of status 200', async () => {
    const service = await spec.http((_request, response) =>
      response
        .writeHead(200, { etag: '"e"' })
        .end('<?xml version="1.0"?><Error><Code>InternalError</Code></Error>'),
    )
    const error = await refused('SEALSTREAM_SERVICE', () =>
      spec.client(service).putObject({ Key: 'a', Body: 'x' }),
    )
    expect(error).to.include({ status: 200, serviceCode: 'InternalError' })
  })
})
