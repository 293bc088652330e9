// RSAProvider.get_rsa_key_pair('public_key_value', 'private_key_value'), put_object, get_object: an RSA master key by value.
//
// With keys by value the Python SDK pads by PKCS#1 v1.5, and cannot read what it wrote so. Here the padding is OAEP wherever
// the keys come from, so the Python SDK reads these objects with the same keys by path.
import { generateKeyPairSync } from 'node:crypto'
import { CosEncryptionClient, RsaMasterKey } from 'sealstream'
import { startServer } from 'sealstream/server'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 3072,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  masterKey: RsaMasterKey.from({ publicKey, privateKey }), // also { publicKey } alone, to write only
  format: 'cos',
})

await client.putObject({
  Key: 'exampleobject',
  Body: Buffer.from('bytes'),
  Metadata: { author: 'somebody' }, // kept, beside the envelope
})
const { Body, Metadata, format } = await client.getObject({ Key: 'exampleobject' })
console.log(`read: ${await Body.transformToString()}, by ${Metadata.author}, format ${format}`)
await client.close()
await server.close()
