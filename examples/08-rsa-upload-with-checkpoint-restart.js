// upload_file(PartSize=10, MAXThread=10) with an RSA master key: an upload that a failing service interrupts. This machine has
// the public key alone, so going on takes another key: checkpointKey wraps the data key inside the checkpoint.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AesMasterKey, CosEncryptionClient, RsaMasterKey } from 'sealstream'
import { startServer } from 'sealstream/server'

const folder = await mkdtemp(join(tmpdir(), 'sealstream-example-'))
const data = randomBytes(6 * 1024 * 1024)
await writeFile(join(folder, 'local.bin'), data)
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })

const server = await startServer()
const client = (keys) =>
  new CosEncryptionClient({
    endpoint: server.endpoint,
    credentials: server.credentials,
    bucket: 'examplebucket-1250000000',
    masterKey: RsaMasterKey.from(keys),
    format: 'cos',
    retry: { attempts: 2, baseDelay: 1 },
  })

const upload = {
  Key: 'local.bin',
  LocalFilePath: join(folder, 'local.bin'),
  PartSize: 1024 * 1024,
  Concurrency: 1,
  checkpoint: join(folder, 'local.checkpoint'),
  checkpointKey: AesMasterKey.generate(),
}
const writer = client({ publicKey: pair.publicKey })

// The service is in trouble from part 4 on, longer than retries last.
server.faults.add({ kind: 'internal-error', operation: 'uploadPart', partNumber: 4, times: 100 })
const failure = await writer.uploadFile(upload).catch((error) => error)
console.log('first call:', failure.code, failure.status)

server.faults.clear()
const onEvent = ({ type, parts }) => console.log(`second call: ${type} after ${parts} parts`)
const stored = await writer.uploadFile({ ...upload, onEvent })
console.log(`${stored.ContentLength} bytes in ${stored.PartCount} parts, verified by ${stored.verified}`)
await writer.close()

const reader = client({ privateKey: pair.privateKey })
const DestFilePath = join(folder, 'copy.bin')
await reader.downloadFile({ Key: 'local.bin', DestFilePath })
console.log('downloaded the same:', data.equals(await readFile(DestFilePath)))
await reader.close()
await server.close()
await rm(folder, { recursive: true })
