// A machine that can write but not read: it holds the RSA public key alone.
import { generateKeyPairSync } from 'node:crypto'
import { CosEncryptionClient, RsaMasterKey } from 'sealstream'
import { startServer } from 'sealstream/server'

const pair = generateKeyPairSync('rsa', {
  modulusLength: 3072,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const server = await startServer()
const client = (masterKey) =>
  new CosEncryptionClient({
    endpoint: server.endpoint,
    credentials: server.credentials,
    bucket: 'examplebucket-1250000000',
    masterKey,
    format: 'cos',
  })

const writer = client(RsaMasterKey.from({ publicKey: pair.publicKey }))
await writer.putObject({ Key: 'report.txt', Body: 'for the archive' })
const refusal = await writer.getObject({ Key: 'report.txt' }).catch((error) => error.code)
console.log('the writer, reading:', refusal)

const reader = client(RsaMasterKey.from({ privateKey: pair.privateKey }))
const { Body } = await reader.getObject({ Key: 'report.txt' })
console.log('the reader, reading:', await Body.transformToString())
await writer.close()
await reader.close()
await server.close()
