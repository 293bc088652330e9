// Our Transforms and plain functions in one stream-chain, into a request stream.
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { AesMasterKey, CosClient, crc64Stream, createEnvelope, encryptStream, ownedChain } from 'sealstream'
import { startServer } from 'sealstream/server'

const server = await startServer()
const { endpoint, credentials } = server
const cos = new CosClient({ endpoint, credentials, bucket: 'examplebucket-1250000000' })

// Lines to upper case, encrypted, their CRC-64 taken: one stream, whose stages live and die together.
const { dataKey, metadata } = await createEnvelope(AesMasterKey.generate(), { format: 'cos' })
const checksum = crc64Stream()
const whole = ownedChain([(line) => String(line).toUpperCase(), encryptStream(dataKey), checksum], {
  writableObjectMode: true,
})

const target = cos.createWriteStream({ Key: 'lines.txt', Metadata: metadata })
await pipeline(Readable.from(['one\n', 'two\n', 'three\n']), whole, target)
dataKey.dispose()

const { HashCrc64ecma } = await target.result
console.log('the store and the chain agree on the CRC-64:', HashCrc64ecma === String(await checksum.digest))
cos.close()
await server.close()
