/** The end of an object whose parts by hand do not have it (RULES 2.3). */
import { bytesBody } from '../cos/exchange.js'
import type { ListedPart } from '../cos/list-parts.js'
import type { Service } from '../cos/service.js'
import { customerKeyHeaders, type CustomerKeyParams } from '../cos/sse.js'
import { sendPart } from '../cos/upload-part.js'
import type { LiveUpload } from './live-upload.js'
import { needsEnd } from './part-list.js'
import { partOffset, recordPart, type UploadContext } from './upload-context.js'

/** How the end is sent. */
interface EndOptions {
  readonly customerKey: CustomerKeyParams
  /** The caller's copy of the context, which is told of the part as well. */
  readonly given: UploadContext | undefined
  readonly signal: AbortSignal | undefined
}

/** What ends an object of `sealed`, as a part of its own, where no part has it. */
export async function sendEnd(
  service: Service,
  { upload, dataKey }: LiveUpload,
  sent: readonly ListedPart[],
  { customerKey, given, signal }: EndOptions,
): Promise<ListedPart[]> {
  const last = sent.at(-1)
  if (last === undefined || !needsEnd(upload, last)) return []
  const number = last.PartNumber + 1
  const offset = partOffset(upload, number)
  const encryptor = dataKey.encryptor({ start: offset, sameBytes: true })
  const body = bytesBody(encryptor.final(), { md5: service.md5 })
  encryptor.close()
  recordPart(upload, number, { offset, size: 0, isLast: true }, body.digest)
  const check = upload.Parts[number]
  if (given !== undefined && check !== undefined) given.Parts[number] = check
  const { Bucket: bucket, Key: key, UploadId: uploadId } = upload
  const headers = customerKeyHeaders(service, customerKey)
  const { ETag } = await sendPart(service, { bucket, key, uploadId, number, headers, body, signal })
  return [{ ...last, PartNumber: number, ETag, Size: body.bytes.length }]
}
