// create_multipart_upload, upload_part, list_parts, complete_multipart_upload with an AES master key: as in the sample, parts
// one after the other, each but the last a multiple of 16 bytes. In any order, from several processes: multipart-by-hand.js
import { randomBytes } from 'node:crypto'
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const data = randomBytes(3 * 1024 * 1024)
const cuts = [0, 1024 * 1024, 2 * 1024 * 1024 + 16, data.length]

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  masterKey: AesMasterKey.generate(),
  format: 'cos',
})

const Key = 'exampleobject_upload'
const { UploadId } = await client.createMultipartUpload({ Key })
for (const PartNumber of [1, 2, 3]) {
  const Body = data.subarray(cuts[PartNumber - 1], cuts[PartNumber])
  await client.uploadPart({ Key, UploadId, PartNumber, Body })
}
// Sending a part again is safe: the same bytes are encrypted to the same bytes, and others are refused.
const changed = randomBytes(data.length - cuts[2])
const refusal = await client
  .uploadPart({ Key, UploadId, PartNumber: 3, Body: changed })
  .catch((error) => error.code)
console.log('part 3 again, with other bytes:', refusal)

const { Part } = await client.listParts({ Key, UploadId })
const done = await client.completeMultipartUpload({ Key, UploadId, MultipartUpload: { Part } })
console.log(`${done.ContentLength} bytes in ${Part.length} parts, verified by ${done.verified}`)

const { Body } = await client.getObject({ Key })
console.log('read back the same:', data.equals(await Body.transformToByteArray()))
await client.close()
await server.close()
