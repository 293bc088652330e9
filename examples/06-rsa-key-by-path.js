// RSAProvider.get_rsa_key_pair_path('public_key_path', 'private_key_path'), put_object, get_object: an RSA pair in PEM files.
// The Python SDK with the same paths reads what this writes, and the other way round.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CosEncryptionClient, RsaMasterKey } from 'sealstream'
import { startServer } from 'sealstream/server'

const folder = await mkdtemp(join(tmpdir(), 'sealstream-example-'))
const paths = { publicKey: join(folder, 'public.pem'), privateKey: join(folder, 'private.pem') }
// Once, and then keep the files. Pairs made elsewhere do as well; a passphrase may be given.
await (await RsaMasterKey.generate()).toFiles(paths)

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  masterKey: await RsaMasterKey.fromFiles(paths),
  format: 'cos',
})

await client.putObject({ Key: 'exampleobject', Body: 'the first and the rest' })
const head = await client.headObject({ Key: 'exampleobject' })
const { Body } = await client.getObject({ Key: 'exampleobject', Range: 'bytes=14-' })
console.log(`${head.ContentLength} bytes, from 14 on: ${await Body.transformToString()}`)
await client.close()
await server.close()
await rm(folder, { recursive: true })
