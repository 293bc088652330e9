/** Encrypted multipart uploads of the key `k` by hand, and what they must come to. */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { EncryptedCreateResult, EncryptedPartParams } from '../../lib/encrypted/multipart-params.js'
import type { UploadContext } from '../../lib/encrypted/upload-context.js'
import { bytesOf } from './encrypting-store.js'
import { expectedBytes, rawObject, type FormatWriter } from './format-writers.js'
import type { TransferBench } from './transfers.js'

/** Begins an upload. */
export function begin(
  client: CosEncryptionClient,
  options: { PartSize?: number } = {},
): Promise<EncryptedCreateResult> {
  return client.createMultipartUpload({ Key: 'k', ...options })
}

/** Sends a part of it. */
export function sendPart(
  client: CosEncryptionClient,
  { UploadId }: { UploadId: string },
  PartNumber: number,
  Body: Buffer,
  more: Partial<EncryptedPartParams> = {},
): ReturnType<CosEncryptionClient['uploadPart']> {
  return client.uploadPart({ Key: 'k', UploadId, PartNumber, Body, ...more })
}

/** Completes it. */
export function complete(
  client: CosEncryptionClient,
  { UploadId }: { UploadId: string },
  more: { Upload?: UploadContext; MultipartUpload?: { Part: { PartNumber: number; ETag: string }[] } } = {},
): ReturnType<CosEncryptionClient['completeMultipartUpload']> {
  return client.completeMultipartUpload({ Key: 'k', UploadId, ...more })
}

/** As it comes out of JSON: another object, the same content. */
export function copyOf<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value
}

/** The object is the plaintext as one message, nothing else is left, and it reads back. */
export async function expectJoined(
  bench: TransferBench,
  writer: FormatWriter,
  reader: CosEncryptionClient,
  plain: Buffer,
): Promise<void> {
  const stored = await rawObject(bench)
  const expected = await expectedBytes(writer.masterKey(bench), stored, plain)
  expect(stored.bytes.length).to.equal(expected.length)
  expect(stored.bytes.equals(expected), 'one message').to.equal(true)
  expect((await bytesOf((await reader.getObject({ Key: 'k' })).Body)).equals(plain)).to.equal(true)
  expect(await bench.uploads()).to.deep.equal([])
}
