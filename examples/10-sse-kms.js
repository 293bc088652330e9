// put_object(ServerSideEncryption='cos/kms', SSEKMSKeyId=..., SSEKMSContext=...), get_object, upload_file, download_file: the
// service encrypts, with a key of the key management service (SSE-KMS).
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CosClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const folder = await mkdtemp(join(tmpdir(), 'sealstream-example-'))
const server = await startServer({ https: true })
const client = new CosClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  tls: { ca: server.certificate }, // not for the real service
})

const stored = await client.putObject({
  Key: 'sdk-sse-kms',
  Body: '123',
  ServerSideEncryption: 'cos/kms',
  SSEKMSKeyId: 'kms-key-id', // left out: the service's default key
  SSEKMSContext: { test: 'test' }, // or the Base64 of its JSON, as in the sample
})
console.log('stored:', stored.ServerSideEncryption)

const { Body, ServerSideEncryption, SSEKMSKeyId } = await client.getObject({ Key: 'sdk-sse-kms' })
console.log(`read: ${await Body.transformToString()}, ${ServerSideEncryption} ${SSEKMSKeyId}`)

const LocalFilePath = join(folder, 'sdk-sse-kms.local')
await writeFile(LocalFilePath, Buffer.alloc(3 * 1024 * 1024, 'kms'))
const uploaded = await client.uploadFile({
  Key: 'sdk-sse-kms',
  LocalFilePath,
  PartSize: 1024 * 1024,
  ServerSideEncryption: 'cos/kms',
})
console.log(`uploaded in ${uploaded.PartCount} parts, verified by ${uploaded.verified}`)

const DestFilePath = join(folder, 'sdk-sse-kms.copy')
const downloaded = await client.downloadFile({ Key: 'sdk-sse-kms', DestFilePath })
const same = (await readFile(LocalFilePath)).equals(await readFile(DestFilePath))
console.log(`downloaded the same: ${same}, ${downloaded.ServerSideEncryption}`)
client.close()
await server.close()
await rm(folder, { recursive: true })
