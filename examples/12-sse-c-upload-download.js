// upload_file, download_file with SSECustomerKey: large SSE-C objects in parts, several at a time.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CosClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const folder = await mkdtemp(join(tmpdir(), 'sealstream-example-'))
const LocalFilePath = join(folder, 'sdk-sse-c.local')
const data = randomBytes(5 * 1024 * 1024 + 1)
await writeFile(LocalFilePath, data)

const server = await startServer({ https: true })
const client = new CosClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  tls: { ca: server.certificate }, // not for the real service
})
const SSECustomerKey = randomBytes(32)
const object = { Key: 'sdk-sse-c', SSECustomerKey, PartSize: 1024 * 1024, checkpoint: true }

const uploaded = await client.uploadFile({ ...object, LocalFilePath })
console.log(`uploaded in ${uploaded.PartCount} parts, verified by ${uploaded.verified}`)

const DestFilePath = join(folder, 'sdk-sse-c.copy')
const downloaded = await client.downloadFile({ ...object, DestFilePath })
console.log(`downloaded ${downloaded.ContentLength} bytes, ${downloaded.SSECustomerAlgorithm}`)
console.log('the same:', data.equals(await readFile(DestFilePath)))
client.close()
await server.close()
await rm(folder, { recursive: true })
