// put_object(ServerSideEncryption='AES256'), get_object: the service encrypts, with keys of its own (SSE-COS).
import { CosClient } from 'sealstream'
import { startServer } from 'sealstream/server'

// The real service wants HTTPS for this, which is what a client uses unless its endpoint says http.
const server = await startServer({ https: true })
const client = new CosClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  tls: { ca: server.certificate }, // not for the real service
})

const stored = await client.putObject({ Key: 'sdk-sse-cos', Body: '123', ServerSideEncryption: 'AES256' })
console.log('stored:', stored.ServerSideEncryption)

// Reading takes nothing: the service decrypts.
const { Body, ServerSideEncryption } = await client.getObject({ Key: 'sdk-sse-cos' })
console.log(`read: ${await Body.transformToString()}, ${ServerSideEncryption}`)
client.close()
await server.close()
