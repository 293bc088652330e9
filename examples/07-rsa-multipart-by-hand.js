// create_multipart_upload, upload_part, list_parts, complete_multipart_upload with an RSA master key: parts of files, several
// at a time. PartSize says where each part belongs, so their order does not matter.
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CosEncryptionClient, RsaMasterKey } from 'sealstream'
import { startServer } from 'sealstream/server'

const folder = await mkdtemp(join(tmpdir(), 'sealstream-example-'))
const PartSize = 1024 * 1024
const data = randomBytes(4 * PartSize + 100)
await writeFile(join(folder, 'local.bin'), data)

const server = await startServer()
const client = new CosEncryptionClient({
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
  masterKey: await RsaMasterKey.generate(2048),
  format: 'cos',
})

const Key = 'exampleobject_upload'
const { UploadId } = await client.createMultipartUpload({ Key, PartSize })
const file = await open(join(folder, 'local.bin'))
const send = async (PartNumber) => {
  const start = (PartNumber - 1) * PartSize
  const Body = file.createReadStream({ start, end: start + PartSize - 1, autoClose: false })
  const ContentLength = Math.min(PartSize, data.length - start)
  return client.uploadPart({ Key, UploadId, PartNumber, Body, ContentLength })
}
await Promise.all([5, 3, 1, 4, 2].map(send))
await file.close()

// An upload that nobody completes costs money until it is aborted.
const { Upload } = await client.listMultipartUploads({ Prefix: Key })
console.log('uploads under way:', Upload.length)
const { Part } = await client.listParts({ Key, UploadId })
const done = await client.completeMultipartUpload({ Key, UploadId, MultipartUpload: { Part } })
console.log(`${done.ContentLength} bytes in ${Part.length} parts, verified by ${done.verified}`)

const { Body } = await client.getObject({ Key })
console.log('read back the same:', data.equals(await Body.transformToByteArray()))
await client.close()
await server.close()
await rm(folder, { recursive: true })
