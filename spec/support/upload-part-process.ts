/**
 * Sends one part of an encrypted upload from a process of its own. Reads the task as JSON from standard input, writes the
 * upload's context with the part in it to standard output.
 */
import { text } from 'node:stream/consumers'
import { CosEncryptionClient } from '../../lib/client.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { UploadContext } from '../../lib/encrypted/upload-context.js'
import type { ServerCredentials } from '../../lib/server/index.js'

export interface PartTask {
  endpoint: string
  credentials: ServerCredentials
  /** Base64. */
  masterKey: string
  upload: UploadContext
  number: number
  /** Base64. */
  body: string
}

const task = JSON.parse(await text(process.stdin)) as PartTask
const { endpoint, credentials, upload, number } = task
const masterKey = AesMasterKey.from(task.masterKey)
const client = new CosEncryptionClient({ endpoint, credentials, masterKey, format: 'cos' })
const { Bucket, Key, UploadId } = upload
const Body = Buffer.from(task.body, 'base64')
await client.uploadPart({ Bucket, Key, UploadId, PartNumber: number, Body, Upload: upload })
await client.close()
process.stdout.write(JSON.stringify(upload))
