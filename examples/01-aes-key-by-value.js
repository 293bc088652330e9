// AESProvider(aes_key=...), put_object, get_object: an AES master key by value.
import { randomBytes } from 'node:crypto'
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'

// The Base64 of 32 bytes, as the Python SDK takes it. Yours comes from where you keep secrets.
const aesKeyValue = randomBytes(32).toString('base64')

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint, // of the real service: region: 'ap-beijing'
  credentials: server.credentials, // may be left out: COS_SECRET_ID and COS_SECRET_KEY of the environment
  bucket: 'examplebucket-1250000000',
  masterKey: AesMasterKey.from(aesKeyValue),
  // Data keys wrapped by AES key wrap, as the Java SDK does it. Objects for the Python SDK: 'cos-python', which warns that
  // its wrapping is weak.
  format: 'cos',
})

const stored = await client.putObject({ Key: 'exampleobject', Body: Buffer.from('bytes'), EnableMD5: true })
console.log(`stored ${stored.StoredLength} bytes of ciphertext, verified by ${stored.verified}`)

const { Body } = await client.getObject({ Key: 'exampleobject' })
console.log('read:', await Body.transformToString())
await client.close()
await server.close()
