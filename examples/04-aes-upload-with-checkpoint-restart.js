// upload_file(PartSize=10, MAXThread=10) with an AES master key: an upload that goes on where it was interrupted.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const folder = await mkdtemp(join(tmpdir(), 'sealstream-example-'))
const LocalFilePath = join(folder, 'local.bin')
const data = randomBytes(20 * 1024 * 1024 + 5)
await writeFile(LocalFilePath, data)

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  masterKey: AesMasterKey.generate(),
  format: 'cos',
})

const upload = {
  Key: 'local.bin',
  LocalFilePath,
  PartSize: 1024 * 1024, // bytes, where the sample's 10 are MB
  Concurrency: 10, // encrypted in parallel; the Python SDK must not be used with more than one thread
  checkpoint: true, // a file beside the source, in which the data key is wrapped; or a path of your own
}

// Something stops it half way: here a signal, in life perhaps the process ending.
const stop = new AbortController()
const onProgress = ({ bytes }) => bytes >= data.length / 2 && stop.abort()
const code = await client
  .uploadFile({ ...upload, onProgress, signal: stop.signal })
  .catch((error) => error.code)
console.log('first call:', code)

// The same call again, also from another process, sends what is missing.
const resumed = []
const stored = await client.uploadFile({
  ...upload,
  onEvent: ({ type, parts }) => resumed.push({ type, parts }),
})
console.log(
  `second call: ${resumed[0].type}, at least 10 of ${stored.PartCount} parts were there: ${resumed[0].parts >= 10}`,
)
console.log(`${stored.ContentLength} bytes, verified by ${stored.verified}`)

const { Body } = await client.getObject({ Key: 'local.bin' })
console.log('read back the same:', data.equals(await Body.transformToByteArray()))
await client.close()
await server.close()
await rm(folder, { recursive: true })
