// AESProvider(aes_key_path=...), put_object with a file, get_object: an AES master key in a file.
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const folder = await mkdtemp(join(tmpdir(), 'sealstream-example-'))
const keyPath = join(folder, 'aes.key')
// Once, and then keep the file: mode 0600, never overwritten. `sealstream keygen aes` does the same.
await AesMasterKey.generate().toFile(keyPath)
await writeFile(join(folder, 'local.txt'), 'what is in the file')

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  // A missing or malformed file is an error: no key is made in its place.
  masterKey: await AesMasterKey.fromFile(keyPath),
  format: 'cos',
})

await client.putObject({ Key: 'exampleobject', Body: createReadStream(join(folder, 'local.txt')) })

// The body is a stream, decrypted as it is read.
const { Body, ContentLength } = await client.getObject({ Key: 'exampleobject' })
await pipeline(Body, createWriteStream(join(folder, 'copy.txt')))
console.log(`${ContentLength} bytes: ${await readFile(join(folder, 'copy.txt'), 'utf8')}`)

const noKey = await AesMasterKey.fromFile(join(folder, 'other.key')).catch((error) => error.code)
console.log('a key file that is not there:', noKey)
await client.close()
await server.close()
await rm(folder, { recursive: true })
