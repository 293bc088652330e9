// The first example of the README: an object in, a range of it out.
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  masterKey: AesMasterKey.generate(),
  format: 'sealed',
})
await client.putObject({ Key: 'hello.txt', Body: 'nobody else reads this' })
const { Body } = await client.getObject({ Key: 'hello.txt', Range: 'bytes=12-16' })
console.log(await Body.transformToString())
await Promise.all([client.close(), server.close()])
