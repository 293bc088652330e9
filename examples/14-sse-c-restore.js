// restore_object with SSECustomerKey: has an archived SSE-C object made readable for a day.
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

const object = { Key: 'sdk-sse-c', SSECustomerKey: randomBytes(32) }
await client.putObject({ ...object, Body: '00000', StorageClass: 'ARCHIVE' })
const refusal = await client.getObject(object).catch((error) => error.serviceCode)
console.log('archived:', refusal)

await client.restoreObject({
  ...object,
  RestoreRequest: { Days: 1, CASJobParameters: { Tier: 'Expedited' } },
})
// Done at once here; with the real service it takes minutes to hours, and this says ongoing-request="true" until then.
const { Restore } = await client.headObject(object)
console.log('asked for a day:', Restore.split(',')[0])
client.close()
await server.close()
