// put_object, get_object, head_object with SSECustomerKey: the service encrypts with a key that you send along each time (SSE-C).
import { CosClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const server = await startServer({ https: true })
const client = new CosClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  tls: { ca: server.certificate }, // not for the real service
})

// 32 bytes, or their Base64; crypto.randomBytes(32) makes a better one. Algorithm and MD5 are filled in.
const SSECustomerKey = Buffer.from('00000000000000000000000000000001')

const Key = 'sdk-sse-c'
const stored = await client.putObject({ Key, Body: '00000', SSECustomerKey })
console.log('stored:', stored.SSECustomerAlgorithm)

const { Body, SSECustomerAlgorithm } = await client.getObject({ Key, SSECustomerKey })
console.log(`read: ${await Body.transformToString()}, ${SSECustomerAlgorithm}`)

const head = await client.headObject({ Key, SSECustomerKey })
console.log(`head: ${head.ContentLength} bytes, ${head.SSECustomerAlgorithm}`)

const refusal = await client.getObject({ Key }).catch((error) => `${error.status} ${error.serviceCode}`)
console.log('without the key:', refusal)
client.close()
await server.close()
