// Parts in any order, from two clients that share nothing but the serialised context and the master key.
import { randomBytes } from 'node:crypto'
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'

const PartSize = 1024 * 1024
const data = randomBytes(3 * PartSize + 17)
const part = (number) => data.subarray((number - 1) * PartSize, number * PartSize)

const server = await startServer()
const options = {
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  masterKey: AesMasterKey.generate(),
  format: 'cos',
}
const first = new CosEncryptionClient(options)
const second = new CosEncryptionClient(options)

const Key = 'parts.bin'
const { UploadId, Upload } = await first.createMultipartUpload({ Key, PartSize })
await Promise.all(
  [4, 2].map((PartNumber) => first.uploadPart({ Key, UploadId, PartNumber, Body: part(PartNumber) })),
)

// As another process would get it: plain JSON, in which the data key is wrapped.
const handedOver = JSON.parse(JSON.stringify(Upload))
for (const PartNumber of [3, 1]) {
  await second.uploadPart({ Key, UploadId, Upload: handedOver, PartNumber, Body: part(PartNumber) })
}
const { Part } = await second.listParts({ Key, UploadId })
const done = await second.completeMultipartUpload({
  Key,
  UploadId,
  Upload: handedOver,
  MultipartUpload: { Part },
})

const { Body } = await first.getObject({ Key })
const same = data.equals(await Body.transformToByteArray())
console.log(
  `${done.ContentLength} bytes in ${Part.length} parts, verified by ${done.verified}, read back the same: ${same}`,
)
await first.close()
await second.close()
await server.close()
