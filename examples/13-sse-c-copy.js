// copy_object, copy with SSECustomerKey and CopySourceSSECustomerKey: within the service, from one key to another.
import { randomBytes } from 'node:crypto'
import { CosClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const server = await startServer({ https: true })
const client = new CosClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  tls: { ca: server.certificate }, // not for the real service
})

const data = randomBytes(3 * 1024 * 1024 + 7)
const sourceKey = randomBytes(32)
await client.putObject({ Key: 'sdk-sse-c', Body: data, SSECustomerKey: sourceKey })

const copy = {
  Key: 'sdk-sse-c-copy',
  CopySource: { Key: 'sdk-sse-c' }, // also Bucket, Region, VersionId
  CopySourceSSECustomerKey: sourceKey,
}

// In one request, up to 5 GB.
const firstKey = randomBytes(32)
const copied = await client.copyObject({ ...copy, SSECustomerKey: firstKey })
const first = await client.getObject({ Key: 'sdk-sse-c-copy', SSECustomerKey: firstKey })
console.log(`copied, ${copied.SSECustomerAlgorithm}: ${data.equals(await first.Body.transformToByteArray())}`)

// Of any size, in parts above 5 GB; here above 1 MiB, to see some. The copy is compared with its source.
const secondKey = randomBytes(32)
const inParts = await client.copy({
  ...copy,
  SSECustomerKey: secondKey,
  Concurrency: 2,
  MultipartThreshold: 1024 * 1024,
  PartSize: 1024 * 1024,
})
const second = await client.getObject({ Key: 'sdk-sse-c-copy', SSECustomerKey: secondKey })
const same = data.equals(await second.Body.transformToByteArray())
console.log(`copied in ${inParts.PartCount} parts, verified by ${inParts.verified}: ${same}`)
client.close()
await server.close()
